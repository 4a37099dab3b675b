// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title CloneWithArgs
/// @notice Minimal proxies that carry constants: every call is delegated with the constants and their length (two
///         bytes, counting themselves) appended to the call data. Plain ETH transfers are only logged, so that they
///         work with the stipend of 2,300 gas.
library CloneWithArgs {
    /// @notice The clone could not be created.
    error CloneWithArgs_CreationFailed();

    /// @dev Runtime code up to the constants, in bytes.
    uint256 private constant RUNTIME_LENGTH = 0x66;

    /// @notice Creates a clone of `_implementation` with the constants `_args`.
    function clone(address _implementation, bytes memory _args) internal returns (address clone_) {
        bytes memory args = abi.encodePacked(_args, uint16(_args.length + 2));
        uint16 argsLength = uint16(args.length);
        bytes memory creation = abi.encodePacked(
            // Creation: return everything behind these ten bytes.
            hex"61",
            uint16(RUNTIME_LENGTH + args.length),
            hex"80600a5f395ff3",
            // Call data present: jump to 0x2d. Else emit ReceiveETH(value) and stop.
            hex"36602d57345f52",
            hex"7f",
            keccak256("ReceiveETH(uint256)"),
            hex"60205fa100",
            // 0x2d: memory = call data ++ constants.
            hex"5b365f5f37",
            hex"61",
            argsLength,
            hex"60663639",
            // Delegate all of it.
            hex"5f5f61",
            argsLength,
            hex"36015f73",
            _implementation,
            hex"5af4",
            // Pass on what came back.
            hex"3d5f5f3e6062573d5ffd5b3d5ff3",
            args
        );
        assembly {
            clone_ := create(0, add(creation, 32), mload(creation))
        }
        if (clone_ == address(0)) revert CloneWithArgs_CreationFailed();
    }
}

/// @title CloneArgs
/// @notice Access to the constants of a clone, from the implementation's side.
abstract contract CloneArgs {
    function _arg(uint256 _offset, uint256 _length) internal pure returns (bytes calldata) {
        uint256 start = msg.data.length - uint16(bytes2(msg.data[msg.data.length - 2:])) + _offset;
        return msg.data[start:start + _length];
    }

    function _argAddress(uint256 _offset) internal pure returns (address) {
        return address(bytes20(_arg(_offset, 20)));
    }

    function _argWord(uint256 _offset) internal pure returns (bytes32) {
        return bytes32(_arg(_offset, 32));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { InvalidInputSize, NotEnoughGas, UnknownPiece } from "./OracleErrors.sol";

/// @title PrecompileInputs
/// @notice Inputs of precompiles that are longer than a transaction that nodes of L1 pass on (128 KiB), brought piece by piece.
/// @dev    A piece is kept as the code of a contract that only has it: behind a zero byte, so that nobody can run it, and so
///         that it may begin with any byte. Nothing has to be believed of pieces: a key is computed from what they make together.
abstract contract PrecompileInputs {
    /// @notice Bytes of the longest piece: the largest code has 24,576.
    uint256 public constant MAX_INPUT_PIECE = 24_575;

    /// @notice Where a piece is kept, by its keccak256 hash; zero where it is not.
    mapping(bytes32 => address) public inputPieces;

    /// @notice Keeps a piece. Whoever needs it may use it; keeping it again changes nothing.
    /// @param _piece 1 to MAX_INPUT_PIECE bytes.
    function keepInputPiece(bytes calldata _piece) external {
        uint256 size = _piece.length;
        if (size == 0 || size > MAX_INPUT_PIECE) revert InvalidInputSize();
        bytes32 id = keccak256(_piece);
        if (inputPieces[id] != address(0)) return;
        // Copies all of itself behind these ten bytes, and returns that as the code.
        bytes memory creation = abi.encodePacked(hex"61", uint16(size + 1), hex"80600a5f395ff3", hex"00", _piece);
        address kept;
        assembly ("memory-safe") {
            kept := create(0, add(creation, 32), mload(creation))
        }
        if (kept == address(0)) revert NotEnoughGas();
        inputPieces[id] = kept;
    }

    /// @dev `_head` and behind it the pieces, in their order. It has to be the newest thing in memory.
    function _appendPieces(bytes memory _head, bytes32[] calldata _pieces) internal view {
        uint256 end;
        assembly ("memory-safe") {
            end := add(add(_head, 32), mload(_head))
        }
        for (uint256 i = 0; i < _pieces.length; i++) {
            address kept = inputPieces[_pieces[i]];
            if (kept == address(0)) revert UnknownPiece();
            assembly ("memory-safe") {
                let size := sub(extcodesize(kept), 1)
                extcodecopy(kept, end, 1, size)
                end := add(end, size)
            }
        }
        assembly ("memory-safe") {
            mstore(_head, sub(end, add(_head, 32)))
            mstore(0x40, and(add(end, 31), not(31)))
        }
    }
}

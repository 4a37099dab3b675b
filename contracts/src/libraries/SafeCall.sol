// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title SafeCall
/// @notice Calls that never copy return data, so that the callee cannot make its caller pay for memory.
library SafeCall {
    /// @notice The gas left cannot guarantee what the call was promised.
    error SafeCall_NotEnoughGas();

    /// @notice Gas kept back for the call's own overhead (cold account, value transfer, new account).
    uint256 internal constant CALL_OVERHEAD = 40_000;

    /// @notice Sends value with the given gas.
    function send(address _target, uint256 _gas, uint256 _value) internal returns (bool success_) {
        assembly {
            success_ := call(_gas, _target, _value, 0, 0, 0, 0)
        }
    }

    /// @notice Sends value with all gas.
    function send(address _target, uint256 _value) internal returns (bool) {
        return send(_target, gasleft(), _value);
    }

    /// @notice Calls with the given gas.
    function call(
        address _target,
        uint256 _gas,
        uint256 _value,
        bytes memory _calldata
    )
        internal
        returns (bool success_)
    {
        assembly {
            success_ := call(_gas, _target, _value, add(_calldata, 32), mload(_calldata), 0, 0)
        }
    }

    /// @notice Calls with all gas.
    function call(address _target, uint256 _value, bytes memory _calldata) internal returns (bool) {
        return call(_target, gasleft(), _value, _calldata);
    }

    /// @notice Calls with all gas and without value.
    function call(address _target, bytes memory _calldata) internal returns (bool) {
        return call(_target, gasleft(), 0, _calldata);
    }

    /// @notice Whether a call made now would get `_minGas`, with `_reservedGas` left to the caller afterwards.
    /// @dev    EIP-150 forwards at most 63/64 of the gas, hence gas * 63 >= minGas * 64 + 63 * (overhead + reserve).
    function hasMinGas(uint256 _minGas, uint256 _reservedGas) internal view returns (bool enough_) {
        unchecked {
            // Values no block could pay for are refused first, so that nothing below can overflow.
            if (_minGas > type(uint128).max || _reservedGas > type(uint128).max) return false;
            enough_ = gasleft() * 63 >= _minGas * 64 + 63 * (CALL_OVERHEAD + _reservedGas);
        }
    }

    /// @notice Calls with all gas; reverts when the callee could get less than `_minGas`.
    function callWithMinGas(
        address _target,
        uint256 _minGas,
        uint256 _value,
        bytes memory _calldata
    )
        internal
        returns (bool)
    {
        if (!hasMinGas(_minGas, 0)) revert SafeCall_NotEnoughGas();
        return call(_target, gasleft(), _value, _calldata);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Burn
/// @notice Destroys ETH or gas.
library Burn {
    /// @notice Removes `_amount` wei from the supply.
    /// @dev    A contract that self-destructs to itself in its creation loses its balance (EIP-6780 keeps that rule).
    function eth(uint256 _amount) internal {
        // ADDRESS SELFDESTRUCT
        bytes memory creationCode = hex"30ff";
        assembly {
            if iszero(create(_amount, add(creationCode, 32), mload(creationCode))) { revert(0, 0) }
        }
    }

    /// @notice Uses up at least `_amount` gas.
    function gas(uint256 _amount) internal view {
        uint256 initialGas = gasleft();
        uint256 i;
        while (initialGas - gasleft() < _amount) {
            i++;
        }
    }
}

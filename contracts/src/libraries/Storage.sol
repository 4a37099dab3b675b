// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Storage
/// @notice Reads and writes of single named slots.
library Storage {
    /// @notice The address in a slot.
    function getAddress(bytes32 _slot) internal view returns (address value_) {
        assembly {
            value_ := sload(_slot)
        }
    }

    /// @notice Puts an address into a slot.
    function setAddress(bytes32 _slot, address _value) internal {
        assembly {
            sstore(_slot, _value)
        }
    }

    /// @notice The number in a slot.
    function getUint(bytes32 _slot) internal view returns (uint256 value_) {
        assembly {
            value_ := sload(_slot)
        }
    }

    /// @notice Puts a number into a slot.
    function setUint(bytes32 _slot, uint256 _value) internal {
        assembly {
            sstore(_slot, _value)
        }
    }
}

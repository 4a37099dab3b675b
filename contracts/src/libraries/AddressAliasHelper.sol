// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title AddressAliasHelper
/// @notice L1 contracts act on L2 under a shifted address, so that a contract on L1 cannot pass for an unrelated one
///         that has the same address on L2.
library AddressAliasHelper {
    uint160 internal constant OFFSET = uint160(0x1111000000000000000000000000000000001111);

    /// @notice Address under which an L1 contract appears on L2.
    function applyL1ToL2Alias(address _l1Address) internal pure returns (address) {
        unchecked {
            return address(uint160(_l1Address) + OFFSET);
        }
    }

    /// @notice The L1 contract behind an address on L2.
    function undoL1ToL2Alias(address _l2Address) internal pure returns (address) {
        unchecked {
            return address(uint160(_l2Address) - OFFSET);
        }
    }
}

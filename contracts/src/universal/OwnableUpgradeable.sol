// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Initializable } from "./Initializable.sol";
import { Ownable } from "./Ownable.sol";

/// @dev Slots 1 to 50, which the counterpart's context contract reserves.
abstract contract ContextGap {
    uint256[50] private __contextGap;
}

/// @title OwnableUpgradeable
/// @notice Ownable for contracts behind a proxy, with the counterpart's layout: owner in slot 51, own variables of the
///         inheriting contract from slot 101.
abstract contract OwnableUpgradeable is Initializable, ContextGap, Ownable {
    uint256[49] private __ownableGap;
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IResourceMetering } from "./IResourceMetering.sol";
import { ISuperchainConfig } from "./ISuperchainConfig.sol";

/// @title ISystemConfig
/// @notice What other L1 contracts ask the SystemConfig.
interface ISystemConfig {
    /// @notice Whether this chain, or everything, is paused.
    function paused() external view returns (bool);

    /// @notice The pause switch.
    function superchainConfig() external view returns (ISuperchainConfig);

    /// @notice Account that may pause and invalidate games.
    function guardian() external view returns (address);

    /// @notice Parameters of the deposit fee market.
    function resourceConfig() external view returns (IResourceMetering.ResourceConfig memory);
}

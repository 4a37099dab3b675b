// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What messenger and bridges on L1 need of the system configuration.
interface IBridgeSystemConfig {
    /// @notice Whether the chain's bridge is paused.
    function paused() external view returns (bool);
    /// @notice The superchain configuration in force.
    function superchainConfig() external view returns (address);
}

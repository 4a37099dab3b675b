// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ISuperchainConfig
/// @notice What other contracts ask the pause switch.
interface ISuperchainConfig {
    /// @notice Account that may pause.
    function guardian() external view returns (address);

    /// @notice Whether everything is paused.
    function paused() external view returns (bool);

    /// @notice Whether one identifier is paused; the zero address stands for everything.
    function paused(address _identifier) external view returns (bool);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IDelayedWETH
/// @notice What games ask the contract that holds their bonds.
interface IDelayedWETH {
    /// @notice Wraps what is sent.
    function deposit() external payable;
    /// @notice Starts the delay of a payout.
    function unlock(address _guy, uint256 _wad) external;
    /// @notice Turns what was unlocked into ETH for the caller to pass on.
    function withdraw(address _guy, uint256 _wad) external;
}

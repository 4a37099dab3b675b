// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IDelayedWETH
/// @notice What games ask the contract that holds their bonds.
interface IDelayedWETH {
    function deposit() external payable;
    function unlock(address _guy, uint256 _wad) external;
    function withdraw(address _guy, uint256 _wad) external;
}

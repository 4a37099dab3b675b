// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { GameType, Hash } from "../lib/LibUDT.sol";
import { IDisputeGame } from "./IDisputeGame.sol";
import { IDisputeGameFactory } from "./IDisputeGameFactory.sol";

/// @title IAnchorStateRegistry
/// @notice What other contracts ask the registry.
interface IAnchorStateRegistry {
    function paused() external view returns (bool);
    function disputeGameFactory() external view returns (IDisputeGameFactory);
    function disputeGameFinalityDelaySeconds() external view returns (uint256);
    function respectedGameType() external view returns (GameType);
    function retirementTimestamp() external view returns (uint64);
    function getAnchorRoot() external view returns (Hash, uint256);
    function isGameProper(IDisputeGame _game) external view returns (bool);
    function isGameRespected(IDisputeGame _game) external view returns (bool);
    function isGameBlacklisted(IDisputeGame _game) external view returns (bool);
    function isGameFinalized(IDisputeGame _game) external view returns (bool);
    function isGameClaimValid(IDisputeGame _game) external view returns (bool);
    function setAnchorState(IDisputeGame _game) external;
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { GameType, Hash } from "../lib/LibUDT.sol";
import { IDisputeGame } from "./IDisputeGame.sol";
import { IDisputeGameFactory } from "./IDisputeGameFactory.sol";

/// @title IAnchorStateRegistry
/// @notice What other contracts ask the registry.
interface IAnchorStateRegistry {
    /// @notice Whether the chain is paused.
    function paused() external view returns (bool);
    /// @notice The factory whose games are judged.
    function disputeGameFactory() external view returns (IDisputeGameFactory);
    /// @notice Seconds between a game's resolution and its acceptance.
    function disputeGameFinalityDelaySeconds() external view returns (uint256);
    /// @notice Type of game that counts.
    function respectedGameType() external view returns (GameType);
    /// @notice Games created up to this time do not count.
    function retirementTimestamp() external view returns (uint64);
    /// @notice Root and L2 block number from which a new game starts.
    function getAnchorRoot() external view returns (Hash, uint256);
    /// @notice Whether nothing speaks against the game.
    function isGameProper(IDisputeGame _game) external view returns (bool);
    /// @notice Whether the game's type counted when it was created.
    function isGameRespected(IDisputeGame _game) external view returns (bool);
    /// @notice Whether the guardian took the game out.
    function isGameBlacklisted(IDisputeGame _game) external view returns (bool);
    /// @notice Whether the game ended and its air gap has passed.
    function isGameFinalized(IDisputeGame _game) external view returns (bool);
    /// @notice Whether withdrawals may rely on the game's root claim.
    function isGameClaimValid(IDisputeGame _game) external view returns (bool);
    /// @notice Makes a game's claim the anchor.
    function setAnchorState(IDisputeGame _game) external;
}

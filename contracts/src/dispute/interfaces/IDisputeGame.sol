// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Timestamp } from "../lib/LibClock.sol";
import { Claim, GameType, Hash } from "../lib/LibUDT.sol";
import { GameStatus } from "../lib/Types.sol";
import { IAnchorStateRegistry } from "./IAnchorStateRegistry.sol";

/// @title IDisputeGame
/// @notice A game about one claim, whatever the proof system.
interface IDisputeGame {
    /// @notice The game ended.
    event Resolved(GameStatus indexed status);

    /// @notice Called once by the factory, with the bond.
    function initialize() external payable;

    /// @notice Ends the game.
    function resolve() external returns (GameStatus status_);

    function createdAt() external view returns (Timestamp);
    function resolvedAt() external view returns (Timestamp);
    function status() external view returns (GameStatus);
    function gameType() external view returns (GameType gameType_);
    function gameCreator() external view returns (address creator_);
    function rootClaim() external view returns (Claim rootClaim_);
    function l1Head() external view returns (Hash l1Head_);
    function l2SequenceNumber() external view returns (uint256 l2SequenceNumber_);
    function extraData() external view returns (bytes memory extraData_);
    function gameData() external view returns (GameType gameType_, Claim rootClaim_, bytes memory extraData_);
    function wasRespectedGameTypeWhenCreated() external view returns (bool);
    function anchorStateRegistry() external view returns (IAnchorStateRegistry registry_);
}

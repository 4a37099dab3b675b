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

    /// @notice When the game was created.
    function createdAt() external view returns (Timestamp);
    /// @notice When the game ended; zero before.
    function resolvedAt() external view returns (Timestamp);
    /// @notice Where the game stands.
    function status() external view returns (GameStatus);
    /// @notice Kind of game.
    function gameType() external view returns (GameType gameType_);
    /// @notice Account that created the game.
    function gameCreator() external view returns (address creator_);
    /// @notice The claim that the game is about.
    function rootClaim() external view returns (Claim rootClaim_);
    /// @notice L1 block up to which data counts.
    function l1Head() external view returns (Hash l1Head_);
    /// @notice Number of the L2 block that the claim is about.
    function l2SequenceNumber() external view returns (uint256 l2SequenceNumber_);
    /// @notice The claim's parameters as they went into the factory.
    function extraData() external view returns (bytes memory extraData_);
    /// @notice What the factory knows the game by.
    function gameData() external view returns (GameType gameType_, Claim rootClaim_, bytes memory extraData_);
    /// @notice Whether this type of game counted when the game was created.
    function wasRespectedGameTypeWhenCreated() external view returns (bool);
    /// @notice The registry that the game reports to.
    function anchorStateRegistry() external view returns (IAnchorStateRegistry registry_);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Timestamp } from "../lib/LibClock.sol";
import { Claim, GameType } from "../lib/LibUDT.sol";
import { IDisputeGame } from "./IDisputeGame.sol";

/// @title IDisputeGameFactory
/// @notice What other contracts ask the factory.
interface IDisputeGameFactory {
    /// @notice The game for a claim; zero when there is none.
    function games(
        GameType _gameType,
        Claim _rootClaim,
        bytes calldata _extraData
    )
        external
        view
        returns (IDisputeGame proxy_, Timestamp timestamp_);

    /// @notice The game at an index of the list of all games.
    function gameAtIndex(uint256 _index)
        external
        view
        returns (GameType gameType_, Timestamp timestamp_, IDisputeGame proxy_);
}

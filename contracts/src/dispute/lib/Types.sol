// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Clock, Duration, LibClock, Timestamp } from "./LibClock.sol";
import { LibPosition, Position } from "./LibPosition.sol";
import { Claim, GameId, GameType, Hash, LibGameId } from "./LibUDT.sol";

/// @notice Where a game stands.
enum GameStatus {
    IN_PROGRESS,
    CHALLENGER_WINS,
    DEFENDER_WINS
}

/// @notice How a closed game pays out its bonds.
enum BondDistributionMode {
    UNDECIDED,
    NORMAL,
    REFUND
}

/// @notice An output root and the number of the L2 block it belongs to.
struct Proposal {
    Hash root;
    uint256 l2SequenceNumber;
}

/// @title VMStatuses
/// @notice First byte of a VM state's commitment.
library VMStatuses {
    uint8 internal constant VALID = 0;
    uint8 internal constant INVALID = 1;
    uint8 internal constant PANIC = 2;
    uint8 internal constant UNFINISHED = 3;
}

/// @title LocalPreimageKey
/// @notice Identifiers of the data that a game gives to the program.
library LocalPreimageKey {
    uint256 internal constant L1_HEAD_HASH = 1;
    uint256 internal constant STARTING_OUTPUT_ROOT = 2;
    uint256 internal constant DISPUTED_OUTPUT_ROOT = 3;
    uint256 internal constant DISPUTED_L2_BLOCK_NUMBER = 4;
    uint256 internal constant CHAIN_ID = 5;
}

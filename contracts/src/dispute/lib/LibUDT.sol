// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Timestamp } from "./LibClock.sol";
import { Position } from "./LibPosition.sol";

using LibClaim for Claim global;
using LibHash for Hash global;
using LibGameId for GameId global;
using LibGameType for GameType global;

/// @notice A commitment to an output root or to a VM state.
type Claim is bytes32;

/// @notice A hash that is no claim.
type Hash is bytes32;

/// @notice Kind of game.
type GameType is uint32;

/// @notice A game in the factory's list: type (4 bytes), creation time (8 bytes), address (20 bytes).
type GameId is bytes32;

/// @title LibClaim
/// @notice Operations on claims.
library LibClaim {
    /// @notice Identity of a claim at a position as the answer to another claim.
    function hashClaimPos(Claim _claim, Position _position, uint256 _challengeIndex) internal pure returns (Hash) {
        return Hash.wrap(keccak256(abi.encodePacked(_claim, _position, uint128(_challengeIndex))));
    }

    /// @notice The commitment.
    function raw(Claim _claim) internal pure returns (bytes32) {
        return Claim.unwrap(_claim);
    }
}

/// @title LibHash
/// @notice Plain value of a hash.
library LibHash {
    /// @notice The 32 bytes.
    function raw(Hash _hash) internal pure returns (bytes32) {
        return Hash.unwrap(_hash);
    }
}

/// @title LibGameType
/// @notice Plain value of a game type.
library LibGameType {
    /// @notice The number.
    function raw(GameType _gameType) internal pure returns (uint32) {
        return GameType.unwrap(_gameType);
    }
}

/// @title LibGameId
/// @notice Packing of game identifiers.
library LibGameId {
    /// @notice Packs the parts.
    function pack(GameType _gameType, Timestamp _timestamp, address _gameProxy) internal pure returns (GameId) {
        return GameId.wrap(bytes32(abi.encodePacked(_gameType, _timestamp, _gameProxy)));
    }

    /// @notice Splits what `pack` joined.
    function unpack(GameId _gameId)
        internal
        pure
        returns (GameType gameType_, Timestamp timestamp_, address gameProxy_)
    {
        uint256 id = uint256(GameId.unwrap(_gameId));
        gameType_ = GameType.wrap(uint32(id >> 224));
        timestamp_ = Timestamp.wrap(uint64(id >> 160));
        gameProxy_ = address(uint160(id));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What is known of a large preimage proposal, in one word: from the top the time (64 bits) when it was complete,
///         part offset, claimed size, blocks and bytes so far (32 bits each), and whether it was countered (64 bits).
type LPPMetaData is bytes32;

using LPPMetaDataLib for LPPMetaData global;

/// @title LPPMetaDataLib
/// @notice Reads and writes the fields.
library LPPMetaDataLib {
    uint256 private constant TIMESTAMP = 192;
    uint256 private constant PART_OFFSET = 160;
    uint256 private constant CLAIMED_SIZE = 128;
    uint256 private constant BLOCKS_PROCESSED = 96;
    uint256 private constant BYTES_PROCESSED = 64;
    uint256 private constant COUNTERED = 0;

    /// @notice A new proposal.
    function create(uint32 _partOffset, uint32 _claimedSize) internal pure returns (LPPMetaData) {
        return LPPMetaData.wrap(
            bytes32((uint256(_partOffset) << PART_OFFSET) | (uint256(_claimedSize) << CLAIMED_SIZE))
        );
    }

    /// @notice When the proposal became complete; zero before.
    function timestamp(LPPMetaData _self) internal pure returns (uint64) {
        return uint64(_at(_self, TIMESTAMP));
    }

    /// @notice Where the part begins, the length prefix included.
    function partOffset(LPPMetaData _self) internal pure returns (uint32) {
        return uint32(_at(_self, PART_OFFSET));
    }

    /// @notice Length of the preimage; zero for no proposal.
    function claimedSize(LPPMetaData _self) internal pure returns (uint32) {
        return uint32(_at(_self, CLAIMED_SIZE));
    }

    /// @notice Leaves so far, the padded one included.
    function blocksProcessed(LPPMetaData _self) internal pure returns (uint32) {
        return uint32(_at(_self, BLOCKS_PROCESSED));
    }

    /// @notice Bytes of the preimage so far, without padding.
    function bytesProcessed(LPPMetaData _self) internal pure returns (uint32) {
        return uint32(_at(_self, BYTES_PROCESSED));
    }

    /// @notice Whether somebody showed a wrong leaf.
    function countered(LPPMetaData _self) internal pure returns (bool) {
        return uint64(_at(_self, COUNTERED)) != 0;
    }

    /// @notice After more input. The numbers are below 2^32: the tree bounds them.
    function withProgress(LPPMetaData _self, uint256 _blocks, uint256 _bytes) internal pure returns (LPPMetaData) {
        uint256 rest = uint256(LPPMetaData.unwrap(_self)) & ~(uint256(type(uint64).max) << BYTES_PROCESSED);
        return LPPMetaData.wrap(bytes32(rest | (_blocks << BLOCKS_PROCESSED) | (_bytes << BYTES_PROCESSED)));
    }

    /// @notice Complete from now on.
    function completedAt(LPPMetaData _self, uint256 _timestamp) internal pure returns (LPPMetaData) {
        return LPPMetaData.wrap(LPPMetaData.unwrap(_self) | bytes32(_timestamp << TIMESTAMP));
    }

    /// @notice Countered from now on.
    function asCountered(LPPMetaData _self) internal pure returns (LPPMetaData) {
        return LPPMetaData.wrap(LPPMetaData.unwrap(_self) | bytes32(uint256(1) << COUNTERED));
    }

    function _at(LPPMetaData _self, uint256 _bit) private pure returns (uint256) {
        return uint256(LPPMetaData.unwrap(_self)) >> _bit;
    }
}

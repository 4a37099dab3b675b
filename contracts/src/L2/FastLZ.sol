// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title FastLZ
/// @notice Length of a byte string after FastLZ level 1 compression, without producing the output. The L1 fee since
///         Fjord rests on it, so it must equal, byte by byte, what execution clients compute.
/// @dev The hash table has 8,192 entries of four bytes, laid out in memory one after the other.
library FastLZ {
    /// @dev Table bytes, plus a word that a four-byte access at the last entry may touch.
    uint256 private constant TABLE_BYTES = 8192 * 4 + 32;
    /// @dev The last bytes of the input are always literals: matching stops this far before the end.
    uint256 private constant TAIL = 13;
    /// @dev A match reaches back less than this many bytes.
    uint256 private constant WINDOW = 8192;
    /// @dev A match can be continued up to this distance from the end.
    uint256 private constant MATCH_TAIL = 4;
    uint256 private constant MAX_LITERAL_RUN = 32;
    uint256 private constant MAX_MATCH = 262;

    /// @notice Compressed length of `input`, in bytes. Returns 0 for no input.
    function compressedLength(bytes memory input) internal pure returns (uint256 length) {
        unchecked {
            uint256 size = input.length;
            if (size == 0) return 0;
            uint256 table = _newTable();
            uint256 limit = size < TAIL ? 0 : size - TAIL;
            uint256 anchor = 0;
            uint256 position = 2;
            while (position < limit) {
                uint256 candidate;
                bool found;
                while (position < limit) {
                    uint256 sequence = _read3(input, position);
                    candidate = _exchange(table, sequence, position);
                    found = position - candidate < WINDOW && sequence == _read3(input, candidate);
                    if (found) break;
                    ++position;
                }
                // A match at the very last position is not taken: the reference looks one byte ahead before using it.
                if (!found || position + 1 >= limit) break;
                length += _literalBytes(position - anchor);
                uint256 matched = _matchLength(input, candidate + 3, position + 3, size - MATCH_TAIL);
                length += _matchBytes(matched);
                position += matched;
                _exchange(table, _read3(input, position), position);
                ++position;
                _exchange(table, _read3(input, position), position);
                ++position;
                anchor = position;
            }
            length += _literalBytes(size - anchor);
        }
    }

    /// @dev Zeroed memory for the hash table; the free memory pointer is advanced past it.
    function _newTable() private pure returns (uint256 table) {
        assembly ("memory-safe") {
            table := mload(0x40)
            calldatacopy(table, calldatasize(), TABLE_BYTES)
            mstore(0x40, add(table, TABLE_BYTES))
        }
    }

    /// @dev The byte at an offset.
    function _read1(bytes memory input, uint256 offset) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, mload(add(add(input, 32), offset)))
        }
    }

    /// @dev Three bytes at an offset, least significant first, as the reference implementation reads them.
    function _read3(bytes memory input, uint256 offset) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            let word := mload(add(add(input, 32), offset))
            value := or(or(byte(0, word), shl(8, byte(1, word))), shl(16, byte(2, word)))
        }
    }

    /// @dev Puts a position under a sequence's hash and returns what was there (0 when nothing was).
    function _exchange(uint256 table, uint256 sequence, uint256 position) private pure returns (uint256 previous) {
        assembly ("memory-safe") {
            let entry := add(table, shl(2, and(shr(19, mul(2654435769, sequence)), 0x1fff)))
            let word := mload(entry)
            previous := shr(224, word)
            mstore(entry, xor(word, shl(224, xor(previous, position))))
        }
    }

    /// @dev Equal bytes from two offsets on, counting the first unequal one too; the later offset stays below `end`.
    function _matchLength(bytes memory input, uint256 earlier, uint256 later, uint256 end)
        private
        pure
        returns (uint256 count)
    {
        unchecked {
            uint256 most = end - later;
            while (count < most) {
                bool equal = _read1(input, earlier + count) == _read1(input, later + count);
                ++count;
                if (!equal) break;
            }
        }
    }

    /// @dev Output bytes of a literal run: each started block of 32 costs one byte more than it holds.
    function _literalBytes(uint256 run) private pure returns (uint256) {
        unchecked {
            return run + (run + MAX_LITERAL_RUN - 1) / MAX_LITERAL_RUN;
        }
    }

    /// @dev Output bytes of a match whose counted length is `matched`: three per full 262, then two or three.
    function _matchBytes(uint256 matched) private pure returns (uint256) {
        unchecked {
            uint256 rest = matched - 1;
            return 3 * (rest / MAX_MATCH) + (rest % MAX_MATCH >= 6 ? 3 : 2);
        }
    }
}

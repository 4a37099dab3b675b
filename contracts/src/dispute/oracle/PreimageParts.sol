// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { PartOffsetOOB } from "./OracleErrors.sol";

/// @title PreimageParts
/// @notice What VMs read: parts of preimages, 32 bytes each, by key and offset. A preimage starts with its length as eight
///         big-endian bytes; past its end all is zero.
/// @dev    Invariant: a part that is there never changes, since its key determines it.
abstract contract PreimageParts {
    uint256 internal constant PREFIX = 8;

    /// @notice Length of a preimage, without the prefix.
    mapping(bytes32 => uint256) public preimageLengths;
    /// @notice Parts by key and offset.
    mapping(bytes32 => mapping(uint256 => bytes32)) public preimageParts;
    /// @notice Whether a part is there.
    mapping(bytes32 => mapping(uint256 => bool)) public preimagePartOk;

    function _store(bytes32 _key, uint256 _size, uint256 _partOffset, bytes32 _part) internal {
        preimagePartOk[_key][_partOffset] = true;
        preimageParts[_key][_partOffset] = _part;
        preimageLengths[_key] = _size;
    }

    function _assertWithin(uint256 _partOffset, uint256 _size) internal pure {
        if (_partOffset >= _size + PREFIX) revert PartOffsetOOB();
    }

    /// @dev Part of a preimage of at most a word; what the word has beyond the size is ignored.
    function _partOfWord(bytes32 _word, uint256 _size, uint256 _partOffset) internal pure returns (bytes32) {
        _word = _firstBytes(_word, _size);
        if (_partOffset < PREFIX) return _partWithPrefix(_word, _size, _partOffset);
        return _word << (8 * (_partOffset - PREFIX));
    }

    /// @dev Part that starts within the length prefix. `_word`: the first 32 bytes after it.
    function _partWithPrefix(bytes32 _word, uint256 _size, uint256 _partOffset) internal pure returns (bytes32) {
        return (bytes32(_size << 192) << (8 * _partOffset)) | (_word >> (8 * (PREFIX - _partOffset)));
    }

    /// @dev 32 bytes of data from a place that is within.
    function _wordAt(bytes calldata _data, uint256 _at) internal pure returns (bytes32 word_) {
        assembly ("memory-safe") {
            word_ := calldataload(add(_data.offset, _at))
        }
        return _firstBytes(word_, _data.length - _at);
    }

    function _firstBytes(bytes32 _word, uint256 _count) private pure returns (bytes32) {
        return _count < 32 ? _word & ~bytes32(type(uint256).max >> (8 * _count)) : _word;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title RLPReader
/// @notice Strict RLP decoding of items in memory: every length is checked against the bytes that are there, and
///         only the shortest encoding of a length is accepted.
library RLPReader {
    /// @notice There is no byte to read an item from.
    error EmptyItem();
    /// @notice A list was expected.
    error UnexpectedString();
    /// @notice A byte string was expected.
    error UnexpectedList();
    /// @notice Bytes follow the item.
    error InvalidDataRemainder();
    /// @notice The header announces more bytes than there are.
    error ContentLengthMismatch();
    /// @notice The header is not the shortest one for its length.
    error InvalidHeader();

    /// @notice An encoded item: where it starts in memory and how many bytes it has, header included.
    struct RLPItem {
        uint256 length;
        uint256 pointer;
    }

    /// @notice Views bytes as an item without looking into them.
    function toRLPItem(bytes memory _in) internal pure returns (RLPItem memory item_) {
        if (_in.length == 0) revert EmptyItem();
        uint256 pointer;
        assembly {
            pointer := add(_in, 32)
        }
        item_ = RLPItem(_in.length, pointer);
    }

    /// @notice The items of a list that fills `_in` exactly.
    function readList(bytes memory _in) internal pure returns (RLPItem[] memory) {
        return readList(toRLPItem(_in));
    }

    /// @notice The items of a list that fills the item exactly.
    function readList(RLPItem memory _in) internal pure returns (RLPItem[] memory items_) {
        (uint256 header, uint256 content, bool isList) = _decode(_in);
        if (!isList) revert UnexpectedString();
        if (header + content != _in.length) revert InvalidDataRemainder();

        uint256 count;
        for (uint256 position = header; position < _in.length; count++) {
            (uint256 h, uint256 c,) = _decode(RLPItem(_in.length - position, _in.pointer + position));
            position += h + c;
        }
        items_ = new RLPItem[](count);
        uint256 offset = header;
        for (uint256 i = 0; i < count; i++) {
            (uint256 h, uint256 c,) = _decode(RLPItem(_in.length - offset, _in.pointer + offset));
            items_[i] = RLPItem(h + c, _in.pointer + offset);
            offset += h + c;
        }
    }

    /// @notice The content of a byte string that fills `_in` exactly.
    function readBytes(bytes memory _in) internal pure returns (bytes memory) {
        return readBytes(toRLPItem(_in));
    }

    /// @notice The content of a byte string that fills the item exactly.
    function readBytes(RLPItem memory _in) internal pure returns (bytes memory) {
        (uint256 header, uint256 content, bool isList) = _decode(_in);
        if (isList) revert UnexpectedList();
        if (header + content != _in.length) revert InvalidDataRemainder();
        return _copy(_in.pointer + header, content);
    }

    /// @notice The item as it stands, header included.
    function readRawBytes(RLPItem memory _in) internal pure returns (bytes memory) {
        return _copy(_in.pointer, _in.length);
    }

    /// @dev Header length, content length and kind of the item that starts at the pointer and may use `length` bytes.
    function _decode(RLPItem memory _in) private pure returns (uint256 header_, uint256 content_, bool isList_) {
        if (_in.length == 0) revert EmptyItem();
        uint256 pointer = _in.pointer;
        uint256 prefix;
        assembly {
            prefix := byte(0, mload(pointer))
        }
        if (prefix < 0x80) return (0, 1, false);

        isList_ = prefix >= 0xc0;
        uint256 short = prefix - (isList_ ? 0xc0 : 0x80);
        if (short < 56) {
            (header_, content_) = (1, short);
            if (_in.length < 1 + short) revert ContentLengthMismatch();
            if (!isList_ && short == 1) {
                uint256 only;
                assembly {
                    only := byte(0, mload(add(pointer, 1)))
                }
                // A byte below 0x80 stands for itself.
                if (only < 0x80) revert InvalidHeader();
            }
            return (header_, content_, isList_);
        }

        uint256 sizeOfLength = short - 55;
        if (_in.length < 1 + sizeOfLength) revert ContentLengthMismatch();
        uint256 word;
        assembly {
            word := mload(add(pointer, 1))
        }
        if (word >> 248 == 0) revert InvalidHeader();
        content_ = word >> (256 - 8 * sizeOfLength);
        if (content_ < 56) revert InvalidHeader();
        header_ = 1 + sizeOfLength;
        if (_in.length < header_ + content_) revert ContentLengthMismatch();
    }

    function _copy(uint256 _pointer, uint256 _length) private pure returns (bytes memory out_) {
        out_ = new bytes(_length);
        assembly {
            mcopy(add(out_, 32), _pointer, _length)
        }
    }
}

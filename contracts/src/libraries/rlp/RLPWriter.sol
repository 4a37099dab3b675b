// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title RLPWriter
/// @notice Canonical RLP encoding.
library RLPWriter {
    /// @notice Encodes a byte string.
    function writeBytes(bytes memory _in) internal pure returns (bytes memory) {
        if (_in.length == 1 && uint8(_in[0]) < 0x80) return _in;
        return bytes.concat(_header(_in.length, 0x80), _in);
    }

    /// @notice Encodes a list of items that are RLP already.
    function writeList(bytes[] memory _items) internal pure returns (bytes memory) {
        bytes memory payload;
        for (uint256 i = 0; i < _items.length; i++) {
            payload = bytes.concat(payload, _items[i]);
        }
        return bytes.concat(_header(payload.length, 0xc0), payload);
    }

    /// @notice Encodes an address as its 20 bytes.
    function writeAddress(address _in) internal pure returns (bytes memory) {
        return writeBytes(abi.encodePacked(_in));
    }

    /// @notice Encodes a number as big-endian bytes without leading zeros; zero is the empty string.
    function writeUint(uint256 _in) internal pure returns (bytes memory) {
        return writeBytes(_minimal(_in));
    }

    /// @notice Encodes a boolean as 1 or 0.
    function writeBool(bool _in) internal pure returns (bytes memory) {
        return writeUint(_in ? 1 : 0);
    }

    function _header(uint256 _length, uint8 _base) private pure returns (bytes memory) {
        if (_length < 56) return abi.encodePacked(uint8(_base + _length));
        bytes memory length = _minimal(_length);
        return abi.encodePacked(uint8(_base + 55 + length.length), length);
    }

    function _minimal(uint256 _in) private pure returns (bytes memory out_) {
        uint256 size;
        for (uint256 rest = _in; rest != 0; rest >>= 8) {
            size++;
        }
        out_ = new bytes(size);
        for (uint256 i = size; i > 0; i--) {
            out_[i - 1] = bytes1(uint8(_in));
            _in >>= 8;
        }
    }
}

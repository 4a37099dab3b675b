// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { RLPReader } from "../rlp/RLPReader.sol";

/// @title MerkleTrie
/// @notice Inclusion proofs in Ethereum's hexary Merkle-Patricia trie.
/// @dev    A proof is the list of nodes from the root to the value. A node shorter than 32 bytes stands inside its
///         parent; the proof repeats it as an element of its own.
library MerkleTrie {
    using RLPReader for RLPReader.RLPItem;

    /// @notice The key is empty.
    error MerkleTrie_EmptyKey();
    /// @notice The proof does not lead from the root to a value for the key; `node` is the element at fault.
    error MerkleTrie_InvalidProof(uint256 node);

    /// @notice Whether the trie with this root maps the key to the value.
    /// @dev    Reverts when the proof itself is malformed or does not belong to the root or the key.
    function verifyInclusionProof(
        bytes memory _key,
        bytes memory _value,
        bytes[] memory _proof,
        bytes32 _root
    )
        internal
        pure
        returns (bool)
    {
        return keccak256(_value) == keccak256(get(_key, _proof, _root));
    }

    /// @notice The value that the trie with this root holds under the key.
    function get(bytes memory _key, bytes[] memory _proof, bytes32 _root) internal pure returns (bytes memory) {
        if (_key.length == 0) revert MerkleTrie_EmptyKey();
        bytes memory path = _toNibbles(_key);
        uint256 walked;
        // What the parent says about the node at hand: its hash, or the node itself when it is short.
        bytes memory expected = abi.encodePacked(_root);

        for (uint256 i = 0; i < _proof.length; i++) {
            bytes memory node = _proof[i];
            // The root node is always referred to by hash, however short it is.
            bool byHash = i == 0 || node.length >= 32;
            bytes32 identity = byHash ? keccak256(abi.encodePacked(keccak256(node))) : keccak256(node);
            if (identity != keccak256(expected)) revert MerkleTrie_InvalidProof(i);

            RLPReader.RLPItem[] memory items = RLPReader.readList(node);
            RLPReader.RLPItem memory next;
            bool isValue;
            if (items.length == 17) {
                isValue = walked == path.length;
                next = items[isValue ? 16 : uint8(path[walked])];
                if (!isValue) walked++;
            } else if (items.length == 2) {
                (walked, isValue) = _walkShortNode(items[0].readBytes(), path, walked, i);
                next = items[1];
            } else {
                revert MerkleTrie_InvalidProof(i);
            }
            if (isValue) {
                bytes memory value = next.readBytes();
                // An empty value is no value, and nothing may follow the node that holds it.
                if (value.length == 0 || i + 1 != _proof.length) revert MerkleTrie_InvalidProof(i);
                return value;
            }
            expected = _reference(next);
        }
        revert MerkleTrie_InvalidProof(_proof.length);
    }

    /// @dev Follows the path of an extension or leaf: how far the key is walked then, and whether it was a leaf.
    function _walkShortNode(
        bytes memory _compactPath,
        bytes memory _path,
        uint256 _walked,
        uint256 _at
    )
        private
        pure
        returns (uint256 walked_, bool isLeaf_)
    {
        bytes memory nibbles = _toNibbles(_compactPath);
        if (nibbles.length < 2) revert MerkleTrie_InvalidProof(_at);
        uint8 prefix = uint8(nibbles[0]);
        if (prefix > 3) revert MerkleTrie_InvalidProof(_at);
        // An odd path starts in the second nibble of the prefix byte.
        uint256 start = prefix % 2 == 1 ? 1 : 2;
        walked_ = _walked + nibbles.length - start;
        if (walked_ > _path.length) revert MerkleTrie_InvalidProof(_at);
        for (uint256 i = start; i < nibbles.length; i++) {
            if (nibbles[i] != _path[_walked + i - start]) revert MerkleTrie_InvalidProof(_at);
        }
        isLeaf_ = prefix >= 2;
        if (isLeaf_ && walked_ != _path.length) revert MerkleTrie_InvalidProof(_at);
    }

    function _reference(RLPReader.RLPItem memory _item) private pure returns (bytes memory) {
        return _item.length < 32 ? _item.readRawBytes() : _item.readBytes();
    }

    function _toNibbles(bytes memory _in) private pure returns (bytes memory out_) {
        out_ = new bytes(_in.length * 2);
        for (uint256 i = 0; i < _in.length; i++) {
            out_[2 * i] = _in[i] >> 4;
            out_[2 * i + 1] = _in[i] & 0x0f;
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Levels of a tree.
uint256 constant TREE_DEPTH = 16;

/// @title LeafTree
/// @notice A Merkle tree of fixed depth that leaves are appended to. Of what is there, only one node per level is kept: the
///         last left one that still waits for its right neighbour. Absent leaves are zero.
/// @dev    The rightmost leaf stays absent, or the root of a full tree would need a level more.
library LeafTree {
    uint256 internal constant MAX_LEAF_COUNT = 2 ** TREE_DEPTH - 1;

    /// @notice Appends a leaf. `_count` includes it.
    function append(bytes32[TREE_DEPTH] memory _branch, uint256 _count, bytes32 _leaf) internal pure {
        for (uint256 height; height < TREE_DEPTH; height++) {
            if (_count & 1 == 1) {
                _branch[height] = _leaf;
                return;
            }
            _leaf = hashPair(_branch[height], _leaf);
            _count >>= 1;
        }
    }

    /// @notice The root of a tree with so many leaves.
    function root(bytes32[TREE_DEPTH] storage _branch, uint256 _count) internal view returns (bytes32 root_) {
        bytes32 zero;
        for (uint256 height; height < TREE_DEPTH; height++) {
            root_ = _count & 1 == 1 ? hashPair(_branch[height], root_) : hashPair(root_, zero);
            zero = hashPair(zero, zero);
            _count >>= 1;
        }
    }

    /// @notice The root that follows from a leaf and its siblings, the lowest one first.
    function rootOf(bytes32[] calldata _siblings, uint256 _index, bytes32 _leaf) internal pure returns (bytes32) {
        for (uint256 height; height < TREE_DEPTH; height++) {
            bytes32 sibling = _siblings[height];
            _leaf = (_index >> height) & 1 == 1 ? hashPair(sibling, _leaf) : hashPair(_leaf, sibling);
        }
        return _leaf;
    }

    /// @notice The root of a tree of this height without leaves.
    function zeroHash(uint256 _height) internal pure returns (bytes32 zero_) {
        for (uint256 height; height < _height; height++) {
            zero_ = hashPair(zero_, zero_);
        }
    }

    /// @notice A node from its two children.
    function hashPair(bytes32 _left, bytes32 _right) internal pure returns (bytes32 node_) {
        assembly ("memory-safe") {
            mstore(0x00, _left)
            mstore(0x20, _right)
            node_ := keccak256(0x00, 0x40)
        }
    }
}

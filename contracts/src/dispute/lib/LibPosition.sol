// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

using LibPosition for Position global;

/// @notice A node of the game's binary tree as generalised index: the root is 1, the children of n are 2n and 2n + 1.
type Position is uint128;

/// @title LibPosition
/// @notice Arithmetic on tree positions. A position commits to the trace up to its rightmost leaf.
library LibPosition {
    /// @notice Bits a position can use.
    uint8 internal constant MAX_POSITION_BITLEN = 126;

    /// @notice The position is not below the bound.
    error ClaimAboveSplit();

    /// @notice The position with an index at a depth.
    function wrap(uint8 _depth, uint128 _indexAtDepth) internal pure returns (Position) {
        return Position.wrap((uint128(1) << _depth) + _indexAtDepth);
    }

    /// @notice Depth: the number of the highest bit that is set.
    function depth(Position _position) internal pure returns (uint8 depth_) {
        uint256 rest = Position.unwrap(_position);
        unchecked {
            for (uint256 width = 64; width != 0; width >>= 1) {
                if (rest >> width != 0) {
                    rest >>= width;
                    depth_ += uint8(width);
                }
            }
        }
    }

    /// @notice Index among the nodes of the same depth.
    function indexAtDepth(Position _position) internal pure returns (uint128) {
        return Position.unwrap(_position) - (uint128(1) << depth(_position));
    }

    /// @notice Left child.
    function left(Position _position) internal pure returns (Position) {
        return Position.wrap(Position.unwrap(_position) << 1);
    }

    /// @notice Right child.
    function right(Position _position) internal pure returns (Position) {
        return Position.wrap((Position.unwrap(_position) << 1) | 1);
    }

    /// @notice Parent.
    function parent(Position _position) internal pure returns (Position) {
        return Position.wrap(Position.unwrap(_position) >> 1);
    }

    /// @notice Rightmost descendant at `_maxDepth`.
    function rightIndex(Position _position, uint256 _maxDepth) internal pure returns (Position) {
        uint256 remaining = _maxDepth - depth(_position);
        return Position.wrap(uint128((uint256(Position.unwrap(_position)) << remaining) | ((1 << remaining) - 1)));
    }

    /// @notice Index of the rightmost leaf at `_maxDepth`: the last trace element that the position commits to.
    function traceIndex(Position _position, uint256 _maxDepth) internal pure returns (uint256) {
        return Position.unwrap(rightIndex(_position, _maxDepth)) - (uint256(1) << _maxDepth);
    }

    /// @notice Highest position that commits to the same trace index: the chain of right-child steps undone.
    function traceAncestor(Position _position) internal pure returns (Position) {
        uint128 rest = Position.unwrap(_position);
        while (rest & 1 == 1 && rest > 1) {
            rest >>= 1;
        }
        return Position.wrap(rest);
    }

    /// @notice `traceAncestor`, but not above depth `_upperBoundExclusive` + 1.
    function traceAncestorBounded(
        Position _position,
        uint256 _upperBoundExclusive
    )
        internal
        pure
        returns (Position ancestor_)
    {
        if (depth(_position) <= _upperBoundExclusive) revert ClaimAboveSplit();
        ancestor_ = traceAncestor(_position);
        if (depth(ancestor_) <= _upperBoundExclusive) ancestor_ = rightIndex(ancestor_, _upperBoundExclusive + 1);
    }

    /// @notice Position of a counter: an attack goes left, a defense to the left child of the right neighbour.
    function move(Position _position, bool _isAttack) internal pure returns (Position) {
        return Position.wrap((_isAttack ? Position.unwrap(_position) : Position.unwrap(_position) | 1) << 1);
    }

    /// @notice The generalised index.
    function raw(Position _position) internal pure returns (uint128) {
        return Position.unwrap(_position);
    }
}

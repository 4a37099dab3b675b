// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { FixedPoint } from "../../libraries/FixedPoint.sol";

/// @title LibBond
/// @notice Price of a claim: it grows by a constant factor per level, from the cost of 400,000 gas at the root to that
///         of 300,000,000 gas at the deepest level, at 200 gwei per gas, so that a claim's bond pays for countering it.
library LibBond {
    uint256 internal constant BASE_FEE = 200 gwei;
    uint256 internal constant GAS_AT_ROOT = 400_000;
    /// @dev ln(300,000,000 / 400,000) with 36 decimals.
    uint256 internal constant LN_RATIO = 6620073206530356124614755358059265191;

    /// @notice Bond in wei of a claim at `_depth` in a game of `_maxDepth`: 400,000 * 750^(depth / maxDepth) gas.
    function required(uint256 _depth, uint256 _maxDepth) internal pure returns (uint256) {
        uint256 factor = FixedPoint.exp(LN_RATIO * _depth / _maxDepth);
        return GAS_AT_ROOT * factor / FixedPoint.SCALE * BASE_FEE;
    }
}

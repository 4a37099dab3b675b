// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title FixedPoint
/// @notice Powers of fixed-point numbers.
library FixedPoint {
    /// @dev Scale of `exp`: 36 decimals.
    uint256 internal constant SCALE = 1e36;

    /// @notice `_base` to the power of `_exponent`, where the base has 18 decimals and is at most 1.
    /// @dev    Square and multiply; each product is rounded down.
    function powWad(uint256 _base, uint256 _exponent) internal pure returns (uint256 result_) {
        result_ = 1e18;
        while (_exponent != 0) {
            if (_exponent & 1 == 1) result_ = (result_ * _base) / 1e18;
            _base = (_base * _base) / 1e18;
            _exponent >>= 1;
        }
    }

    /// @notice e to the power of `_x`, both with 36 decimals; `_x` is at most 7.
    /// @dev    exp(x) = exp(x / 32)^32: the series converges fast for the small argument, and no square before the last
    ///         exceeds sqrt(e^7) with 36 decimals, so that nothing overflows.
    function exp(uint256 _x) internal pure returns (uint256 result_) {
        uint256 small = _x / 32;
        uint256 term = SCALE;
        result_ = SCALE;
        for (uint256 n = 1; term != 0; n++) {
            term = (term * small) / SCALE / n;
            result_ += term;
        }
        for (uint256 i = 0; i < 5; i++) {
            result_ = (result_ * result_) / SCALE;
        }
    }
}

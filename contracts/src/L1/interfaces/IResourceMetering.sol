// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IResourceMetering
/// @notice Parameters of the market for L2 gas bought by deposits.
interface IResourceMetering {
    /// @notice Configuration of the market.
    /// @param maxResourceLimit            Gas that all deposits of one L1 block may buy.
    /// @param elasticityMultiplier        Limit divided by target.
    /// @param baseFeeMaxChangeDenominator Largest relative change of the base fee per block, as its inverse.
    /// @param minimumBaseFee              Lower bound, in wei.
    /// @param systemTxMaxGas              Gas kept for the L1 attributes transaction on L2.
    /// @param maximumBaseFee              Upper bound, in wei.
    struct ResourceConfig {
        uint32 maxResourceLimit;
        uint8 elasticityMultiplier;
        uint8 baseFeeMaxChangeDenominator;
        uint32 minimumBaseFee;
        uint32 systemTxMaxGas;
        uint128 maximumBaseFee;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ISemver
/// @notice Contracts that say which version of their interface they speak.
interface ISemver {
    /// @notice Semantic version.
    function version() external view returns (string memory);
}

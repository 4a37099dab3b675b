// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IPreimageOracle
/// @notice Preimages for the VM's reads, 32 bytes at a time.
interface IPreimageOracle {
    /// @notice Part of a preimage at an offset into its length prefix and data, and how many bytes of it count.
    function readPreimage(bytes32 _key, uint256 _offset) external view returns (bytes32 dat_, uint256 datLen_);

    /// @notice Stores part of a datum of the caller's game.
    function loadLocalData(
        uint256 _ident,
        bytes32 _localContext,
        bytes32 _word,
        uint256 _size,
        uint256 _partOffset
    )
        external
        returns (bytes32 key_);

    /// @notice Seconds that a proposal of a large preimage can be challenged.
    function challengePeriod() external view returns (uint256 challengePeriod_);
}

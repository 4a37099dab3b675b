// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IZKVerifier
/// @notice Checks validity proofs of one proof system.
interface IZKVerifier {
    /// @notice Reverts unless the proof shows that the program ended well with these public values.
    /// @param _programId    The program, as the proof system identifies it.
    /// @param _publicValues What the program committed to: `abi.encode(bytes32 l1Head, bytes32 agreedRoot, bytes32 root,
    ///                      uint256 l2BlockNumber, bytes32 configHash)`.
    /// @param _proof        The proof.
    function verify(bytes32 _programId, bytes calldata _publicValues, bytes calldata _proof) external view;
}

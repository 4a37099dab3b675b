// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The proposal is still being written, or can still be challenged.
error ActiveProposal();
/// @notice The proposal is complete.
error AlreadyFinalized();
/// @notice The proposal exists.
error AlreadyInitialized();
/// @notice The proposal was shown to be wrong.
error BadProposal();
/// @notice The recipient refused the bond.
error BondTransferFailed();
/// @notice The value sent is less than the smallest bond.
error InsufficientBond();
/// @notice The number of bytes or of commitments does not fit.
error InvalidInputSize();
/// @notice The lanes are not those that the leaf commits to.
error InvalidPreimage();
/// @notice The proof does not verify.
error InvalidProof();
/// @notice Input has to be in the transaction itself, so that everybody finds it.
error NotEOA();
/// @notice The precompile might run out of gas where it has enough on its own.
error NotEnoughGas();
/// @notice There is no such proposal.
error NotInitialized();
/// @notice The offset is past the end of the preimage, or of the input that has to contain all of the part.
error PartOffsetOOB();
/// @notice The leaf commits to the right state.
error PostStateMatches();
/// @notice The hash function of the versioned hash failed.
error ShaFailed();
/// @notice The two leaves are no neighbours, or not the ones that are needed.
error StatesNotContiguous();
/// @notice The tree has no room for so many leaves.
error TreeSizeOverflow();
/// @notice Nobody has kept such a piece of input.
error UnknownPiece();
/// @notice The input does not follow on what is there.
error WrongStartingBlock();

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Claim } from "./LibUDT.sol";

/// @notice The game was started before.
error AlreadyInitialized();
/// @notice The registry has no anchor to start from.
error AnchorRootNotFound();
/// @notice The extra data is not exactly a block number.
error BadExtraData();
/// @notice The header has the claimed number.
error BlockNumberMatches();
/// @notice The recipient refused the payout.
error BondTransferFailed();
/// @notice The root of a trace commits to all of it and can only be attacked.
error CannotDefendRootClaim();
/// @notice The claim is no part of an execution trace.
error ClaimAboveSplit();
/// @notice The same answer was given before.
error ClaimAlreadyExists();
/// @notice The claim is settled.
error ClaimAlreadyResolved();
/// @notice After a proof, some claims' bonds have not been settled yet.
error ClaimsNotSettled();
/// @notice The claim can still be answered.
error ClockNotExpired();
/// @notice The time to answer is over.
error ClockTimeExceeded();
/// @notice The claim was countered by a step before.
error DuplicateStep();
/// @notice Below the deepest level there are only steps.
error GameDepthExceeded();
/// @notice The air gap has not passed.
error GameNotFinalized();
/// @notice The game is over.
error GameNotInProgress();
/// @notice The game is not over.
error GameNotResolved();
/// @notice The chain is paused.
error GamePaused();
/// @notice The value sent is not the bond.
error IncorrectBondAmount();
/// @notice The clock is too short for its extensions.
error InvalidClockExtension();
/// @notice The claim at this index is not the one that was meant.
error InvalidDisputedClaimIndex();
/// @notice The header is not the one that the output root commits to.
error InvalidHeaderRLP();
/// @notice The program has no such input.
error InvalidLocalIdent();
/// @notice The elements do not hash to the root claim.
error InvalidOutputRootProof();
/// @notice Steps are made on claims at the deepest level.
error InvalidParent();
/// @notice The state data does not hash to the claim about the state before the step.
error InvalidPrestate();
/// @notice There is no room for one of the two traces.
error InvalidSplitDepth();
/// @notice The claimed block number was shown to be wrong.
error L2BlockNumberChallenged();
/// @notice Positions at this depth do not fit their type.
error MaxDepthTooLarge();
/// @notice The proven root is the claimed one.
error NoConflict();
/// @notice There is nothing to pay out.
error NoCreditToClaim();
/// @notice An answer is not settled yet.
error OutOfOrderResolution();
/// @notice No verifier of validity proofs is set.
error ProofsDisabled();
/// @notice The largest type is reserved.
error ReservedGameType();
/// @notice The claim is about a block that is settled, or has a VM status that does not fit its side.
error UnexpectedRootClaim(Claim rootClaim);
/// @notice The VM agrees with the claim.
error ValidStep();

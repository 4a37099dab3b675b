"""Games that a validity proof ends: who wins, what the proof is bound to, and where the bonds go."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.harness import ANCHOR_ROOT, TEST_DELAYS, Chain, Reverted, account, mock_proof
from tests.contracts.test_dispute_game import (
    CHALLENGER_WINS,
    DEFENDER_WINS,
    HONEST,
    LAST_BLOCK,
    LIAR,
    MAX_CLOCK,
    Dispute,
    right_root,
    start,
)
from tests.contracts.test_dispute_game_end import header

PROVER = account("prover")
PROGRAM, CONFIGURATION = keccak(text="program"), keccak(text="configuration")
LIE = keccak(text="lie")
ROOT_BOND = 8 * 10**16


def proof(
    dispute: Dispute,
    root: bytes,
    *,
    l1_head: bytes | None = None,
    anchor: bytes = ANCHOR_ROOT,
    block: int = LAST_BLOCK,
    configuration: bytes = CONFIGURATION,
    program: bytes = PROGRAM,
) -> bytes:
    """A proof that `root` is the output root of `block`; of this game unless something else is said."""
    head = dispute.game.call("l1Head") if l1_head is None else l1_head
    values = encode(["bytes32", "bytes32", "bytes32", "uint256", "bytes32"], [head, anchor, root, block, configuration])
    return mock_proof(program, values)


def settle_all(dispute: Dispute) -> None:
    for index in range(dispute.game.call("claimDataLen")):
        dispute.game.send("resolveClaim", index, 0)


def test_a_proof_of_the_root_claim_ends_the_game_for_the_defender_at_once() -> None:
    dispute = start(proposer=HONEST, with_proofs=True)
    dispute.move(0, LIE, True, LIAR)
    result = dispute.game.send("proveClaim", proof(dispute, right_root(LAST_BLOCK)), sender=PROVER)
    assert dispute.game.call("status") == DEFENDER_WINS
    assert dispute.game.call("createdAt") < dispute.game.call("resolvedAt") < dispute.chain.timestamp
    assert [event["status"] for event in dispute.game.events(result, "Resolved")] == [DEFENDER_WINS]
    with pytest.raises(Reverted, match="GameNotInProgress"):
        dispute.move(1, LIE, True, HONEST)
    with pytest.raises(Reverted, match="GameNotInProgress"):
        dispute.game.send("proveConflict", LIE, proof(dispute, LIE))


def test_a_proof_of_another_root_ends_the_game_for_the_challenger() -> None:
    dispute = start(LIE, with_proofs=True)
    dispute.game.send("proveConflict", right_root(LAST_BLOCK), proof(dispute, right_root(LAST_BLOCK)), sender=PROVER)
    assert dispute.game.call("status") == CHALLENGER_WINS
    settle_all(dispute)
    assert dispute.game.call("normalModeCredit", PROVER) == ROOT_BOND
    dispute.chain.mine(TEST_DELAYS.game_finality)
    assert dispute.l1.registry.call("isGameClaimValid", dispute.game.address) is False


def test_a_proof_of_the_claimed_root_is_no_conflict() -> None:
    dispute = start(proposer=HONEST, with_proofs=True)
    right = right_root(LAST_BLOCK)
    with pytest.raises(Reverted, match="NoConflict"):
        dispute.game.send("proveConflict", right, proof(dispute, right))


@pytest.mark.parametrize(
    "other",
    [
        {"l1_head": keccak(text="another head")},
        {"anchor": keccak(text="another anchor")},
        {"block": LAST_BLOCK - 1},
        {"configuration": keccak(text="another chain")},
        {"program": keccak(text="another program")},
    ],
    ids=["L1 head", "agreed root", "block number", "configuration", "program"],
)
def test_a_proof_about_something_else_is_refused(other: dict[str, bytes | int]) -> None:
    dispute = start(proposer=HONEST, with_proofs=True)
    right = right_root(LAST_BLOCK)
    with pytest.raises(Reverted, match="InvalidProof"):
        dispute.game.send("proveClaim", proof(dispute, right, **other))  # type: ignore[arg-type]
    with pytest.raises(Reverted, match="InvalidProof"):
        dispute.game.send("proveConflict", LIE, proof(dispute, LIE, **other))  # type: ignore[arg-type]
    assert dispute.game.call("status") == 0


def test_a_tampered_proof_is_refused() -> None:
    dispute = start(proposer=HONEST, with_proofs=True)
    good = proof(dispute, right_root(LAST_BLOCK))
    for bad in (b"", good[:-1], good + b"\x00", bytes([good[0] ^ 1]) + good[1:]):
        with pytest.raises(Reverted, match="InvalidProof"):
            dispute.game.send("proveClaim", bad)


def test_the_root_of_an_earlier_block_cannot_be_proven_for_a_later_one() -> None:
    """The program commits to the block number that it really derived."""
    earlier = right_root(LAST_BLOCK - 5)
    dispute = start(earlier, with_proofs=True)
    with pytest.raises(Reverted, match="InvalidProof"):
        dispute.game.send("proveClaim", proof(dispute, earlier, block=LAST_BLOCK - 5))
    dispute.game.send("proveConflict", right_root(LAST_BLOCK), proof(dispute, right_root(LAST_BLOCK)))
    assert dispute.game.call("status") == CHALLENGER_WINS


def test_without_a_verifier_nothing_can_be_proven() -> None:
    dispute = start(proposer=HONEST)
    assert dispute.game.call("zkVerifier") == "0x" + "00" * 20
    with pytest.raises(Reverted, match="ProofsDisabled"):
        dispute.game.send("proveClaim", proof(dispute, right_root(LAST_BLOCK)))
    with pytest.raises(Reverted, match="ProofsDisabled"):
        dispute.game.send("proveConflict", LIE, proof(dispute, LIE))


def test_a_proof_takes_the_bonds_of_what_it_refutes_and_gives_back_all_others() -> None:
    dispute = start(proposer=HONEST, with_proofs=True)
    dispute.move(0, LIE, True, LIAR)
    dispute.move(0, keccak(text="another lie"), True, LIAR)
    dispute.move(1, right_root(4), True, HONEST)
    dispute.move(3, LIE, True, LIAR)
    bonds = [dispute.claim(index)[3] for index in range(5)]
    dispute.game.send("proveClaim", proof(dispute, right_root(LAST_BLOCK)), sender=PROVER)
    settle_all(dispute)
    assert dispute.game.call("normalModeCredit", PROVER) == bonds[1] + bonds[2]
    assert dispute.game.call("normalModeCredit", HONEST) == bonds[0] + bonds[3]
    assert dispute.game.call("normalModeCredit", LIAR) == bonds[4]
    with pytest.raises(Reverted, match="ClaimAlreadyResolved"):
        dispute.game.send("resolveClaim", 2, 0)


def test_claims_that_were_settled_before_the_proof_stay_settled() -> None:
    dispute = start(proposer=HONEST, with_proofs=True)
    dispute.move(0, LIE, True, LIAR)
    dispute.chain.mine(MAX_CLOCK)
    dispute.game.send("resolveClaim", 1, 0)
    assert dispute.game.call("normalModeCredit", LIAR) == dispute.claim(1)[3]
    dispute.game.send("proveClaim", proof(dispute, right_root(LAST_BLOCK)), sender=PROVER)
    with pytest.raises(Reverted, match="ClaimAlreadyResolved"):
        dispute.game.send("resolveClaim", 1, 0)
    dispute.game.send("resolveClaim", 0, 0)
    assert dispute.game.call("status") == DEFENDER_WINS
    assert dispute.game.call("normalModeCredit", HONEST) == ROOT_BOND


def test_nobody_is_paid_before_all_claims_are_settled() -> None:
    """Credit is paid once: an early call would fix it at a part."""
    dispute = start(proposer=HONEST, with_proofs=True)
    dispute.move(0, LIE, True, LIAR)
    dispute.game.send("proveClaim", proof(dispute, right_root(LAST_BLOCK)), sender=PROVER)
    dispute.chain.mine(TEST_DELAYS.game_finality + 1)
    with pytest.raises(Reverted, match="ClaimsNotSettled"):
        dispute.game.send("claimCredit", HONEST)
    settle_all(dispute)
    total = 0
    for who in (HONEST, PROVER):
        dispute.game.send("claimCredit", who)
    dispute.chain.mine(TEST_DELAYS.bond_withdrawal)
    for who in (HONEST, PROVER):
        before = dispute.chain.balance(who)
        dispute.game.send("claimCredit", who)
        total += dispute.chain.balance(who) - before
    assert total == ROOT_BOND + dispute.claim(1)[3]
    assert dispute.l1.weth.call("balanceOf", dispute.game.address) == 0


def test_a_root_claim_shown_to_be_about_another_block_cannot_be_proven() -> None:
    block = header(LAST_BLOCK - 1)
    output = (bytes(32), keccak(text="state"), keccak(text="storage"), keccak(block))
    claimed = keccak(b"".join(output))
    dispute = start(claimed, with_proofs=True)
    dispute.game.send("challengeRootL2Block", output, block, sender=HONEST)
    with pytest.raises(Reverted, match="L2BlockNumberChallenged"):
        dispute.game.send("proveClaim", proof(dispute, claimed))


def test_the_mock_verifier_cannot_be_deployed_on_a_public_chain() -> None:
    for chain_id in (1, 10, 11155111):
        with pytest.raises(Reverted, match="NotALocalChain"):
            Chain(chain_id).deploy("MockZKVerifier")
    for chain_id in (900, 1337, 31337):
        Chain(chain_id).deploy("MockZKVerifier")

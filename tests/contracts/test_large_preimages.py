"""Large preimages: proposing them in parts, challenging wrong ones, and what becomes of the bond."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from config.types import Address, Hash32
from faultproof.preimage import keccak256_key
from faultproof.preimage.keccak_states import BLOCK_SIZE, EMPTY_STATE, absorb, padded_blocks
from faultproof.preimage.leaf_tree import Leaf, LeafTree
from faultproof.preimage.oracle_call import OracleCall
from faultproof.preimage.streaming import MIN_BOND, StreamedPreimage, challenge, first_wrong_leaf
from tests.contracts.harness import Chain, Contract, Reverted, account, hex_address
from tests.contracts.test_preimage_oracle import CHALLENGE_PERIOD, MIN_SIZE, deploy_oracle, send, served

OWNER, CHALLENGER = Address(account("owner of a proposal")), Address(account("challenger of a proposal"))
PREIMAGE = bytes(range(256)) * 4
FIVE_BLOCKS = PREIMAGE[: 4 * BLOCK_SIZE + 36]


@pytest.fixture
def oracle() -> Contract:
    return deploy_oracle()


def propose(oracle: Contract, streamed: StreamedPreimage) -> None:
    for call in streamed.calls():
        send(oracle, call, OWNER)


def lie_about(streamed: StreamedPreimage, wrong: int) -> tuple[Leaf, ...]:
    """The leaves, one with a commitment that is wrong."""
    leaves = list(streamed.leaves)
    leaves[wrong] = replace(leaves[wrong], state_commitment=Hash32(b"\xee" * 32))
    return tuple(leaves)


def propose_leaves(oracle: Contract, streamed: StreamedPreimage, leaves: tuple[Leaf, ...]) -> None:
    """All blocks in one transaction, with the commitments of these leaves."""
    oracle.send("initLPP", streamed.uuid, streamed.offset, len(streamed.preimage), sender=OWNER, value=MIN_BOND)
    commitments = [leaf.state_commitment for leaf in leaves]
    oracle.send("addLeavesLPP", streamed.uuid, 0, streamed.preimage, commitments, True, sender=OWNER)


def metadata(oracle: Contract, uuid: int) -> tuple[int, int, int, int, int, int]:
    """Time of completion, part offset, claimed size, blocks and bytes processed, countered."""
    word = int.from_bytes(oracle.call("proposalMetadata", OWNER, uuid), "big")
    fields = [(192, 64), (160, 32), (128, 32), (96, 32), (64, 32), (0, 64)]
    first, *rest = (word >> shift & (1 << bits) - 1 for shift, bits in fields)
    return first, *rest  # type: ignore[return-value]


def root_of(leaves: tuple[Leaf, ...]) -> Hash32:
    return LeafTree([leaf.hash for leaf in leaves]).root


# --- The way of an honest proposal ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [MIN_SIZE, 3 * BLOCK_SIZE - 1, 3 * BLOCK_SIZE, 3 * BLOCK_SIZE + 1, 1000])
@pytest.mark.parametrize("from_end", [None, 1, 33])
def test_a_preimage_in_parts_is_served_after_the_challenge_period(
    oracle: Contract, size: int, from_end: int | None
) -> None:
    offset = 0 if from_end is None else size + 8 - from_end
    streamed = StreamedPreimage(PREIMAGE[:size], offset, blocks_per_transaction=2)
    propose(oracle, streamed)
    complete = oracle.chain.timestamp - 12
    assert oracle.call("getTreeRootLPP", OWNER, streamed.uuid) == root_of(streamed.leaves)
    assert metadata(oracle, streamed.uuid) == (complete, offset, size, size // BLOCK_SIZE + 1, size, 0)
    oracle.chain.mine(CHALLENGE_PERIOD)
    before = oracle.chain.balance(OWNER)
    send(oracle, streamed.squeeze(OWNER), CHALLENGER)
    assert served(oracle, keccak256_key(keccak(PREIMAGE[:size])), PREIMAGE[:size], offset)
    assert oracle.chain.balance(OWNER) - before == MIN_BOND
    assert oracle.chain.balance(oracle.address) == 0


@pytest.mark.parametrize("offset", [0, 1, 7, 8, 100, 112, 143, 144, 250, 272, 279, 280, 281, 400, 583, 587])
def test_every_part_is_kept_wherever_transactions_are_cut(oracle: Contract, offset: int) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, offset, blocks_per_transaction=2)
    propose(oracle, streamed)
    prefixed = len(FIVE_BLOCKS).to_bytes(8, "big") + FIVE_BLOCKS
    assert oracle.call("proposalParts", OWNER, streamed.uuid) == prefixed[offset : offset + 32].ljust(32, b"\0")


def test_everybody_finds_what_was_proposed(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8, blocks_per_transaction=2)
    calls = list(streamed.calls())
    blocks = []
    for call in calls:
        number = oracle.chain.number
        result = send(oracle, call, OWNER)
        if call.function == "addLeavesLPP":
            blocks.append(number)
            (log,) = result.logs
            assert log.topics == ()
            assert log.data == OWNER + oracle.artifact.encode_call(call.function, *call.arguments)
    assert oracle.call("proposalCount") == 1
    assert oracle.call("proposals", 0) == (hex_address(OWNER), streamed.uuid)
    assert oracle.call("proposalBlocksLen", OWNER, streamed.uuid) == len(blocks) == 3
    assert [oracle.call("proposalBlocks", OWNER, streamed.uuid, index) for index in range(3)] == blocks
    assert oracle.call("proposalBonds", OWNER, streamed.uuid) == MIN_BOND
    # Five leaves: the last one waits at the bottom, the four before it two levels up.
    hashes = [leaf.hash for leaf in streamed.leaves]
    assert oracle.call("proposalBranches", OWNER, streamed.uuid, 0) == hashes[4]
    pairs = [keccak(hashes[0] + hashes[1]), keccak(hashes[2] + hashes[3])]
    assert oracle.call("proposalBranches", OWNER, streamed.uuid, 2) == keccak(pairs[0] + pairs[1])


def test_a_proposal_that_was_interrupted_is_taken_up_where_it_stopped(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8, blocks_per_transaction=2)
    for call in list(streamed.calls())[:2]:
        send(oracle, call, OWNER)
    again = StreamedPreimage(FIVE_BLOCKS, 8, blocks_per_transaction=2)
    for call in again.calls_after(metadata(oracle, again.uuid)[3]):
        send(oracle, call, OWNER)
    assert oracle.call("getTreeRootLPP", OWNER, streamed.uuid) == root_of(streamed.leaves)


def test_two_parts_of_one_preimage_are_two_proposals(oracle: Contract) -> None:
    first, second = (StreamedPreimage(FIVE_BLOCKS, offset) for offset in (8, 40))
    propose(oracle, first)
    propose(oracle, second)
    oracle.chain.mine(CHALLENGE_PERIOD)
    key = keccak256_key(keccak(FIVE_BLOCKS))
    for streamed in (first, second):
        send(oracle, streamed.squeeze(OWNER))
        assert served(oracle, key, FIVE_BLOCKS, streamed.offset)


# --- What is refused --------------------------------------------------------------------------------------------------


def test_a_proposal_needs_a_bond_a_size_and_an_offset_within(oracle: Contract) -> None:
    for error, arguments, bond in [
        ("InsufficientBond", (1, 8, 500), MIN_BOND - 1),
        ("PartOffsetOOB", (1, 508, 500), MIN_BOND),
        ("InvalidInputSize", (1, 8, MIN_SIZE - 1), MIN_BOND),
    ]:
        with pytest.raises(Reverted, match=error):
            oracle.send("initLPP", *arguments, value=bond)
    oracle.send("initLPP", 1, 507, 500, value=MIN_BOND)
    with pytest.raises(Reverted, match="AlreadyInitialized"):
        oracle.send("initLPP", 1, 8, 600, value=MIN_BOND)


def test_contracts_propose_nothing_since_their_input_would_be_hidden() -> None:
    oracle = deploy_oracle()
    through = oracle.chain.deploy("Multicall3")
    calls = [
        (oracle.hex, True, MIN_BOND, oracle.artifact.encode_call("initLPP", 1, 8, 500)),
        (oracle.hex, True, 0, oracle.artifact.encode_call("addLeavesLPP", 1, 0, b"", [], False)),
    ]
    output = through.call("aggregate3Value", calls, value=MIN_BOND)
    assert [(bool(success), data) for success, data in output] == [
        (False, oracle.artifact.error_selector("NotEOA"))
    ] * 2


def test_leaves_follow_each_other_and_fit_their_number(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8)
    commitments = [leaf.state_commitment for leaf in streamed.leaves]

    def add(start: int, data: bytes, count: int, last: bool) -> None:
        oracle.send("addLeavesLPP", 7, start, data, commitments[start : start + count], last, sender=OWNER)

    def refused(error: str, *arguments: Any) -> None:
        with pytest.raises(Reverted, match=error):
            add(*arguments)

    two, rest = FIVE_BLOCKS[: 2 * BLOCK_SIZE], FIVE_BLOCKS[2 * BLOCK_SIZE :]
    refused("NotInitialized", 0, two, 2, False)
    oracle.send("initLPP", 7, 8, len(FIVE_BLOCKS), sender=OWNER, value=MIN_BOND)
    refused("WrongStartingBlock", 1, two, 2, False)
    refused("InvalidInputSize", 0, two, 3, False)
    refused("InvalidInputSize", 0, two + b"\0", 2, False)
    # The part would only be half in this transaction's input, or the input would end with it.
    refused("PartOffsetOOB", 0, FIVE_BLOCKS[:31], 0, False)
    add(0, two, 2, False)
    refused("WrongStartingBlock", 0, two, 2, False)
    # Padding makes a third block of the rest; the size has to be what was claimed.
    refused("InvalidInputSize", 2, rest, 2, True)
    refused("InvalidInputSize", 2, rest[:-1], 3, True)
    add(2, rest, 3, True)
    refused("AlreadyFinalized", 5, b"", 0, False)


def test_a_tree_has_no_room_for_its_last_leaf(oracle: Contract) -> None:
    chain = oracle.chain
    oracle.send("initLPP", 7, 0, 2**32 - 9, sender=OWNER, value=MIN_BOND)
    # As if all but two leaves had been added.
    before = int.from_bytes(oracle.call("proposalMetadata", OWNER, 7), "big")
    slot = oracle.artifact.storage_variable("proposalMetadata").slot
    inner = keccak(OWNER.rjust(32, b"\0") + slot.to_bytes(32, "big"))
    place = int.from_bytes(keccak((7).to_bytes(32, "big") + inner), "big")
    chain.set_storage(oracle.address, place, before | 65_533 << 96)
    assert metadata(oracle, 7)[3] == 65_533
    with pytest.raises(Reverted, match="TreeSizeOverflow"):
        oracle.send("addLeavesLPP", 7, 65_533, bytes(3 * BLOCK_SIZE), [bytes(32)] * 3, False, sender=OWNER)
    oracle.send("addLeavesLPP", 7, 65_533, bytes(2 * BLOCK_SIZE), [bytes(32)] * 2, False, sender=OWNER)
    assert metadata(oracle, 7)[3] == oracle.call("MAX_LEAF_COUNT") == 65_535


def test_an_oracle_for_preimages_of_one_block_cannot_be() -> None:
    with pytest.raises(Reverted):
        Chain().deploy("PreimageOracle", BLOCK_SIZE - 1, 0)
    with pytest.raises(Reverted, match="challenge period too large"):
        Chain().deploy("PreimageOracle", BLOCK_SIZE, 2**64)


# --- Challenges -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", range(5))
def test_who_finds_a_wrong_state_takes_the_bond(oracle: Contract, wrong: int) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8)
    leaves = lie_about(streamed, wrong)
    propose_leaves(oracle, streamed, leaves)
    assert first_wrong_leaf(streamed.leaves) is None
    assert first_wrong_leaf(leaves) == wrong
    oracle.chain.set_balance(CHALLENGER, 10**30)
    call = challenge(OWNER, streamed.uuid, leaves, wrong)
    assert call.function == ("challengeLPP" if wrong else "challengeFirstLPP")
    send(oracle, call, CHALLENGER)
    assert oracle.chain.balance(CHALLENGER) == 10**30 + MIN_BOND
    assert metadata(oracle, streamed.uuid)[5] == 1
    oracle.chain.mine(CHALLENGE_PERIOD)
    with pytest.raises(Reverted, match="BadProposal"):
        send(oracle, streamed.squeeze(OWNER))


def test_a_bond_is_paid_once(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8)
    leaves = lie_about(streamed, 2)
    propose_leaves(oracle, streamed, leaves)
    # Somebody else's bond, which must stay.
    propose(oracle, StreamedPreimage(FIVE_BLOCKS, 40))
    for _ in range(2):
        send(oracle, challenge(OWNER, streamed.uuid, leaves, 2), CHALLENGER)
    assert oracle.chain.balance(oracle.address) == MIN_BOND


def test_a_part_that_was_proposed_can_be_challenged_before_the_rest_follows(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8)
    leaves = lie_about(streamed, 1)[:2]
    oracle.send("initLPP", streamed.uuid, 8, len(FIVE_BLOCKS), sender=OWNER, value=MIN_BOND)
    commitments = [leaf.state_commitment for leaf in leaves]
    oracle.send("addLeavesLPP", streamed.uuid, 0, FIVE_BLOCKS[:272], commitments, False, sender=OWNER)
    send(oracle, challenge(OWNER, streamed.uuid, leaves, 1), CHALLENGER)
    assert metadata(oracle, streamed.uuid)[5] == 1


def changed(call: OracleCall, place: int, value: object) -> OracleCall:
    arguments = list(call.arguments)
    arguments[place] = value
    return replace(call, arguments=tuple(arguments))


def test_a_right_state_cannot_be_challenged(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8)
    propose(oracle, streamed)
    for index in range(5):
        with pytest.raises(Reverted, match="PostStateMatches"):
            send(oracle, challenge(OWNER, streamed.uuid, streamed.leaves, index), CHALLENGER)


def test_a_challenge_is_about_two_neighbouring_leaves_of_the_proposal(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8)
    leaves = lie_about(streamed, 3)
    propose_leaves(oracle, streamed, leaves)
    right = challenge(OWNER, streamed.uuid, leaves, 3)
    tree = LeafTree([leaf.hash for leaf in leaves])

    def argument(leaf: Leaf) -> tuple[object, ...]:
        return leaf.input, leaf.index, leaf.state_commitment

    def refused(error: str, call: OracleCall) -> None:
        with pytest.raises(Reverted, match=error):
            send(oracle, call, CHALLENGER)

    other = replace(leaves[3], state_commitment=Hash32(b"\xdd" * 32))
    refused("InvalidProof", changed(right, 5, argument(other)))
    refused("InvalidProof", changed(right, 3, argument(leaves[1])))
    refused("InvalidProof", changed(right, 3, argument(replace(leaves[2], input=leaves[2].input[:-1]))))
    refused("InvalidProof", changed(right, 6, tree.proof(2)))
    refused("InvalidProof", changed(right, 6, tree.proof(3)[:-1]))
    refused("InvalidProof", changed(right, 4, (*tree.proof(2), bytes(32))))
    refused("InvalidProof", changed(right, 1, streamed.uuid + 1))
    refused("InvalidPreimage", changed(right, 2, (EMPTY_STATE,)))
    earlier = challenge(OWNER, streamed.uuid, leaves, 1)
    refused("StatesNotContiguous", replace(earlier, arguments=(*earlier.arguments[:5], *right.arguments[5:])))
    first = challenge(OWNER, streamed.uuid, leaves, 0)
    wrong_first = (*first.arguments[:2], argument(leaves[3]), tree.proof(3))
    refused("StatesNotContiguous", replace(first, arguments=wrong_first))
    refused("InvalidProof", replace(first, arguments=(*first.arguments[:3], tree.proof(1))))
    # Lanes have 64 bits: the contract takes nothing else.
    with pytest.raises(Reverted):
        data = bytearray(oracle.artifact.encode_call(right.function, *right.arguments))
        data[4 + 64 : 4 + 96] = b"\xff" * 32
        oracle.chain.send(oracle.address, bytes(data))
    send(oracle, right, CHALLENGER)


def test_a_bond_that_is_refused_stays(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8)
    propose(oracle, streamed)
    oracle.chain.mine(CHALLENGE_PERIOD)
    # The owner's account got code that takes nothing: PUSH0 PUSH0 REVERT.
    oracle.chain.set_code(OWNER, bytes.fromhex("5f5ffd"))
    with pytest.raises(Reverted, match="BondTransferFailed"):
        send(oracle, streamed.squeeze(OWNER))
    assert oracle.chain.balance(oracle.address) == MIN_BOND


# --- Squeezing --------------------------------------------------------------------------------------------------------


def test_a_proposal_is_squeezed_when_it_is_complete_and_was_open_to_challenges(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8, blocks_per_transaction=2)
    *first, last = streamed.calls()
    for call in first:
        send(oracle, call, OWNER)
    with pytest.raises(Reverted, match="ActiveProposal"):
        send(oracle, streamed.squeeze(OWNER))
    oracle.chain.auto_mine = False
    send(oracle, last, OWNER)
    oracle.chain.mine(CHALLENGE_PERIOD)
    with pytest.raises(Reverted, match="ActiveProposal"):
        send(oracle, streamed.squeeze(OWNER))
    oracle.chain.mine(1)
    send(oracle, streamed.squeeze(OWNER))
    assert served(oracle, keccak256_key(keccak(FIVE_BLOCKS)), FIVE_BLOCKS, 8)


def test_a_proposal_is_squeezed_by_its_last_two_leaves(oracle: Contract) -> None:
    streamed = StreamedPreimage(FIVE_BLOCKS, 8)
    propose(oracle, streamed)
    oracle.chain.mine(CHALLENGE_PERIOD)
    right = streamed.squeeze(OWNER)
    # The arguments of a challenge are the same: those of leaf 3 are about two leaves that are not the last.
    not_last = replace(challenge(OWNER, streamed.uuid, streamed.leaves, 3), function="squeezeLPP")
    for error, call in [
        ("StatesNotContiguous", not_last),
        ("StatesNotContiguous", replace(right, arguments=(*not_last.arguments[:5], *right.arguments[5:]))),
        ("InvalidPreimage", changed(right, 2, (EMPTY_STATE,))),
        ("InvalidProof", changed(right, 4, (bytes(32),) * 16)),
        ("InvalidProof", changed(right, 6, (bytes(32),) * 16)),
    ]:
        with pytest.raises(Reverted, match=error):
            send(oracle, call)
    send(oracle, right)


# --- Public vectors ---------------------------------------------------------------------------------------------------


def test_permutations_on_chain_are_those_of_the_public_vectors(vectors: Path) -> None:
    """Each vector's commitments, one for the state behind each block, are right for the contract: none can be challenged."""
    cases = json.loads((vectors / "game" / "large-preimage-keccak-commitments.json").read_text())
    oracle = Chain().deploy("PreimageOracle", BLOCK_SIZE, 0)
    for number, case in enumerate(cases[::7] + cases[-3:]):
        preimage = base64.b64decode(case["input"] or "")
        if len(preimage) < BLOCK_SIZE:
            continue
        commitments = [bytes.fromhex(text[2:]) for text in case["commitments"][1:]]
        oracle.send("initLPP", number, 0, len(preimage), sender=OWNER, value=MIN_BOND)
        oracle.send("addLeavesLPP", number, 0, preimage, commitments, True, sender=OWNER)
        blocks = list(padded_blocks(preimage))
        assert blocks[-2:] == [base64.b64decode(case[name]) for name in ("prestateLeaf", "poststateLeaf")]
        leaves = [Leaf(block, index, Hash32(commitments[index])) for index, block in enumerate(blocks)]
        assert oracle.call("getTreeRootLPP", OWNER, number) == root_of(tuple(leaves))
        for wrong in (0, len(leaves) - 1):
            with pytest.raises(Reverted, match="PostStateMatches"):
                send(oracle, challenge(OWNER, number, leaves, wrong), CHALLENGER)


def test_zero_hashes_are_those_of_an_empty_tree(oracle: Contract) -> None:
    tree = LeafTree([])
    siblings = [oracle.call("zeroHashes", height) for height in range(16)]
    assert siblings == list(tree.proof(0))
    assert keccak(siblings[15] * 2) == tree.root == oracle.call("getTreeRootLPP", OWNER, 0)
    with pytest.raises(Reverted):
        oracle.call("zeroHashes", 16)


def test_states_are_the_ones_of_the_hash_function() -> None:
    state = EMPTY_STATE
    for block in padded_blocks(FIVE_BLOCKS):
        state = absorb(state, block)
    assert b"".join(lane.to_bytes(8, "little") for lane in state[:4]) == keccak(FIVE_BLOCKS)

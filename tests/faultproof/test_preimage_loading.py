"""Which calls bring a preimage to the oracle, and the trees and states of those that go there in parts."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.types import Address, Hash32, to_hex
from contracts import load_artifact
from evm.types import keccak256
from faultproof.game import BlobElement, PrecompileCall
from faultproof.precompile_calls import publishing_gas
from faultproof.preimage import (
    InvalidPreimage,
    KeyType,
    blob_key,
    keccak256_key,
    local_key,
    precompile_key,
    sha256_key,
)
from faultproof.preimage.keccak_states import (
    BLOCK_SIZE,
    EMPTY_STATE,
    absorb,
    commitment,
    digest,
    padded_blocks,
)
from faultproof.preimage.leaf_tree import MAX_LEAVES, Leaf, LeafTree
from faultproof.preimage.loading import LARGEST_TRANSACTION_DATA, CannotLoad, load_local_data, load_preimage
from faultproof.preimage.oracle_call import OracleCall
from faultproof.preimage.streaming import MIN_BOND, StreamedPreimage, challenge, first_wrong_leaf

SMALL = bytes(range(200))
OWNER = Address(b"\x11" * 20)


def key_of(preimage: bytes) -> Hash32:
    return keccak256_key(keccak256(preimage))


# --- Entry points -----------------------------------------------------------------------------------------------------


def test_a_small_preimage_of_a_hash_takes_one_transaction() -> None:
    for key, function in [
        (key_of(SMALL), "loadKeccak256PreimagePart"),
        (sha256_key(sha256(SMALL).digest()), "loadSha256PreimagePart"),
    ]:
        loading = load_preimage(key, SMALL, 8)
        assert loading.calls == (OracleCall(function, (8, SMALL)),)
        assert loading.streamed is None


def test_local_data_come_from_the_game() -> None:
    (call,) = load_local_data(3, 17, 8).calls
    assert call == OracleCall("addLocalData", (3, 17, 8), to_game=True)
    with pytest.raises(CannotLoad, match="load_local_data"):
        load_preimage(local_key(1), bytes(32), 0)


def test_a_field_element_goes_with_its_proof() -> None:
    element = BlobElement(b"\xc0" * 48, (5).to_bytes(32, "big"), b"\xb0" * 48)
    key, value = blob_key(element.commitment, element.point), (9).to_bytes(32, "big")
    (call,) = load_preimage(key, value, 16, element).calls
    assert call == OracleCall("loadBlobPreimagePart", (5, 9, element.commitment, element.proof, 16))
    other = BlobElement(b"\xc1" * 48, element.point, element.proof)
    with pytest.raises(CannotLoad, match="are not those"):
        load_preimage(key, value, 16, other)


def test_a_precompiles_result_goes_with_its_input_and_the_gas_it_needs() -> None:
    known = PrecompileCall(Address(bytes([*bytes(19), 8])), 79_000, b"\x01" * 192)
    key = precompile_key(known.address, known.required_gas, known.data)
    (call,) = load_preimage(key, b"\0", 0, known).calls
    assert call.arguments == (0, to_hex(known.address), 79_000, known.data)
    assert call.gas_limit == publishing_gas(192, 79_000)
    with pytest.raises(CannotLoad, match="is not that of"):
        load_preimage(key, b"\0", 0, PrecompileCall(known.address, 79_001, known.data))


@pytest.mark.parametrize("kind", [KeyType.BLOB, KeyType.PRECOMPILE])
def test_a_key_that_hides_its_origin_is_not_enough(kind: KeyType) -> None:
    with pytest.raises(CannotLoad, match=f"of type {kind.name.lower()} is made of"):
        load_preimage(Hash32(bytes([kind]) + bytes(31)), bytes(32), 0)


def test_what_is_no_preimage_or_no_offset_of_it_is_refused() -> None:
    with pytest.raises(InvalidPreimage):
        load_preimage(key_of(SMALL), SMALL + b"\0", 0)
    for offset in (-1, len(SMALL) + 8):
        with pytest.raises(CannotLoad, match="is outside"):
            load_preimage(key_of(SMALL), SMALL, offset)


def test_what_fits_no_transaction_and_is_not_streamed_cannot_be_loaded() -> None:
    large = bytes(LARGEST_TRANSACTION_DATA + 1)
    with pytest.raises(CannotLoad, match="fits no transaction"):
        load_preimage(sha256_key(sha256(large).digest()), large, 0)
    with pytest.raises(CannotLoad, match="fits no transaction"):
        load_preimage(key_of(large), large, 0, min_streamed_size=len(large) + 1)


def test_from_the_oracles_smallest_size_on_a_preimage_is_streamed() -> None:
    preimage = bytes(1000)
    assert load_preimage(key_of(preimage), preimage, 0, min_streamed_size=1001).streamed is None
    loading = load_preimage(key_of(preimage), preimage, 0, min_streamed_size=1000)
    assert loading.streamed is not None
    assert [call.function for call in loading.calls] == ["initLPP", "addLeavesLPP"]
    assert loading.calls[0] == OracleCall("initLPP", (loading.streamed.uuid, 0, 1000), MIN_BOND)
    assert loading.streamed.squeeze(OWNER).function == "squeezeLPP"


def test_all_calls_are_calls_of_the_contract() -> None:
    artifact = load_artifact("PreimageOracle")
    streamed = StreamedPreimage(bytes(1000), 8, blocks_per_transaction=3)
    leaves = [Leaf(leaf.input, leaf.index, Hash32(bytes(32))) for leaf in streamed.leaves]
    calls = [*streamed.calls(), streamed.squeeze(OWNER)]
    calls += [challenge(OWNER, streamed.uuid, leaves, wrong) for wrong in (0, 3)]
    for call in calls:
        assert artifact.encode_call(call.function, *call.arguments)[:4] == artifact.selector(call.function)


# --- Cutting ----------------------------------------------------------------------------------------------------------


@given(size=st.integers(BLOCK_SIZE, 3000), per_transaction=st.integers(2, 6), data=st.data())
def test_chunks_make_the_preimage_and_none_cuts_the_part(size: int, per_transaction: int, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, size + 7))
    streamed = StreamedPreimage(bytes(index % 251 for index in range(size)), offset, per_transaction)
    chunks = list(streamed.chunks())
    assert b"".join(chunk.data for chunk in chunks) == streamed.preimage
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    start = 0
    for chunk in chunks:
        assert chunk.start_block * BLOCK_SIZE == start
        end = start + len(chunk.data)
        if not chunk.is_last:
            assert len(chunk.data) % BLOCK_SIZE == 0
            assert 0 < len(chunk.data) <= per_transaction * BLOCK_SIZE
            # The contract refuses a part that ends with the input or after it.
            assert not start <= offset - 8 < end or offset - 8 + 32 < end
        start = end


def test_a_transaction_of_a_proposal_stays_within_what_nodes_pass_on() -> None:
    artifact = load_artifact("PreimageOracle")
    streamed = StreamedPreimage(b"\xa5" * 200_000, 8)
    sizes = [len(artifact.encode_call(call.function, *call.arguments)) for call in streamed.calls()]
    assert len(sizes) == 4
    assert max(sizes) < 128 * 1024 - 1000


def test_proposals_of_one_account_are_told_apart_and_found_again() -> None:
    preimage = bytes(1000)
    numbers = {StreamedPreimage(data, offset).uuid for data in (preimage, preimage + b"\0") for offset in (0, 8)}
    assert len(numbers) == 4
    assert StreamedPreimage(preimage, 8).uuid in numbers


def test_what_cannot_be_streamed_is_refused() -> None:
    for size, offset, blocks, reason in [
        (1000, 1008, 2, "is outside"),
        (BLOCK_SIZE - 1, 0, 2, "it needs two blocks"),
        (MAX_LEAVES * BLOCK_SIZE, 0, 2, "more than the oracle takes"),
        (1000, 0, 1, "at least two blocks"),
    ]:
        with pytest.raises(ValueError, match=reason):
            StreamedPreimage(bytes(size), offset, blocks)


# --- States and trees -------------------------------------------------------------------------------------------------


def test_states_of_the_hash_function_are_those_of_the_public_vectors(vectors: Path) -> None:
    cases = json.loads((vectors / "game" / "large-preimage-keccak-commitments.json").read_text())
    assert len(cases) > 90
    for case in cases:
        preimage = base64.b64decode(case["input"] or "")
        state = EMPTY_STATE
        commitments = [commitment(state)]
        for block in padded_blocks(preimage):
            state = absorb(state, block)
            commitments.append(commitment(state))
        assert [to_hex(one) for one in commitments] == case["commitments"]
        assert digest(state) == keccak256(preimage)


def test_trees_and_proofs_are_those_of_the_public_vectors(vectors: Path) -> None:
    cases = json.loads((vectors / "game" / "large-preimage-merkle-proofs.json").read_text())
    assert {case["leafCount"] for case in cases} == {0, 1, 2, 20, MAX_LEAVES}
    trees: dict[int, LeafTree] = {}
    for case in cases:
        count = case["leafCount"]
        # Their leaves: a byte 0xff and the low byte of the number.
        leaves = [Hash32(bytes([0xFF, index & 0xFF]).ljust(32, b"\0")) for index in range(count)]
        tree = trees.setdefault(count, LeafTree(leaves))
        assert to_hex(tree.root) == case["rootHash"], case["name"]
        if case["proofs"]:
            assert [to_hex(node) for node in tree.proof(case["index"])] == case["proofs"], case["name"]


def test_a_tree_has_a_last_place_that_stays_empty() -> None:
    with pytest.raises(ValueError, match="has at most 65535 blocks"):
        LeafTree([Hash32(bytes(32))] * (MAX_LEAVES + 1))


def test_the_first_wrong_leaf_is_found_even_if_the_next_ones_follow_from_it() -> None:
    streamed = StreamedPreimage(bytes(1000), 8)
    assert first_wrong_leaf(streamed.leaves) is None
    other = StreamedPreimage(bytes(500) + b"\1" + bytes(499), 8)
    leaves = [
        Leaf(right.input, right.index, wrong.state_commitment)
        for right, wrong in zip(streamed.leaves, other.leaves, strict=True)
    ]
    assert first_wrong_leaf(leaves) == 500 // BLOCK_SIZE

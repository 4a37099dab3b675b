"""The trie against the `trie` package, and proofs, on random content."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from config.constants import EMPTY_TRIE_ROOT
from evm.trie import Trie, ordered_root, root_of, verify_proof
from evm.trie.nodes import is_leaf
from evm.types import Hash32, keccak256
from evm.types.rlp import encode
from tests.evm.test_trie_behaviour import Nodes, trie_of

# Few nibbles, so that keys share prefixes and branches fill and collapse often.
NIBBLE_PAIRS = st.sampled_from([0x00, 0x01, 0x10, 0x11, 0xFF])
KEYS = st.lists(NIBBLE_PAIRS, min_size=3, max_size=3).map(bytes)
ANY_LENGTH_KEYS = st.lists(NIBBLE_PAIRS, max_size=4).map(bytes)
VALUES = st.binary(min_size=1, max_size=3) | st.binary(min_size=28, max_size=70)
CHANGES = st.lists(st.dictionaries(KEYS, VALUES | st.none(), min_size=1, max_size=12), max_size=8)


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_batches_of_changes_give_the_root_that_the_reference_gets_one_by_one(
    batches: list[dict[bytes, bytes | None]],
) -> None:
    reference = HexaryTrie({})
    nodes = Nodes()
    root = EMPTY_TRIE_ROOT
    content: dict[bytes, bytes] = {}
    for batch in batches:
        trie = Trie(root, nodes)
        trie.update(batch)
        root = nodes.commit(trie)
        for key, value in batch.items():
            if value is not None:
                reference[key] = content[key] = value
            elif key in content:
                del reference[key], content[key]
        assert root == reference.root_hash
    trie = Trie(root, nodes)
    assert dict(trie.items()) == content
    assert [key for key, _ in trie.items()] == sorted(content)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(ANY_LENGTH_KEYS, VALUES | st.none(), min_size=1, max_size=12), max_size=6))
def test_keys_that_are_prefixes_of_others_keep_their_values(batches: list[dict[bytes, bytes | None]]) -> None:
    nodes = Nodes()
    trie = Trie(EMPTY_TRIE_ROOT, nodes)
    content: dict[bytes, bytes | None] = {}
    for batch in batches:
        trie.update(batch)
        content.update(batch)
    root = nodes.commit(trie)

    left = {key: value for key, value in content.items() if value is not None}
    assert root == root_of(left)
    assert all(trie.get(key) == value for key, value in content.items())
    assert dict(Trie(root, nodes).items()) == left


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=30), KEYS)
def test_a_proof_shows_what_is_stored_or_that_nothing_is(entries: dict[bytes, bytes], other: bytes) -> None:
    trie, root, _ = trie_of(entries)
    reference = HexaryTrie({})
    for key, value in entries.items():
        reference[key] = value

    for key in [*entries, other]:
        proof = trie.prove(key)
        assert verify_proof(root, key, proof) == entries.get(key)
        # The reference lists embedded nodes as well, which are within their parents.
        hashed = [encode(node) for node in reference.get_proof(key) if node]
        assert proof == [raw for position, raw in enumerate(hashed) if position == 0 or len(raw) >= 32]


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=30), st.data())
def test_a_tampered_proof_is_refused(entries: dict[bytes, bytes], data: st.DataObject) -> None:
    trie, root, _ = trie_of(entries)
    key = data.draw(st.sampled_from(sorted(entries)))
    proof = trie.prove(key)
    position = data.draw(st.integers(0, len(proof) - 1))
    node = bytearray(proof[position])
    node[data.draw(st.integers(0, len(node) - 1))] ^= data.draw(st.integers(1, 255))

    for bad in (
        [*proof[:position], bytes(node), *proof[position + 1 :]],
        proof[:-1],
        [*proof, proof[-1]],
    ):
        with pytest.raises(ValueError, match="proof of key"):
            verify_proof(root, key, bad)
    with pytest.raises(ValueError, match="has hash"):
        verify_proof(Hash32(keccak256(b"another root")), key, proof)


def test_nothing_is_proven_absent_from_an_empty_trie_by_no_nodes_or_the_empty_node() -> None:
    assert verify_proof(EMPTY_TRIE_ROOT, b"key", []) is None
    assert verify_proof(EMPTY_TRIE_ROOT, b"key", [b"\x80"]) is None


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ([b"\x40\x00", b"value" * 8], "malformed path"),
        ([b"", b"value" * 8], "malformed path"),
        ([b"\x00", b"\x01" * 32], "no path"),
        ([b"\x00\x6b", b""], "leads nowhere"),
        ([b"\x00\x6b", b"\x01" * 31], "reference has 31 bytes"),
        ([b"\x00\x6b", [b"\x20\x65\x79", b"v" * 40]], "is embedded"),
        ([b"\x20\x6b\x65\x79", [b"value"]], "a list where bytes belong"),
        ([b"a", b"b", b"c"], "no trie node"),
    ],
)
def test_a_proof_with_a_malformed_node_is_refused_even_when_its_hash_fits(node: list[bytes], reason: str) -> None:
    raw = encode(node)
    with pytest.raises(ValueError, match=reason):
        verify_proof(keccak256(raw), b"key", [raw])


@pytest.mark.parametrize("count", [1, 2, 16, 127, 128, 129, 255, 256, 257, 300])
def test_an_ordered_root_is_that_of_a_trie_keyed_by_rlp_of_the_index(count: int) -> None:
    items = [bytes([index % 256]) * (index % 90 + 1) for index in range(count)]
    reference = HexaryTrie({})
    for index, item in enumerate(items):
        reference[encode(index.to_bytes((index.bit_length() + 7) // 8, "big"))] = item

    assert ordered_root(items) == reference.root_hash


@given(st.binary(min_size=1, max_size=120), st.integers(0, 64), st.booleans(), st.binary(max_size=32))
def test_a_leaf_is_told_from_other_nodes_without_decoding_it(
    value: bytes, nibbles: int, ends: bool, item: bytes
) -> None:
    odd = nibbles % 2
    packed = bytes.fromhex(f"{2 * ends + odd}{'' if odd else '0'}{'3' * nibbles}")
    assert is_leaf(encode([packed, value])) == ends
    for first in (b"", item, b"\x20" + bytes(31), b"\x20", [b"\x20", b"\x01"]):
        assert not is_leaf(encode([first, *[item] * 15, b""]))

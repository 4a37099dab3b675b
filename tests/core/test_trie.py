"""The core's trie and list roots, against py-trie."""

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st
from rlp.sedes import big_endian_int
from trie import HexaryTrie

from config.constants import EMPTY_TRIE_ROOT
from evm.native.trie import NativeTrie, TrieNodeDamaged, TrieNodeMissing, is_canonical_rlp, ordered_root
from evm.types import Hash32, keccak256
from evm.types.rlp import RlpError, decode

pytestmark = pytest.mark.usefixtures("native_library")

# Keys that share long prefixes and differ in few nibbles, as well as some that do not.
_keys = st.builds(
    lambda head, tail, filler: bytes(head) + bytes((filler,)) * (31 - len(head)) + bytes((tail,)),
    st.lists(st.sampled_from((0, 1, 16, 17, 255)), max_size=4),
    st.sampled_from((0, 1, 16, 255)),
    st.sampled_from((0, 0, 7)),
)
_value = st.sampled_from((b"\x01", b"\x7f", b"\x80", bytes(31), bytes(32), b"x" * 60, b"y" * 300))
_values = st.one_of(st.just(b""), _value)
_changes = st.lists(st.tuples(_keys, _values, st.booleans()), max_size=40)


@settings(deadline=None, max_examples=150)
@given(_changes)
def test_a_trie_has_the_root_and_values_of_the_reference_after_every_commit(
    changes: list[tuple[bytes, bytes, bool]],
) -> None:
    reference = HexaryTrie({})
    model: dict[bytes, bytes] = {}
    nodes: dict[Hash32, bytes] = {}
    root = EMPTY_TRIE_ROOT
    trie = NativeTrie(root, nodes.get)
    for key, value, commit in changes:
        trie.put(key, value)
        model[key] = value
        if value:
            reference[key] = value
        else:
            reference.delete(key)
        assert trie.get(key) == (value or None)
        if commit:
            before = set(nodes)
            result = trie.commit()
            root = result.root
            assert root == reference.root_hash
            assert all(keccak256(raw) == key for key, raw in result.created)
            assert set(result.replaced) <= before
            nodes.update(result.created)
            trie = NativeTrie(root, nodes.get)
    assert trie.commit().root == reference.root_hash
    for key, value in model.items():
        assert trie.get(key) == (value or None)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(_keys, _value, min_size=2, max_size=20), st.data())
def test_created_and_replaced_nodes_count_the_positions_of_a_state(
    start: dict[bytes, bytes], data: st.DataObject
) -> None:
    nodes: dict[Hash32, bytes] = {}
    first = NativeTrie(EMPTY_TRIE_ROOT, nodes.get)
    for key, value in start.items():
        first.put(key, value)
    made = first.commit()
    counts: dict[Hash32, int] = {}
    for node_hash, raw in made.created:
        nodes[node_hash] = raw
        counts[node_hash] = counts.get(node_hash, 0) + 1
    second = NativeTrie(made.root, nodes.get)
    for key in data.draw(st.sets(st.sampled_from(sorted(start)))):
        second.put(key, b"")
    changed = second.commit()
    for node_hash, _ in changed.created:
        counts[node_hash] = counts.get(node_hash, 0) + 1
    for node_hash in changed.replaced:
        counts[node_hash] -= 1
    nodes.update(changed.created)
    assert {key: count for key, count in counts.items() if count} == _positions(nodes, changed.root)


def _positions(nodes: dict[Hash32, bytes], root: Hash32) -> dict[Hash32, int]:
    """How often each node with a hash stands in a trie."""
    counts: dict[Hash32, int] = {}

    def walk(item: object) -> None:
        if isinstance(item, bytes):
            if len(item) == 32:
                node_hash = Hash32(item)
                counts[node_hash] = counts.get(node_hash, 0) + 1
                walk(decode(nodes[node_hash]))
        elif isinstance(item, list):
            if len(item) == 17:
                for child in item[:16]:
                    walk(child)
            elif not item[0][0] & 0x20:
                walk(item[1])

    if root != EMPTY_TRIE_ROOT:
        walk(root)
    return counts


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(_keys, _value, min_size=1, max_size=20), st.data())
def test_a_missing_node_is_an_error_and_never_an_empty_subtree(start: dict[bytes, bytes], data: st.DataObject) -> None:
    whole: dict[Hash32, bytes] = {}
    trie = NativeTrie(EMPTY_TRIE_ROOT, whole.get)
    for key, value in start.items():
        trie.put(key, value)
    made = trie.commit()
    whole.update(made.created)
    lost = data.draw(st.sampled_from(sorted(whole)))
    rest = {key: value for key, value in whole.items() if key != lost}
    missing = 0
    for key, value in start.items():
        try:
            assert NativeTrie(made.root, rest.get).get(key) == value
        except TrieNodeMissing as error:
            assert error.node_hash == lost
            missing += 1
    assert missing
    # Deleting may have to look at a neighbour: it either does what it should or says what is missing.
    for key in start:
        reference = HexaryTrie({})
        for other, value in start.items():
            if other != key:
                reference[other] = value
        damaged = NativeTrie(made.root, rest.get)
        try:
            damaged.put(key, b"")
            assert damaged.commit().root == reference.root_hash
        except TrieNodeMissing as error:
            assert error.node_hash == lost


def test_deleting_next_to_an_unknown_sibling_says_that_it_is_missing() -> None:
    nodes: dict[Hash32, bytes] = {}
    trie = NativeTrie(EMPTY_TRIE_ROOT, nodes.get)
    first, second = bytes(32), b"\x10" + bytes(31)
    trie.put(first, b"x" * 40)
    trie.put(second, b"y" * 40)
    made = trie.commit()
    root_node = decode(dict(made.created)[made.root])
    assert isinstance(root_node, list)
    sibling = Hash32(bytes(root_node[1]))  # type: ignore[arg-type]
    nodes.update({key: raw for key, raw in made.created if key != sibling})
    again = NativeTrie(made.root, nodes.get)
    with pytest.raises(TrieNodeMissing) as caught:
        again.put(first, b"")
    assert caught.value.node_hash == sibling


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=100), st.binary(min_size=32, max_size=32))
def test_garbage_for_a_node_is_damage(garbage: bytes, key: bytes) -> None:
    root = keccak256(garbage)
    trie = NativeTrie(root, {root: garbage}.get)
    try:
        trie.get(key)
        trie.put(key, b"v")
        assert trie.get(key) == b"v"
        trie.commit()
    except (TrieNodeDamaged, TrieNodeMissing):
        pass


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.one_of(st.sampled_from((b"", b"\x20", b"\x00" * 33, b"\x10" * 32)), st.binary(max_size=40)),
        min_size=1,
        max_size=18,
    ),
    st.binary(min_size=32, max_size=32),
)
def test_lists_that_look_like_nodes_are_never_more_than_damage(items: list[bytes], key: bytes) -> None:
    raw = rlp.encode(items)
    root = keccak256(raw)
    trie = NativeTrie(root, {root: raw}.get)
    try:
        trie.get(key)
        trie.put(key, b"v" * 40)
        assert trie.get(key) == b"v" * 40
        trie.put(bytes(32), b"")
        assert trie.get(bytes(32)) is None
        trie.commit()
    except (TrieNodeDamaged, TrieNodeMissing):
        pass


def test_a_node_that_does_not_have_its_hash_is_damage() -> None:
    root = keccak256(b"one")
    with pytest.raises(TrieNodeDamaged):
        NativeTrie(root, {root: b"another"}.get).get(bytes(32))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 15, 16, 17, 127, 128, 129, 130, 255, 256, 257, 300])
@pytest.mark.parametrize("size", [1, 5, 40, 600])
def test_the_root_of_a_list_is_that_of_the_trie_by_index(count: int, size: int) -> None:
    values = [bytes((1 + index % 255,)) * (1 + (index * 7) % size) for index in range(count)]
    reference = HexaryTrie({})
    for index, value in enumerate(values):
        reference[rlp.encode(index, big_endian_int)] = value
    assert ordered_root(values) == reference.root_hash


@settings(deadline=None, max_examples=1000)
@given(
    st.lists(
        st.sampled_from(
            (0x00, 0x01, 0x38, 0x7F, 0x80, 0x81, 0x82, 0xB7, 0xB8, 0xB9, 0xBF, 0xC0, 0xC1, 0xC2, 0xC3, 0xF7, 0xF8, 0xFF)
        ),
        max_size=9,
    ).map(bytes)
)
def test_only_canonical_rlp_is_valid(data: bytes) -> None:
    try:
        canonical = rlp.encode(decode(data)) == data
    except RlpError:
        canonical = False
    assert is_canonical_rlp(data) == canonical

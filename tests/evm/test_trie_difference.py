"""Comparing tries finds what comparing their whole content finds, and the trie's own record of its changes agrees."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from config.constants import EMPTY_TRIE_ROOT
from config.types import Hash32
from evm.trie import Trie, decode_node
from evm.trie.difference import trie_difference
from evm.trie.nodes import BRANCH_WIDTH, DIGITS, unpack_path
from evm.types.rlp import Rlp
from tests.evm.test_trie_behaviour import Nodes

# Few nibbles, so that keys share prefixes and branches fill and collapse often.
KEYS = st.lists(st.sampled_from([0x00, 0x01, 0x10, 0x11, 0xFF]), min_size=3, max_size=3).map(bytes)
VALUES = st.binary(min_size=1, max_size=3) | st.binary(min_size=28, max_size=70)
CONTENT = st.dictionaries(KEYS, VALUES, max_size=14)
CHANGES = st.dictionaries(KEYS, VALUES | st.none(), min_size=1, max_size=8)


def positions(nodes: Nodes, root: Hash32) -> set[tuple[str, bytes]]:
    """Path and hash of every node that is not embedded."""
    found: set[tuple[str, bytes]] = set()

    def visit(ref: Rlp, path: str) -> None:
        if not ref:
            return
        node = ref
        if isinstance(ref, bytes):
            found.add((path, ref))
            raw = nodes.get(Hash32(ref))
            assert raw is not None
            node = decode_node(raw)
        if len(node) == BRANCH_WIDTH:
            for index in range(16):
                visit(node[index], path + DIGITS[index])  # type: ignore[arg-type]
            return
        part, ends = unpack_path(node[0])  # type: ignore[arg-type]
        if not ends:
            visit(node[1], path + part)  # type: ignore[arg-type]

    visit(b"" if root == EMPTY_TRIE_ROOT else root, "")
    return found


def hashes(found: set[tuple[str, bytes]]) -> Counter[bytes]:
    return Counter(node_hash for _, node_hash in found)


@settings(max_examples=200, deadline=None)
@given(CONTENT, CONTENT)
def test_the_difference_of_two_tries_is_that_of_their_contents_and_positions(
    first: dict[bytes, bytes], second: dict[bytes, bytes]
) -> None:
    nodes = Nodes()
    roots = []
    for content in (first, second):
        trie = Trie(EMPTY_TRIE_ROOT, nodes)
        trie.update(content)
        roots.append(nodes.commit(trie))
    found = trie_difference(nodes, roots[0], roots[1])
    assert found.values == {
        key: (first.get(key), second.get(key))
        for key in first.keys() | second.keys()
        if first.get(key) != second.get(key)
    }
    old, new = positions(nodes, roots[0]), positions(nodes, roots[1])
    assert Counter(found.removed) == hashes(old - new)
    assert Counter(found.added) == hashes(new - old)


@settings(max_examples=300, deadline=None)
@given(CONTENT, CHANGES)
def test_a_trie_records_what_it_replaces_and_makes_by_position(
    content: dict[bytes, bytes], changes: dict[bytes, bytes | None]
) -> None:
    nodes = Nodes()
    trie = Trie(EMPTY_TRIE_ROOT, nodes)
    trie.update(content)
    before = nodes.commit(trie)
    trie = Trie(before, nodes)
    trie.update(changes)
    after, made = trie.commit()
    nodes.by_hash.update(made)
    added: Counter[bytes] = Counter(made.keys())
    added.update(trie.copies)
    old, new = positions(nodes, before), positions(nodes, after)
    # A position that was written again with the same node may stand in both records.
    again = added - hashes(new - old)
    assert added == hashes(new - old) + again
    assert Counter(trie.replaced) == hashes(old - new) + again
    assert Counter(Trie(after, nodes).hashes()) == hashes(new)

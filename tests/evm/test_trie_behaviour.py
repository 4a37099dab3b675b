"""The trie against the public test suite, and its errors."""

import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from config.constants import EMPTY_TRIE_ROOT
from config.types import Hash32, from_hex, to_hash32
from evm.trie import CorruptTrieNode, MissingTrieNode, Trie, decode_node, ordered_root, root_of
from evm.trie.nodes import Key
from evm.types import keccak256
from evm.types.rlp import encode


class Nodes:
    """Nodes in a dictionary."""

    def __init__(self) -> None:
        self.by_hash: dict[Hash32, bytes] = {}

    def get(self, node_hash: Hash32) -> bytes | None:
        return self.by_hash.get(node_hash)

    def commit(self, trie: Trie) -> Hash32:
        root, made = trie.commit()
        self.by_hash.update(made)
        return root


def trie_of(entries: Mapping[Key, bytes]) -> tuple[Trie, Hash32, Nodes]:
    nodes = Nodes()
    trie = Trie(EMPTY_TRIE_ROOT, nodes)
    trie.update(entries)
    return trie, nodes.commit(trie), nodes


@pytest.fixture(scope="module")
def suite(vectors: Path) -> dict[str, Any]:
    """The files of TrieTests by name."""
    with tarfile.open(vectors / "evm" / "ethereum-tests.tar.xz") as archive:
        found = {}
        for member in archive:
            if "TrieTests/" in member.name and member.name.endswith(".json"):
                content = archive.extractfile(member)
                assert content is not None
                found[Path(member.name).stem] = json.load(content)
        return found


def as_bytes(text: str | None) -> bytes:
    if text is None:
        return b""
    return from_hex(text) if text.startswith("0x") else text.encode()


def pairs(case: Any) -> Iterable[tuple[bytes, bytes]]:
    entries = case["in"].items() if isinstance(case["in"], dict) else case["in"]
    return [(as_bytes(key), as_bytes(value)) for key, value in entries]


@pytest.mark.parametrize("name", ["trietest", "trieanyorder"])
@pytest.mark.parametrize("secure", [False, True])
def test_roots_equal_those_of_the_public_suite(suite: dict[str, Any], name: str, secure: bool) -> None:
    cases = suite[name + "_secureTrie" if secure else name]
    assert len(cases) >= 3
    for case in cases.values():
        one_by_one = Trie(EMPTY_TRIE_ROOT, Nodes())
        final: dict[bytes, bytes] = {}
        for key, value in pairs(case):
            key = keccak256(key) if secure else key
            one_by_one.update({key: value})
            final[key] = value
        assert one_by_one.commit()[0] == to_hash32(case["root"])
        assert root_of(final) == to_hash32(case["root"])


def test_roots_of_the_hex_encoded_secure_suite_are_equal(suite: dict[str, Any]) -> None:
    cases = suite["hex_encoded_securetrie_test"]
    assert len(cases) >= 3
    for case in cases.values():
        assert root_of({keccak256(key): value for key, value in pairs(case)}) == to_hash32(case["root"])


def test_neighbours_in_key_order_are_those_of_the_public_suite(suite: dict[str, Any]) -> None:
    for case in suite["trietestnextprev"].values():
        trie, _, _ = trie_of({key.encode(): b"value" for key in case["in"]})
        keys = [key for key, _ in trie.items()]
        for given, before, after in case["tests"]:
            following = [key for key, _ in trie.items(given.encode() + b"\x00")]
            assert (following[0] if following else b"") == after.encode()
            preceding = [key for key in keys if key < given.encode()]
            assert (preceding[-1] if preceding else b"") == before.encode()


def test_an_empty_trie_has_the_root_of_nothing() -> None:
    trie, root, nodes = trie_of({})

    assert root == EMPTY_TRIE_ROOT
    assert nodes.by_hash == {}
    assert trie.get(b"key") is None
    assert list(trie.items()) == []
    assert ordered_root([]) == root_of({}) == EMPTY_TRIE_ROOT


def test_deleting_everything_leads_back_to_the_empty_root() -> None:
    entries = {keccak256(bytes([index])): bytes([index]) * 40 for index in range(1, 50)}
    trie, _, _ = trie_of(entries)

    trie.update(dict.fromkeys(entries))

    assert trie.commit()[0] == EMPTY_TRIE_ROOT


def test_deleting_keys_that_are_absent_changes_nothing() -> None:
    entries = {b"\x12\x34": b"a" * 40, b"\x12\x35": b"b" * 40, b"\x12\x35\x01": b"c" * 40}
    trie, root, _ = trie_of(entries)

    trie.update({b"\x12": None, b"\x12\x36": None, b"\x13\x00": b"", b"\x12\x35\x01\x02": None})

    assert trie.commit()[0] == root


def test_a_change_shows_before_and_after_it_is_committed() -> None:
    trie, root, nodes = trie_of({b"\x01\x01": b"old" * 20})

    trie.update({b"\x01\x02": b"new" * 20})
    assert trie.get(b"\x01\x02") == b"new" * 20
    changed = nodes.commit(trie)

    assert changed != root
    assert trie.get(b"\x01\x02") == Trie(changed, nodes).get(b"\x01\x02") == b"new" * 20
    assert Trie(root, nodes).get(b"\x01\x02") is None


def test_a_trie_goes_on_after_a_commit_whose_nodes_nobody_stored() -> None:
    trie = Trie(EMPTY_TRIE_ROOT, Nodes())
    for index in range(20):
        trie.update({keccak256(bytes([index])): bytes([index + 1]) * 40})
        trie.commit()

    assert all(trie.get(keccak256(bytes([index]))) == bytes([index + 1]) * 40 for index in range(20))


@pytest.mark.parametrize("operation", ["get", "update", "prove"])
def test_a_missing_node_is_an_error_that_names_node_and_key(operation: str) -> None:
    entries = {keccak256(bytes([index])): bytes([index]) * 40 for index in range(1, 50)}
    _, root, nodes = trie_of(entries)
    key = next(iter(entries))
    branch = decode_node(nodes.by_hash[root])
    child = branch[int(key.hex()[0], 16)]
    assert isinstance(child, bytes)
    del nodes.by_hash[Hash32(child)]
    trie = Trie(root, nodes)

    with pytest.raises(MissingTrieNode) as error:
        if operation == "update":
            trie.update({key: b"changed"})
        else:
            getattr(trie, operation)(key)

    assert child.hex() in str(error.value)
    assert key.hex() in str(error.value)
    assert error.value.node_hash == child


def test_collapsing_a_branch_onto_a_missing_child_is_an_error_too() -> None:
    entries = {b"\x10" + bytes(31): b"a" * 40, b"\x20" + bytes(31): b"b" * 40}
    _, root, nodes = trie_of(entries)
    survivor = decode_node(nodes.by_hash[root])[2]
    assert isinstance(survivor, bytes)
    del nodes.by_hash[Hash32(survivor)]

    with pytest.raises(MissingTrieNode, match=survivor.hex()):
        Trie(root, nodes).update({b"\x10" + bytes(31): None})


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\xc0", encode([b"a", b"b", b"c"]), b"\xf8\x40" + bytes(10)])
def test_bytes_that_are_no_node_are_refused(raw: bytes) -> None:
    with pytest.raises(CorruptTrieNode, match="no trie node"):
        decode_node(raw)


def test_an_ordered_root_refuses_empty_items() -> None:
    with pytest.raises(ValueError, match="empty item"):
        ordered_root([b"a", b""])

"""What two tries do not have in common, found without looking at what they share."""

from dataclasses import dataclass, field
from typing import TypeAlias

from config.constants import EMPTY_TRIE_ROOT
from config.types import Hash32
from evm.trie.nodes import (
    BRANCH_WIDTH,
    DIGITS,
    MissingTrieNode,
    Node,
    NodeReader,
    decode_node,
    shared_prefix,
    unpack_path,
)
from evm.types.rlp import Rlp

_Rest: TypeAlias = tuple[str, Rlp, bool]
"""What is left of a leaf or an extension from some position on: path, value or child, whether it is a leaf."""

_Subtrie: TypeAlias = "Rlp | _Rest"
"""What hangs at a position: a reference as in `evm.trie.nodes`, or the inside of a leaf or an extension."""


@dataclass
class TrieDifference:
    """`added`, `removed`: hashes of the nodes at positions where the other trie has another one or none, parents first;
    embedded nodes do not count. `values`: by key, the old and the new value; None where there is none."""

    added: list[Hash32] = field(default_factory=list)
    removed: list[Hash32] = field(default_factory=list)
    values: dict[Hash32, tuple[bytes | None, bytes | None]] = field(default_factory=dict)


def trie_difference(nodes: NodeReader, old: Hash32, new: Hash32) -> TrieDifference:
    """Compare two tries whose nodes come from the same reader. Raises MissingTrieNode when one is not there."""
    comparison = _Comparison(nodes)
    comparison.compare(b"" if old == EMPTY_TRIE_ROOT else old, b"" if new == EMPTY_TRIE_ROOT else new, "")
    return comparison.found


class _Comparison:
    def __init__(self, nodes: NodeReader) -> None:
        self._nodes = nodes
        self._decoded = getattr(nodes, "decoded", None)
        self.found = TrieDifference()

    def compare(self, old: _Subtrie, new: _Subtrie, path: str) -> None:
        if old == new:
            return
        left, right = self._open(old, path, self.found.removed), self._open(new, path, self.found.added)
        if isinstance(left, tuple) and isinstance(right, tuple):
            common = shared_prefix(left[0], right[0])
            if common:
                self.compare(_inside(left, common), _inside(right, common), path + left[0][:common])
                return
        before, after = _value_here(left), _value_here(right)
        if before != after:
            self.found.values[Hash32(bytes.fromhex(path))] = (before or None, after or None)
        for index in range(16):
            one, other = _child(left, index), _child(right, index)
            if one != other:
                self.compare(one, other, path + DIGITS[index])

    def _open(self, subtrie: _Subtrie, path: str, seen: list[Hash32]) -> Node | _Rest:
        """A branch, or what is left of a leaf or an extension; an empty list for nothing."""
        if isinstance(subtrie, tuple):
            return subtrie
        if isinstance(subtrie, bytes):
            if not subtrie:
                return []
            seen.append(Hash32(subtrie))
            node = self._load(Hash32(subtrie), path)
        else:
            node = subtrie
        if len(node) == BRANCH_WIDTH:
            return node
        part, ends = unpack_path(node[0])
        return part, node[1], ends

    def _load(self, node_hash: Hash32, path: str) -> Node:
        if self._decoded is not None:
            node: Node | None = self._decoded(node_hash)
            if node is not None:
                return node
        raw = self._nodes.get(node_hash)
        if raw is None:
            raise MissingTrieNode(node_hash, path)
        return decode_node(raw)


def _inside(rest: _Rest, digits: int) -> _Subtrie:
    """What hangs that many digits further along a leaf or an extension."""
    part, target, ends = rest
    return target if digits == len(part) and not ends else (part[digits:], target, ends)


def _value_here(view: Node | _Rest) -> bytes:
    value: Rlp = b""
    if isinstance(view, list):
        value = view[16] if view else b""
    elif not view[0]:
        value = view[1]
    assert isinstance(value, bytes)
    return value


def _child(view: Node | _Rest, index: int) -> _Subtrie:
    if isinstance(view, list):
        return view[index] if view else b""
    return _inside(view, 1) if view[0] and view[0][0] == DIGITS[index] else b""

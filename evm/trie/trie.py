"""The trie: read, change in batches, commit, prove."""

from collections.abc import Iterator, Mapping

from config.constants import EMPTY_TRIE_ROOT
from config.types import Hash32
from evm.trie.nodes import (
    BRANCH_WIDTH,
    DIGITS,
    NIBBLE,
    CorruptTrieNode,
    DecodedReader,
    Key,
    MissingTrieNode,
    Node,
    NodeReader,
    decode_node,
    extension,
    leaf,
    shared_prefix,
    unpack_path,
)
from evm.types.hashing import keccak256
from evm.types.rlp import Rlp, encode

Items = list[tuple[str, bytes]]
"""Sorted (path, value) pairs; an empty value deletes."""


class Trie:
    """A trie that starts from `root` and loads its nodes from `nodes` as it needs them.

    Keys are used as given: a secure trie's user hashes them first. Changes stay in memory, unhashed, until `commit`.
    Every method raises MissingTrieNode when a node it needs is not there. Spec: yellow paper, appendix D.
    """

    def __init__(self, root: Hash32, nodes: NodeReader | DecodedReader) -> None:
        self._nodes = nodes
        self._decoded = getattr(nodes, "decoded", None)
        self._root: Rlp = b"" if root == EMPTY_TRIE_ROOT else root
        self._hashed: dict[Hash32, bytes] = {}
        self._hashed_nodes: dict[Hash32, Node] = {}
        self._copies: dict[Hash32, int] = {}
        self.committed: dict[Hash32, Node] = {}
        """The nodes of the last commit in decoded form, for caches; read only."""
        self.replaced: list[Hash32] = []
        """Hashes of the nodes that changes have put others in the place of, or nothing; one entry per position."""
        self.copies: dict[Hash32, int] = {}
        """How often more than once a node was made by the last commit; nothing about those made once."""

    def get(self, key: bytes) -> bytes | None:
        """The value stored under `key`, or None."""
        path = key.hex()
        depth = 0
        ref = self._root
        while True:
            if type(ref) is bytes:
                if not ref:
                    return None
                node = self._load(ref, path)
            else:
                assert isinstance(ref, list)
                node = ref
            if len(node) == BRANCH_WIDTH:
                if depth == len(path):
                    return _value(node[16]) or None
                ref = node[NIBBLE[path[depth]]]
                depth += 1
                continue
            part, ends = unpack_path(node[0])
            if ends:
                return _value(node[1]) if path[depth:] == part else None
            if not path.startswith(part, depth):
                return None
            depth += len(part)
            ref = node[1]

    def update(self, changes: Mapping[Key, bytes | None] | Mapping[Key, bytes]) -> None:
        """Store each value under its key; None or an empty value deletes. Equal to doing it one by one, but faster."""
        if changes:
            items = sorted((key.hex(), value or b"") for key, value in changes.items())
            self._root = self._change(self._root, items, 0)

    def commit(self) -> tuple[Hash32, dict[Hash32, bytes]]:
        """Hash what has changed: the new root and all nodes made since the last commit, by hash."""
        root = self._hash()
        made, self._hashed = self._hashed, {}
        self.copies, self._copies = self._copies, {}
        self.committed, self._hashed_nodes = self._hashed_nodes, {}
        if made:
            self._nodes = _Overlay(made, self._nodes)
            self._decoded = None
        return root, made

    def prove(self, key: bytes) -> list[bytes]:
        """The nodes from the root to `key`'s leaf, or to where its absence shows; embedded nodes are within their
        parents. Empty for an empty trie. Spec: EIP-1186."""
        self._hash()
        proof: list[bytes] = []
        path = key.hex()
        depth = 0
        ref = self._root
        while ref:
            if isinstance(ref, bytes):
                raw = self._raw(ref, path)
                proof.append(raw)
                node = decode_node(raw)
            else:
                node = ref
            if len(node) == BRANCH_WIDTH:
                if depth == len(path):
                    break
                ref = node[NIBBLE[path[depth]]]
                depth += 1
                continue
            part, ends = unpack_path(node[0])
            if ends or not path.startswith(part, depth):
                break
            depth += len(part)
            ref = node[1]
        return proof

    def items(self, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in key order, from `start` on. The trie must not change meanwhile."""
        return self._items(self._root, "", start.hex())

    def _items(self, ref: Rlp, path: str, start: str) -> Iterator[tuple[bytes, bytes]]:
        """The entries below `ref`, which hangs at `path`, whose paths are not before `start`."""
        if not ref or path < start[: len(path)]:
            return
        node = self._load(ref, path) if isinstance(ref, bytes) else ref
        if len(node) == BRANCH_WIDTH:
            if node[16] and path >= start:
                yield bytes.fromhex(path), _value(node[16])
            for index in range(16):
                yield from self._items(node[index], path + DIGITS[index], start)
            return
        part, ends = unpack_path(node[0])
        if not ends:
            yield from self._items(node[1], path + part, start)
        elif path + part >= start:
            yield bytes.fromhex(path + part), _value(node[1])

    def hashes(self) -> Iterator[Hash32]:
        """The hash of each node that is not embedded in its parent, parents first; the same one once per position."""
        pending: list[Rlp] = [self._root]
        while pending:
            ref = pending.pop()
            if isinstance(ref, bytes):
                if not ref:
                    continue
                yield Hash32(ref)
                node = self._load(ref, "")
            else:
                node = ref
            if len(node) == BRANCH_WIDTH:
                pending.extend(node[15::-1])
            elif not unpack_path(node[0])[1]:
                pending.append(node[1])

    # --- loading ---

    def _raw(self, node_hash: bytes, path: str) -> bytes:
        raw = self._hashed.get(Hash32(node_hash)) or self._nodes.get(Hash32(node_hash))
        if raw is None:
            raise MissingTrieNode(node_hash, path)
        return raw

    def _load(self, node_hash: bytes, path: str) -> Node:
        if self._decoded is not None and node_hash not in self._hashed:
            node: Node | None = self._decoded(node_hash)
            if node is None:
                raise MissingTrieNode(node_hash, path)
            return node
        return decode_node(self._raw(node_hash, path))

    def _replace(self, ref: Rlp, path: str) -> Node:
        """The node `ref`, which another one will take the place of."""
        if isinstance(ref, list):
            return ref
        node = self._load(ref, path)
        self.replaced.append(Hash32(ref))
        return node

    # --- changing: every method returns a new reference and leaves the nodes it got as they were ---

    def _change(self, ref: Rlp, items: Items, depth: int) -> Rlp:
        """The subtrie `ref` with `items` applied; all their paths agree up to `depth`, where the subtrie hangs."""
        if not ref:
            return build([item for item in items if item[1]], depth)
        node = self._replace(ref, items[0][0])
        if len(node) == BRANCH_WIDTH:
            return self._change_branch(list(node), items, depth)
        part, ends = unpack_path(node[0])
        if ends:
            if len(items) == 1 and items[0][1] and items[0][0][depth:] == part:
                return [node[0], items[0][1]]
            return _change_leaf(items, depth, part, _value(node[1]))
        return self._change_extension(node, part, items, depth)

    def _change_branch(self, node: Node, items: Items, depth: int) -> Rlp:
        deleted = False
        position, count = 0, len(items)
        if len(items[0][0]) == depth:
            node[16] = items[0][1]
            deleted = not items[0][1]
            position = 1
        while position < count:
            digit = items[position][0][depth]
            end = position + 1
            while end < count and items[end][0][depth] == digit:
                end += 1
            index = NIBBLE[digit]
            child = self._change(node[index], items[position:end] if end - position < count else items, depth + 1)
            node[index] = child
            deleted = deleted or not child
            position = end
        return self._collapse(node, items[0][0]) if deleted else node

    def _change_extension(self, node: Node, part: str, items: Items, depth: int) -> Rlp:
        fits = shared_prefix(part, items[0][0][depth : depth + len(part)])
        if len(items) > 1:
            fits = min(fits, shared_prefix(part, items[-1][0][depth : depth + len(part)]))
        if fits == len(part):
            child = self._change(node[1], items, depth + fits)
        else:
            rest = part[fits + 1 :]
            branch: Node = [b""] * BRANCH_WIDTH
            branch[NIBBLE[part[fits]]] = extension(rest, node[1]) if rest else node[1]
            child = self._change_branch(branch, items, depth + fits)
            child = self._collapse(child, items[0][0]) if isinstance(child, list) and len(child) > 2 else child
        return self._extend(part[:fits], child, items[0][0])

    def _collapse(self, node: Node, path: str) -> Rlp:
        """A branch that may have too few children, in the form it must have: branch, extension, leaf or nothing."""
        used = [index for index in range(16) if node[index]]
        if node[16]:
            return node if used else leaf("", _value(node[16]))
        if len(used) > 1:
            return node
        return self._extend(DIGITS[used[0]], node[used[0]], path) if used else b""

    def _extend(self, prefix: str, ref: Rlp, path: str) -> Rlp:
        """The subtrie `ref` moved below `prefix`: leaves and extensions swallow it, a branch gets an extension."""
        if not ref or not prefix:
            return ref
        node = self._load(ref, path) if isinstance(ref, bytes) else ref
        if len(node) == BRANCH_WIDTH:
            return extension(prefix, ref)
        if isinstance(ref, bytes):
            self.replaced.append(Hash32(ref))
        part, ends = unpack_path(node[0])
        return leaf(prefix + part, _value(node[1])) if ends else extension(prefix + part, node[1])

    # --- hashing ---

    def _hash(self) -> Hash32:
        if isinstance(self._root, list):
            root = hash_nodes(self._root, self._hashed, self._hashed_nodes, self._copies)
            if isinstance(root, list):
                # The root is hashed even when it is short.
                raw = encode(root)
                root = _keep(raw, root, self._hashed, self._hashed_nodes, self._copies)
            self._root = root
        return Hash32(self._root) if self._root else EMPTY_TRIE_ROOT


class _Overlay:
    """Committed nodes in front of the reader that does not have them yet."""

    def __init__(self, nodes: dict[Hash32, bytes], behind: NodeReader) -> None:
        if isinstance(behind, _Overlay):
            self._made: dict[Hash32, bytes] = {**behind._made, **nodes}
            self._behind: NodeReader = behind._behind
        else:
            self._made, self._behind = dict(nodes), behind

    def get(self, node_hash: Hash32) -> bytes | None:
        return self._made.get(node_hash) or self._behind.get(node_hash)


def build(items: Items, depth: int) -> Rlp:
    """The subtrie that holds exactly `items` (sorted, distinct, no empty values), hanging at `depth`."""
    if not items:
        return b""
    first = items[0][0]
    if len(items) == 1:
        return leaf(first[depth:], items[0][1])
    common = shared_prefix(first[depth:], items[-1][0][depth:])
    if common:
        return extension(first[depth : depth + common], build(items, depth + common))
    node: Node = [b""] * BRANCH_WIDTH
    position, count = 0, len(items)
    if len(first) == depth:
        node[16] = items[0][1]
        position = 1
    while position < count:
        digit = items[position][0][depth]
        end = position + 1
        while end < count and items[end][0][depth] == digit:
            end += 1
        node[NIBBLE[digit]] = build(items[position:end], depth + 1)
        position = end
    return node


def _change_leaf(items: Items, depth: int, part: str, value: bytes) -> Rlp:
    path = items[0][0][:depth] + part
    kept = [item for item in items if item[1]]
    if all(item[0] != path for item in items):
        kept.append((path, value))
        kept.sort()
    return build(kept, depth)


def hash_nodes(
    node: Node, made: dict[Hash32, bytes], nodes: dict[Hash32, Node], copies: dict[Hash32, int] | None = None
) -> Rlp:
    """Hash a subtrie from its leaves up, into `made` (encoded) and `nodes` (as they are, children by hash).

    `copies` counts nodes that are made more than once. Gives the reference that its parent holds: the hash, or the node
    itself when it is short.
    """
    for index, child in enumerate(node):
        if type(child) is list:
            node[index] = hash_nodes(child, made, nodes, copies)
    raw = encode(node)
    return node if len(raw) < 32 else _keep(raw, node, made, nodes, copies)


def _keep(
    raw: bytes, node: Node, made: dict[Hash32, bytes], nodes: dict[Hash32, Node], copies: dict[Hash32, int] | None
) -> Hash32:
    digest = keccak256(raw)
    if copies is not None and digest in made:
        copies[digest] = copies.get(digest, 0) + 1
    made[digest] = raw
    nodes[digest] = node
    return digest


def _value(item: Rlp) -> bytes:
    if not isinstance(item, bytes):
        raise CorruptTrieNode("a trie node holds a list where its value belongs")
    return item

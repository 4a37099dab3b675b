"""Trie nodes as they lie in memory, their paths, and where they come from.

A node is what its RLP decodes to: a branch is a list of 17 items, a leaf or an extension a list of 2. A reference to a
child is the empty string (nothing there), 32 bytes (the hash of a node to load) or a list (the child itself: either
embedded because its RLP is shorter than 32 bytes, or not hashed yet). Nodes are never changed in place once another
node or a cache may hold them.

A path is a string of hex digits, one per nibble: Python slices, compares, sorts and packs those in C.
Spec: yellow paper, appendix D; ethereum.org "Patricia Merkle Trie".
"""

import re
from typing import Protocol, TypeAlias, TypeVar

from config.errors import CriticalError, StateUnavailable
from config.types import Hash32, to_hex
from evm.types.rlp import Rlp, RlpError, decode, item_length

Node: TypeAlias = list[Rlp]

Key = TypeVar("Key", bound=bytes)
"""Whatever bytes the caller's keys are: hashes in secure tries."""

BRANCH_WIDTH = 17
"""Sixteen children and a value."""

_LONGEST_PATH = 0x80 + 33
"""The RLP prefix of the path of a key of 32 bytes."""

_HASH_OR_EMPTY = re.compile(rb"\xa0(.{32})|\x80", re.DOTALL)

NIBBLE = {digit: value for value, digit in enumerate("0123456789abcdef")}
DIGITS = "0123456789abcdef"


class MissingTrieNode(StateUnavailable):
    """A node that the trie refers to is not there. Never to be read as "nothing stored"."""

    def __init__(self, node_hash: bytes, path: str) -> None:
        self.node_hash = Hash32(node_hash)
        self.path = path
        super().__init__(
            f"trie node {to_hex(node_hash)} on the way to key 0x{path} is missing: the state is incomplete; "
            "rebuild it from L1 or restore the data directory"
        )


class CorruptTrieNode(CriticalError):
    """Bytes that do not have the hash they are stored under, or are no trie node."""


class NodeReader(Protocol):
    """Answers with the RLP of the node that has this hash, or None when it does not have it."""

    def get(self, node_hash: Hash32) -> bytes | None: ...


class DecodedReader(NodeReader, Protocol):
    """A reader that keeps decoded nodes. What it hands out is shared: read it, never change it."""

    def decoded(self, node_hash: Hash32) -> Node | None: ...


def decode_node(raw: bytes) -> Node:
    """The node that these bytes encode. Raises CorruptTrieNode when they are no node."""
    branch = _decode_branch(raw)
    if branch is not None:
        return branch
    try:
        node = decode(raw)
    except RlpError as error:
        raise CorruptTrieNode(f"{len(raw)} bytes starting with 0x{raw[:8].hex()} are no trie node: {error}") from error
    if not isinstance(node, list) or len(node) not in (2, BRANCH_WIDTH):
        raise CorruptTrieNode(f"{len(raw)} bytes starting with 0x{raw[:8].hex()} are no trie node")
    return node


def is_leaf(raw: bytes) -> bool:
    """Whether a node is a leaf, without decoding what it holds."""
    start = raw[0] - 0xF6 if raw[0] > 0xF7 else 1
    prefix = raw[start]
    end = start + 1 + max(prefix - 0x80, 0)
    flag = raw[start] if prefix < 0x80 else raw[start + 1]
    if prefix > _LONGEST_PATH or flag >> 4 not in (2, 3):
        return False
    # A branch can begin with a hash that looks like a path, but more than one item follows.
    return end + item_length(raw, end) == len(raw)


def _decode_branch(raw: bytes) -> Node | None:
    """A branch whose items are all hashes or empty; None for anything else.

    Nearly all nodes read are such branches, and finding their items here is many times faster than the general decoder.
    """
    length = len(raw)
    if raw[:1] == b"\xf8" and length > 57 and raw[1] == length - 2:
        position = 2
    elif raw[:1] == b"\xf9" and length > 258 and int.from_bytes(raw[1:3], "big") == length - 3:
        position = 3
    else:
        return None
    items: Node = _HASH_OR_EMPTY.findall(raw, position)
    # The search passes over what is neither: then bytes are missing from the sum.
    taken = BRANCH_WIDTH + 32 * (BRANCH_WIDTH - items.count(b""))
    return items if len(items) == BRANCH_WIDTH and position + taken == length else None


def unpack_path(packed: Rlp) -> tuple[str, bool]:
    """(hex digits, whether it ends in a leaf) of a hex-prefix encoded path."""
    if not isinstance(packed, bytes) or not packed:
        raise CorruptTrieNode("a trie node has no path")
    digits = packed.hex()
    flag = digits[0]
    if flag == "3":
        return digits[1:], True
    if flag == "2":
        return digits[2:], True
    if flag == "1":
        return digits[1:], False
    if flag == "0":
        return digits[2:], False
    raise CorruptTrieNode(f"a trie node's path has the unknown flag {flag}")


def leaf(path: str, value: bytes) -> Node:
    """A leaf: the rest of the key and the value."""
    return [bytes.fromhex("3" + path if len(path) & 1 else "20" + path), value]


def extension(path: str, child: Rlp) -> Node:
    """An extension: a path of at least one nibble that all keys below share."""
    return [bytes.fromhex("1" + path if len(path) & 1 else "00" + path), child]


def shared_prefix(left: str, right: str) -> int:
    """How many leading characters two strings have in common."""
    limit = min(len(left), len(right))
    if left[:limit] == right[:limit]:
        return limit
    count = 0
    while left[count] == right[count]:
        count += 1
    return count

"""Roots of tries that are built once, hashed and thrown away."""

from collections.abc import Mapping, Sequence

from config.constants import EMPTY_TRIE_ROOT
from config.types import Hash32
from evm.trie.nodes import Key
from evm.trie.trie import Items, build, hash_nodes
from evm.types.hashing import keccak256
from evm.types.rlp import encode


def ordered_root(items: Sequence[bytes]) -> Hash32:
    """Root of the trie that maps RLP(index) to each item: transactions, receipts and withdrawals roots.

    Items must not be empty. Spec: yellow paper, 4.4 ("Block header").
    """
    if not all(items):
        raise ValueError("an empty item cannot be stored in a trie")
    # RLP of 0 is 0x80, which sorts between 127 (0x7f) and 128 (0x8180).
    paths: Items = [(f"{index:02x}", items[index]) for index in range(1, min(128, len(items)))]
    if items:
        paths.append(("80", items[0]))
    for index in range(128, len(items)):
        digits = index.to_bytes((index.bit_length() + 7) // 8, "big").hex()
        paths.append((f"{0x80 + len(digits) // 2:02x}{digits}", items[index]))
    return _root(paths)


def root_of(entries: Mapping[Key, bytes]) -> Hash32:
    """Root of the trie with these entries; keys are used as given, empty values count as absent."""
    return _root(sorted((key.hex(), value) for key, value in entries.items() if value))


def _root(items: Items) -> Hash32:
    root = build(items, 0)
    if not isinstance(root, list):
        return EMPTY_TRIE_ROOT
    ref = hash_nodes(root, {}, {})
    return Hash32(ref) if isinstance(ref, bytes) else keccak256(encode(ref))

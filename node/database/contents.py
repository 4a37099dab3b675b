"""What is in a store, by kind."""

from dataclasses import dataclass

from evm.store.kv import KeyValueStore
from evm.store.layout import (
    ACCOUNT_PREFIX,
    CODE_PREFIX,
    COUNT_PREFIX,
    JOURNAL_PREFIX,
    MARKER_PREFIX,
    NODE_PREFIX,
    RELEASE_PREFIX,
    SLOT_PREFIX,
)

KINDS = {
    b"H": "headers",
    b"B": "blocks",
    b"R": "receipts",
    b"N": "canonical numbers",
    b"T": "transaction index",
    b"M": "markers",
    b"S": "safe head records",
    b"V": "blobs",
    NODE_PREFIX: "trie nodes",
    CODE_PREFIX: "codes",
    COUNT_PREFIX: "trie node counts",
    ACCOUNT_PREFIX: "flat accounts",
    SLOT_PREFIX: "flat slots",
    JOURNAL_PREFIX: "state journals",
    RELEASE_PREFIX: "released trie nodes",
    MARKER_PREFIX: "state markers",
}


@dataclass
class KindSize:
    """How much of one kind there is; bytes of keys and values."""

    kind: str
    entries: int = 0
    key_bytes: int = 0
    value_bytes: int = 0


def contents(kv: KeyValueStore) -> list[KindSize]:
    """Entries and bytes of every kind, kinds that do not occur left out; keys of no known kind are counted as such."""
    sizes: dict[str, KindSize] = {}
    for key, value in kv.scan(b""):
        kind = KINDS.get(key[:1]) or KINDS.get(key[:2]) or "of no known kind"
        size = sizes.setdefault(kind, KindSize(kind))
        size.entries += 1
        size.key_bytes += len(key)
        size.value_bytes += len(value)
    return sorted(sizes.values(), key=lambda size: -(size.key_bytes + size.value_bytes))

"""How two states differ, found from their tries alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.constants import EMPTY_TRIE_ROOT
from config.types import Hash32
from evm.store.account import Account
from evm.store.diff import StateChanges
from evm.trie import NodeReader
from evm.trie.difference import trie_difference
from evm.types.rlp import as_bytes, decode


class NewNodes:
    """Nodes that are not written yet, and behind them those that are."""

    def __init__(self, nodes: Mapping[Hash32, bytes], behind: NodeReader) -> None:
        self._new = nodes
        self._behind = behind

    def get(self, node_hash: Hash32) -> bytes | None:
        """The RLP of a node."""
        return self._new.get(node_hash) or self._behind.get(node_hash)


@dataclass(frozen=True)
class StateComparison:
    """`changes` lead from the old to the new state, without `copies`; `added`: new nodes, one entry per position."""

    changes: StateChanges
    added: tuple[Hash32, ...]


def compare_states(nodes: NodeReader, old: Hash32, new: Hash32) -> StateComparison:
    """Compare the states with these roots; takes as long as they differ. Raises MissingTrieNode."""
    tries = trie_difference(nodes, old, new)
    added, replaced = list(tries.added), list(tries.removed)
    accounts: dict[Hash32, bytes | None] = {}
    slots: dict[Hash32, dict[Hash32, bytes]] = {}
    wiped: set[Hash32] = set()
    for key, (before, after) in tries.values.items():
        accounts[key] = after
        old_root, new_root = _storage_root(before), _storage_root(after)
        if old_root == new_root:
            continue
        storage = trie_difference(nodes, old_root, new_root)
        added.extend(storage.added)
        replaced.extend(storage.removed)
        if new_root == EMPTY_TRIE_ROOT:
            wiped.add(key)
        else:
            slots[key] = {slot: _slot_bytes(value) for slot, (_, value) in storage.values.items()}
    return StateComparison(StateChanges(old, accounts, slots, frozenset(wiped), tuple(replaced)), tuple(added))


def _storage_root(account: bytes | None) -> Hash32:
    return EMPTY_TRIE_ROOT if account is None else Account.decode(account).storage_root


def _slot_bytes(value: bytes | None) -> bytes:
    return b"" if value is None else as_bytes(decode(value), "storage value")

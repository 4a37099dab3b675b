"""What a block changes in the state, and what has to be stored for that.

`StateDiff` goes into an engine's trie, `StateUpdate` comes out of it. Any engine may make the update; the store takes
what is in it at its word, `lamina db verify` checks it against the tries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.types import Address, Hash32
from evm.store.account import Account
from evm.store.kv import WriteBatch
from evm.store.layout import CODE_PREFIX, NODE_PREFIX
from evm.trie import Node

__all__ = ["CODE_PREFIX", "NODE_PREFIX", "StateChanges", "StateDiff", "StateUpdate"]


@dataclass
class StateDiff:
    """New values after execution, relative to the state it started from.

    `accounts`: the whole account, or None when it no longer exists; its `storage_root` is ignored, because `storage`
    and `wiped` say what becomes of the storage. `storage`: new value by slot, zero deletes. `codes`: new code by hash.
    `wiped`: accounts whose old storage is gone before `storage` is applied (destroyed, or created anew).
    """

    accounts: dict[Address, Account | None] = field(default_factory=dict)
    storage: dict[Address, dict[int, int]] = field(default_factory=dict)
    codes: dict[Hash32, bytes] = field(default_factory=dict)
    wiped: set[Address] = field(default_factory=set)


@dataclass(frozen=True)
class StateChanges:
    """How a state differs from the one it was made from, by account and slot and by trie node.

    Accounts and slots are named by the keccak256 of the address or of the slot's 32 bytes, as in the tries.

    `parent`: the root of the state it was made from. `accounts`: RLP as in the state trie, storage root and all, or
    None for an account that is gone. `slots`: by account, then by slot, the new value big-endian without leading zeros;
    empty for zero. `wiped`: accounts that had storage of which nothing is left but what `slots` gives them; a deleted
    account that had storage is one of them. Naming what has not changed does no harm.

    The nodes are counted by position. A position is a path in the state trie or in the storage trie of one account;
    only nodes with a hash count, not those embedded in their parents. `replaced`: for each position at which the
    parent's state has a node and the new state another or none, that node's hash; so the same hash can occur several
    times. `copies`: for a hash in `StateUpdate.nodes` that was put at more than one position, the number of further
    ones. A position that was written again with the node that it had may be left out of both lists, or stand in both.
    """

    parent: Hash32
    accounts: Mapping[Hash32, bytes | None]
    slots: Mapping[Hash32, Mapping[Hash32, bytes]]
    wiped: frozenset[Hash32]
    replaced: tuple[Hash32, ...]
    copies: Mapping[Hash32, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StateUpdate:
    """The state after a diff: its root, and the trie nodes and codes that the store may not have yet, by hash.

    `nodes` are exactly the nodes at positions that the diff has changed: those below or beside them are not in it.
    """

    root: Hash32
    nodes: dict[Hash32, bytes]
    codes: dict[Hash32, bytes]
    decoded: Mapping[Hash32, Node] = field(default_factory=dict, repr=False, compare=False)
    """Nodes among `nodes` that the state store can cache without decoding them again; may be empty."""
    changes: StateChanges | None = field(default=None, repr=False, compare=False)
    """None when the engine does not know: the store then compares the two states' tries, which takes longer."""

    def write(self, batch: WriteBatch) -> None:
        """Put nodes and codes into a batch, for a store that keeps every state and no flat one."""
        for node_hash, raw in self.nodes.items():
            batch.put(NODE_PREFIX + node_hash, raw)
        for code_hash, code in self.codes.items():
            batch.put(CODE_PREFIX + code_hash, code)

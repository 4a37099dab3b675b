"""What a block changes in the state, and what has to be stored for that."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.types import Address, Hash32
from evm.store.account import Account
from evm.store.kv import WriteBatch
from evm.trie import Node

NODE_PREFIX = b"sn"
CODE_PREFIX = b"sc"


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
class StateUpdate:
    """The state after a diff: its root, and the trie nodes and codes that the store does not have yet, by hash."""

    root: Hash32
    nodes: dict[Hash32, bytes]
    codes: dict[Hash32, bytes]
    decoded: Mapping[Hash32, Node] = field(default_factory=dict, repr=False, compare=False)
    """Nodes among `nodes` that the state store can cache without decoding them again; may be empty."""

    def write(self, batch: WriteBatch) -> None:
        """Put everything into the batch that makes the block durable."""
        for node_hash, raw in self.nodes.items():
            batch.put(NODE_PREFIX + node_hash, raw)
        for code_hash, code in self.codes.items():
            batch.put(CODE_PREFIX + code_hash, code)

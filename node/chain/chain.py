"""The chain and its heads: the one place that changes which block is canonical, unsafe head, safe or finalized.

Everything a change touches goes to disk in one synced batch before anyone is told of it.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.errors import CriticalError, StateUnavailable
from config.types import Hash32, short, to_hex
from evm.engine import Engine, ExecutedBlock
from evm.rules import Rules
from evm.store.history import BlockState, StateHistory, StatePoint
from evm.store.kv import KeyValueStore, WriteBatch
from evm.store.state import StateReader, StateStore, StateUpdate
from evm.types import Block, Header, Receipt
from node.chain.store import ChainStore, TransactionLocation

log = logging.getLogger("lamina.chain")


class StatePruned(StateUnavailable):
    """The state of a block is not kept any more, or never was."""

    def __init__(self, header: Header, base: int) -> None:
        # Clients of geth look for "missing trie node" to tell that they need an archive node.
        super().__init__(
            f"missing trie node {to_hex(header.state_root)} (path ): the state of {header} is pruned, this node keeps "
            f"states from block {base} on (--history.state): ask an archive node (--gcmode archive)"
        )


def _point(header: Header) -> StatePoint:
    return StatePoint(header.number, header.hash)


@dataclass(frozen=True)
class ChainUpdate:
    """A move of the unsafe head: canonical blocks that went (newest first) and that came (oldest first)."""

    added: tuple[Block, ...]
    removed: tuple[Block, ...] = ()


class Chain:
    """A chain on disk with its three heads (unsafe, also called latest; safe; finalized).

    finalized <= safe <= unsafe holds at all times, and all three are canonical.
    """

    def __init__(self, kv: KeyValueStore, rules: Rules, state: StateStore) -> None:
        """Open a chain that `initialise` has written. Raises CriticalError when there is none or its head is damaged."""
        self.kv = kv
        self.store = ChainStore(kv)
        self.rules = rules
        self.state = state
        genesis_hash = self.store.genesis_hash()
        if genesis_hash is None:
            raise CriticalError(
                "the data directory holds no chain: run `lamina init --genesis FILE --rollup.config FILE` first"
            )
        self.genesis = self.store.require_header(genesis_hash, "the genesis block")
        self.head = self._load_head("unsafe")
        self.safe = self._load_head("safe")
        self.finalized = self._load_head("finalized")
        state.flat.load()
        if not state.has(self.head.state_root) or state.flat.root != self.head.state_root:
            raise CriticalError(
                f"the state of the head, {self.head}, is not in the store: the data directory is damaged; "
                "restore it, or delete it and derive the chain again from L1"
            )
        self.history = StateHistory(kv, state)
        """Which blocks' states are kept."""
        self.engine = Engine(rules, state, self)
        """What makes and checks blocks; py-evm alone unless another is put here."""
        self._listeners: list[Callable[[ChainUpdate], None]] = []
        self._label_listeners: list[Callable[[], None]] = []

    @staticmethod
    def initialise(kv: KeyValueStore, genesis: Block, update: StateUpdate) -> bool:
        """Write the genesis block and state into an empty store; True when it was empty.

        Raises CriticalError when the store already holds a chain with another genesis.
        """
        store = ChainStore(kv)
        existing = store.genesis_hash()
        if existing is not None:
            if existing != genesis.hash:
                raise CriticalError(
                    f"the data directory holds a chain with genesis {short(existing)}, not {short(genesis.hash)}: "
                    "use another --datadir, or delete this one"
                )
            return False
        batch = WriteBatch()
        StateHistory.begin(batch, kv, _point(genesis.header), update)
        store.stage_genesis(batch, genesis)
        kv.write(batch, sync=True)
        return True

    def _load_head(self, name: str) -> Header:
        head = self.store.head_hash(name)
        return self.genesis if head is None else self.store.require_header(head, f"the {name} head")

    # --- listening ---

    def on_new_head(self, listener: Callable[[ChainUpdate], None]) -> None:
        """Call `listener` after each durable change of the unsafe head."""
        self._listeners.append(listener)

    def on_labels(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each durable change of the safe or finalized head."""
        self._label_listeners.append(listener)

    # --- reading ---

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """A header by hash, canonical or not."""
        return self.store.header(block_hash)

    def header_by_number(self, number: int) -> Header | None:
        """The canonical header of this number."""
        block_hash = self.canonical_hash(number)
        return None if block_hash is None else self.store.header(block_hash)

    def block_by_hash(self, block_hash: Hash32) -> Block | None:
        """A block by hash, canonical or not."""
        return self.store.block(block_hash)

    def block_by_number(self, number: int) -> Block | None:
        """The canonical block of this number."""
        block_hash = self.canonical_hash(number)
        return None if block_hash is None else self.store.block(block_hash)

    def receipts(self, block_hash: Hash32) -> Sequence[Receipt] | None:
        """The receipts of a block, canonical or not."""
        return self.store.receipts(block_hash)

    def canonical_hash(self, number: int) -> Hash32 | None:
        """The canonical hash of this number; None above the head."""
        return None if number > self.head.number else self.store.canonical_hash(number)

    def is_canonical(self, header: Header) -> bool:
        """Whether this block is in the canonical chain."""
        return self.canonical_hash(header.number) == header.hash

    def find_transaction(self, transaction_hash: Hash32) -> TransactionLocation | None:
        """Where a transaction stands in the canonical chain."""
        return self.store.transaction_location(transaction_hash)

    def state_at(self, header: Header) -> StateReader:
        """The state after this block. See `require_state` for whether it is kept."""
        return self.state.at(header.state_root)

    def has_state(self, header: Header) -> bool:
        """Whether the state after this block is kept."""
        return header.hash == self.head.hash or (
            self.history.keeps(_point(header)) and self.state.has(header.state_root)
        )

    def require_state(self, header: Header) -> StateReader:
        """The state after this block. Raises StatePruned when it is not kept."""
        if not self.has_state(header):
            raise StatePruned(header, self.history.base.number)
        return self.state_at(header)

    # --- changing ---

    def insert(self, executed: ExecutedBlock, make_head: bool = True, durable: bool = True) -> None:
        """Write an executed block, and by default make it the head. Its parent must be stored.

        `durable`: wait until it is on the disk. Otherwise lost power may take the newest blocks away again, with all that was
        written after them; that is for blocks which L1 gives once more.
        """
        block = executed.block
        if self.store.header(block.header.parent_hash) is None:
            raise CriticalError(f"{block} cannot be stored: its parent {short(block.header.parent_hash)} is not there")
        batch = WriteBatch()
        self.store.stage_block(batch, block, executed.receipts)
        if make_head:
            self._move_head(batch, block, executed, durable)
        else:
            self._commit(batch, executed, None, durable)

    def _commit(
        self, batch: WriteBatch, executed: ExecutedBlock | None, head: Header | None, durable: bool = True
    ) -> None:
        """Write a batch with the state of a new block, if given, and the flat state moved to that of a new head."""
        new = None
        if executed is not None:
            header = executed.block.header
            parent = self.store.require_header(header.parent_hash, "the parent")
            new = BlockState(_point(header), _point(parent), parent.state_root, executed.update)
        self.history.commit(batch, new, None if head is None else head.state_root, durable)
        if executed is not None:
            self.store.cache(executed.block, executed.receipts)

    def set_head(self, header: Header, executed: ExecutedBlock | None = None) -> None:
        """Make a stored block the unsafe head; blocks above it or beside it stop being canonical.

        `executed`: what the block did, where that is at hand: onto a child of the head the flat state is then moved without
        a comparison. Raises CriticalError when a finalized block would be dropped.
        """
        if header.hash == self.head.hash:
            return
        self._move_head(WriteBatch(), self.store.require_block(header.hash), executed)

    def unwind(self, target: Header, safe: Header, finalized: Header, beside: WriteBatch) -> None:
        """Take back the canonical blocks above `target`, whose state must be kept, and set all heads in one write.

        `safe` and `finalized` are canonical, none above the other in the order of `Chain`'s docstring; unlike `set_head`, this
        takes back what was final, too. `beside` is written along. Whoever calls makes sure that nobody relies on the blocks.
        """
        self._move_head(beside, self.store.require_block(target.hash), labels=(safe, finalized))

    def _move_head(
        self,
        batch: WriteBatch,
        target: Block,
        executed: ExecutedBlock | None = None,
        durable: bool = True,
        labels: tuple[Header, Header] | None = None,
    ) -> None:
        removed, added = self._path_to(target)
        for block in removed:
            self.store.stage_uncanonical(batch, block)
        for block in added:
            self.store.stage_canonical(batch, block)
        self.store.stage_head(batch, "unsafe", target.header)
        fork_number = (removed[-1].number - 1) if removed else self.head.number
        safe, finalized = labels or (self.safe, self.finalized)
        if fork_number < finalized.number:
            raise CriticalError(
                f"moving the head to {target} would drop the finalized {finalized}: "
                "L1 and this node disagree about final blocks; check the L1 endpoints, then reset the data directory"
            )
        if fork_number < safe.number:
            safe = self._ancestor(safe, fork_number)
        labels_moved = safe is not self.safe or finalized is not self.finalized
        if labels_moved:
            self.store.stage_head(batch, "safe", safe)
            self.store.stage_head(batch, "finalized", finalized)
        self._commit(batch, executed, target.header, durable)
        self.head, self.safe, self.finalized = target.header, safe, finalized
        if removed:
            log.warning(
                "head moved from a fork", extra={"head": str(target), "dropped": len(removed), "added": len(added)}
            )
        update = ChainUpdate(added=tuple(added), removed=tuple(removed))
        for listener in self._listeners:
            listener(update)
        if labels_moved:
            self._tell_labels()

    def _path_to(self, target: Block) -> tuple[list[Block], list[Block]]:
        """Canonical blocks to drop (newest first) and blocks to add (oldest first) to make `target` the head."""
        if target.header.parent_hash == self.head.hash:
            return [], [target]
        added: list[Block] = []
        cursor = target
        while self.canonical_hash(cursor.number) != cursor.hash:
            added.append(cursor)
            cursor = self.store.require_block(cursor.header.parent_hash)
        removed = [
            self.store.require_block(block_hash)
            for number in range(self.head.number, cursor.number, -1)
            if (block_hash := self.canonical_hash(number)) is not None
        ]
        added.reverse()
        return removed, added

    def _ancestor(self, header: Header, number: int) -> Header:
        while header.number > number:
            header = self.store.require_header(header.parent_hash, "an ancestor")
        return header

    def set_safe(self, header: Header) -> None:
        """Mark a canonical block as derived from L1. Raises CriticalError when it is not canonical."""
        self._set_labels(safe=header, finalized=self.finalized)

    def set_finalized(self, header: Header) -> None:
        """Mark a canonical safe block as derived from finalized L1 data. Raises CriticalError when it moves back."""
        if header.number < self.finalized.number:
            raise CriticalError(f"the finalized head cannot move back from {self.finalized} to {header}")
        self._set_labels(safe=self.safe, finalized=header)

    def _set_labels(self, safe: Header, finalized: Header) -> None:
        if safe.hash == self.safe.hash and finalized.hash == self.finalized.hash:
            return
        for name, header in (("safe", safe), ("finalized", finalized)):
            if not self.is_canonical(header):
                raise CriticalError(f"{header} cannot be the {name} head: it is not in the canonical chain")
        if finalized.number > safe.number:
            raise CriticalError(f"the finalized head {finalized} cannot be above the safe head {safe}")
        batch = WriteBatch()
        self.store.stage_head(batch, "safe", safe)
        self.store.stage_head(batch, "finalized", finalized)
        # Power loss may take a safe label back, never past what was written before it: L1 gives it again. Nothing may take
        # back what is final.
        self.kv.write(batch, sync=finalized.hash != self.finalized.hash)
        self.safe, self.finalized = safe, finalized
        self._tell_labels()

    def _tell_labels(self) -> None:
        for listener in self._label_listeners:
            listener()

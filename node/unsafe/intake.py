"""Takes the sequencer's blocks into the chain ahead of L1: what builds on the unsafe head becomes the unsafe head.

It never moves the head but one block up, between two steps of derivation, and only while the heads stand checked against
L1: what L1 says stays the driver's. Spec: op rollup-node-p2p, "Block processing", "Branch selection".
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from config.errors import CriticalError, TemporaryError
from config.rollup import RollupConfig
from config.types import Hash32, short
from derivation.l2_block_info import l2_block_ref
from derivation.types import L2BlockRef
from evm.engine import InvalidBlock
from evm.types import Block, Header
from l1.cache import LruCache
from l1.source import L1BlockNotFound
from node.chain import Chain, ChainUpdate
from node.rollup.driver import RollupDriver
from node.rollup.l1_heads import L1Heads
from node.rollup.sequencer import Sequencer
from node.rollup.stall import Place, Stall
from node.rollup.stall_of import halt_of
from node.rollup.sync_start import CanonicalL1
from node.unsafe.queue import UnsafeQueue
from node.unsafe.validation import UnsafeBlock

log = logging.getLogger("lamina.unsafe")

_REMEMBERED_INVALID = 1024


@dataclass
class IntakeStatus:
    """What became of the blocks that came, and what the newest ones wait for, in words."""

    received: int = 0
    applied: int = 0
    invalid: int = 0
    conflicting: int = 0
    ignored: int = 0
    last_invalid: str | None = None
    held: str | None = None
    """Why the block that follows the head is not taken yet."""


class UnsafeIntake:
    """`offer` takes checked blocks from any source, `run` puts them onto the chain.

    `idle` is set while nothing that came can be done anything with.
    """

    def __init__(
        self,
        rollup: RollupConfig,
        chain: Chain,
        driver: RollupDriver,
        heads: L1Heads,
        l1: CanonicalL1,
        sequencer: Sequencer | None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rollup = rollup
        self._chain = chain
        self._driver = driver
        self._heads = heads
        self._l1 = l1
        self._sequencer = sequencer
        self._sleep = sleep
        self.queue = UnsafeQueue()
        self.status = IntakeStatus()
        self.halted: Stall | None = None
        """Why no blocks are taken any more."""
        self.idle = asyncio.Event()
        self.idle.set()
        self._invalid: LruCache[Hash32, str] = LruCache(_REMEMBERED_INVALID)
        self._refused_on: Hash32 | None = None
        self._news = asyncio.Event()
        self._listeners: list[Callable[[UnsafeBlock], None]] = []
        chain.on_new_head(self._on_new_head)
        chain.on_labels(self._news.set)
        heads.on_latest(self._on_l1)

    # --- for others ---

    @property
    def is_ignoring(self) -> bool:
        """Whether blocks of others are not taken: this node makes them itself, or may make none any more."""
        return self.halted is not None or (self._sequencer is not None and self._sequencer.active)

    @property
    def first_queued(self) -> Block | None:
        """The lowest block above the head that waits."""
        first = self.queue.lowest_above(self._chain.head.number)
        return None if first is None else first.block

    @property
    def has_gap(self) -> bool:
        """Whether blocks wait and none of them builds on the head."""
        head = self._chain.head
        following = self.queue.at(head.number + 1)
        return self.first_queued is not None and all(block.block.header.parent_hash != head.hash for block in following)

    def knows(self, number: int, block_hash: Hash32) -> bool:
        """Whether a block is canonical, waits already, or was found to be invalid."""
        return (
            self._chain.canonical_hash(number) == block_hash
            or any(block.block.hash == block_hash for block in self.queue.at(number))
            or self._invalid.get(block_hash) is not None
        )

    def invalid_after(self, head: Header) -> str | None:
        """Why the newest invalid block was refused, if it builds on this one."""
        return self.status.last_invalid if self._refused_on == head.hash else None

    def on_applied(self, listener: Callable[[UnsafeBlock], None]) -> None:
        """Call `listener` with each block that has become the unsafe head."""
        self._listeners.append(listener)

    def halt(self, stall: Stall) -> None:
        """Take no more blocks. Only a restart changes that."""
        self.halted = self.halted or stall
        self.queue.clear()
        self._news.set()

    def offer(self, block: UnsafeBlock, source: str) -> bool:
        """Take a block that was checked (`node.unsafe.validation`) in. False when it is not wanted: known, too low, invalid."""
        self.status.received += 1
        number, block_hash = block.block.number, block.block.hash
        if self.is_ignoring:
            self.status.ignored += 1
            return False
        if self.knows(number, block_hash):
            return False
        if number <= self._chain.safe.number:
            self._conflict(block)
            return False
        if not self.queue.add(block):
            return False
        log.debug("unsafe block received", extra={"number": number, "hash": short(block_hash), "source": source})
        self.idle.clear()
        self._news.set()
        return True

    # --- the loop ---

    async def run(self) -> None:
        """Put blocks onto the head until cancelled, or until something makes going on wrong: then say what and stop."""
        pause = 0.25
        while self.halted is None:
            self._news.clear()
            await self._driver.ready.wait()
            try:
                is_done = not await self._next_block()
            except TemporaryError as error:
                self.status.held = str(error)
                log.warning("the next unsafe block waits: %s", error, extra={"retry_in": f"{pause:.2f}s"})
                await self._sleep(pause)
                pause = min(pause * 2, 8.0)
                continue
            except CriticalError as error:
                self.halt(halt_of(error, Place("l2", self._chain.head.number + 1)))
                log.critical("no more unsafe blocks are taken: %s", error)
                break
            pause = 0.25
            if not is_done:
                await asyncio.sleep(0)
            elif not self._news.is_set():
                self.idle.set()
                await self._news.wait()
        self.idle.set()

    async def _next_block(self) -> bool:
        """Put a block onto the head, or find one that cannot be. False when none is there that builds on it."""
        self.status.held = None
        for block in self.queue.take_up_to(self._chain.safe.number):
            if self._chain.canonical_hash(block.block.number) != block.block.hash:
                self._conflict(block)
        if self.is_ignoring:
            self.status.ignored += len(self.queue)
            self.queue.clear()
            return False
        parent = self._chain.head
        for block in self.queue.at(parent.number + 1):
            if block.block.header.parent_hash == parent.hash and await self._try(parent, block):
                return True
        return False

    async def _try(self, parent: Header, block: UnsafeBlock) -> bool:
        """Whether anything has become of a block that builds on the head."""
        try:
            ref = self._linked(parent, block.block)
            held = await self._origin_is_not_there(parent, ref)
        except InvalidBlock as error:
            self._refuse(block, str(error))
            return True
        if held is not None:
            self.status.held = held
            return False
        if self._chain.head.hash != parent.hash or not self._driver.ready.is_set() or self.is_ignoring:
            return True  # Something has moved meanwhile; what to do is to be seen anew.
        self.queue.remove(block)
        try:
            executed = self._chain.engine.import_block(parent, block.block)
        except InvalidBlock as error:
            self._refuse(block, str(error))
            return True
        # L1 gives it once more, so lost power may take it away.
        self._chain.insert(executed, durable=False)
        self.status.applied += 1
        log.info(
            "unsafe block taken",
            extra={"number": ref.number, "hash": short(ref.hash), "txs": len(block.block.transactions)},
        )
        for listener in self._listeners:
            listener(block)
        return True

    def _linked(self, parent: Header, block: Block) -> L2BlockRef:
        """The block's reference. Raises InvalidBlock when derivation could not make it after its parent, whatever L1 holds.

        Spec: op derivation, "Batch Queue".
        """
        try:
            ref = l2_block_ref(block, self._rollup)
        except CriticalError as error:
            raise InvalidBlock(str(error)) from error
        before = l2_block_ref(self._chain.store.require_block(parent.hash), self._rollup)
        if ref.timestamp != before.timestamp + self._rollup.block_time:
            raise InvalidBlock(
                f"{block}: its time is {ref.timestamp}, but a block is made every {self._rollup.block_time} s and its "
                f"parent's is {before.timestamp}"
            )
        same = ref.l1_origin == before.l1_origin
        if not same and ref.l1_origin.number != before.l1_origin.number + 1:
            raise InvalidBlock(
                f"{block}: its L1 origin is {ref.l1_origin}, which cannot follow its parent's, {before.l1_origin}"
            )
        sequence_number = before.sequence_number + 1 if same else 0
        if ref.sequence_number != sequence_number:
            raise InvalidBlock(f"{block}: its sequence number is {ref.sequence_number}, it should be {sequence_number}")
        return ref

    async def _origin_is_not_there(self, parent: Header, ref: L2BlockRef) -> str | None:
        """Why L1 does not have the block's origin, when that is so; an origin ahead of L1's head may come yet.

        Raises InvalidBlock when the origin is younger than the block, TemporaryError when L1 does not answer.
        """
        before = l2_block_ref(self._chain.store.require_block(parent.hash), self._rollup)
        latest = self._heads.latest
        if ref.l1_origin == before.l1_origin or latest is None or ref.l1_origin.number > latest.number:
            return None
        try:
            header = await self._l1.header_by_number(ref.l1_origin.number)
        except L1BlockNotFound:
            return None
        if header.hash != ref.l1_origin.hash:
            return f"unsafe block {ref.id} has the L1 origin {ref.l1_origin}, but L1 has {header} there"
        if header.timestamp > ref.timestamp:
            raise InvalidBlock(f"block {ref.id}: its time is {ref.timestamp}, its L1 origin's {header.timestamp}")
        return None

    def _refuse(self, block: UnsafeBlock, why: str) -> None:
        self.queue.remove(block)
        self._invalid.put(block.block.hash, why)
        self._refused_on = block.block.header.parent_hash
        self.status.invalid += 1
        self.status.last_invalid = why
        log.warning("unsafe block is invalid and dropped: %s", why)

    def _conflict(self, block: UnsafeBlock) -> None:
        self.status.conflicting += 1
        log.warning(
            "unsafe block contradicts the safe chain and is dropped",
            extra={"number": block.block.number, "hash": short(block.block.hash), "safe": str(self._chain.safe)},
        )

    def _on_new_head(self, _update: ChainUpdate) -> None:
        self._news.set()

    def _on_l1(self, _latest: Header) -> None:
        self._news.set()

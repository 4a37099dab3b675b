"""Makes the unsafe chain: one block every `block_time` seconds on top of the unsafe head.

Time is this machine's, or L1's where that is ahead (a development L1 whose time was moved): blocks are then made one
after the other until L2 has caught up.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from config.errors import CriticalError, ResetError, TemporaryError
from config.l1_chain import L1ChainConfig
from config.rollup import BlockId, RollupConfig
from config.types import Hash32, short
from derivation.attributes import prepare_payload_attributes
from derivation.l2_block_info import l2_block_ref
from derivation.providers import ChainL2Provider, NotYetAvailable
from derivation.types import L2BlockRef
from derivation.upgrades import sequencer_leaves_pool_out
from evm.engine import InvalidPayload, OpenBlock
from evm.types import Block, Header, PayloadAttributes
from node.chain import Chain
from node.mempool import TransactionPool
from node.rollup.driver import RollupDriver
from node.rollup.filling import Filling
from node.rollup.l1_data import L1Data
from node.rollup.l1_heads import L1Heads
from node.rollup.l1_origin import choose_origin
from node.rollup.stall import Cause, HaltedError, Place, Stage, Stall, StalledError
from node.rollup.stall_of import halt_of, stall_of

log = logging.getLogger("lamina.sequencer")

T = TypeVar("T")

_SEAL_MARGIN = 0.05
"""Seconds before a block is due in which no more transactions are executed: sealing takes them."""

_LATE_SHARE = 0.25
"""The part of the block time that transactions of a block get which is late already: enough that nobody waits for the
chain to catch up, little enough that it does."""


@dataclass(frozen=True)
class SequencerSettings:
    """`l1_confirmations`: L1 blocks on top of a new origin. `fill_share`: the part of the block time, at its end, in
    which transactions are executed, unless the block before had no time for all that waited: then the whole of it.
    `max_safe_lag`: pause when the safe head is this many blocks behind (0: never). `recover`: start in recovery mode."""

    l1_confirmations: int = 0
    fill_share: float = 0.6
    max_safe_lag: int = 0
    recover: bool = False


class Sequencer:
    """Builds blocks while active. Starting and stopping hand over the head, as op-node's admin methods do."""

    def __init__(
        self,
        rollup: RollupConfig,
        l1_chain: L1ChainConfig,
        chain: Chain,
        pool: TransactionPool,
        data: L1Data,
        heads: L1Heads,
        driver: RollupDriver,
        settings: SequencerSettings,
        *,
        active: bool = True,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rollup = rollup
        self._l1_chain = l1_chain
        self._chain = chain
        self._pool = pool
        self._data = data
        self._heads = heads
        self._driver = driver
        self._settings = settings
        self._l2 = ChainL2Provider(rollup, chain)
        self._wall = wall
        self._sleep = sleep
        self._l1_lead = 0.0
        self._short_of_time = False
        """Whether the part of the block time that blocks usually get was too little for all that waited for the last one."""
        heads.on_latest(self._note_l1_time)
        self._active = asyncio.Event()
        if active:
            self._active.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.recovering = settings.recover
        """In recovery mode blocks take no transactions from the pool and the newest L1 origin that their time allows, at any
        safe lag: they cost the batcher next to nothing, and where the sequencing window has passed already they are what
        derivation makes."""
        self.waiting_for: str | None = None
        self.stall: Stall | None = None
        """What it waits for, as `waiting_for` says it."""
        self.halted_by: str | None = None
        self.halted: Stall | None = None
        self.blocks_sealed = 0
        self.transactions_sealed = 0
        self._listeners: list[Callable[[Block], None]] = []

    def on_sealed(self, listener: Callable[[Block], None]) -> None:
        """Call `listener` with each block that was made, once it is durable."""
        self._listeners.append(listener)

    # --- control (spec: op-node RPC, admin namespace) ---

    @property
    def active(self) -> bool:
        """Whether blocks are being made."""
        return self._active.is_set() and self.halted_by is None

    def start(self, head: Hash32) -> None:
        """Start sequencing on `head`. Raises ValueError when it is not the unsafe head or sequencing already runs or cannot
        run any more."""
        if self.halted_by is not None:
            raise ValueError(f"sequencer has stopped for good: {self.halted_by}")
        if self._active.is_set():
            raise ValueError("sequencer already running")
        if head != Hash32(bytes(32)) and head != self._chain.head.hash:
            raise ValueError(f"block hash does not match: head {short(self._chain.head.hash)}, received {short(head)}")
        self._active.set()
        log.info("sequencing starts", extra={"head": str(self._chain.head)})

    async def stop(self) -> Hash32:
        """Stop after the block in the making; answers the hash of the last block. Raises ValueError when not running."""
        if not self._active.is_set():
            raise ValueError("sequencer not running")
        self._active.clear()
        await self._idle.wait()
        log.info("sequencing stopped", extra={"head": str(self._chain.head)})
        return self._chain.head.hash

    def halt(self, reason: str) -> None:
        """Make no more blocks, because the engines disagree about one. Only a restart changes that."""
        if self.halted_by is None:
            self.halted_by = reason
            self.halted = Stall(Cause.ENGINES_DISAGREE, Stage.ENGINE, reason)

    def set_recover_mode(self, recover: bool) -> None:
        """Turn recovery mode on or off, from the next block on. Spec: op-node RPC, `admin_setRecoverMode`."""
        self.recovering = recover
        log.warning("recovery mode is %s", "on: blocks are made without transactions" if recover else "off")

    # --- the loop ---

    async def run(self) -> None:
        """Make blocks until cancelled, or until something makes going on wrong: then say what and stop."""
        pause = 0.1
        while True:
            await self._active.wait()
            await self._driver.ready.wait()
            self._idle.clear()
            try:
                await self._next_block()
                pause = 0.1
                self.waiting_for = self.stall = None
            except TemporaryError as error:
                if self.waiting_for != str(error):
                    log.warning("sequencing waits: %s", error)
                self.waiting_for = str(error)
                self.stall = stall_of(error)
                await self._sleep(pause)
                pause = min(pause * 2, 2.0)
            except ResetError as error:
                self._driver.request_reset(str(error))
                await self._sleep(0)
            except CriticalError as error:
                self.halted_by = str(error)
                self.halted = self.halted or halt_of(error, Place("l2", self._chain.head.number + 1))
                log.critical("sequencing stopped: %s", error)
                return
            finally:
                self._idle.set()

    async def _next_block(self) -> None:
        if self.halted_by is not None:
            raise CriticalError(self.halted_by)
        parent = self._chain.head
        parent_ref = l2_block_ref(self._chain.store.require_block(parent.hash), self._rollup)
        lag = self._settings.max_safe_lag
        behind = parent.number - self._chain.safe.number
        if lag and behind >= lag and not self.recovering:
            text = f"the safe head is {behind} blocks behind, the limit is {lag}: sequencing waits for the batcher"
            raise StalledError(
                Stall(Cause.SAFE_LAG, Stage.SEQUENCER, text, Place.l2(BlockId(parent.hash, parent.number)))
            )
        seal_at = float(parent.timestamp + self._rollup.block_time)
        share = 1.0 if self._short_of_time else self._settings.fill_share
        await self._wait_until(seal_at - self._rollup.block_time * share)
        attributes = await self._with_data(lambda: self._attributes(parent_ref))
        if not self._may_build_on(parent):
            return
        try:
            builder = self._chain.engine.start_payload(parent, attributes)
        except InvalidPayload as error:
            text = (
                f"L2 block {parent.number + 1} cannot be made of its deposits ({error}): "
                "the rollup config does not fit the chain, or this node has a bug"
            )
            place = Place("l2", parent.number + 1)
            raise HaltedError(Stall(Cause.ENGINE_REFUSED, Stage.ENGINE, text, place)) from error
        forced = len(builder.transactions)
        try:
            self._short_of_time = not attributes.no_tx_pool and not await self._fill(builder, seal_at)
            await self._wait_until(seal_at - _SEAL_MARGIN)
            if not self._may_build_on(parent):
                return
            if self.halted_by is not None:
                raise CriticalError(self.halted_by)
            executed = builder.seal()
        finally:
            builder.abandon()
        self._chain.insert(executed)
        self.blocks_sealed += 1
        self.transactions_sealed += len(executed.block.transactions) - forced
        log.info(
            "block sealed",
            extra={
                "number": executed.block.number,
                "hash": short(executed.block.hash),
                "txs": len(executed.block.transactions),
                "gas": executed.block.header.gas_used,
                "origin": l2_block_ref(executed.block, self._rollup).l1_origin.number,
            },
        )
        for listener in self._listeners:
            listener(executed.block)

    def _may_build_on(self, parent: Header) -> bool:
        """Whether nothing has moved the head, or asked for a check of the heads, in the meantime."""
        return self._chain.head.hash == parent.hash and self._driver.ready.is_set()

    def _attributes(self, parent: L2BlockRef) -> PayloadAttributes:
        latest = self._heads.latest
        if latest is None:
            raise TemporaryError("L1's head is not known yet")
        choice = choose_origin(
            parent, self._rollup, self._data, latest.number, self._settings.l1_confirmations, self.recovering
        )
        attributes = prepare_payload_attributes(
            self._rollup,
            self._l1_chain,
            self._data,
            self._l2,
            parent,
            BlockId(choice.origin.hash, choice.origin.number),
        )
        leave_out = choice.deposits_only or sequencer_leaves_pool_out(self._rollup, attributes.timestamp)
        return replace(attributes, no_tx_pool=leave_out)

    async def _with_data(self, compute: Callable[[], T]) -> T:
        while True:
            try:
                return compute()
            except NotYetAvailable as error:
                try:
                    await self._data.fetch(error.missing)
                except TemporaryError as failure:
                    raise StalledError(stall_of(failure, error.missing)) from failure

    async def _fill(self, builder: OpenBlock, seal_at: float) -> bool:
        """Execute pool transactions, best first, until the block is full or due; look again when new ones come.

        A block that is late already gets one look and a part of the block time. Answers whether there was time for a look at
        everything that waited, in the usual part of the block time.
        """
        filling = Filling(builder, self._pool, self._wall)
        usual, looking = self._settings.fill_share * self._rollup.block_time, 0.0
        until = seal_at - _SEAL_MARGIN
        late = self._now() >= until
        if late:
            until = self._now() + self._rollup.block_time * _LATE_SHARE
        while (now := self._now()) < until:
            if filling.has_news:
                for _ in filling.look():
                    await self._sleep(0)
                    if self._now() >= until:
                        return False
                looking += self._now() - now
            if late:
                break
            await self._sleep(min(0.05, max(0.0, until - now)))
        return looking <= usual

    def _note_l1_time(self, latest: Header) -> None:
        self._l1_lead = max(0.0, latest.timestamp - self._wall())

    def _now(self) -> float:
        return self._wall() + self._l1_lead

    async def _wait_until(self, when: float) -> None:
        # Not in the past, but always a turn for others: there may be hundreds of blocks to catch up with.
        await self._sleep(max(0.0, when - self._now()))

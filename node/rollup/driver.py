"""The loop that follows L1: derives the safe chain, reconciles it with the unsafe one, and finalizes.

It is the only writer of the safe and finalized heads.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from config.errors import CriticalError, ResetError, TemporaryError
from config.l1_chain import L1ChainConfig
from config.rollup import RollupConfig
from derivation.events import DerivationEvent
from derivation.l2_block_info import l2_block_ref
from derivation.pipeline import DerivationPipeline
from derivation.providers import ChainL2Provider, NotYetAvailable
from derivation.types import (
    AdvancedOrigin,
    Attributes,
    BatchRejected,
    DerivedAttributes,
    L1BlockRef,
    L2BlockRef,
    NeedMoreData,
    StillReading,
)
from evm.engine import ExecutedBlock, InvalidPayload
from evm.types import Block, Header, short
from node.chain import Chain
from node.rollup.consolidation import difference
from node.rollup.l1_data import L1Data
from node.rollup.l1_heads import L1Heads
from node.rollup.safe_db import SafeDb
from node.rollup.sync_start import find_sync_start

log = logging.getLogger("lamina.rollup")

_STEPS_PER_TURN = 16
"""Pipeline steps between two chances for other tasks of the event loop."""


class L1ByNumber(Protocol):
    """Canonical L1 headers by number: `l1.source.L1Client`."""

    async def header_by_number(self, number: int) -> Header: ...


@dataclass
class DriverStatus:
    """What the loop is doing, in words, for RPC and health checks."""

    waiting_for: str = "starting"
    last_error: str | None = None
    halted_by: str | None = None
    resets: int = 0
    temporary_errors: int = 0
    derived_blocks: int = 0
    replaced_unsafe_blocks: int = 0


class RollupDriver:
    """Drives one pipeline over one chain.

    `ready` is set once the heads have been checked against L1; the sequencer waits for it.
    """

    def __init__(
        self,
        rollup: RollupConfig,
        l1_chain: L1ChainConfig,
        chain: Chain,
        l1: L1ByNumber,
        data: L1Data,
        heads: L1Heads,
        safe_db: SafeDb,
    ) -> None:
        self._rollup = rollup
        self._chain = chain
        self._l1 = l1
        self._data = data
        self._heads = heads
        self._safe_db = safe_db
        self.pipeline = DerivationPipeline(
            rollup, l1_chain, data, ChainL2Provider(rollup, chain), on_event=self._on_event, remote=data.remote
        )
        self.status = DriverStatus()
        self.ready = asyncio.Event()
        self._reset_reason: str | None = "start"
        self._safe = l2_block_ref(chain.store.require_block(chain.safe.hash), rollup)
        self._processed: L1BlockRef | None = None
        self._wake = asyncio.Event()

    # --- for others ---

    @property
    def safe(self) -> L2BlockRef:
        """The safe head."""
        return self._safe

    @property
    def current_l1(self) -> L1BlockRef | None:
        """The newest L1 block whose data has been derived in full."""
        return self._processed

    def request_reset(self, reason: str) -> None:
        """Check the heads against L1 anew before going on, and start deriving from the safe head again."""
        if self._reset_reason is None:
            self._reset_reason = reason
            self.status.resets += 1
            log.warning("derivation is reset: %s", reason)
        self._data.forget_numbers()
        self.ready.clear()
        self._wake.set()

    def _on_event(self, event: DerivationEvent) -> None:
        log.info("derivation: %s", event.text, extra={"event": event.kind.value, "l1": event.l1_block.number})

    # --- the loop ---

    async def run(self) -> None:
        """Follow L1 until cancelled, or until something makes going on wrong: then say what and stop."""
        pause = 0.25
        while True:
            try:
                await self._turn()
                pause = 0.25
                self.status.last_error = None
            except NotYetAvailable as wanted:
                try:
                    await self._data.fetch(wanted.missing)
                except TemporaryError as error:
                    if not await self._reads_dropped_fork():
                        pause = await self._temporary(error, pause)
            except TemporaryError as error:
                pause = await self._temporary(error, pause)
            except ResetError as error:
                self.request_reset(str(error))
            except CriticalError as error:
                self.status.halted_by = str(error)
                log.critical("derivation stopped: %s", error)
                return

    async def _temporary(self, error: TemporaryError, pause: float) -> float:
        self.status.temporary_errors += 1
        self.status.last_error = str(error)
        self.status.waiting_for = str(error)
        log.warning("derivation waits: %s", error, extra={"retry_in": f"{pause:.2f}s"})
        await self._wait_for_l1(self._heads.latest, pause)
        return min(pause * 2, 8.0)

    async def _reads_dropped_fork(self) -> bool:
        """Whether the L1 block being read is not canonical any more; then a reset is asked for.

        Its contents may be gone for ever (beacon nodes only serve blobs of canonical blocks): waiting would not end.
        """
        if self._reset_reason is not None:
            return False
        origin = self.pipeline.origin
        try:
            canonical = await self._l1.header_by_number(origin.number)
        except TemporaryError:
            return False
        if canonical.hash == origin.hash:
            # The block after it may have been dropped all the same.
            self._data.forget_numbers()
            return False
        self.request_reset(f"L1 was reorganised: {origin} was being read, but {canonical} is canonical now")
        return True

    async def _turn(self) -> None:
        self._wake.clear()
        if self._reset_reason is not None:
            await self._reset()
        for _ in range(_STEPS_PER_TURN):
            latest = self._heads.latest
            result = self.pipeline.step(self._safe)
            match result:
                case AdvancedOrigin(origin=origin):
                    self.status.waiting_for = f"deriving from L1 block {origin.number}"
                    self._processed = await self._parent_of(origin)
                case Attributes(derived=derived):
                    self._apply(derived)
                    await asyncio.sleep(0)
                case StillReading(origin=origin):
                    self.status.waiting_for = f"reading L1 block {origin.number}"
                    await asyncio.sleep(0)
                case NeedMoreData(why=why):
                    self._processed = self.pipeline.origin
                    self.status.waiting_for = why
                    self._finalize()
                    self.status.last_error = None
                    await self._wait_for_l1(latest, 5.0)
                    return
            if self._reset_reason is not None:
                return
        self._finalize()
        await asyncio.sleep(0)

    async def _parent_of(self, origin: L1BlockRef) -> L1BlockRef | None:
        if self._processed is not None and self._processed.hash == origin.parent_hash:
            return self._processed
        if origin.number == 0:
            return None
        header = await self._l1.header_by_number(origin.number - 1)
        return L1BlockRef.from_header(header) if header.hash == origin.parent_hash else self._processed

    async def _wait_for_l1(self, latest: Header | None, timeout: float) -> None:
        """Wait until L1 has another head than `latest`, a reset is asked for, or `timeout` seconds have passed."""
        waiters = [
            asyncio.ensure_future(self._heads.wait_for_change(latest, timeout)),
            asyncio.ensure_future(self._wake.wait()),
        ]
        try:
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()

    async def _reset(self) -> None:
        """May be cut short by NotYetAvailable and called again: every step of it can be repeated."""
        self.ready.clear()
        if self._heads.latest is None:
            await self._heads.refresh()
        start = await find_sync_start(self._chain, self._rollup, self._l1, self._safe_db)
        # First what may be cut short: what is recorded below would make the next call go back further than this one.
        self.pipeline.reset(start.safe, processed=start.processed)
        chain = self._chain
        if start.unsafe.hash != chain.head.hash:
            chain.set_head(chain.store.require_header(start.unsafe.hash, "the unsafe head"))
        if start.safe.hash != chain.safe.hash:
            chain.set_safe(chain.store.require_header(start.safe.hash, "the safe head"))
        newest = self._safe_db.newest()
        while newest is not None and newest.l2 != start.safe.id and newest.l1.number > 0:
            self._safe_db.truncate_above(newest.l1.number - 1)
            newest = self._safe_db.newest()
        self._safe = start.safe
        self._processed = None
        self._reset_reason = None
        log.info("heads checked against L1", extra={"unsafe": str(start.unsafe.id), "safe": str(start.safe.id)})
        self.ready.set()

    # --- blocks ---

    def _apply(self, derived: DerivedAttributes) -> None:
        """Make the derived block the safe head: the unsafe block in its place when it is the same, else a new one."""
        chain = self._chain
        number = derived.number
        existing = chain.block_by_number(number)
        if existing is not None and chain.is_canonical(existing.header):
            why = difference(existing, derived, self._rollup)
            if why is None:
                self._advance(existing, derived.derived_from)
                return
            self.status.replaced_unsafe_blocks += 1
            log.warning(
                "unsafe block contradicts L1 and is replaced",
                extra={"number": number, "hash": short(existing.hash), "why": why},
            )
        executed = self._execute(derived)
        if isinstance(executed, BatchRejected):
            self._go_back(executed.safe_head, derived.derived_from)
            return
        chain.insert(executed)
        self.status.derived_blocks += 1
        log.info(
            "block derived",
            extra={
                "number": number,
                "hash": short(executed.block.hash),
                "txs": len(executed.block.transactions),
                "l1": derived.derived_from.number,
            },
        )
        self._advance(executed.block, derived.derived_from)

    def _execute(self, derived: DerivedAttributes) -> ExecutedBlock | BatchRejected:
        parent = self._chain.store.require_header(derived.parent.hash, "the safe head")
        try:
            return self._chain.engine.derive(parent, derived.attributes)
        except InvalidPayload as error:
            log.warning("derived payload is invalid", extra={"number": derived.number, "why": str(error)})
            replacement = self.pipeline.reject(derived)
        if isinstance(replacement, BatchRejected):
            return replacement
        try:
            return self._chain.engine.derive(parent, replacement.attributes)
        except InvalidPayload as error:
            raise CriticalError(
                f"L2 block {derived.number} cannot be made even of its deposits alone ({error}): "
                "the rollup config does not fit the chain, or this node has a bug; report it with this block"
            ) from error

    def _advance(self, block: Block, derived_from: L1BlockRef) -> None:
        self._safe = l2_block_ref(block, self._rollup)
        self._safe_db.record(derived_from.id, self._safe.id)
        self._chain.set_safe(block.header)

    def _go_back(self, safe_head: L2BlockRef, derived_from: L1BlockRef) -> None:
        """Void the safe blocks after `safe_head`: they came from a span batch that turned out to be impossible."""
        if safe_head == self._safe:
            return
        log.warning("safe head goes back", extra={"from": self._safe.number, "to": safe_head.number})
        header = self._chain.store.require_header(safe_head.hash, "the safe head")
        self._chain.set_head(header)
        self._chain.set_safe(header)
        self._safe = safe_head
        self._safe_db.record(derived_from.id, safe_head.id)

    def _finalize(self) -> None:
        """Finalize what was derived from L1 blocks that are final. Spec: op rollup-node, "Finalization"."""
        finalized_l1 = self._heads.finalized
        if finalized_l1 is None or self._processed is None:
            return
        entry = self._safe_db.at(min(finalized_l1.number, self._processed.number))
        if entry is None or entry.l2.number <= self._chain.finalized.number:
            return
        header = self._chain.header_by_number(entry.l2.number)
        if header is not None and header.hash == entry.l2.hash and header.number <= self._chain.safe.number:
            self._chain.set_finalized(header)

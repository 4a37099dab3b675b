"""The loop that follows L1: derives the safe chain, reconciles it with the unsafe one, and finalizes.

It is the only writer of the safe and finalized heads.
"""

import asyncio
import logging
from dataclasses import dataclass

from config.errors import CriticalError, ResetError, TemporaryError
from config.l1_chain import L1ChainConfig
from config.rollup import RollupConfig
from derivation.attributes import deposits_only
from derivation.events import DerivationEvent
from derivation.l2_block_info import l2_block_ref
from derivation.pipeline import DerivationPipeline
from derivation.providers import ChainL2Provider, Missing, NotYetAvailable
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
from node.rollup.journal import Journal
from node.rollup.l1_data import L1Data
from node.rollup.l1_heads import L1Heads
from node.rollup.safe_db import SafeDb
from node.rollup.stall import Cause, HaltedError, Place, Stage, Stall, StalledError
from node.rollup.stall_of import halt_of, stall_of
from node.rollup.sync_start import CanonicalL1, find_sync_start
from node.rollup.unwind import UnwindRefused, Unwound, unwind

log = logging.getLogger("lamina.rollup")

_STEPS_PER_TURN = 16
"""Pipeline steps between two chances for other tasks of the event loop."""


@dataclass
class DriverStatus:
    """What the loop is doing, in words, for RPC and health checks; `stall` and `halt` are what stands in its way."""

    waiting_for: str = "starting"
    last_error: str | None = None
    halted_by: str | None = None
    stall: Stall | None = None
    halt: Stall | None = None
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
        l1: CanonicalL1,
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
        self.journal = Journal()
        self.ready = asyncio.Event()
        self._reset_reason: str | None = "start"
        self._safe = l2_block_ref(chain.store.require_block(chain.safe.hash), rollup)
        self._recorded = -1
        self._processed: L1BlockRef | None = None
        self._reset_at: tuple[L2BlockRef, L1BlockRef | None] | None = None
        self._wake = asyncio.Event()
        self._unwindings: list[tuple[Header, asyncio.Future[Unwound]]] = []

    # --- for others ---

    @property
    def safe(self) -> L2BlockRef:
        """How far derivation is: the safe head, or after a restart a block below it that is derived again."""
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

    async def unwind(self, target: Header) -> Unwound:
        """Take back the blocks above `target` between two steps of derivation, which then goes on from there.

        Nobody may be building on the head. Raises UnwindRefused.
        """
        asked: asyncio.Future[Unwound] = asyncio.get_running_loop().create_future()
        self._unwindings.append((target, asked))
        self._refuse_if_halted()
        self._wake.set()
        return await asked

    def _refuse_if_halted(self) -> None:
        while self.status.halted_by is not None and self._unwindings:
            _, asked = self._unwindings.pop()
            if not asked.done():
                asked.set_exception(
                    UnwindRefused(
                        f"derivation has stopped ({self.status.halted_by}): stop the node and use `lamina unwind`"
                    )
                )

    def _unwind(self) -> None:
        while self._unwindings:
            target, asked = self._unwindings.pop(0)
            if asked.done():
                continue
            try:
                done = unwind(self._chain, self._safe_db, target)
            except UnwindRefused as error:
                asked.set_exception(error)
                continue
            self.request_reset(f"the head was set back to {target}")
            asked.set_result(done)

    def _on_event(self, event: DerivationEvent) -> None:
        log.info("derivation: %s", event.text, extra={"event": event.kind.value, "l1": event.l1_block.number})
        if self._processed is None or event.l1_block.number > self._processed.number:
            self.journal.note(event)

    # --- the loop ---

    async def run(self) -> None:
        """Follow L1 until cancelled, or until something makes going on wrong: then say what and stop."""
        pause = 0.25
        while True:
            try:
                await self._turn()
                pause = 0.25
                self._goes_on()
            except NotYetAvailable as wanted:
                try:
                    await self._data.fetch(wanted.missing)
                    self._goes_on()
                except TemporaryError as error:
                    if not await self._reads_dropped_fork():
                        pause = await self._temporary(error, pause, wanted.missing)
            except TemporaryError as error:
                pause = await self._temporary(error, pause)
            except ResetError as error:
                self.request_reset(str(error))
                if self._reset_at == (self._safe, self._processed):
                    # Nothing came of the last reset: L1 may be in the middle of a change, or contradict itself for good.
                    self._wake.clear()
                    stall = Stall(Cause.L1_INCONSISTENT, Stage.L1_TRAVERSAL, str(error), self._next_l1())
                    pause = await self._temporary(StalledError(stall), pause)
                self._reset_at = (self._safe, self._processed)
            except CriticalError as error:
                self.status.halted_by = str(error)
                self.status.halt = halt_of(error, Place("l2", self._safe.number + 1))
                # Whoever builds on these heads would build on what may be wrong.
                self.ready.clear()
                self._refuse_if_halted()
                log.critical("derivation stopped: %s", error)
                return

    def _next_l1(self) -> Place:
        return Place("l1", self.pipeline.origin.number + 1)

    def _goes_on(self) -> None:
        self.status.last_error = None
        self.status.stall = None

    async def _temporary(self, error: TemporaryError, pause: float, missing: Missing | None = None) -> float:
        self.status.temporary_errors += 1
        self.status.last_error = str(error)
        self.status.waiting_for = str(error)
        self.status.stall = stall_of(error, missing)
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
        self._unwind()
        if self._reset_reason is not None:
            await self._reset()
        # First: what is final does not depend on whether derivation can go on.
        await self._finalize()
        for _ in range(_STEPS_PER_TURN):
            latest, reading = self._heads.latest, self.pipeline.origin
            result = self.pipeline.step(self._safe)
            match result:
                case AdvancedOrigin(origin=origin):
                    self.status.waiting_for = f"deriving from L1 block {origin.number}"
                    self._mark_processed(reading)
                case Attributes(derived=derived):
                    self._apply(derived)
                    await asyncio.sleep(0)
                case StillReading(origin=origin):
                    self.status.waiting_for = f"reading L1 block {origin.number}"
                    await asyncio.sleep(0)
                case NeedMoreData(why=why):
                    self._mark_processed(reading)
                    self.status.waiting_for = why
                    await self._finalize()
                    self._goes_on()
                    await self._wait_for_l1(latest, 5.0)
                    return
            if self._reset_reason is not None:
                return
        await self._finalize()
        await asyncio.sleep(0)

    def _mark_processed(self, block: L1BlockRef) -> None:
        """An L1 block is read to its end: derived to its end, too, if it was not before the last reset already."""
        if self._processed is None or block.number > self._processed.number:
            self._processed = block
            self._safe_db.mark_derived(block.id)

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
        self.pipeline.reset(start.derived, processed=None if start.processed is None else start.processed.number)
        chain = self._chain
        if start.unsafe.hash != chain.head.hash:
            chain.set_head(chain.store.require_header(start.unsafe.hash, "the unsafe head"))
        if start.safe.hash != chain.safe.hash:
            chain.set_safe(chain.store.require_header(start.safe.hash, "the safe head"))
        self._safe_db.go_back(start.record, None if start.processed is None else start.processed.id)
        self._recorded = -1 if start.record is None else start.record.l2.number
        self._safe = start.derived
        if start.processed != self._processed:
            # Else what was dropped counts still, and is not read again.
            self.journal.forget()
        self._processed = start.processed
        self._reset_reason = None
        log.info("heads checked against L1", extra={"unsafe": str(start.unsafe.id), "safe": str(start.safe.id)})
        self.ready.set()

    # --- blocks ---

    def _apply(self, derived: DerivedAttributes) -> None:
        """Make the derived block the next safe one: the block in its place when it is the same, else a new one."""
        existing = self._chain.block_by_number(derived.number)
        why = None if existing is None else difference(existing, derived, self._rollup)
        if existing is not None and why is None:
            self._advance(existing, derived.derived_from)
            return
        made = self._make(derived, existing)
        if isinstance(made, BatchRejected):
            self._go_back(made.safe_head, derived.derived_from)
            return
        if isinstance(made, ExecutedBlock):
            if existing is not None:
                self.status.replaced_unsafe_blocks += 1
                log.warning(
                    "unsafe block contradicts L1 and is replaced",
                    extra={"number": derived.number, "hash": short(existing.hash), "why": why},
                )
            self._insert(made, derived.derived_from)
            made = made.block
        self._advance(made, derived.derived_from)

    def _make(self, derived: DerivedAttributes, existing: Block | None) -> Block | ExecutedBlock | BatchRejected:
        """The block of these attributes, or what takes its place when there is none; that may be `existing`."""
        parent = self._chain.store.require_header(derived.parent.hash, "the safe head")
        try:
            return self._chain.engine.derive(parent, derived.attributes)
        except InvalidPayload as error:
            log.warning("derived payload is invalid", extra={"number": derived.number, "why": str(error)})
            reason = str(error)
        self.journal.refused(derived, reason)
        if deposits_only(derived.attributes) == derived.attributes:
            raise _impossible(derived, reason)
        replacement = self.pipeline.reject(derived)
        if isinstance(replacement, BatchRejected):
            return replacement
        if existing is not None and difference(existing, replacement, self._rollup) is None:
            return existing
        try:
            return self._chain.engine.derive(parent, replacement.attributes)
        except InvalidPayload as error:
            raise _impossible(derived, str(error)) from error

    def _insert(self, executed: ExecutedBlock, derived_from: L1BlockRef) -> None:
        self._chain.insert(executed, durable=False)
        block = executed.block
        self._recorded = min(self._recorded, block.number - 1)
        self.status.derived_blocks += 1
        log.info(
            "block derived",
            extra={
                "number": block.number,
                "hash": short(block.hash),
                "txs": len(block.transactions),
                "l1": derived_from.number,
            },
        )

    def _advance(self, block: Block, derived_from: L1BlockRef) -> None:
        """Go on from a block. One that was safe before a restart is not recorded anew, nor does the safe head go back."""
        self._safe = l2_block_ref(block, self._rollup)
        if block.number > self._recorded:
            self._record(derived_from)
        if block.number > self._chain.safe.number:
            self._chain.set_safe(block.header)
        self.journal.advanced()

    def _go_back(self, safe_head: L2BlockRef, derived_from: L1BlockRef) -> None:
        """Void the safe blocks after `safe_head`: they came from a span batch that turned out to be impossible."""
        if safe_head == self._safe:
            return
        log.warning("safe head goes back", extra={"from": self._safe.number, "to": safe_head.number})
        header = self._chain.store.require_header(safe_head.hash, "the safe head")
        self._chain.set_head(header)
        self._chain.set_safe(header)
        self._safe = safe_head
        self._record(derived_from)

    def _record(self, derived_from: L1BlockRef) -> None:
        """Note the safe head as what an L1 block led to, unless that is known: blocks read again after a reset may be gone
        through in another order (a span batch that once had to wait for the block before it is tried at once)."""
        if self._processed is None or derived_from.number > self._processed.number:
            self._safe_db.record(derived_from.id, self._safe.id)
        self._recorded = self._safe.number

    async def _finalize(self) -> None:
        """Finalize what was derived from L1 blocks that are final. Spec: op derivation, "Finalization guarantees".

        Raises ResetError when derivation followed an L1 fork that L1 has not finalized.
        """
        finalized_l1 = self._heads.finalized
        if finalized_l1 is None or self._processed is None:
            return
        entry = self._safe_db.at(min(finalized_l1.number, self._processed.number))
        if entry is None or entry.l2.number <= self._chain.finalized.number:
            return
        header = self._chain.header_by_number(entry.l2.number)
        if header is None or header.hash != entry.l2.hash or header.number > self._chain.safe.number:
            return
        # The label is by number; derivation may not have noticed yet that L1 has another block there.
        canonical = await self._l1.header_by_number(entry.l1.number)
        if canonical.hash != entry.l1.hash:
            raise ResetError(f"L1 finalized another block than {entry.l1}, from which L2 block {entry.l2} was derived")
        self._chain.set_finalized(header)


def _impossible(derived: DerivedAttributes, reason: str) -> HaltedError:
    text = (
        f"L2 block {derived.number} cannot be made even of its deposits alone ({reason}): "
        "the rollup config does not fit the chain, or this node has a bug"
    )
    return HaltedError(Stall(Cause.ENGINE_REFUSED, Stage.ENGINE, text, Place("l2", derived.number)))

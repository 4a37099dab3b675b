"""Says of each head whether it moves and, if not, what stands in its way: for `lamina_whyHead` and `lamina doctor`."""

import itertools
from collections.abc import Callable
from dataclasses import replace

from config.rollup import BlockId, RollupConfig
from config.types import to_hex
from derivation.types import L1BlockRef
from evm.types import Header
from node.chain import Chain
from node.rollup.clock import ClockCheck
from node.rollup.driver import RollupDriver
from node.rollup.head_report import HeadReport, HeadState
from node.rollup.l1_heads import L1Heads
from node.rollup.safe_db import SafeDb
from node.rollup.sequencer import Sequencer
from node.rollup.stall import Cause, Place, Stage, Stall
from node.unsafe.following import Following

_L1_SILENCE = 120.0
"""Seconds without a new L1 block that are not just missed slots."""

_NO_FINALITY = 1800
"""Seconds between L1's newest and its finalized block that are not normal: three epochs are 19 minutes."""

_PATIENCE = 50
"""L1 blocks without a new safe block after which that is a stall, unless the batcher usually takes longer: 10 minutes on
mainnet."""

_USUAL = 8
"""Steps of the safe head that tell what is usual: a batcher of a quiet chain may save up for hours."""


class HeadDoctor:
    """Looks at the parts of a node, and asks nobody."""

    def __init__(
        self,
        rollup: RollupConfig,
        chain: Chain,
        driver: RollupDriver,
        heads: L1Heads,
        safe_db: SafeDb,
        sequencer: Sequencer | None,
        wall: Callable[[], float],
    ) -> None:
        self._rollup = rollup
        self._chain = chain
        self._driver = driver
        self._heads = heads
        self._safe_db = safe_db
        self._sequencer = sequencer
        self.clock = ClockCheck(wall)
        self.disagreement: str | None = None
        """Why blocks of the native engine are not believed any more."""
        self._following: Following | None = None
        heads.on_latest(self.clock.note)

    def follow(self, following: Following) -> None:
        """Unsafe blocks come from elsewhere, too."""
        self._following = following

    def report(self, head: str) -> HeadReport:
        """On `unsafe`, `safe` or `finalized`. Raises ValueError for another word."""
        match head:
            case "unsafe":
                return self._unsafe()
            case "safe":
                return self._safe()
            case "finalized":
                return self._finalized()
        raise ValueError(f"there is no head {head!r}: unsafe, safe and finalized are")

    def all(self) -> list[HeadReport]:
        """On all three."""
        return [self._unsafe(), self._safe(), self._finalized()]

    def notes(self) -> list[str]:
        """What is worth knowing although it stops nothing."""
        found = [] if self.disagreement is None else [self.disagreement]
        latest = self._heads.latest
        if latest is not None and (behind := self.clock.behind(latest)):
            found.append(
                f"this machine's clock is {behind:.0f} s behind L1's newest block (as it should be only where a development "
                "L1's time was moved)"
            )
        if ahead := self.clock.ahead():
            found.append(f"L1's blocks come {ahead:.0f} s late by this machine's clock: it is ahead, or --l1 lags")
        if self._sequencer is not None and self._sequencer.recovering:
            found.append("the sequencer is in recovery mode: its blocks are without transactions")
        if self._sequencer is not None and (replaced := self._driver.status.replaced_unsafe_blocks):
            found.append(
                f"L1 has contradicted {replaced} blocks of this sequencer since the start: is another sequencer at work, or a "
                "batcher that posts another one's blocks?"
            )
        return found

    # --- the safe head ---

    def _safe(self) -> HeadReport:
        def say(state: HeadState, text: str, stall: Stall | None = None) -> HeadReport:
            return HeadReport("safe", BlockId(self._chain.safe.hash, self._chain.safe.number), state, text, stall)

        driver, latest = self._driver, self._heads.latest
        hindrance = self._hindrance(latest)
        if hindrance is not None:
            state = HeadState.STUCK if driver.status.halt is None else HeadState.HALTED
            return say(state, hindrance.text, hindrance)
        processed = driver.current_l1
        if latest is None or processed is None or not driver.ready.is_set():
            return say(HeadState.WAITING, f"the heads are being checked against L1 ({driver.status.waiting_for})")
        if latest.number > processed.number + 1:
            return say(HeadState.MOVING, f"L1 is derived up to block {processed.number}, its head is {latest.number}")
        return self._what_l1_held(say, processed)

    def _hindrance(self, latest: Header | None) -> Stall | None:
        """What keeps derivation from reading L1."""
        status = self._driver.status
        if status.halt is not None or status.stall is not None:
            return status.halt or status.stall
        if self._heads.error is not None:
            return Stall(Cause.L1_DOWN, Stage.L1_HEADS, self._heads.error)
        if latest is None:
            return None
        place = Place.l1(BlockId(latest.hash, latest.number))
        processed = self._driver.current_l1
        # One block less is what endpoints of a group differ by.
        if processed is not None and latest.number < processed.number - 1:
            text = f"L1's head is block {latest.number} now, but L1 was derived up to block {processed.number} already"
            return Stall(Cause.L1_BEHIND, Stage.L1_HEADS, text, place)
        if age := self.clock.stale(latest, _L1_SILENCE):
            text = f"L1's newest block, {latest}, is {age:.0f} s old: its node gets no new ones"
            return Stall(Cause.L1_BEHIND, Stage.L1_HEADS, text, place)
        return None

    def _what_l1_held(self, say: Callable[..., HeadReport], processed: L1BlockRef) -> HeadReport:
        """All of L1 is derived: judge it by what came since the last safe block."""
        journal, status = self._driver.journal, self._driver.pipeline.status()
        newest = self._safe_db.newest()
        last = self._rollup.genesis.l1.number if newest is None else newest.l1.number
        quiet = processed.number - last
        is_quiet = quiet >= self._patience()
        following = self._chain.safe.number + 1
        window = f"L2 block {following} can still be batched up to L1 block {self._window_end()}"

        if journal.expired is not None:
            text = journal.expired.text
            if journal.trouble is not None:
                text += f"; before that, {journal.trouble.text}"
            return say(HeadState.STUCK, text, replace(journal.expired, text=text))
        late = HeadState.STUCK if is_quiet else HeadState.WAITING
        if journal.trouble is not None:
            return say(late, f"{journal.trouble.text}. {window}", journal.trouble)
        since = f"since L1 block {last}, where L2 block {self._chain.safe.number} came from"
        if not is_quiet:
            return say(HeadState.MOVING, f"L1 is derived up to its head, {processed.number}; {window}")
        if status.batcher_seen is not None and status.batcher_seen.number > last:
            return say(late, *self._without_outcome(status.batcher_seen, since))
        stranger = status.stranger
        if stranger is not None and stranger.block.number > last:
            text = (
                f"batches come from {to_hex(stranger.sender)} (transaction {to_hex(stranger.transaction)} in "
                f"{stranger.block}), but by SystemConfig the batcher is {to_hex(status.batcher)}: they do not count. {window}"
            )
            return say(
                late, text, Stall(Cause.WRONG_BATCHER_KEY, Stage.L1_RETRIEVAL, text, Place.l1(stranger.block.id))
            )
        if self._sequencer is not None and self._chain.head.hash == self._chain.safe.hash:
            unsafe = self._unsafe()
            return say(unsafe.state, f"there is nothing to batch: {unsafe.text}", unsafe.stall)
        text = (
            f"L1 holds nothing from the batcher {to_hex(status.batcher)} {since} ({quiet} blocks); "
            f"{self._chain.head.number - self._chain.safe.number} unsafe blocks wait for it. {window}"
        )
        return say(late, text, Stall(Cause.BATCHER_SILENT, Stage.L1_RETRIEVAL, text, Place.l1(processed.id)))

    def _patience(self) -> int:
        """L1 blocks that may pass without a safe block: twice what was usual lately, but well within the window."""
        window = self._rollup.seq_window_size
        numbers = [entry.l1.number for entry in self._safe_db.latest(_USUAL + 1)]
        usual = max((later - earlier for later, earlier in itertools.pairwise(numbers)), default=0)
        return max(2, min(_PATIENCE, window // 3), min(2 * usual, window * 3 // 4))

    def _without_outcome(self, seen: L1BlockRef, since: str) -> tuple[str, Stall]:
        """There is data that has made no block, and nothing was dropped."""
        channel = self._driver.pipeline.status().open_channel
        if channel is not None:
            text = (
                f"channel {to_hex(channel.channel_id)}, opened in {channel.opened_in}, has {channel.frames} frames and is not "
                f"complete; it times out after L1 block {channel.times_out_after}"
            )
            return text, Stall(Cause.CHANNEL_INCOMPLETE, Stage.CHANNEL, text, Place.l1(channel.opened_in.id))
        text = (
            f"what the batcher posted {since}, last in {seen}, makes no new block: it is of blocks that are safe already, "
            "or was dropped before this node was started (the log of then says why)"
        )
        return text, Stall(Cause.INVALID_BATCH, Stage.BATCHES, text, Place.l1(seen.id))

    def _window_end(self) -> int:
        return self._driver.safe.l1_origin.number + self._rollup.seq_window_size

    # --- the finalized head ---

    def _finalized(self) -> HeadReport:
        chain, heads = self._chain, self._heads

        def say(state: HeadState, text: str, stall: Stall | None = None) -> HeadReport:
            return HeadReport("finalized", BlockId(chain.finalized.hash, chain.finalized.number), state, text, stall)

        safe = self._safe()
        if safe.state is HeadState.HALTED or chain.finalized.hash == chain.safe.hash:
            return say(safe.state, f"it follows the safe head: {safe.text}", safe.stall)
        if heads.error is not None:
            return say(HeadState.STUCK, heads.error, Stall(Cause.L1_DOWN, Stage.L1_HEADS, heads.error))
        latest, final = heads.latest, heads.finalized
        if latest is None or final is None:
            return say(HeadState.WAITING, "L1 has not told a finalized block yet")
        if latest.timestamp - final.timestamp > _NO_FINALITY:
            text = f"L1's finalized block, {final}, is {latest.timestamp - final.timestamp} s older than its head, {latest}"
            place = Place.l1(BlockId(final.hash, final.number))
            return say(HeadState.STUCK, text, Stall(Cause.L1_NOT_FINALIZING, Stage.FINALITY, text, place))
        following = self._safe_db.after(final.number)
        if following is None:
            return say(
                HeadState.MOVING, f"all that was derived up to L1's finalized block {final.number} is being finalized"
            )
        return say(
            HeadState.MOVING,
            f"the next to be final is L2 block {following.l2.number}, derived from L1 block {following.l1.number}; "
            f"L1 is final up to {final.number}",
        )

    # --- the unsafe head ---

    def _unsafe(self) -> HeadReport:
        chain, sequencer, driver = self._chain, self._sequencer, self._driver

        def say(state: HeadState, text: str, stall: Stall | None = None) -> HeadReport:
            return HeadReport("unsafe", BlockId(chain.head.hash, chain.head.number), state, text, stall)

        if sequencer is None:
            if (
                self._following is not None
                and driver.status.halt is None
                and self.disagreement is None
                and driver.ready.is_set()
            ):
                followed = self._following.report()
                if followed is not None:
                    return followed
            safe = self._safe()
            return say(safe.state, f"this node makes no blocks, so it follows the safe head: {safe.text}", safe.stall)
        if sequencer.halted is not None:
            return say(HeadState.HALTED, sequencer.halted.text, sequencer.halted)
        if driver.status.halt is not None:
            return say(HeadState.HALTED, f"derivation has stopped: {driver.status.halt.text}", driver.status.halt)
        if not sequencer.active:
            text = "sequencing is stopped on this node"
            return say(HeadState.STUCK, text, Stall(Cause.SEQUENCER_STOPPED, Stage.SEQUENCER, text))
        if not driver.ready.is_set():
            stall = driver.status.stall
            state = HeadState.WAITING if stall is None else HeadState.STUCK
            return say(state, f"the heads are being checked against L1: {driver.status.waiting_for}", stall)
        return self._sequencing(say, sequencer)

    def _sequencing(self, say: Callable[..., HeadReport], sequencer: Sequencer) -> HeadReport:
        head, latest = self._chain.head, self._heads.latest
        stall = sequencer.stall
        ahead = self.clock.ahead()
        if stall is not None:
            if stall.cause is Cause.L1_BEHIND and ahead:
                text = (
                    f"this machine's clock is {ahead:.0f} s ahead of L1's (or --l1 lags behind by that), so blocks are "
                    f"made ahead of L1 until the drift is used up: {stall.text}"
                )
                stall = Stall(Cause.CLOCK_WRONG, Stage.SEQUENCER, text, stall.place)
            return say(HeadState.STUCK, stall.text, stall)
        # A development L1's time may be ahead of the machine's on purpose: then it is what counts.
        now = max(self.clock.wall(), 0 if latest is None else latest.timestamp)
        lead = head.timestamp - now
        if lead > 2 * self._rollup.block_time:
            text = f"the head is {lead:.0f} s in the future: it was made with a clock that was ahead; the next block is due then"
            place = Place.l2(BlockId(head.hash, head.number))
            return say(HeadState.WAITING, text, Stall(Cause.CLOCK_WRONG, Stage.SEQUENCER, text, place))
        if -lead > 10 * self._rollup.block_time:
            return say(HeadState.MOVING, f"the head is {-lead:.0f} s old and catches up")
        return say(HeadState.MOVING, f"a block is made every {self._rollup.block_time} s")

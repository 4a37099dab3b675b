"""The posting loop: unsafe L2 blocks in, channels out, until every block is safe."""

import asyncio
import contextlib
import logging
from dataclasses import replace

from batcher.block import BatchBlock
from batcher.block_queue import BlockQueue
from batcher.budget import Budget
from batcher.channel import Channel, CloseReason
from batcher.channel_builder import ChannelBuilder
from batcher.da import DataKind, choose_kind
from batcher.outbox import Outbox, OutboxSettings, Rewind
from batcher.parcels import ParcelMaker
from batcher.ports import (
    Clock,
    DaLimiter,
    L1Head,
    L1HeadSource,
    L2Source,
    Leftovers,
    RemoteStore,
    RemoteStoreDown,
    Sender,
    SyncStatus,
)
from batcher.posting import ChannelState
from batcher.settings import ChannelSettings, DriverSettings, ThrottleSettings
from batcher.status import BatcherStatus, Counters
from batcher.throttle import Throttle
from config.errors import CriticalError, ResetError, TemporaryError
from config.rollup import RollupConfig
from config.types import short

log = logging.getLogger("lamina.batcher")


class BatchSubmitter:
    """Posts the L2 node's unsafe blocks to L1.

    Everything it knows can be lost at any time: it starts from the node's safe head, and goes back there whenever L1 or
    L2 turn out not to be what it built on. A block counts as done only when the node says it is safe.

    One `tick` is one round: take in settled transactions, look at both chains, load blocks, build channels, send.
    `start` runs rounds until `stop`. The three severities: temporary errors end the round, a reset drops all channels
    and starts over from the safe head, a critical error stops the loop and stands in `status().halted_by`.
    """

    def __init__(
        self,
        rollup: RollupConfig,
        l2: L2Source,
        l1: L1HeadSource,
        sender: Sender,
        clock: Clock,
        *,
        channel_settings: ChannelSettings | None = None,
        settings: DriverSettings | None = None,
        limiter: DaLimiter | None = None,
        throttle_settings: ThrottleSettings | None = None,
        remote: RemoteStore | None = None,
        leftovers: Leftovers | None = None,
        budget: Budget | None = None,
    ) -> None:
        """With `remote`, payloads are stored there and L1 gets commitments. `budget` may be shared with the sender.

        Raises ValueError when the settings leave no time to post a block within its sequencing window.
        """
        self._rollup = rollup
        self._channels = channel_settings or ChannelSettings()
        self._settings = settings or DriverSettings()
        if self._channels.sub_safety_margin >= rollup.seq_window_size:
            raise ValueError(
                f"a safety margin of {self._channels.sub_safety_margin} L1 blocks leaves nothing of the sequencing "
                f"window of {rollup.seq_window_size}: lower the safety margin"
            )
        self._l2 = l2
        self._l1 = l1
        self._wake = asyncio.Event()
        self._counters = Counters()
        self._remote = remote
        self._leftovers = leftovers
        self._parcels = ParcelMaker(self._channels, remote)
        shape = OutboxSettings(
            rollup.batch_inbox_address, self._channels.blobs_per_transaction, self._channels.data_availability
        )
        self._outbox = Outbox(sender, shape, self._settings, clock, self._counters, self._wake.set, budget)
        self.throttle = Throttle(limiter, throttle_settings or ThrottleSettings(), clock) if limiter else None
        """None when the sequencer is never told to slow down."""
        self._queue = BlockQueue()
        self._builder: ChannelBuilder | None = None
        self._cursor: int | None = None  # number of the first block that is in no closed channel
        self._head: L1Head | None = None
        self._sync: SyncStatus | None = None
        self._await_l1: int | None = None  # load nothing before the node has derived this L1 block
        self._check_sync = self._settings.wait_node_sync
        self._started_at: int | None = None  # L1's head when this run began
        self._ratio = 1.0  # compressed bytes per byte of batches, in the newest channel
        self._window_expired = False
        self._flush = False
        self._draining = False
        self._waiting_for: str | None = None
        self._last_error: str | None = None
        self._halted_by: str | None = None
        self._loop_task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the loop runs."""
        return self._loop_task is not None and not self._loop_task.done()

    def start(self) -> None:
        """Start the loop, from the safe head. Raises RuntimeError when it runs already."""
        if self.running:
            raise RuntimeError("the batcher is already running")
        self._halted_by = self._last_error = None
        self._draining = False
        self._check_sync, self._started_at = self._settings.wait_node_sync, None
        self._loop_task = asyncio.create_task(self._loop(), name="batcher")

    async def stop(self, drain_seconds: float = 0.0) -> None:
        """Stop the loop and forget everything loaded.

        Up to `drain_seconds` are spent on closing the open channel and getting all channels confirmed. What is not on
        L1 by then is abandoned and will be posted by the next start.
        """
        task = self._loop_task
        if task is None:
            await self._outbox.cancel()
            self._clear()
            return
        self._draining = True
        self._wake.set()
        if not task.done() and drain_seconds > 0:
            await asyncio.wait((task,), timeout=drain_seconds)
        if not task.done():
            task.cancel()
        await asyncio.wait((task,))

    def flush(self) -> None:
        """Close the open channel in the next round, however little it holds."""
        self._flush = True
        self._wake.set()

    async def tick(self) -> None:
        """One round; its errors are handled as the class describes."""
        self._waiting_for = None
        try:
            await self._round()
            self._last_error = None
        except TemporaryError as error:
            self._counters.temporary_errors += 1
            self._last_error = str(error)
            log.warning("batcher round ended early, will try again: %s", error)
        except ResetError as error:
            self._last_error = str(error)
            self._reset(str(error))
        except CriticalError as error:
            self._halted_by = self._last_error = str(error)
            log.error("the batcher stops: %s", error)

    def status(self) -> BatcherStatus:
        """What it is doing now."""
        sync, builder = self._sync, self._builder
        return BatcherStatus(
            running=self.running,
            halted_by=self._halted_by,
            waiting_for=self._waiting_for,
            last_error=self._last_error,
            l1_head=self._head.id if self._head else None,
            unsafe_l2=sync.unsafe_l2 if sync else None,
            safe_l2=sync.safe_l2 if sync else None,
            queued_blocks=len(self._queue),
            backlog_bytes=self._backlog_bytes(),
            backlog_l1_bytes=self._backlog_l1_bytes(),
            open_channel_blocks=len(builder) if builder else 0,
            open_channel_input_bytes=builder.input_bytes if builder else 0,
            pending_transactions=self._outbox.pending,
            window_expired=self._window_expired,
            throttling=self.throttle is not None and self.throttle.active,
            spent=self._outbox.budget.spent,
            reserved=self._outbox.budget.reserved,
            budget=self._outbox.budget.limit,
            counters=replace(self._counters),
            channels=self._outbox.records(),
        )

    async def _loop(self) -> None:
        try:
            while self._halted_by is None:
                self._wake.clear()
                await self.tick()
                if self._draining and self._is_drained():
                    break
                # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with the event.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.poll_seconds):
                        await self._wake.wait()
        except Exception as error:
            # Not one of the three severities: a defect. It must be seen in the status as well as in the task.
            self._halted_by = f"unexpected {type(error).__name__}: {error}"
            log.exception("the batcher stops because of a defect")
            raise
        finally:
            await self._outbox.cancel()
            self._clear()

    async def _round(self) -> None:
        self._collect()
        self._sync = await self._l2.sync_status()
        try:
            self._head = await self._l1.head()
        except TemporaryError:
            await self._while_l1_is_away(self._sync)
            raise
        if not await self._may_begin(self._head, self._sync):
            return
        self._reconcile(self._head, self._sync)
        if not self._draining:
            await self._load(self._sync)
        hopeless = self._outbox.hopeless(
            self._head.number + 1, self._channel_timeout(self._head), self._rollup.seq_window_size
        )
        if hopeless is not None:
            self._rewind(hopeless)
        await self._build(self._head)
        waits_for = self._outbox.send(self._head)
        self._waiting_for = self._waiting_for or waits_for
        await self._tell_sequencer()

    async def _while_l1_is_away(self, sync: SyncStatus) -> None:
        """The backlog grows all the same: the sequencer has to hear of it."""
        if self._await_l1 is None and not self._check_sync and not self._draining:
            if self._head is not None:
                self._reconcile(self._head, sync)
            await self._load(sync)
        await self._tell_sequencer()

    async def _tell_sequencer(self) -> None:
        if self.throttle is not None:
            await self.throttle.update(self._backlog_l1_bytes())

    def _collect(self) -> None:
        if self._head is None:
            return
        rewind = self._outbox.collect(self._channel_timeout(self._head))
        if rewind is not None:
            self._rewind(rewind)

    def _channel_timeout(self, head: L1Head) -> int:
        return self._rollup.channel_timeout_at(head.timestamp)

    async def _may_begin(self, head: L1Head, sync: SyncStatus) -> bool:
        """Whether all that an earlier run sent has come to its end and the node knows of it: it is not posted again."""
        if self._check_sync:
            self._started_at = self._started_at or head.number
            waited = head.number - self._started_at
            if self._leftovers is not None and waited < self._settings.leftover_patience:
                count = await self._leftovers.left_behind()
                if count:
                    self._waiting_for = f"{count} L1 transactions of an earlier run to be included"
                    return False
            self._await_l1, self._check_sync = head.number, False
        if self._await_l1 is not None:
            if sync.current_l1.number < self._await_l1:
                self._waiting_for = (
                    f"the L2 node to derive L1 block {self._await_l1} (it is at {sync.current_l1.number})"
                )
                return False
            self._await_l1 = None
        return True

    def _reconcile(self, head: L1Head, sync: SyncStatus) -> None:
        """Compare what was built with what the node says. Raises ResetError when they do not fit."""
        if self._cursor is None:
            return
        first, last, safe, unsafe = self._queue.first, self._queue.last, sync.safe_l2, sync.unsafe_l2
        oldest = first.number if first else self._cursor
        if safe.number < oldest - 1:
            # What was posted may still be on L1: the node has to look there before anything is posted again.
            self._await_l1 = head.number
            raise ResetError(
                f"the safe head went back to L2 block {safe}, below block {oldest}: an L1 reorg, or the node was reset"
            )
        if first is None or last is None:
            self._cursor = safe.number + 1
            return
        if safe.number >= self._cursor:
            raise ResetError(
                f"L2 block {safe} is safe although it was not posted from here: "
                "another batcher is at work, or an earlier run of this one was"
            )
        for reported, name in ((safe, "safe"), (unsafe, "unsafe")):
            known = self._queue.get(reported.number)
            if known is not None and known.hash != reported.hash:
                raise ResetError(
                    f"the L2 chain was reorganised: the {name} block {reported} is not {short(known.hash)} as before"
                )
        if unsafe.number < last.number:
            raise ResetError(f"the L2 chain was reorganised: the unsafe head went back from {last.number} to {unsafe}")
        self._outbox.mark_safe(safe.number)
        self._queue.drop_through(safe.number)
        self._check_progress(sync)

    def _check_progress(self, sync: SyncStatus) -> None:
        for posted in self._outbox.channels:
            if posted.state is not ChannelState.CONFIRMED:
                return
            landed = max(posted.inclusion_numbers)
            if sync.current_l1.number >= landed + self._settings.safe_progress_margin:
                raise ResetError(
                    f"{posted.channel} was confirmed in L1 block {landed}, but the node has derived up to L1 block "
                    f"{sync.current_l1.number} and its safe head is only {sync.safe_l2}: "
                    "its batches were dropped, or an L1 reorg removed them"
                )

    async def _load(self, sync: SyncStatus) -> None:
        if self._cursor is None:
            self._cursor = sync.safe_l2.number + 1
        last = self._queue.last
        start = last.number + 1 if last else max(self._cursor, sync.safe_l2.number + 1)
        for number in range(start, min(sync.unsafe_l2.number, start + self._settings.max_blocks_per_round - 1) + 1):
            if self._queue.input_bytes >= self._settings.max_queued_bytes:
                self._waiting_for = f"{len(self._queue)} L2 blocks to become safe (no more are held in memory)"
                return
            block = await self._l2.block(number)
            if number == sync.safe_l2.number + 1 and block.parent_hash != sync.safe_l2.hash:
                raise ResetError(f"L2 block {block.id} does not build on the safe head {sync.safe_l2}")
            self._queue.append(block)
            self._counters.blocks_loaded += 1

    async def _build(self, head: L1Head) -> None:
        expired = False
        while self._cursor is not None and (first := self._queue.get(self._cursor)) is not None:
            window_end = first.l1_origin.number + self._rollup.seq_window_size
            if head.number >= window_end:
                expired = True
                self._note_expiry(first, window_end)
                break
            if self._outbox.unsent >= self._settings.max_unsent_transactions:
                self._waiting_for = (
                    f"{self._outbox.unsent} blobs or calldata to be sent before more channels are closed"
                )
                break
            if not await self._build_channel(head):
                break
        self._window_expired = expired
        if self._flush or self._draining or self._parcels.is_due(head.number):
            self._outbox.queue(await self._parcels.flush())
            if self._cursor is None or self._queue.get(self._cursor) is None:
                self._flush = False

    def _note_expiry(self, first: BatchBlock, window_end: int) -> None:
        self._builder = None
        self._waiting_for = (
            f"the node to replace L2 block {first.id}: the sequencing window of its L1 origin "
            f"{first.l1_origin.number} ended with L1 block {window_end}, so posting it now would be a waste"
        )
        if not self._window_expired:
            log.error(
                "nothing is posted: waiting for %s. Derivation replaces the blocks from %d on by blocks without the "
                "pool's transactions; the sequencer goes on from there, and so does posting",
                self._waiting_for, first.number,
            )  # fmt: skip

    async def _build_channel(self, head: L1Head) -> bool:
        """Fill the open channel. Whether it was closed; if not, it has taken all blocks there are."""
        assert self._cursor is not None
        builder = self._builder = self._builder or ChannelBuilder(self._rollup, self._channels, head.number)
        start = builder.last.number + 1 if builder.last else self._cursor
        # Compression takes long and releases the interpreter lock.
        blocks = list(self._queue.since(start))
        if blocks:
            await asyncio.to_thread(builder.fill, blocks)
        reason = builder.close_reason(head.number)
        if reason is None and (self._flush or self._draining):
            reason = CloseReason.FLUSHED
        if reason is None:
            return False
        channel = await asyncio.to_thread(builder.close, reason)
        kind = await self._dispatch(channel, head)
        self._builder = None
        self._cursor = channel.last.number + 1
        self._ratio = min(1.0, channel.compressed_bytes / max(1, channel.batch_bytes))
        self._counters.channels_closed += 1
        self._counters.input_bytes += channel.input_bytes
        self._counters.output_bytes += channel.compressed_bytes
        log.info(
            "%s closed (%s): %d transactions, %d bytes in, %d bytes out (%s)",
            channel, channel.reason.value, channel.transactions, channel.input_bytes, channel.compressed_bytes,
            kind.value,
        )  # fmt: skip
        return True

    async def _dispatch(self, channel: Channel, head: L1Head) -> DataKind:
        """Put the channel into the outbox, as parcels of the kind that is right now."""
        kind = choose_kind(channel, self._channels, head) if self._remote is None else DataKind.REMOTE
        if kind is not DataKind.BLOBS:
            self._outbox.queue(await self._parcels.flush())
        try:
            posted, parcels = await self._parcels.add(channel, kind, head.number)
        except RemoteStoreDown as error:
            kind = choose_kind(channel, self._channels, head)
            log.warning("%s goes to L1 itself as %s: %s", channel, kind.value, error)
            posted, parcels = await self._parcels.add(channel, kind, head.number)
        self._outbox.add(posted)
        self._outbox.queue(parcels)
        window_end = channel.first_origin.number + self._rollup.seq_window_size
        if head.number >= window_end - self._channels.sub_safety_margin:
            # No time to wait for the next channel.
            self._outbox.queue(await self._parcels.flush())
        return kind

    def _rewind(self, rewind: Rewind) -> None:
        """Post blocks once more, in new channels, without waiting for more blocks: these have waited long enough."""
        log.warning("posting again from L2 block %d: %s", rewind.number, rewind.reason)
        self._counters.rewinds += 1
        self._last_error = rewind.reason
        self._outbox.abandon_from(rewind.number)
        self._parcels.forget_abandoned()
        self._builder = None
        first = self._queue.first
        self._cursor = max(rewind.number, first.number) if first else None
        self._flush = True

    def _reset(self, reason: str) -> None:
        log.warning("starting over from the safe head: %s", reason)
        self._counters.resets += 1
        self._clear()

    def _clear(self) -> None:
        self._outbox.abandon_from(0)
        self._parcels.forget_abandoned()
        self._queue.clear()
        self._builder = None
        self._cursor = None

    def _backlog_bytes(self) -> int:
        unconfirmed = self._outbox.first_unconfirmed
        start = unconfirmed.first.number if unconfirmed else self._cursor
        return sum(block.input_bytes for block in self._queue.since(start)) if start is not None else 0

    def _backlog_l1_bytes(self) -> int:
        """An estimate of the L1 data that is still to land: what is in no channel shrinks as the newest channel did."""
        waiting = sum(block.input_bytes for block in self._queue.since(self._cursor)) if self._cursor is not None else 0
        return self._outbox.unconfirmed_bytes + int(self._ratio * waiting)

    def _is_drained(self) -> bool:
        if self._outbox.pending or self._outbox.unsent or self._parcels.is_open:
            return False
        return self._cursor is None or self._queue.get(self._cursor) is None or self._waiting_for is not None

"""Sends the transactions of closed channels in order, and learns what became of them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from batcher.budget import Budget
from batcher.channel import Channel
from batcher.da import BatcherTransaction
from batcher.ports import Clock, Inclusion, L1Head, Sender
from batcher.posting import ChannelRecord, ChannelState, PostedChannel, Posting
from batcher.settings import DriverSettings
from batcher.status import Counters
from config.errors import CriticalError, ResetError, TemporaryError
from config.types import Wei

log = logging.getLogger("lamina.batcher")


@dataclass
class _InFlight:
    channel: PostedChannel
    posting: Posting
    reserved: Wei
    task: asyncio.Task[Inclusion]


@dataclass(frozen=True)
class Rewind:
    """Blocks from `number` on have to be posted once more, and why."""

    number: int
    reason: str


class Outbox:
    """The channels that are closed and not safe yet, oldest first.

    Frames must land in the order in which they are numbered, and channels in the order of their blocks: derivation
    drops a frame that does not continue the one before. `send` is called in that order and the sender keeps it by
    nonces. When a transaction fails after later ones were handed over, the order is lost, so the channel is given up
    and its blocks are posted anew.
    Spec: op holocene derivation, "Frame Queue", "Channel Bank".
    """

    def __init__(
        self, sender: Sender, settings: DriverSettings, clock: Clock, counters: Counters, wake: Callable[[], None]
    ) -> None:
        """`wake` is called whenever a transaction is settled."""
        self._sender = sender
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._wake = wake
        self._in_flight: list[_InFlight] = []
        self._retry_at = 0.0
        self._failures = 0
        self._history: deque[PostedChannel] = deque(maxlen=settings.history_channels)
        self.channels: list[PostedChannel] = []
        self.budget = Budget(settings.budget)

    @property
    def pending(self) -> int:
        """Transactions handed to the sender and not settled."""
        return len(self._in_flight)

    @property
    def unsent(self) -> int:
        """Transactions not handed to the sender yet."""
        return sum(not posting.started for channel in self.channels for posting in channel.postings)

    @property
    def first_unconfirmed(self) -> Channel | None:
        """The oldest channel with a transaction that is not confirmed."""
        return next((posted.channel for posted in self.channels if not posted.is_confirmed), None)

    def records(self) -> tuple[ChannelRecord, ...]:
        """The latest channels, oldest first."""
        return tuple(posted.record() for posted in self._history)

    def add(self, posted: PostedChannel) -> None:
        """Take a channel that follows those already here."""
        self.channels.append(posted)
        self._history.append(posted)

    def mark_safe(self, safe_number: int) -> None:
        """Let go of channels whose blocks are all safe now."""
        while self.channels and self.channels[0].channel.last.number <= safe_number:
            self.channels.pop(0).release(ChannelState.SAFE)

    def abandon_from(self, number: int) -> None:
        """Give up the channels that have blocks from `number` on. What is in flight may still land; it does no harm."""
        for posted in self.channels:
            if posted.channel.last.number >= number:
                posted.release(ChannelState.ABANDONED)
        self.channels = [posted for posted in self.channels if posted.state is not ChannelState.ABANDONED]

    def send(self, head: L1Head) -> str | None:
        """Hand over the next transactions, as many as may be in flight. Returns what the rest waits for, if anything.

        Raises CriticalError when the budget does not allow another transaction.
        """
        for posted in self.channels:
            for posting, transaction in posted.waiting():
                limit = self._settings.max_pending_transactions
                if limit and self.pending >= limit:
                    return f"{self.pending} L1 transactions to be confirmed (no more may be pending)"
                if self._clock.now() < self._retry_at:
                    return "the pause after a failed L1 transaction"
                reserved = self._worst_case(transaction, head)
                if not self.budget.could_allow(reserved):
                    raise CriticalError(
                        f"the batcher's budget of {self.budget.limit} wei is used up: {self.budget.spent} are spent "
                        f"and the next L1 transaction may cost {reserved} wei; restart the batcher with a larger budget"
                    )
                if not self.budget.allows(reserved):
                    return "the cost of pending L1 transactions (the budget is nearly used up)"
                self._start(posted, posting, transaction, reserved)
        return None

    def collect(self, channel_timeout: int) -> Rewind | None:
        """Take in what has settled since the last call.

        `channel_timeout` is in L1 blocks. Returns the earliest block that must be posted again, if any.
        Raises CriticalError when the sender says that nothing can be sent any more.
        """
        settled = [flight for flight in self._in_flight if flight.task.done()]
        self._in_flight = [flight for flight in self._in_flight if not flight.task.done()]
        rewinds: list[Rewind] = []
        critical: CriticalError | None = None
        for flight in settled:
            try:
                rewind = self._settle(flight, channel_timeout)
            except CriticalError as error:
                critical = error
                continue
            if rewind is not None:
                rewinds.append(rewind)
        if critical is not None:
            raise critical
        return min(rewinds, key=lambda rewind: rewind.number, default=None)

    def hopeless(self, next_l1_number: int, channel_timeout: int, window: int) -> Rewind | None:
        """The first channel whose remaining transactions would come too late in L1 block `next_l1_number`, if any.

        That is after `channel_timeout` L1 blocks since its first frame landed, or more than `window` blocks after its
        first block's L1 origin. Spec: op derivation, "Channel Bank", "Batch Queue".
        """
        for posted in self.channels:
            if all(posting.started for posting in posted.postings):
                continue
            numbers = posted.inclusion_numbers
            if numbers and next_l1_number > min(numbers) + channel_timeout:
                reason = f"{posted.channel} timed out: its first frame landed in L1 block {min(numbers)}"
                return Rewind(posted.channel.first.number, reason)
            if next_l1_number > posted.channel.first_origin.number + window:
                reason = f"{posted.channel} comes too late: the sequencing window of its first block is over"
                return Rewind(posted.channel.first.number, reason)
        return None

    async def cancel(self) -> None:
        """Stop waiting for what is in flight and forget all channels."""
        for flight in self._in_flight:
            flight.task.cancel()
        await asyncio.gather(*(flight.task for flight in self._in_flight), return_exceptions=True)
        for flight in self._in_flight:
            if flight.task.cancelled() or flight.task.exception() is not None:
                # It may have been sent all the same: it counts as spent in full, lest the budget be exceeded.
                self.budget.settle(flight.reserved, flight.reserved)
            else:
                self.budget.settle(flight.reserved, flight.task.result().cost)
        self._in_flight = []
        self.abandon_from(0)

    def _worst_case(self, transaction: BatcherTransaction, head: L1Head) -> Wei:
        ceiling = self._settings.transaction_ceiling
        return transaction.price(head) if ceiling is None else ceiling

    def _start(self, posted: PostedChannel, posting: Posting, transaction: BatcherTransaction, reserved: Wei) -> None:
        self.budget.reserve(reserved)
        posting.started = True
        self._counters.transactions_sent += 1
        task = asyncio.ensure_future(self._sender.send(transaction.candidate))
        task.add_done_callback(lambda _: self._wake())
        self._in_flight.append(_InFlight(posted, posting, reserved, task))

    def _settle(self, flight: _InFlight, channel_timeout: int) -> Rewind | None:
        posted = flight.channel
        try:
            inclusion = flight.task.result()
        except (TemporaryError, ResetError) as error:
            self.budget.settle(flight.reserved, Wei(0))
            return self._failed(flight, error)
        except CriticalError:
            self.budget.settle(flight.reserved, Wei(0))
            raise
        self._failures, self._retry_at = 0, 0.0
        self._counters.transactions_confirmed += 1
        self.budget.settle(flight.reserved, inclusion.cost)
        flight.posting.inclusion = inclusion
        flight.posting.transaction = None
        posted.cost = Wei(posted.cost + inclusion.cost)
        if not posted.is_confirmed or posted.state is not ChannelState.POSTING:
            return None
        numbers = posted.inclusion_numbers
        if max(numbers) - min(numbers) > channel_timeout:
            return Rewind(
                posted.channel.first.number,
                f"{posted.channel} timed out: its frames landed in L1 blocks {min(numbers)} to {max(numbers)}, "
                f"more than {channel_timeout} apart",
            )
        posted.state = ChannelState.CONFIRMED
        log.info(
            "%s is confirmed in L1 blocks %d to %d, cost %d wei",
            posted.channel, min(numbers), max(numbers), posted.cost,
        )  # fmt: skip
        return None

    def _failed(self, flight: _InFlight, error: Exception) -> Rewind | None:
        self._counters.transactions_failed += 1
        delay = min(self._settings.retry_seconds * 2**self._failures, self._settings.max_retry_seconds)
        self._failures += 1
        self._retry_at = self._clock.now() + delay
        posted = flight.channel
        if posted not in self.channels:
            log.warning("an L1 transaction of the abandoned %s failed: %s", posted.channel, error)
            return None
        reason = f"an L1 transaction of {posted.channel} failed: {error}"
        if self._was_overtaken(flight.posting):
            return Rewind(posted.channel.first.number, reason)
        log.warning("%s; it will be sent again in %.0f s", reason, delay)
        flight.posting.started = False
        return None

    def _was_overtaken(self, posting: Posting) -> bool:
        later = False
        for posted in self.channels:
            for other in posted.postings:
                if later and other.started:
                    return True
                later = later or other is posting
        return False

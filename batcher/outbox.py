"""Sends the parcels of closed channels in order, and learns what became of them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from batcher.budget import Budget
from batcher.channel import Channel
from batcher.da import BatcherTransaction, DataKind, blob_transaction, calldata_transaction
from batcher.ports import Clock, Inclusion, L1Head, Sender
from batcher.posting import ChannelRecord, ChannelState, Parcel, PostedChannel
from batcher.settings import DataAvailability, DriverSettings
from batcher.status import Counters
from config.errors import CriticalError, ResetError, TemporaryError
from config.types import Address, Wei
from l1.send_error import SendError, SendErrorKind

log = logging.getLogger("lamina.batcher")

_PRICE_MARGIN = 1.25
"""L1's prices can rise by an eighth from block to block, and the sender adds a tip."""


@dataclass
class _InFlight:
    parcels: tuple[Parcel, ...]
    reserved: Wei
    task: asyncio.Task[Inclusion]

    @property
    def channels(self) -> list[PostedChannel]:
        """The channels whose frames it carries, in order, each once."""
        return list(dict.fromkeys(posted for parcel in self.parcels for posted, _ in parcel.shares))


@dataclass(frozen=True)
class Rewind:
    """Blocks from `number` on have to be posted once more, and why."""

    number: int
    reason: str


@dataclass(frozen=True)
class OutboxSettings:
    """Where parcels go, how many blobs a transaction carries, and whether dear blobs may give way to calldata."""

    inbox: Address
    blobs_per_transaction: int
    data_availability: DataAvailability


class Outbox:
    """The channels that are closed and not safe yet, oldest first.

    Frames must land in the order in which they are numbered, and channels in the order of their blocks: derivation
    drops a frame that does not continue the one before. `send` is called in that order and the sender keeps it by
    nonces. When a transaction fails after later ones were handed over, the order is lost, so the channel is given up
    and its blocks are posted anew.
    Spec: op holocene derivation, "Frame Queue", "Channel Bank".
    """

    def __init__(
        self,
        sender: Sender,
        shape: OutboxSettings,
        settings: DriverSettings,
        clock: Clock,
        counters: Counters,
        wake: Callable[[], None],
        budget: Budget | None = None,
    ) -> None:
        """`wake` is called whenever a transaction is settled. `budget` None: one of its own, as the settings say."""
        self._sender = sender
        self._shape = shape
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._wake = wake
        self._in_flight: list[_InFlight] = []
        self._waiting: deque[Parcel] = deque()
        self._retry_at = 0.0
        self._failures = 0
        self._history: deque[PostedChannel] = deque(maxlen=settings.history_channels)
        self.channels: list[PostedChannel] = []
        self.budget = budget or Budget(settings.budget)

    @property
    def pending(self) -> int:
        """Transactions handed to the sender and not settled."""
        return len(self._in_flight)

    @property
    def unsent(self) -> int:
        """Parcels not handed to the sender yet."""
        return len(self._waiting)

    @property
    def unconfirmed_bytes(self) -> int:
        """Bytes of closed channels that are not known to be on L1."""
        return sum(posted.channel.compressed_bytes for posted in self.channels if posted.state is ChannelState.POSTING)

    @property
    def first_unconfirmed(self) -> Channel | None:
        """The oldest channel that is not confirmed."""
        return next((posted.channel for posted in self.channels if not posted.is_confirmed), None)

    def records(self) -> tuple[ChannelRecord, ...]:
        """The latest channels, oldest first."""
        return tuple(posted.record() for posted in self._history)

    def add(self, posted: PostedChannel) -> None:
        """Take a channel that follows those already here."""
        self.channels.append(posted)
        self._history.append(posted)

    def queue(self, parcels: list[Parcel]) -> None:
        """Take parcels to send, after those already here."""
        self._waiting.extend(parcels)

    def mark_safe(self, safe_number: int) -> None:
        """Let go of channels whose blocks are all safe now."""
        while self.channels and self.channels[0].channel.last.number <= safe_number:
            self.channels.pop(0).release(ChannelState.SAFE)
        self._drop_unwanted()

    def abandon_from(self, number: int) -> None:
        """Give up the channels that have blocks from `number` on. What is in flight may still land; it does no harm."""
        for posted in self.channels:
            if posted.channel.last.number >= number:
                posted.release(ChannelState.ABANDONED)
        self.channels = [posted for posted in self.channels if posted.state is not ChannelState.ABANDONED]
        self._drop_unwanted()

    def send(self, head: L1Head) -> str | None:
        """Hand over the next transactions, as many as may be in flight. Returns what the rest waits for, if anything.

        Raises CriticalError when the budget does not allow another transaction.
        """
        while self._waiting:
            limit = self._settings.max_pending_transactions
            if limit and self.pending >= limit:
                return f"{self.pending} L1 transactions to be confirmed (no more may be pending)"
            if self._clock.now() < self._retry_at:
                return "the pause after a failed L1 transaction"
            parcels = self._next_group()
            transaction = self._transaction(parcels)
            while len(parcels) > 1 and not self._fits_ceiling(transaction, head):
                parcels = parcels[:-1]
                transaction = self._transaction(parcels)
            reserved = self._worst_case(transaction, head)
            if not self.budget.could_allow(reserved):
                raise CriticalError(
                    f"the batcher's budget of {self.budget.limit} wei is used up: {self.budget.spent} are spent "
                    f"and the next L1 transaction may cost {reserved} wei; restart the batcher with a larger budget"
                )
            if not self.budget.allows(reserved):
                return "the cost of pending L1 transactions (the budget is nearly used up)"
            self._start(parcels, transaction, reserved)
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
        # From the last to the first, so that several that failed together go back into the queue in their order.
        for flight in reversed(settled):
            try:
                rewinds += self._settle(flight, channel_timeout)
            except CriticalError as error:
                critical = error
        if critical is not None:
            raise critical
        return min(rewinds, key=lambda rewind: rewind.number, default=None)

    def hopeless(self, next_l1_number: int, channel_timeout: int, window: int) -> Rewind | None:
        """The first channel whose remaining frames would come too late in L1 block `next_l1_number`, if any.

        That is after `channel_timeout` L1 blocks since its first frame landed, or more than `window` blocks after its
        first block's L1 origin. Spec: op derivation, "Channel Bank", "Batch Queue".
        """
        for posted in self.channels:
            if posted.is_all_started:
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

    def _fits_ceiling(self, transaction: BatcherTransaction, head: L1Head) -> bool:
        """Whether the sender will find the transaction cheap enough, as far as the head's prices tell."""
        ceiling = self._settings.transaction_ceiling
        return ceiling is None or _PRICE_MARGIN * transaction.price(head) <= ceiling

    def _next_group(self) -> tuple[Parcel, ...]:
        """What the next transaction carries: as many blobs as it may, or one parcel of another kind."""
        first = self._waiting[0]
        if first.kind is not DataKind.BLOBS:
            return (first,)
        group: list[Parcel] = []
        for parcel in self._waiting:
            if parcel.kind is not DataKind.BLOBS or len(group) >= self._shape.blobs_per_transaction:
                break
            group.append(parcel)
        return tuple(group)

    def _transaction(self, parcels: tuple[Parcel, ...]) -> BatcherTransaction:
        contents = [parcel.data for parcel in parcels if parcel.data is not None]
        payload_bytes = sum(parcel.payload_bytes for parcel in parcels)
        if parcels[0].kind is DataKind.BLOBS:
            return blob_transaction(contents, payload_bytes, self._shape.inbox)
        return calldata_transaction(contents[0], payload_bytes, self._shape.inbox)

    def _start(self, parcels: tuple[Parcel, ...], transaction: BatcherTransaction, reserved: Wei) -> None:
        self.budget.reserve(reserved)
        for parcel in parcels:
            parcel.started = True
            self._waiting.popleft()
        self._counters.transactions_sent += 1
        task = asyncio.ensure_future(self._sender.send(transaction.candidate))
        task.add_done_callback(lambda _: self._wake())
        self._in_flight.append(_InFlight(parcels, reserved, task))

    def _settle(self, flight: _InFlight, channel_timeout: int) -> Iterator[Rewind]:
        try:
            inclusion = flight.task.result()
        except (TemporaryError, ResetError) as error:
            self.budget.settle(flight.reserved, error.cost if isinstance(error, SendError) else Wei(0))
            yield from self._failed(flight, error)
            return
        except CriticalError:
            self.budget.settle(flight.reserved, Wei(0))
            raise
        self._failures, self._retry_at = 0, 0.0
        self._counters.transactions_confirmed += 1
        self.budget.settle(flight.reserved, inclusion.cost)
        shares = [share for parcel in flight.parcels for share in parcel.shares]
        total = sum(size for _, size in shares)
        for posted, size in shares:
            posted.cost = Wei(posted.cost + inclusion.cost * size // total)
        for parcel in flight.parcels:
            parcel.inclusion, parcel.data = inclusion, None
            self._counters.blobs_confirmed += parcel.kind is DataKind.BLOBS
            self._counters.payload_bytes_confirmed += parcel.payload_bytes
        for posted in flight.channels:
            rewind = self._note_confirmation(posted, channel_timeout)
            if rewind is not None:
                yield rewind

    def _note_confirmation(self, posted: PostedChannel, channel_timeout: int) -> Rewind | None:
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

    def _failed(self, flight: _InFlight, error: Exception) -> Iterator[Rewind]:
        self._counters.transactions_failed += 1
        delay = min(self._settings.retry_seconds * 2**self._failures, self._settings.max_retry_seconds)
        self._failures += 1
        self._retry_at = self._clock.now() + delay
        names = ", ".join(str(posted.channel) for posted in flight.channels)
        if not any(parcel.is_wanted for parcel in flight.parcels):
            log.warning("an L1 transaction of the abandoned %s failed: %s", names, error)
            return
        reason = f"an L1 transaction of {names} failed: {error}"
        if self._was_overtaken(flight) or self._may_go_elsewhere(error):
            yield Rewind(flight.parcels[0].first_number, reason)
            return
        log.warning("%s; it will be sent again in %.0f s", reason, delay)
        for parcel in reversed(flight.parcels):
            parcel.started = False
            self._waiting.appendleft(parcel)
        self._drop_unwanted()

    def _was_overtaken(self, flight: _InFlight) -> bool:
        """Whether something that has to come after it has been handed over."""
        later = False
        for posted in self.channels:
            for parcel in posted.parcels:
                if parcel in flight.parcels:
                    later = True
                elif later and parcel.started:
                    return True
        return False

    def _may_go_elsewhere(self, error: Exception) -> bool:
        """Whether L1's prices stand in the way and the choice between blobs and calldata can be made anew."""
        return (
            self._shape.data_availability is DataAvailability.AUTO
            and isinstance(error, SendError)
            and error.kind in (SendErrorKind.FEE_CEILING, SendErrorKind.CANCELLED)
        )

    def _drop_unwanted(self) -> None:
        self._waiting = deque(parcel for parcel in self._waiting if parcel.is_wanted)

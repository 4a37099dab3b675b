"""Stage 6 of derivation before Holocene: keeps batches until their time comes, whatever order they arrive in."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.rollup import RollupConfig
from derivation.batch_rules import NOTHING_ASSUMED, Assumptions, BatchContext, Validity, Verdict, check_singular_batch
from derivation.codec.batch import Batch
from derivation.codec.singular_batch import SingularBatch
from derivation.events import EventKind, EventSink
from derivation.providers import L2Provider
from derivation.span_batch_rules import check_span_batch
from derivation.stages.channel_reader import ChannelReader
from derivation.stages.known_epochs import KnownEpochs
from derivation.stages.pull import Pull
from derivation.stages.span_blocks import new_blocks
from derivation.stages.valid_batch import ValidBatch, empty_batch
from derivation.types import L1BlockRef, L2BlockRef


@dataclass(frozen=True)
class _Waiting:
    """A batch and the L1 block that completed its channel."""

    batch: Batch
    included_in: L1BlockRef


class BatchQueue:
    """Gives the next valid batch on top of the safe head.

    Duties: know the L1 blocks from the safe head's origin to the current one; skip batches while L1 is read that the
    safe head is known to follow from; drop a batch that is invalid when it is read; of those read so far, take the first in L1
    order that is the next block, keep those for later blocks and drop invalid ones; take span batches whole or not at
    all; make empty batches once an epoch's sequencing window has passed.
    Trap: when a batch is judged matters, since a span batch for a later block may be invalid now and valid then: whether
    span batches are active is asked of the safe head's L1 origin when theirs is neither that nor the next one.
    Trap: while a span is handed out the L1 blocks before its later origins are kept, since the safe head goes back to
    where it started when one of its blocks turns out to be impossible.
    Spec: op derivation, "Batch Queue"; op delta span batches, "Batch Queue".
    """

    def __init__(
        self,
        rollup: RollupConfig,
        l2: L2Provider,
        events: EventSink,
        reader: ChannelReader,
        epochs: KnownEpochs,
        assumed: Assumptions = NOTHING_ASSUMED,
    ) -> None:
        self._rollup = rollup
        self._l2 = l2
        self._events = events
        self._reader = reader
        self._epochs = epochs
        self._assumed = assumed
        self._arrived: _Waiting | None = None
        """A batch that was read, and could not be judged yet."""
        self._waiting: list[_Waiting] = []
        self._span: deque[SingularBatch] = deque()
        self._accepted_on: L2BlockRef | None = None

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""
        return self._reader.origin

    @property
    def span_remaining(self) -> int:
        """Blocks left of the span batch being handed out."""
        return len(self._span)

    @property
    def waiting(self) -> int:
        """Batches that are kept for later."""
        return len(self._waiting)

    def next(self, safe_head: L2BlockRef) -> ValidBatch | Pull:
        """The batch of the block after `safe_head`.

        Raises ResetError when the safe head's L1 origin is not on the L1 chain being read.
        """
        if self._span:
            if self._span[0].timestamp == safe_head.timestamp + self._rollup.block_time:
                return self._take(safe_head)
            self._span.clear()
        is_behind = self._reader.origin.number < safe_head.l1_origin.number
        self._epochs.advance(self._reader.origin, safe_head)
        self._epochs.forget_older(safe_head)
        nothing = Pull.AGAIN
        if self._arrived is None:
            batch = self._reader.next()
            if batch is Pull.DRY:
                nothing = Pull.DRY
            elif not isinstance(batch, Pull) and not is_behind:
                self._arrived = _Waiting(batch, self._epochs.current)
        if is_behind:
            return nothing
        self._epochs.check(safe_head)
        self._receive(safe_head)
        found = self._first_acceptable(safe_head)
        if isinstance(found, ValidBatch):
            return found
        if found is Validity.UNDECIDED or len(self._epochs.blocks) < 2:
            return nothing
        # Data of the window's last block still counts; what comes later cannot.
        has_expired = self._epochs.blocks[0].number + self._rollup.seq_window_size < self._epochs.current.number
        if nothing is Pull.DRY or has_expired:
            return empty_batch(self._rollup, self._epochs, safe_head, self._events)
        return Pull.AGAIN

    @property
    def goes_back_to(self) -> L2BlockRef | None:
        """The safe block that the batch accepted last, a span batch as a whole, builds on.

        Spec: op derivation, "L1-sync: payload attributes processing"; op holocene derivation, "Span Batches".
        """
        return self._accepted_on

    def flush(self) -> None:
        """Drop the rest of the span batch."""
        self._span.clear()

    def reset(self, epochs: KnownEpochs) -> None:
        """Drop all batches."""
        self._epochs = epochs
        self._arrived = None
        self._waiting = []
        self._span.clear()
        self._accepted_on = None

    def _receive(self, safe_head: L2BlockRef) -> None:
        """Keep the batch that was read last, unless it is invalid."""
        if self._arrived is None:
            return
        # The check may want data that is not there yet: then the batch is looked at again.
        verdict = self._check(self._arrived, safe_head)
        arrived, self._arrived = self._arrived, None
        if verdict.validity is Validity.DROP:
            self._tell_dropped(arrived, verdict.reason)
        else:
            self._waiting.append(arrived)

    def _tell_dropped(self, waiting: _Waiting, reason: str) -> None:
        self._events.emit(EventKind.BATCH_DROPPED, self._epochs.current, f"{waiting.batch} was dropped: {reason}")

    def _first_acceptable(self, safe_head: L2BlockRef) -> ValidBatch | Validity:
        """The first batch that is the next block, else whether there is none or it cannot be told yet."""
        kept: list[_Waiting] = []
        dropped: list[tuple[_Waiting, str]] = []
        found: _Waiting | None = None
        outcome = Validity.FUTURE
        index = 0
        for index, waiting in enumerate(self._waiting, 1):  # noqa: B007 - where the search ended matters
            verdict = self._check(waiting, safe_head)
            if verdict.validity is Validity.ACCEPT:
                found = waiting
                break
            if verdict.validity is Validity.UNDECIDED:
                outcome = Validity.UNDECIDED
                kept.append(waiting)
                break
            if verdict.validity is Validity.FUTURE:
                kept.append(waiting)
            else:
                dropped.append((waiting, verdict.reason))
        # Only now: a check may have wanted data that is not there yet.
        self._waiting = kept + self._waiting[index:]
        for waiting, reason in dropped:
            self._tell_dropped(waiting, reason)
        if found is None:
            return outcome
        self._accepted_on = safe_head
        if isinstance(found.batch, SingularBatch):
            return ValidBatch(replace(found.batch, parent_hash=safe_head.hash), True)
        # The check has found every origin.
        self._span = new_blocks(found.batch, self._rollup, self._epochs, safe_head) or deque()
        return self._take(safe_head)

    def _check(self, waiting: _Waiting, safe_head: L2BlockRef) -> Verdict:
        blocks: Sequence[L1BlockRef] = self._epochs.blocks
        context = BatchContext(self._rollup, blocks, safe_head, waiting.included_in, self._assumed)
        if isinstance(waiting.batch, SingularBatch):
            return check_singular_batch(context, waiting.batch)
        return check_span_batch(context, waiting.batch, self._l2)

    def _take(self, safe_head: L2BlockRef) -> ValidBatch:
        batch = replace(self._span.popleft(), parent_hash=safe_head.hash)
        return ValidBatch(batch, not self._span)

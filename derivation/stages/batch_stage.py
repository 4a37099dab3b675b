"""Stage 6 of derivation since Holocene: validates batches in strict order, and fills in empty ones."""

from collections import deque
from dataclasses import replace

from config.rollup import RollupConfig
from derivation.batch_rules import NOTHING_ASSUMED, Assumptions, BatchContext, Validity, check_singular_batch
from derivation.codec.batch import Batch
from derivation.codec.singular_batch import SingularBatch
from derivation.codec.span_batch import SpanBatch
from derivation.events import EventKind, EventSink
from derivation.providers import L2Provider
from derivation.span_batch_rules import check_span_since_holocene
from derivation.stages.channel_reader import ChannelReader
from derivation.stages.known_epochs import KnownEpochs
from derivation.stages.pull import Pull
from derivation.stages.span_blocks import new_blocks
from derivation.stages.valid_batch import ValidBatch, empty_batch
from derivation.types import L1BlockRef, L2BlockRef


class BatchStage:
    """Gives the next valid batch on top of the safe head.

    Duties: know the L1 blocks from the safe head's origin to the current one; skip batches while L1 is read that the
    safe head is known to follow from; check span batches and take them apart; check every singular batch; drop past
    ones silently and, at an invalid one, the rest of its span and channel; make empty batches once an epoch's
    sequencing window has passed.
    Trap: the L1 block read last is where a batch counts as included, so it is recorded before batches are pulled.
    Spec: op holocene derivation, "Span Batches" and "Batch Queue"; op derivation, "Batch Queue".
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
        self._processed = 0
        self._candidate: Batch | None = None
        self._span: deque[SingularBatch] = deque()

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""
        return self._reader.origin

    @property
    def span_remaining(self) -> int:
        """Blocks left of the span batch being handed out."""
        return len(self._span)

    def next(self, safe_head: L2BlockRef) -> ValidBatch | Pull:
        """The batch of the block after `safe_head`.

        Raises ResetError when the safe head's L1 origin is not on the L1 chain being read.
        """
        self._epochs.advance(self._reader.origin, safe_head)
        self._epochs.forget_older(safe_head)
        origin = self._epochs.current
        if origin.number <= max(safe_head.l1_origin.number, self._processed):
            return self._drain()
        if len(self._epochs.blocks) < 2:
            return Pull.DRY
        self._epochs.check(safe_head)
        batch = self._next_candidate(safe_head)
        if batch is Pull.DRY:
            return empty_batch(self._rollup, self._epochs, safe_head, self._events)
        if isinstance(batch, Pull):
            return batch
        verdict = check_singular_batch(self._context(safe_head), batch)
        if verdict.validity is Validity.ACCEPT:
            return ValidBatch(replace(batch, parent_hash=safe_head.hash), not self._span)
        if verdict.validity is Validity.PAST:
            self._events.emit(EventKind.BATCH_PAST, origin, f"{batch} was skipped: {verdict.reason}")
        else:
            self._events.emit(EventKind.BATCH_DROPPED, origin, f"{batch} was dropped: {verdict.reason}")
            self.flush()
        return Pull.AGAIN

    @property
    def goes_back_to(self) -> L2BlockRef | None:
        """None: deposits alone take the place of an impossible batch. Spec: op holocene derivation, "Engine Queue"."""
        return None

    def flush(self) -> None:
        """Drop the rest of the span batch and of the channel. Spec: op holocene derivation, "Fast Channel Invalidation"."""
        self._span.clear()
        self._candidate = None
        self._reader.flush()

    def reset(self, epochs: KnownEpochs, processed: int) -> None:
        """Start again; batches complete by L1 block `processed` do not count again."""
        self._epochs = epochs
        self._processed = processed
        self._candidate = None
        self._span.clear()

    def _context(self, safe_head: L2BlockRef) -> BatchContext:
        epochs = self._epochs
        return BatchContext(self._rollup, epochs.blocks, safe_head, epochs.current, self._assumed)

    def _drain(self) -> Pull:
        """Pull and forget.

        What completes up to the safe head's origin can only be of the past; what completes up to the L1 block that the
        safe head was derived from has been judged already.
        """
        self._span.clear()
        self._candidate = None
        batch = self._reader.next()
        return batch if isinstance(batch, Pull) else Pull.AGAIN

    def _next_candidate(self, safe_head: L2BlockRef) -> SingularBatch | Pull:
        if self._span:
            if self._span[0].timestamp == safe_head.timestamp + self._rollup.block_time:
                return replace(self._span.popleft(), parent_hash=safe_head.hash)
            self._span.clear()
        if self._candidate is None:
            batch = self._reader.next()
            if isinstance(batch, Pull):
                return batch
            self._candidate = batch
        if isinstance(self._candidate, SingularBatch):
            singular, self._candidate = self._candidate, None
            return singular
        return self._open_span(self._candidate, safe_head)

    def _open_span(self, span: SpanBatch, safe_head: L2BlockRef) -> SingularBatch | Pull:
        verdict = check_span_since_holocene(self._context(safe_head), span, self._l2)
        origin = self._epochs.current
        self._candidate = None
        if verdict.validity is Validity.PAST:
            self._events.emit(EventKind.BATCH_PAST, origin, f"{span} was skipped: {verdict.reason}")
            return Pull.AGAIN
        accepted = verdict.validity is Validity.ACCEPT
        blocks = new_blocks(span, self._rollup, self._epochs, safe_head) if accepted else None
        if blocks is None:
            reason = verdict.reason or "a block in it has an L1 origin older than the safe head's"
            self._events.emit(EventKind.BATCH_DROPPED, origin, f"{span} was dropped: {reason}")
            self.flush()
            return Pull.AGAIN
        self._span = blocks
        return replace(self._span.popleft(), parent_hash=safe_head.hash)

"""Stage 6 of derivation: validates batches in strict order and fills in empty ones when the sequencer is silent."""

from collections import deque
from dataclasses import dataclass, replace

from config.errors import ResetError
from config.rollup import RollupConfig
from derivation.batch_rules import Validity, check_singular_batch, check_span_batch
from derivation.codec.batch import Batch
from derivation.codec.singular_batch import SingularBatch
from derivation.codec.span_batch import SpanBatch
from derivation.events import EventKind, EventSink
from derivation.providers import L2Provider
from derivation.stages.channel_reader import ChannelReader
from derivation.stages.pull import Pull
from derivation.types import L1BlockRef, L2BlockRef


@dataclass(frozen=True)
class ValidBatch:
    """A batch that is the next L2 block; `is_last_in_span` when none of its span follows."""

    batch: SingularBatch
    is_last_in_span: bool


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
        self, rollup: RollupConfig, l2: L2Provider, events: EventSink, reader: ChannelReader, base: L1BlockRef
    ) -> None:
        self._rollup = rollup
        self._l2 = l2
        self._events = events
        self._reader = reader
        self._origin = base
        self._processed = base.number
        self._l1_blocks: list[L1BlockRef] = [base]
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
        self._update_origins(safe_head)
        if self._origin.number <= max(safe_head.l1_origin.number, self._processed):
            return self._drain()
        if len(self._l1_blocks) < 2:
            return Pull.DRY
        epoch = self._l1_blocks[0]
        if safe_head.l1_origin != epoch.id and safe_head.l1_origin.number != epoch.number - 1:
            raise ResetError(
                f"{safe_head} has L1 origin {safe_head.l1_origin}, but derivation read {epoch} as the earliest "
                "possible: the safe head is of another L1 chain"
            )
        batch = self._next_candidate(safe_head)
        if batch is Pull.DRY:
            return self._empty_batch(safe_head)
        if isinstance(batch, Pull):
            return batch
        verdict = check_singular_batch(self._rollup, epoch, self._l1_blocks[1], safe_head, batch, self._origin)
        if verdict.validity is Validity.ACCEPT:
            return ValidBatch(batch, not self._span)
        if verdict.validity is Validity.PAST:
            self._events.emit(EventKind.BATCH_PAST, self._origin, f"{batch} was skipped: {verdict.reason}")
        else:
            self._events.emit(EventKind.BATCH_DROPPED, self._origin, f"{batch} was dropped: {verdict.reason}")
            self.flush()
        return Pull.AGAIN

    def flush(self) -> None:
        """Drop the rest of the span batch and of the channel.

        Spec: op holocene derivation, "Fast Channel Invalidation".
        """
        self._span.clear()
        self._candidate = None
        self._reader.flush()

    def reset(self, base: L1BlockRef, processed: int) -> None:
        """Start again at `base`, as first L1 block read; batches complete by L1 block `processed` do not count again."""
        self._origin = base
        self._processed = processed
        self._l1_blocks = [base]
        self._candidate = None
        self._span.clear()

    def _update_origins(self, safe_head: L2BlockRef) -> None:
        origin = self._reader.origin
        if self._origin != origin:
            self._origin = origin
            if origin.number >= safe_head.l1_origin.number:
                self._l1_blocks.append(origin)
            else:
                self._l1_blocks.clear()
        behind = safe_head.l1_origin.number - self._l1_blocks[0].number if self._l1_blocks else 0
        if 0 < behind < len(self._l1_blocks):
            del self._l1_blocks[:behind]

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
        verdict = check_span_batch(self._rollup, self._l1_blocks, safe_head, span, self._origin, self._l2)
        self._candidate = None
        if verdict.validity is Validity.PAST:
            self._events.emit(EventKind.BATCH_PAST, self._origin, f"{span} was skipped: {verdict.reason}")
            return Pull.AGAIN
        blocks = self._new_blocks(span, safe_head) if verdict.validity is Validity.ACCEPT else None
        if blocks is None:
            reason = verdict.reason or "a block in it has an L1 origin older than the safe head's"
            self._events.emit(EventKind.BATCH_DROPPED, self._origin, f"{span} was dropped: {reason}")
            self.flush()
            return Pull.AGAIN
        self._span = blocks
        return replace(self._span.popleft(), parent_hash=safe_head.hash)

    def _new_blocks(self, span: SpanBatch, safe_head: L2BlockRef) -> deque[SingularBatch] | None:
        """The span's blocks after the safe head, parent hashes to be filled in; None when an L1 origin is too old."""
        origins = {block.number: block for block in self._l1_blocks}
        blocks: deque[SingularBatch] = deque()
        timestamp = span.start_timestamp(self._rollup)
        for block, epoch_number in zip(span.blocks, span.epoch_numbers(), strict=True):
            if timestamp > safe_head.timestamp:
                origin = origins.get(epoch_number)
                if origin is None:
                    return None
                blocks.append(SingularBatch(safe_head.hash, origin.number, origin.hash, timestamp, block.transactions))
            timestamp += self._rollup.block_time
        return blocks

    def _empty_batch(self, safe_head: L2BlockRef) -> ValidBatch | Pull:
        """An empty batch when the sequencing window of the epoch has passed. Spec: op derivation, "Batch Queue"."""
        epoch, next_epoch = self._l1_blocks[:2]
        if epoch.number + self._rollup.seq_window_size > self._origin.number:
            return Pull.DRY
        timestamp = safe_head.timestamp + self._rollup.block_time
        first_of_epoch = epoch.number == safe_head.l1_origin.number + 1
        if timestamp >= next_epoch.timestamp and not first_of_epoch:
            # The epoch is complete. The next one begins when its own sequencing window has passed: look at that.
            del self._l1_blocks[0]
            return Pull.AGAIN
        self._events.emit(
            EventKind.EMPTY_BATCH,
            self._origin,
            f"the sequencing window of epoch {epoch.number} has passed: "
            f"block {safe_head.number + 1} is made without a batch",
        )
        return ValidBatch(SingularBatch(safe_head.hash, epoch.number, epoch.hash, timestamp, ()), True)

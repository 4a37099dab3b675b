"""What the batch stages give, and the batches that they make themselves when the sequencer is silent."""

from dataclasses import dataclass
from typing import Protocol

from config.rollup import RollupConfig
from derivation.codec.singular_batch import SingularBatch
from derivation.events import EventKind, EventSink
from derivation.stages.known_epochs import KnownEpochs
from derivation.stages.pull import Pull
from derivation.types import L1BlockRef, L2BlockRef


@dataclass(frozen=True)
class ValidBatch:
    """A batch that is the next L2 block; `is_last_in_span` when none of its span follows."""

    batch: SingularBatch
    is_last_in_span: bool


class BatchSource(Protocol):
    """The batch stage of an era."""

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""

    @property
    def span_remaining(self) -> int:
        """Blocks left of the span batch being handed out."""

    def next(self, safe_head: L2BlockRef) -> ValidBatch | Pull:
        """The batch of the block after `safe_head`."""

    @property
    def goes_back_to(self) -> L2BlockRef | None:
        """The safe block to go back to when the batch given last makes no valid block.

        None where a block of deposits alone takes its place.
        """

    def flush(self) -> None:
        """Drop what belongs to the batch given last, as it makes no valid block."""


def empty_batch(
    rollup: RollupConfig, epochs: KnownEpochs, safe_head: L2BlockRef, events: EventSink
) -> ValidBatch | Pull:
    """An empty batch when the sequencing window of the first known epoch has passed and holds no batch that fits.

    There must be two known epochs. Spec: op derivation, "Batch Queue".
    """
    epoch, next_epoch = epochs.blocks[:2]
    if epoch.number + rollup.seq_window_size > epochs.current.number:
        return Pull.DRY
    timestamp = safe_head.timestamp + rollup.block_time
    first_of_epoch = epoch.number == safe_head.l1_origin.number + 1
    if timestamp >= next_epoch.timestamp and not first_of_epoch:
        # The epoch is complete. The next one begins when its own sequencing window has passed: look at that.
        del epochs.blocks[0]
        return Pull.AGAIN
    events.emit(
        EventKind.EMPTY_BATCH,
        epochs.current,
        f"the sequencing window of epoch {epoch.number} has passed: block {safe_head.number + 1} is made without a batch",
    )
    return ValidBatch(SingularBatch(safe_head.hash, epoch.number, epoch.hash, timestamp, ()), True)

"""Takes a span batch apart into the singular batches that it stands for."""

from collections import deque

from config.rollup import RollupConfig
from derivation.codec.singular_batch import SingularBatch
from derivation.codec.span_batch import SpanBatch
from derivation.stages.known_epochs import KnownEpochs
from derivation.types import L2BlockRef


def new_blocks(
    span: SpanBatch, rollup: RollupConfig, epochs: KnownEpochs, safe_head: L2BlockRef
) -> deque[SingularBatch] | None:
    """The span's blocks after the safe head, parent hashes to be filled in; None when an L1 origin is too old.

    Spec: op delta span batches, "How Derivation works with Span Batches".
    """
    origins = {block.number: block for block in epochs.blocks}
    blocks: deque[SingularBatch] = deque()
    timestamp = span.start_timestamp(rollup)
    for block, epoch_number in zip(span.blocks, span.epoch_numbers(), strict=True):
        if timestamp > safe_head.timestamp:
            origin = origins.get(epoch_number)
            if origin is None:
                return None
            blocks.append(SingularBatch(safe_head.hash, origin.number, origin.hash, timestamp, block.transactions))
        timestamp += rollup.block_time
    return blocks

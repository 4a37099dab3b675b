"""From L2 blocks to the uncompressed contents of a channel."""

from collections.abc import Sequence

from batcher.block import BatchBlock
from batcher.settings import BatchType
from config.errors import CriticalError
from config.rollup import RollupConfig
from derivation.codec import Batch, BatchError, SingularBatch, SpanBatch, batches_to_rlp, encode_batch, make_span_batch


def encode_batches(
    blocks: Sequence[BatchBlock], rollup: RollupConfig, batch_type: BatchType, max_blocks_per_span_batch: int
) -> bytes:
    """The batches of consecutive blocks, each an RLP string, one after the other.

    One batch per block with singular batches; with span batches one for all blocks, or one for every
    `max_blocks_per_span_batch` of them when that is not 0.
    Raises CriticalError when a block has contents that batches cannot carry: such a chain can never become safe.
    Spec: op derivation, "Channel Format", "Batch Format"; op delta, "Span batch format".
    """
    batches: list[Batch]
    try:
        if batch_type is BatchType.SINGULAR:
            batches = [_singular(block) for block in blocks]
        else:
            step = max_blocks_per_span_batch or len(blocks)
            batches = [_span(blocks[start : start + step], rollup) for start in range(0, len(blocks), step)]
        return batches_to_rlp(encode_batch(batch, rollup.l2_chain_id) for batch in batches)
    except BatchError as error:
        raise CriticalError(
            f"L2 blocks {blocks[0].number} to {blocks[-1].number} cannot be put into a batch: {error}; "
            "the sequencer has built blocks that no verifier can derive"
        ) from error


def _singular(block: BatchBlock) -> SingularBatch:
    return SingularBatch(
        block.parent_hash, block.l1_origin.number, block.l1_origin.hash, block.timestamp, block.transactions
    )


def _span(blocks: Sequence[BatchBlock], rollup: RollupConfig) -> SpanBatch:
    first = blocks[0]
    # Sequence number 0 is the first block of an epoch, so its parent has the origin before.
    parent_origin = first.l1_origin.number - (first.sequence_number == 0)
    return make_span_batch(
        rollup,
        first.parent_hash,
        parent_origin,
        [(block.timestamp, block.l1_origin, block.transactions) for block in blocks],
    )

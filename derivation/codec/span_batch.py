"""The span batch: a range of consecutive L2 blocks in one batch, laid out to compress well."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from config.constants import MAX_SPAN_BATCH_ELEMENT_COUNT
from config.rollup import BlockId, RollupConfig
from config.types import Hash32, short
from derivation.codec.errors import BatchError
from derivation.codec.span_transactions import decode_span_transactions, encode_span_transactions
from derivation.codec.varint import Reader, encode_bits, encode_uvarint

CHECK_BYTES = 20
"""Bytes of a hash that the batch repeats to be checked."""


@dataclass(frozen=True)
class SpanBlock:
    """One block of a span: whether its L1 origin differs from its parent's, and its transactions (canonical bytes)."""

    origin_changed: bool
    transactions: tuple[bytes, ...]


@dataclass(frozen=True)
class SpanBatch:
    """Consecutive L2 blocks, at least one.

    `rel_timestamp`: seconds from L2 genesis to the first block. `l1_origin_number`: L1 origin of the last block.
    `parent_check`: first 20 bytes of the first block's parent hash. `l1_origin_check`: of the last block's L1 origin.
    Spec: op delta span batches, "Span batch format".
    """

    rel_timestamp: int
    l1_origin_number: int
    parent_check: bytes
    l1_origin_check: bytes
    blocks: tuple[SpanBlock, ...]

    def start_timestamp(self, rollup: RollupConfig) -> int:
        """Timestamp (seconds) of the first block."""
        return rollup.genesis.l2_time + self.rel_timestamp

    def end_timestamp(self, rollup: RollupConfig) -> int:
        """Timestamp (seconds) of the last block."""
        return self.start_timestamp(rollup) + (len(self.blocks) - 1) * rollup.block_time

    @property
    def start_epoch_number(self) -> int:
        """L1 origin number of the first block; negative in a nonsensical batch."""
        changes = sum(block.origin_changed for block in self.blocks[1:])
        return self.l1_origin_number - changes

    def epoch_numbers(self) -> list[int]:
        """L1 origin number of each block."""
        steps = (int(block.origin_changed) for block in self.blocks[1:])
        return list(accumulate(steps, initial=self.start_epoch_number))

    @property
    def transaction_count(self) -> int:
        """Transactions in all blocks."""
        return sum(len(block.transactions) for block in self.blocks)

    def __str__(self) -> str:
        return (
            f"span batch of {len(self.blocks)} blocks and {self.transaction_count} transactions from "
            f"{self.rel_timestamp} s after genesis on {short(self.parent_check)}, last epoch {self.l1_origin_number}"
        )


def make_span_batch(
    rollup: RollupConfig,
    parent_hash: Hash32,
    parent_l1_origin_number: int,
    blocks: Sequence[tuple[int, BlockId, tuple[bytes, ...]]],
) -> SpanBatch:
    """A span batch of consecutive blocks, each given as (timestamp, L1 origin, transactions without deposits).

    `parent_hash` and `parent_l1_origin_number` are those of the block before the first.
    Raises BatchError when the blocks are not consecutive or an origin moves by other than 0 or 1.
    """
    if not blocks:
        raise BatchError("a span batch has at least one block")
    start = blocks[0][0]
    previous = parent_l1_origin_number
    span: list[SpanBlock] = []
    for index, (timestamp, origin, transactions) in enumerate(blocks):
        if timestamp != start + index * rollup.block_time:
            raise BatchError(f"block {index} of the span has timestamp {timestamp}: not consecutive")
        if origin.number not in (previous, previous + 1):
            raise BatchError(f"block {index} of the span moves the L1 origin from {previous} to {origin.number}")
        span.append(SpanBlock(origin.number != previous, transactions))
        previous = origin.number
    last_origin = blocks[-1][1]
    return SpanBatch(
        rel_timestamp=start - rollup.genesis.l2_time,
        l1_origin_number=last_origin.number,
        parent_check=parent_hash[:CHECK_BYTES],
        l1_origin_check=last_origin.hash[:CHECK_BYTES],
        blocks=tuple(span),
    )


def decode_span_batch(content: bytes, chain_id: int) -> SpanBatch:
    """Read the content of a span batch (without its version byte); `chain_id` is the L2's.

    Bytes after the batch are ignored, as the spec allows. Raises BatchError when it is malformed, has no block, or
    more than MAX_SPAN_BATCH_ELEMENT_COUNT blocks or transactions. Spec: op delta span batches, "Span batch format".
    """
    reader = Reader(content)
    rel_timestamp = reader.uvarint("relative timestamp")
    l1_origin_number = reader.uvarint("L1 origin number")
    parent_check = reader.take(CHECK_BYTES, "parent check")
    l1_origin_check = reader.take(CHECK_BYTES, "L1 origin check")
    block_count = reader.uvarint("block count")
    _check_count(block_count, "blocks")
    if block_count == 0:
        raise BatchError("span batch without a block")
    origin_bits = reader.bits(block_count, "origin bits")
    counts: list[int] = []
    total = 0
    for _ in range(block_count):
        count = reader.uvarint("transaction count")
        total += count
        _check_count(total, "transactions")
        counts.append(count)
    transactions = decode_span_transactions(reader, total, chain_id)
    ends = list(accumulate(counts))
    return SpanBatch(
        rel_timestamp=rel_timestamp,
        l1_origin_number=l1_origin_number,
        parent_check=parent_check,
        l1_origin_check=l1_origin_check,
        blocks=tuple(
            SpanBlock(changed, tuple(transactions[end - count : end]))
            for changed, count, end in zip(_bools(origin_bits, block_count), counts, ends, strict=True)
        ),
    )


def encode_span_batch(batch: SpanBatch, chain_id: int) -> bytes:
    """The content of a span batch, without the version byte.

    Raises BatchError when a transaction cannot be in a span batch of this chain, or there are too many.
    Spec: op delta span batches, "Span batch format".
    """
    if not batch.blocks:
        raise BatchError("a span batch has at least one block")
    _check_count(len(batch.blocks), "blocks")
    _check_count(batch.transaction_count, "transactions")
    if len(batch.parent_check) != CHECK_BYTES or len(batch.l1_origin_check) != CHECK_BYTES:
        raise BatchError(f"parent check and L1 origin check have {CHECK_BYTES} bytes each")
    origin_bits = int("".join("1" if block.origin_changed else "0" for block in reversed(batch.blocks)), 2)
    return b"".join(
        (
            encode_uvarint(batch.rel_timestamp),
            encode_uvarint(batch.l1_origin_number),
            batch.parent_check,
            batch.l1_origin_check,
            encode_uvarint(len(batch.blocks)),
            encode_bits(origin_bits, len(batch.blocks)),
            *(encode_uvarint(len(block.transactions)) for block in batch.blocks),
            encode_span_transactions([raw for block in batch.blocks for raw in block.transactions], chain_id),
        )
    )


def _check_count(count: int, what: str) -> None:
    if count > MAX_SPAN_BATCH_ELEMENT_COUNT:
        raise BatchError(f"span batch claims {count} {what}, limit {MAX_SPAN_BATCH_ELEMENT_COUNT}")


def _bools(bits: int, count: int) -> list[bool]:
    return [digit == "1" for digit in reversed(f"{bits:0{count}b}")]

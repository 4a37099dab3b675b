"""Collects L2 blocks into a channel until its compressed size, or its time, is up."""

from collections.abc import Iterable, Sequence

from batcher.block import BatchBlock
from batcher.channel import Channel, CloseReason, new_channel_id
from batcher.encoding import encode_batches
from batcher.settings import BatchType, ChannelSettings
from config.errors import CriticalError
from config.rollup import RollupConfig
from derivation.codec import Compression, compress_channel

FULL_ENOUGH = 0.985
"""A channel filled to this share of its target is closed rather than compressed again for the rest."""

SEARCH_ROUNDS = 5
"""Compressions spent on finding how many of the last blocks still fit."""

AIM = 0.995
"""Guesses aim a little below the target, since a guess that exceeds it is lost work."""

PROBE_QUALITY = 5
"""Brotli quality with which it is found out how much fits. It takes a fiftieth of the time of quality 10, and what it
makes of transactions, which are mostly signatures, is at most 2 % larger."""


class ChannelBuilder:
    """An open channel.

    Compressing is the costly part, so blocks are compressed only when an estimate says that the target may be
    reached: at first nothing is assumed to shrink, then the ratio seen so far is. Even then it is done fast and not as
    well as for L1: only the closed channel is worth that. Whatever the estimates, the blocks of a closed channel have
    been compressed together to at most the target size, unless a single block alone exceeds it. Not thread-safe; may be
    used from one thread after another.
    """

    def __init__(self, rollup: RollupConfig, settings: ChannelSettings, opened_at: int) -> None:
        """`opened_at` is the number of the L1 head when the channel is opened."""
        self._rollup = rollup
        self._settings = settings
        self._opened_at = opened_at
        self._blocks: list[BatchBlock] = []
        self._ends: list[int] = []  # input bytes up to and including each block
        self._full = False
        self._fitting = 0  # this many blocks are known to fit...
        self._fitting_bytes = 0  # ...in this many bytes, compressed fast
        self._compressed: tuple[tuple[int, int], bytes, int] | None = None  # (blocks, level), channel, batch bytes

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def first(self) -> BatchBlock | None:
        """The first block, None when empty."""
        return self._blocks[0] if self._blocks else None

    @property
    def last(self) -> BatchBlock | None:
        """The last block, None when empty."""
        return self._blocks[-1] if self._blocks else None

    @property
    def is_full(self) -> bool:
        """Whether no further block is taken for reasons of size."""
        return self._full

    @property
    def input_bytes(self) -> int:
        """Estimated bytes of its blocks before compression."""
        return self._ends[-1] if self._ends else 0

    def fill(self, blocks: Iterable[BatchBlock]) -> None:
        """Take blocks, in order, until full; `len` tells how many it has.

        A call can also give up blocks of the call's own or of earlier calls, when they turn out not to fit.
        """
        for block in blocks:
            if self._full:
                return
            self._take(block)

    def close_reason(self, l1_number: int) -> CloseReason | None:
        """Why the channel is to be closed when L1's head has this number; None: leave it open."""
        first = self.first
        if first is None:
            return None
        if self._full:
            return CloseReason.FULL
        if self._settings.max_channel_duration and l1_number >= self._opened_at + self._settings.max_channel_duration:
            return CloseReason.DURATION
        window_end = first.l1_origin.number + self._rollup.seq_window_size
        if l1_number >= window_end - self._settings.sub_safety_margin:
            return CloseReason.SEQUENCING_WINDOW
        return None

    def close(self, reason: CloseReason) -> Channel:
        """The channel with the blocks taken. The builder is not to be used afterwards. Raises ValueError when empty."""
        if not self._blocks:
            raise ValueError("a channel without blocks cannot be closed")
        data, batch_bytes = self._compress(len(self._blocks), self._settings.compression_level)
        if len(data) > self._settings.target_bytes and len(self._blocks) > 1:
            self._shrink(self._probe(len(self._blocks)))
            data, batch_bytes = self._compress(len(self._blocks), self._settings.compression_level)
        while len(data) > self._settings.target_bytes and len(self._blocks) > 1:
            # Blocks that compress better in a hurry: there is no reason why there should be none.
            del self._blocks[-1], self._ends[-1]
            data, batch_bytes = self._compress(len(self._blocks), self._settings.compression_level)
        self._check_limits(batch_bytes)
        first, last = self._blocks[0], self._blocks[-1]
        return Channel(
            id=new_channel_id(),
            first=first.id,
            last=last.id,
            first_origin=first.l1_origin,
            blocks=len(self._blocks),
            transactions=sum(len(block.transactions) for block in self._blocks),
            input_bytes=sum(len(raw) for block in self._blocks for raw in block.transactions),
            batch_bytes=batch_bytes,
            compressed_bytes=len(data),
            data=data,
            reason=CloseReason.FULL if self._full else reason,
        )

    def _take(self, block: BatchBlock) -> None:
        size = self.input_bytes + block.input_bytes
        if self._blocks and size > self._max_batch_bytes(self._blocks[0]):
            self._full = True
            return
        self._blocks.append(block)
        self._ends.append(size)
        if self._estimate() < self._settings.target_bytes:
            return
        compressed = self._probe(len(self._blocks))
        if compressed > self._settings.target_bytes:
            self._shrink(compressed)
        else:
            self._fitting, self._fitting_bytes = len(self._blocks), compressed
            self._full = compressed >= FULL_ENOUGH * self._settings.target_bytes

    def _estimate(self) -> float:
        if not self._fitting:
            return self.input_bytes
        fitting_input = self._ends[self._fitting - 1]
        ratio = self._fitting_bytes / fitting_input
        return self._fitting_bytes + ratio * (self.input_bytes - fitting_input)

    def _shrink(self, excess_bytes: int) -> None:
        """Give up the last blocks: all together are `excess_bytes` long when compressed, above the target."""
        target = self._settings.target_bytes
        excess = len(self._blocks)
        for _ in range(SEARCH_ROUNDS):
            if excess - self._fitting <= 1 or self._fitting_bytes >= FULL_ENOUGH * target:
                break
            count = self._guess(excess, excess_bytes)
            compressed = self._probe(count)
            if compressed > target:
                excess, excess_bytes = count, compressed
            else:
                self._fitting, self._fitting_bytes = count, compressed
        keep = max(1, self._fitting)
        del self._blocks[keep:], self._ends[keep:]
        self._full = True

    def _guess(self, excess: int, excess_bytes: int) -> int:
        """How many blocks should just fit: more than those known to, fewer than those known not to."""
        low_input = self._ends[self._fitting - 1] if self._fitting else 0
        slope = (excess_bytes - self._fitting_bytes) / (self._ends[excess - 1] - low_input)
        wanted = low_input + (AIM * self._settings.target_bytes - self._fitting_bytes) / max(slope, 1e-9)
        count = self._fitting + 1
        while count + 1 < excess and self._ends[count] <= wanted:
            count += 1
        return count

    def _probe(self, count: int) -> int:
        """About how long the channel of the first `count` blocks is, from above."""
        level = self._settings.compression_level
        if self._settings.compression is Compression.BROTLI:
            level = min(level, PROBE_QUALITY)
        return len(self._compress(count, level)[0])

    def _compress(self, count: int, level: int) -> tuple[bytes, int]:
        """The channel of the first `count` blocks, and the length of its batches before compression."""
        if self._compressed is None or self._compressed[0] != (count, level):
            blocks: Sequence[BatchBlock] = self._blocks[:count]
            span_blocks = self._settings.max_blocks_per_span_batch
            batches = encode_batches(blocks, self._rollup, self._settings.batch_type, span_blocks)
            data = compress_channel(batches, self._algorithm(blocks[0]), level)
            self._compressed = ((count, level), data, len(batches))
        return self._compressed[1], self._compressed[2]

    def _algorithm(self, first: BatchBlock) -> Compression:
        facts = self._rollup.forks.facts(first.timestamp)
        if self._settings.compression is Compression.BROTLI and not facts.brotli:
            raise CriticalError(
                f"L2 block {first.number} is older than Fjord, which brought brotli: start the batcher with zlib"
            )
        if self._settings.batch_type is BatchType.SPAN and not facts.span_batches:
            raise CriticalError(
                f"L2 block {first.number} is older than Delta, which brought span batches: "
                "start the batcher with singular batches (batch type 0)"
            )
        return self._settings.compression

    def _max_batch_bytes(self, first: BatchBlock) -> int:
        return self._rollup.forks.facts(first.timestamp).max_rlp_bytes_per_channel

    def _check_limits(self, batch_bytes: int) -> None:
        first = self._blocks[0]
        limit = self._max_batch_bytes(first)
        if batch_bytes > limit:
            raise CriticalError(
                f"L2 block {first.number} alone takes {batch_bytes} bytes in a channel, which may hold {limit}: "
                "it can never be derived from L1; lower the block gas limit or the sequencer's data limits"
            )

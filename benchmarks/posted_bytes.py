"""How many bytes on L1 a transaction takes: span batches in brotli channels in blobs, as the batcher posts them
with its default settings.

The peer is what the OP Stack started with, singular batches compressed with zlib, over the same blocks. The floor is
the information in the transactions: signatures and whatever else was drawn at random (see `benchmarks.traffic`).
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice

from batcher.block import BatchBlock
from batcher.da import DataKind, transactions
from batcher.encoding import encode_batches
from batcher.settings import BatchType, ChannelSettings
from benchmarks.derivation import channels
from benchmarks.report import Figure, report
from benchmarks.stopwatch import Stopwatch
from benchmarks.traffic import Sample, Traffic
from config.constants import MAX_BLOB_DATA_BYTES
from config.rollup import BlockId, RollupConfig
from config.types import Hash32, Timestamp
from derivation.codec import Compression, compress_channel
from evm.types import keccak256
from tests.actions.chains import L2_CHAIN_ID, FakeL1, make_rollup

_PEER = "singular batches with zlib level 9"
_PER_BLOCK = 20
_BLOCKS_PER_EPOCH = 6


def _hash(what: str, number: int) -> Hash32:
    return keccak256(f"{what} {number}".encode())


def _l2_blocks(rollup: RollupConfig, samples: Sequence[Sample]) -> list[BatchBlock]:
    """Blocks of 20 transactions every 2 seconds, with a new L1 origin every 12."""
    genesis = rollup.genesis
    blocks = []
    for index in range(0, len(samples), _PER_BLOCK):
        number = index // _PER_BLOCK + 1
        epoch, sequence_number = divmod(number, _BLOCKS_PER_EPOCH)
        blocks.append(
            BatchBlock.create(
                BlockId(_hash("l2", number), number),
                _hash("l2", number - 1),
                Timestamp(genesis.l2_time + number * rollup.block_time),
                BlockId(_hash("l1", epoch), epoch) if epoch else genesis.l1,
                sequence_number,
                tuple(sample.raw for sample in samples[index : index + _PER_BLOCK]),
            )
        )
    return blocks


def _measure(name: str, traffic: Iterator[Sample], count: int, rollup: RollupConfig) -> None:
    samples = list(islice(traffic, count))
    blocks = _l2_blocks(rollup, samples)
    settings = ChannelSettings()
    posted = blobs = full_posted = full_blobs = 0
    stopwatch = Stopwatch()
    with stopwatch:
        made = [channel for channel, _ in channels(blocks, rollup, settings)]
    for number, channel in enumerate(made, 1):
        sent = transactions(channel, DataKind.BLOBS, settings, rollup.batch_inbox_address)
        payload, used = sum(item.payload_bytes for item in sent), sum(len(item.candidate.blobs) for item in sent)
        posted, blobs = posted + payload, blobs + used
        if number < len(made):  # the last channel is closed early
            full_posted, full_blobs = full_posted + payload, full_blobs + used
    singular = compress_channel(encode_batches(blocks, rollup, BatchType.SINGULAR, 0), Compression.ZLIB)
    floor = sum(sample.bits for sample in samples) / 8 / count
    report(
        Figure(
            f"posted_bytes_per_{name}",
            posted / count,
            "bytes/tx",
            _PEER,
            len(singular) / count,
            {
                "transactions": count,
                "rawBytesPerTransaction": round(sum(len(sample.raw) for sample in samples) / count, 1),
                "floor": round(floor, 2),
                "ratioToFloor": round(posted / count / floor, 3),
                "compression": f"brotli {settings.compression_level}",
                "targetBlobs": settings.target_blobs,
                "blobs": blobs,
                "blobFill": round(full_posted / (full_blobs * MAX_BLOB_DATA_BYTES), 4) if full_blobs else None,
                "compressionCpuMsPerTransaction": round(1000 * sum(stopwatch.cpu) / count, 3),
            },
        )
    )


def main(count: int = 20_000) -> None:
    """Run the benchmark with that many transactions of each kind."""
    rollup = make_rollup(FakeL1(), seq_window_size=100_000)
    _measure("fresh_transfer", Traffic(L2_CHAIN_ID, 1).fresh_transfers(), count, rollup)
    _measure("mixed_transaction", Traffic(L2_CHAIN_ID, 2).mixed(), count, rollup)


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))

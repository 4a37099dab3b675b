"""How many bytes on L1 a transaction takes: span batches in brotli channels in blobs, as the batcher posts them
with its default settings.

`LAMINA_ZETH_DERIVATION` may name recorded L1 blocks as `tests/conformance/test_op_mainnet_derivation.py` describes them: then
what OP Mainnet's batcher posted in them is measured as well.

The peer is what the OP Stack started with, singular batches compressed with zlib, over the same blocks. The floor is
the information in the transactions: signatures and whatever else was drawn at random (see `benchmarks.traffic`).
"""

import gzip
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from batcher.block import BatchBlock
from batcher.encoding import encode_batches
from batcher.packing import Packer
from batcher.settings import BatchType, ChannelSettings
from benchmarks.derivation import channels
from benchmarks.report import Figure, report
from benchmarks.stopwatch import Stopwatch
from benchmarks.traffic import Sample, Traffic
from config.constants import DEPOSIT_TRANSACTION_TYPE, MAX_BLOB_DATA_BYTES
from config.rollup import BlockId, RollupConfig
from config.types import Hash32, Timestamp, from_hex
from derivation.codec import Compression, compress_channel
from derivation.inspection import DataFormat, inspect_batch_data
from evm.engine.stateless_file import load_stateless_case
from evm.types import keccak256
from tests.actions.chains import L2_CHAIN_ID, FakeL1, make_rollup

_PEER = "singular batches with zlib level 9"
_PER_BLOCK = 20
_LARGE_BLOCK = 700
"""Transactions of a block that fills about half a blob."""
_BLOCKS_PER_EPOCH = 6
_OP_SEPOLIA = 11155420
_OP_MAINNET_INBOX = from_hex("0xff00000000000000000000000000000000000010")
_OP_MAINNET = "batches/op-mainnet-2024-01-10-singular-calldata.hex"


def _hash(what: str, number: int) -> Hash32:
    return keccak256(f"{what} {number}".encode())


def _l2_blocks(rollup: RollupConfig, groups: Sequence[Sequence[bytes]]) -> list[BatchBlock]:
    """Blocks of these transactions every 2 seconds, with a new L1 origin every 12."""
    genesis = rollup.genesis
    blocks = []
    for number, transactions in enumerate(groups, 1):
        epoch, sequence_number = divmod(number, _BLOCKS_PER_EPOCH)
        blocks.append(
            BatchBlock.create(
                BlockId(_hash("l2", number), number),
                _hash("l2", number - 1),
                Timestamp(genesis.l2_time + number * rollup.block_time),
                BlockId(_hash("l1", epoch), epoch) if epoch else genesis.l1,
                sequence_number,
                tuple(transactions),
            )
        )
    return blocks


def _grouped(raws: Sequence[bytes], per_block: int) -> list[Sequence[bytes]]:
    return [raws[start : start + per_block] for start in range(0, len(raws), per_block)]


def _posted(blocks: Sequence[BatchBlock], rollup: RollupConfig, settings: ChannelSettings) -> tuple[int, int, float]:
    """Bytes in blobs, number of blobs, and how full those are that the batcher did not have to close early."""
    packer = Packer.for_blobs()
    full = [payload for channel, _ in channels(blocks, rollup, settings) for payload in packer.add(channel)]
    last = packer.flush()
    sizes = [len(payload.data) for payload in full]
    fill = sum(sizes) / (len(sizes) * MAX_BLOB_DATA_BYTES) if sizes else 0.0
    return sum(sizes) + sum(len(payload.data) for payload in last), len(sizes) + len(last), fill


def _measure(name: str, traffic: Iterator[Sample], count: int, rollup: RollupConfig) -> None:
    samples = list(islice(traffic, count))
    raws = [sample.raw for sample in samples]
    blocks = _l2_blocks(rollup, _grouped(raws, _PER_BLOCK))
    settings = ChannelSettings()
    stopwatch = Stopwatch()
    with stopwatch:
        posted, blobs, fill = _posted(blocks, rollup, settings)
    large, _, large_fill = _posted(_l2_blocks(rollup, _grouped(raws, _LARGE_BLOCK)), rollup, settings)
    singular = compress_channel(encode_batches(blocks, rollup, BatchType.SINGULAR, 0), Compression.ZLIB)
    floor = sum(sample.bits for sample in samples) / 8 / count
    raw = sum(map(len, raws)) / count
    report(
        Figure(
            f"posted_bytes_per_{name}",
            posted / count,
            "bytes/tx",
            _PEER,
            len(singular) / count,
            {
                "transactions": count,
                "rawBytesPerTransaction": round(raw, 1),
                "compression": round(raw * count / posted, 3),
                "bestCompression": round(raw / floor, 3),
                "floor": round(floor, 2),
                "ratioToFloor": round(posted / count / floor, 3),
                "algorithm": f"brotli {settings.compression_level}",
                "targetBlobs": settings.target_blobs,
                "blobs": blobs,
                "blobFill": round(fill, 4),
                "largeBlocks": {"bytesPerTransaction": round(large / count, 2), "blobFill": round(large_fill, 4)},
                "compressionCpuMsPerTransaction": round(1000 * sum(stopwatch.cpu) / count, 3),
            },
        )
    )


def _recorded_posts(directory: Path) -> Iterator[bytes]:
    """What OP Mainnet's batcher posted in recorded L1 blocks: calldata, a whole channel each."""
    for path in sorted(directory.glob("ethereum/*.json.gz")):
        ((_, block),) = json.loads(gzip.decompress(path.read_bytes()))["full_blocks"]
        for transaction in block["transactions"]:
            if transaction["to"] is not None and from_hex(transaction["to"]) == _OP_MAINNET_INBOX:
                yield from_hex(transaction["input"])


def _measure_op_mainnet(name: str, posts: Sequence[bytes], when: str, rollup: RollupConfig) -> None:
    """What OP Mainnet's batcher posted, made into span batches and brotli."""
    groups = [
        [from_hex(raw) for raw in block["transactions"]]
        for post in posts
        for channel in inspect_batch_data(post, DataFormat.CALLDATA, rollup)["channels"]
        for batch in channel["batches"]
        for block in batch["blocks"]
    ]
    real_chain = replace(rollup, l2_chain_id=10)
    _report_real(name, groups, real_chain, f"OP Mainnet's batcher, calldata of {when}", sum(map(len, posts)))


def _measure_op_sepolia(recorded: Sequence[Path], rollup: RollupConfig) -> None:
    """The users' transactions of OP Sepolia's recorded blocks."""
    cases = map(load_stateless_case, recorded)
    groups = [[raw for raw in case.attributes.transactions if raw[0] != DEPOSIT_TRANSACTION_TYPE] for case in cases]
    real_chain = replace(rollup, l2_chain_id=_OP_SEPOLIA)
    batches = encode_batches(_l2_blocks(real_chain, groups), real_chain, BatchType.SINGULAR, 0)
    _report_real("op_sepolia", groups, real_chain, _PEER, len(compress_channel(batches, Compression.ZLIB)))


def _report_real(chain: str, groups: Sequence[Sequence[bytes]], rollup: RollupConfig, peer: str, theirs: int) -> None:
    raws = [raw for group in groups for raw in group]
    settings = ChannelSettings()
    posted, _, _ = _posted(_l2_blocks(rollup, groups), rollup, settings)
    report(
        Figure(
            f"posted_bytes_per_{chain}_transaction",
            posted / len(raws),
            "bytes/tx",
            peer,
            theirs / len(raws),
            {
                "transactions": len(raws),
                "rawBytesPerTransaction": round(sum(map(len, raws)) / len(raws), 1),
                "compression": round(sum(map(len, raws)) / posted, 3),
                "algorithm": f"brotli {settings.compression_level}",
            },
        )
    )


def main(count: int = 20_000) -> None:
    """Run the benchmark with that many transactions of each kind."""
    rollup = make_rollup(FakeL1(), seq_window_size=100_000)
    _measure("transfer", Traffic(L2_CHAIN_ID, 5).transfers(), count, rollup)
    _measure("round_transfer", Traffic(L2_CHAIN_ID, 1).round_transfers(), count, rollup)
    _measure("exact_transfer", Traffic(L2_CHAIN_ID, 3).exact_transfers(), count, rollup)
    _measure("mixed_transaction", Traffic(L2_CHAIN_ID, 2).mixed(), count, rollup)
    _measure("contract_transaction", Traffic(L2_CHAIN_ID, 4).contracts(), count, rollup)
    vectors = Path(os.environ.get("LAMINA_VECTORS", Path(__file__).resolve().parents[2] / "shared" / "vectors"))
    post = vectors / _OP_MAINNET
    posts = [from_hex(post.read_text().strip())] if post.is_file() else []
    recorded_blocks = os.environ.get("LAMINA_ZETH_DERIVATION")
    earlier = list(_recorded_posts(Path(recorded_blocks))) if recorded_blocks else []
    if posts:
        _measure_op_mainnet("op_mainnet", posts, "10 January 2024", rollup)
    if earlier:
        _measure_op_mainnet("op_mainnet_earlier", earlier, "8 September 2023", rollup)
    if posts and earlier:
        _measure_op_mainnet("op_mainnet_together", earlier + posts, "both days", rollup)
    if recorded := sorted((vectors / "exec").glob(f"{_OP_SEPOLIA}-*")):
        _measure_op_sepolia(recorded, rollup)


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))

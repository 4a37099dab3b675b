"""Whether the memory of a verifier that syncs from L1 grows with the chain.

A sequencer in a process of its own makes light blocks and posts them in blobs; the verifier in this one derives, executes and
stores them with the native engine, a few hundred at a time. The figure is all of the verifier's process, the mapped files of its
database and what an L1 in memory keeps (its blocks and blobs, told beside) included.
"""

import gc
import multiprocessing
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from batcher.settings import ChannelSettings
from batcher.source import batch_block
from benchmarks.derivation import blob_transactions, channels
from benchmarks.local_rollup import LocalRollup
from benchmarks.report import Figure, report
from config.engine_mode import EngineMode
from config.frame_stack import with_frame_room
from derivation.l2_block_info import l2_block_ref
from derivation.pipeline import DerivationPipeline
from derivation.providers import ChainL2Provider
from derivation.types import Attributes, NeedMoreData
from evm.store.memory import CacheSizes
from node.rollup.safe_db import SafeDb
from tests.actions.chains import L1_CONFIG

_AT_ONCE = 250
_SETTINGS = ChannelSettings(target_blobs=1)


def resident_bytes() -> tuple[int, int]:
    """The process's own memory that is in use now, and pages of files that are mapped, such as LevelDB's tables.

    Mapped pages are the system's: it takes them back when it needs them.
    """
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = {
        name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines) if "Rss" in name
    }
    return kilobytes["RssAnon"] << 10, (kilobytes["RssFile"] + kilobytes["RssShmem"]) << 10


def _sequence(pipe: Connection) -> None:
    """Make blocks, some hundred for each request, until None comes. The answer: L1's length before they are posted, each
    channel's blob transactions, L1's head and L2's head after that.
    """
    world = LocalRollup()
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        sequencer = world.open(Path(directory), EngineMode.NATIVE)
        while (count := pipe.recv()) is not None:
            made = [sequencer.sequence().block for _ in range(count)]
            before = len(world.l1.blocks)
            posts = []
            for channel, _ in channels([batch_block(block, world.rollup) for block in made], world.rollup, _SETTINGS):
                posts.append(list(blob_transactions(channel, _SETTINGS)))
                _post(world, posts[-1])
            pipe.send((before, posts, world.l1.head.hash, made[-1].hash))
        sequencer.close()


def _post(world: LocalRollup, transactions: list[list[bytes]]) -> None:
    for blobs in transactions:
        world.l1.send_blobs(blobs)
    world.l1.mine()


def main(blocks: int = 20_000, cache_megabytes: int = 128) -> None:
    """Sync that many blocks with caches of that size (`--cache`), looking at the memory ten times."""
    world, caches = LocalRollup(), CacheSizes.of(cache_megabytes << 20)
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    sequencer = context.Process(target=_sequence, args=(theirs,), daemon=True)
    sequencer.start()
    theirs.close()
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        verifier = world.open(Path(directory), EngineMode.NATIVE, caches)
        chain, safe_db = verifier.chain, SafeDb(verifier.chain.kv)
        pipeline = DerivationPipeline(world.rollup, L1_CONFIG, world.l1, ChainL2Provider(world.rollup, chain))
        pipeline.reset(verifier.head)
        start = sum(resident_bytes())
        looks: list[tuple[int, int]] = []
        while chain.head.number < blocks:
            pipe.send(_AT_ONCE)
            before, posts, l1_head, l2_head = pipe.recv()
            while len(world.l1.blocks) < before:
                world.l1.mine()
            for transactions in posts:
                _post(world, transactions)
            if world.l1.head.hash != l1_head:
                raise RuntimeError(f"the verifier's L1 is at {world.l1.head}, the sequencer's at {l1_head.hex()}")
            while not isinstance(result := pipeline.step(verifier.head), NeedMoreData):
                if isinstance(result, Attributes):
                    executed = chain.engine.derive(chain.head, result.derived.attributes)
                    chain.insert(executed, durable=False)
                    safe_db.record(result.derived.derived_from.id, l2_block_ref(executed.block, world.rollup).id)
                    chain.set_safe(chain.head)
            if chain.head.hash != l2_head:
                raise RuntimeError(f"derived {chain.head}, sequenced {l2_head.hex()}")
            if chain.head.number * 10 // blocks > len(looks):
                looks.append(resident_bytes())
        pipe.send(None)
        sequencer.join()
        verifier.close()
    own, mapped = ([round(look[index] / 1e6, 1) for look in looks] for index in range(2))
    report(
        Figure(
            "sync_resident_megabytes",
            max(map(sum, zip(own, mapped, strict=True))),
            "MB",
            detail={
                "blocks": blocks,
                "cacheMegabytes": cache_megabytes,
                "before": round(start / 1e6, 1),
                "ownByTenths": own,
                "mappedFilesByTenths": mapped,
                "l1Blocks": len(world.l1.blocks),
                "blobMegabytes": round(sum(map(len, world.l1._blobs.values())) / 1e6, 1),
            },
        )
    )


if __name__ == "__main__":
    with_frame_room(main, *(int(value) for value in sys.argv[1:]))

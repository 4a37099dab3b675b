"""Whether the memory of a verifier that syncs from L1 grows with the chain.

A sequencer makes light blocks and posts them in blobs, a verifier derives, executes and stores them with the native engine,
a few hundred at a time, both in this process. The figure is all of the process: both nodes, what an L1 in memory keeps (its
blocks and blobs, told beside), and the mapped files of both databases; how many of those are the verifier's is told beside.
"""

import gc
import sys
import tempfile
from pathlib import Path

from batcher.settings import ChannelSettings
from batcher.source import batch_block
from benchmarks.derivation import blob_transactions, channels
from benchmarks.local_rollup import LocalRollup
from benchmarks.report import Figure, report
from config.engine_mode import EngineMode
from derivation.l2_block_info import l2_block_ref
from derivation.pipeline import DerivationPipeline
from derivation.providers import ChainL2Provider
from derivation.types import Attributes, NeedMoreData
from evm.store.memory import CacheSizes
from node.rollup.safe_db import SafeDb
from tests.actions.chains import L1_CONFIG

_AT_ONCE = 250
_SETTINGS = ChannelSettings(target_blobs=1)


def resident_bytes(directory: Path) -> tuple[int, int, int]:
    """The process's own memory that is in use now, pages of files that are mapped, and those of files below the directory.

    Mapped pages, such as LevelDB's tables, are the system's: it takes them back when it needs them.
    """
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = {
        name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines) if "Rss" in name
    }
    mapped, place = 0, ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Rss":
            mapped += int(value.split()[0]) << 10 if place.startswith(str(directory)) else 0
        elif "-" in name.split()[0]:
            place = line[line.find("/") :] if "/" in line else ""
    return kilobytes["RssAnon"] << 10, (kilobytes["RssFile"] + kilobytes["RssShmem"]) << 10, mapped


def main(blocks: int = 20_000, cache_megabytes: int = 128) -> None:
    """Sync that many blocks, looking at the memory ten times. Both chains have caches of that size (`--cache`)."""
    world, caches = LocalRollup(), CacheSizes.of(cache_megabytes << 20)
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        sequencer = world.open(Path(directory) / "sequencer", EngineMode.NATIVE, caches)
        verifier = world.open(Path(directory) / "verifier", EngineMode.NATIVE, caches)
        chain, safe_db = verifier.chain, SafeDb(verifier.chain.kv)
        pipeline = DerivationPipeline(world.rollup, L1_CONFIG, world.l1, ChainL2Provider(world.rollup, chain))
        pipeline.reset(verifier.head)
        start, *_ = resident_bytes(Path(directory) / "verifier")
        looks: list[tuple[int, int, int]] = []
        while chain.head.number < blocks:
            made = [sequencer.sequence().block for _ in range(_AT_ONCE)]
            for channel, _ in channels([batch_block(block, world.rollup) for block in made], world.rollup, _SETTINGS):
                for blobs in blob_transactions(channel, _SETTINGS):
                    world.l1.send_blobs(blobs)
                world.l1.mine()
            while not isinstance(result := pipeline.step(verifier.head), NeedMoreData):
                if isinstance(result, Attributes):
                    executed = chain.engine.derive(chain.head, result.derived.attributes)
                    chain.insert(executed, durable=False)
                    safe_db.record(result.derived.derived_from.id, l2_block_ref(executed.block, world.rollup).id)
                    chain.set_safe(chain.head)
            if chain.head.hash != made[-1].hash:
                raise RuntimeError(f"derived {chain.head}, sequenced {made[-1].header}")
            if chain.head.number * 10 // blocks > len(looks):
                looks.append(resident_bytes(Path(directory) / "verifier"))
        sequencer.close()
        verifier.close()
    own, mapped, verifiers = ([round(look[index] / 1e6, 1) for look in looks] for index in range(3))
    report(
        Figure(
            "sync_resident_megabytes",
            max(map(sum, zip(own, mapped, strict=True))),
            "MB",
            detail={
                "blocks": blocks,
                "cacheMegabytesPerChain": cache_megabytes,
                "before": round(start / 1e6, 1),
                "ownByTenths": own,
                "mappedFilesByTenths": mapped,
                "mappedByTheVerifierByTenths": verifiers,
                "l1Blocks": len(world.l1.blocks),
                "blobMegabytes": round(sum(map(len, world.l1._blobs.values())) / 1e6, 1),
            },
        )
    )


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))

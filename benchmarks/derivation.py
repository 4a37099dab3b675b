"""How fast L2 blocks come out of blobs: derived only, and derived, executed and stored as a verifier does, by each engine.

The data is what the batcher posts: span batches in brotli channels, one frame per blob. Derived only: the pipeline
steps over a chain that is known already, as when a verifier confirms unsafe blocks. L1 answers from memory: network
and KZG are not in these figures.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from batcher.block import BatchBlock
from batcher.channel import Channel, CloseReason
from batcher.channel_builder import ChannelBuilder
from batcher.packing import Packer
from batcher.settings import ChannelSettings
from batcher.source import batch_block
from benchmarks.local_rollup import CHAIN_ID, LocalChain, LocalRollup
from benchmarks.report import Figure, report
from benchmarks.stopwatch import Stopwatch
from benchmarks.transactions import ETHER, account, fresh_address, transfer
from config.engine_mode import EngineMode
from config.frame_stack import with_frame_room
from config.rollup import RollupConfig
from config.types import Hash32
from derivation.codec import encode_blob
from derivation.l2_block_info import l2_block_ref
from derivation.pipeline import DerivationPipeline
from derivation.providers import ChainL2Provider, L2BlockSource
from derivation.types import Attributes, DerivedAttributes, L2BlockRef, NeedMoreData
from evm.types import Block
from node.rollup.safe_db import SafeDb
from tests.actions.chains import L1_CONFIG

_SETTINGS = ChannelSettings(target_blobs=3)
_STATISTIC = "whole run, per second of processor time"


def channels(
    blocks: Sequence[BatchBlock], rollup: RollupConfig, settings: ChannelSettings
) -> Iterator[tuple[Channel, Sequence[BatchBlock]]]:
    """The channels that the batcher makes of these blocks, each with its blocks."""
    start = 0
    while start < len(blocks):
        builder = ChannelBuilder(rollup, settings, 0)
        builder.fill(blocks[start:])
        channel = builder.close(CloseReason.FLUSHED)
        yield channel, blocks[start : start + channel.blocks]
        start += channel.blocks


def blob_transactions(channel: Channel, settings: ChannelSettings) -> Iterator[list[bytes]]:
    """The blobs of a channel, as many together as go into one transaction."""
    packer = Packer.for_blobs()
    blobs = [encode_blob(payload.data) for payload in (*packer.add(channel), *packer.flush())]
    for start in range(0, len(blobs), settings.blobs_per_transaction):
        yield blobs[start : start + settings.blobs_per_transaction]


def _blocks(chain: LocalChain) -> list[Block]:
    return [block for n in range(1, chain.chain.head.number + 1) if (block := chain.chain.block_by_number(n))]


def _post(world: LocalRollup, blocks: Sequence[Block]) -> int:
    """Put the blocks into blobs on L1; answers how many blobs."""
    rollup, count = world.rollup, 0
    for channel, _ in channels([batch_block(block, rollup) for block in blocks], rollup, _SETTINGS):
        for blobs in blob_transactions(channel, _SETTINGS):
            world.l1.send_blobs(blobs)
            world.l1.mine()
            count += len(blobs)
    world.l1.mine()
    return count


class _InMemory:
    """Blocks that are at hand, as the derived block's parent is in a verifier: `derivation.providers.L2BlockSource`."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        self._by_hash = {block.hash: block for block in blocks}

    def block_by_number(self, number: int) -> Block | None:
        """The block of this number."""
        return self._blocks[number] if number < len(self._blocks) else None

    def block_by_hash(self, block_hash: Hash32) -> Block | None:
        """The block with this hash."""
        return self._by_hash.get(block_hash)


def _derived(
    world: LocalRollup, source: L2BlockSource, safe: L2BlockRef, ref: Callable[[int], L2BlockRef]
) -> Iterator[DerivedAttributes]:
    """What L1 says, until it is used up; `ref` answers for each block once the taker has dealt with it."""
    pipeline = DerivationPipeline(world.rollup, L1_CONFIG, world.l1, ChainL2Provider(world.rollup, source))
    pipeline.reset(safe)
    while True:
        result = pipeline.step(safe)
        if isinstance(result, Attributes):
            yield result.derived
            safe = ref(result.derived.number)
        elif isinstance(result, NeedMoreData):
            return


def derive_only(sequencer: LocalChain, blocks: Sequence[Block]) -> Stopwatch:
    """Derive the blocks with all of them known. Raises RuntimeError when others come out."""
    world, genesis = sequencer.world, sequencer.chain.store.require_block(sequencer.chain.genesis.hash)
    known = _InMemory([genesis, *blocks])
    refs = [l2_block_ref(block, world.rollup) for block in (genesis, *blocks)]
    with Stopwatch() as stopwatch:
        derived = [item.attributes.transactions for item in _derived(world, known, refs[0], refs.__getitem__)]
    if derived != [tuple(tx.raw for tx in block.transactions) for block in blocks]:
        raise RuntimeError(f"{len(derived)} blocks were derived, but not the {len(blocks)} that were sequenced")
    return stopwatch


def derive_and_execute(verifier: LocalChain, head: Block) -> Stopwatch:
    """Derive, execute and store. Raises RuntimeError when the chain does not end at `head`."""
    world, chain, safe_db = verifier.world, verifier.chain, SafeDb(verifier.chain.kv)
    with Stopwatch() as stopwatch:
        for item in _derived(world, chain, verifier.head, lambda number: verifier.head):
            executed = chain.engine.derive(chain.head, item.attributes)
            chain.insert(executed, durable=False)
            safe_db.record(item.derived_from.id, l2_block_ref(executed.block, world.rollup).id)
            chain.set_safe(chain.head)
    if chain.head.hash != head.hash:
        raise RuntimeError(f"derived {chain.head}, sequenced {head}")
    return stopwatch


@contextmanager
def posted_rollup(
    count: int, per_block: int, modes: Sequence[EngineMode] = ()
) -> Iterator[tuple[LocalChain, list[LocalChain], list[Block], int]]:
    """A chain with `count` blocks of `per_block` transfers, empty ones of its genesis for each engine, those blocks, and
    the number of blobs on L1 that hold them."""
    senders = [account(f"sender {index}") for index in range(max(1, per_block))]
    world = LocalRollup(accounts={address: 1000 * ETHER for address, _ in senders})
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        sequencer = world.open(Path(directory) / "sequencer")
        verifiers = [world.open(Path(directory) / mode.value, mode) for mode in modes]
        for nonce in range(count):
            sequencer.sequence(
                [
                    transfer(key, CHAIN_ID, nonce, fresh_address(address + nonce.to_bytes(4, "big")))
                    for address, key in senders[:per_block]
                ]
            )
        blocks = _blocks(sequencer)
        yield sequencer, verifiers, blocks, _post(world, blocks)
        for chain in (sequencer, *verifiers):
            chain.close()


def _measure(name: str, count: int, per_block: int) -> None:
    with posted_rollup(count, per_block, list(EngineMode)) as (sequencer, verifiers, blocks, blobs):
        alone = derive_only(sequencer, blocks)
        detail = {"blocks": count, "transactionsPerBlock": per_block, "blobs": blobs, "statistic": _STATISTIC}
        speed = alone.best_rate(count)
        clock = {"byClock": round(alone.clock_rate(count), 1)}
        report(Figure(f"derived_{name}_blocks_per_second", speed, "blocks/s", detail={**detail, **clock}))
        for mode, verifier in zip(EngineMode, verifiers, strict=True):
            whole = derive_and_execute(verifier, blocks[-1])
            clock = {"byClock": round(whole.clock_rate(count), 1)}
            if per_block:
                clock["transactionsPerSecond"] = round(whole.best_rate(count * per_block), 1)
            report(
                Figure(
                    f"derived_and_executed_{name}_blocks_per_second_{mode.value}",
                    whole.best_rate(count),
                    "blocks/s",
                    "derived only",
                    speed,
                    {**detail, **clock},
                )
            )


def main(light: int = 1000, full: int = 200) -> None:
    """Run the benchmark with that many blocks without user transactions, and with 20 transfers each."""
    _measure("light", light, 0)
    _measure("20_transfer", full, 20)


if __name__ == "__main__":
    with_frame_room(main, *(int(value) for value in sys.argv[1:]))

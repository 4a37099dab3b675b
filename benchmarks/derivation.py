"""How fast L2 blocks come out of blobs: derived only, and derived, executed and stored as a verifier does.

The data is what the batcher posts: span batches in brotli channels, one frame per blob. Derived only: the pipeline
steps over a chain that is there already, as when a verifier confirms unsafe blocks. L1 answers from memory: network
and KZG are not in these figures.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from batcher.block import BatchBlock
from batcher.channel import Channel, CloseReason
from batcher.channel_builder import ChannelBuilder
from batcher.da import DataKind, transactions
from batcher.settings import ChannelSettings
from batcher.source import batch_block
from benchmarks.local_rollup import CHAIN_ID, LocalChain, LocalRollup
from benchmarks.report import Figure, report
from benchmarks.stopwatch import Stopwatch
from benchmarks.transactions import ETHER, account, fresh_address, transfer
from config.rollup import RollupConfig
from derivation.l2_block_info import l2_block_ref
from derivation.pipeline import DerivationPipeline
from derivation.types import Attributes, DerivedAttributes, NeedMoreData
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


def _blocks(chain: LocalChain) -> list[Block]:
    return [block for n in range(1, chain.chain.head.number + 1) if (block := chain.chain.block_by_number(n))]


def _post(world: LocalRollup, blocks: Sequence[Block]) -> int:
    """Put the blocks into blobs on L1; answers how many blobs."""
    rollup, count = world.rollup, 0
    for channel, _ in channels([batch_block(block, rollup) for block in blocks], rollup, _SETTINGS):
        for sent in transactions(channel, DataKind.BLOBS, _SETTINGS, rollup.batch_inbox_address):
            world.l1.send_blobs(sent.candidate.blobs)
            world.l1.mine()
            count += len(sent.candidate.blobs)
    world.l1.mine()
    return count


def _derived(pipeline: DerivationPipeline, chain: LocalChain) -> Iterator[DerivedAttributes]:
    """What L1 says, until it is used up. The taker has the block on `chain` before asking for the next."""
    rollup = chain.world.rollup
    number = 0
    safe = l2_block_ref(chain.chain.store.require_block(chain.chain.genesis.hash), rollup)
    while True:
        result = pipeline.step(safe)
        if isinstance(result, Attributes):
            yield result.derived
            number += 1
            block = chain.chain.block_by_number(number)
            if block is None:
                raise RuntimeError(f"L2 block {number} has not been stored")
            safe = l2_block_ref(block, rollup)
        elif isinstance(result, NeedMoreData):
            return


def _pipeline(chain: LocalChain) -> DerivationPipeline:
    world = chain.world
    pipeline = DerivationPipeline(world.rollup, L1_CONFIG, world.l1, chain.provider)
    pipeline.reset(l2_block_ref(chain.chain.store.require_block(chain.chain.genesis.hash), world.rollup))
    return pipeline


def derive_only(sequencer: LocalChain, blocks: Sequence[Block]) -> Stopwatch:
    """Derive the blocks on top of the chain that has them. Raises RuntimeError when others come out."""
    with Stopwatch() as stopwatch:
        derived = [item.attributes.transactions for item in _derived(_pipeline(sequencer), sequencer)]
    if derived != [tuple(tx.raw for tx in block.transactions) for block in blocks]:
        raise RuntimeError(f"{len(derived)} blocks were derived, but not the {len(blocks)} that were sequenced")
    return stopwatch


def derive_and_execute(verifier: LocalChain, head: Block) -> Stopwatch:
    """Derive, execute and store. Raises RuntimeError when the chain does not end at `head`."""
    chain, safe_db = verifier.chain, SafeDb(verifier.chain.kv)
    with Stopwatch() as stopwatch:
        for item in _derived(_pipeline(verifier), verifier):
            executed = chain.engine.derive(chain.head, item.attributes)
            chain.insert(executed)
            safe_db.record(item.derived_from.id, l2_block_ref(executed.block, verifier.world.rollup).id)
            chain.set_safe(chain.head)
    if chain.head.hash != head.hash:
        raise RuntimeError(f"derived {chain.head}, sequenced {head}")
    return stopwatch


@contextmanager
def posted_rollup(count: int, per_block: int) -> Iterator[tuple[LocalChain, LocalChain, list[Block], int]]:
    """A chain with `count` blocks of `per_block` transfers, an empty one of its genesis, those blocks, and the number
    of blobs on L1 that hold them."""
    senders = [account(f"sender {index}") for index in range(max(1, per_block))]
    world = LocalRollup(accounts={address: 1000 * ETHER for address, _ in senders})
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        sequencer, verifier = world.open(Path(directory) / "sequencer"), world.open(Path(directory) / "verifier")
        for nonce in range(count):
            sequencer.sequence(
                [
                    transfer(key, CHAIN_ID, nonce, fresh_address(address + nonce.to_bytes(4, "big")))
                    for address, key in senders[:per_block]
                ]
            )
        blocks = _blocks(sequencer)
        yield sequencer, verifier, blocks, _post(world, blocks)
        sequencer.close()
        verifier.close()


def _measure(name: str, count: int, per_block: int) -> None:
    with posted_rollup(count, per_block) as (sequencer, verifier, blocks, blobs):
        alone = derive_only(sequencer, blocks)
        whole = derive_and_execute(verifier, blocks[-1])
    detail = {"blocks": count, "transactionsPerBlock": per_block, "blobs": blobs, "statistic": _STATISTIC}
    speed = alone.best_rate(count)
    clock = {"byClock": round(alone.clock_rate(count), 1)}
    report(Figure(f"derived_{name}_blocks_per_second", speed, "blocks/s", detail={**detail, **clock}))
    clock = {"byClock": round(whole.clock_rate(count), 1)}
    if per_block:
        clock["transactionsPerSecond"] = round(whole.best_rate(count * per_block), 1)
    report(
        Figure(
            f"derived_and_executed_{name}_blocks_per_second",
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
    main(*(int(value) for value in sys.argv[1:]))

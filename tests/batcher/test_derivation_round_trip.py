"""The posting loop and the real derivation pipeline together: what a verifier derives is what was sequenced."""

import asyncio
import random

import pytest

from batcher.block import BatchBlock
from batcher.driver import BatchSubmitter
from batcher.ports import L1Head, SyncStatus
from batcher.settings import BatchType, ChannelSettings, DataAvailability, DriverSettings
from batcher.source import batch_block
from config.constants import MAX_BLOB_DATA_BYTES
from config.rollup import BlockId
from config.types import Timestamp, Wei
from derivation.codec import Compression, decode_blob, parse_batcher_transaction
from l1.candidate import TxCandidate
from tests.actions.conftest import World as Chains
from tests.actions.verifier import Verifier
from tests.batcher.world import Landed, ManualClock, Sent, rounds, settle


class Network:
    """The batcher's ports over a sequencer's L2, an L1, and a verifier that derives from that L1."""

    def __init__(self) -> None:
        self.chains = Chains.create()
        self.verifier: Verifier = self.chains.verifier()
        self.sent: list[Sent] = []
        self.clock = ManualClock()

    async def head(self) -> L1Head:
        header = self.chains.l1.head.header
        fee = Wei(header.base_fee_per_gas or 0)
        return L1Head(header.number, header.hash, Timestamp(header.timestamp), fee, Wei(1))

    async def sync_status(self) -> SyncStatus:
        origin = self.verifier.pipeline.origin
        current_l1 = BlockId(origin.hash, origin.number) if origin else self.chains.rollup.genesis.l1
        safe, unsafe = self.verifier.safe, self.chains.l2.head
        return SyncStatus(
            current_l1,
            unsafe_l2=BlockId(unsafe.hash, unsafe.number),
            safe_l2=BlockId(safe.hash, safe.number),
            finalized_l2=self.chains.rollup.genesis.l2,
        )

    async def block(self, number: int) -> BatchBlock:
        return batch_block(self.chains.l2.blocks[number], self.chains.rollup)

    async def send(self, candidate: TxCandidate) -> Landed:
        entry = Sent(candidate, asyncio.get_running_loop().create_future())
        self.sent.append(entry)
        return await entry.result

    def submitter(self, channels: ChannelSettings, pending: int = 10) -> BatchSubmitter:
        settings = DriverSettings(max_pending_transactions=pending)
        return BatchSubmitter(
            self.chains.rollup, self, self, self, self.clock, channel_settings=channels, settings=settings
        )

    async def include(self, count: int = 1000) -> None:
        """The next L1 block takes the first transactions that wait."""
        entries = [entry for entry in self.sent if not entry.result.done()][:count]
        for entry in entries:
            if entry.candidate.blobs:
                self.chains.l1.send_blobs(entry.candidate.blobs)
            else:
                self.chains.l1.send_calldata(entry.candidate.data)
        block = self.chains.l1.mine()
        for entry in entries:
            entry.result.set_result(Landed(BlockId(block.hash, block.number), Wei(1)))
        await settle()

    async def until_safe(self, submitter: BatchSubmitter) -> None:
        """Rounds until the verifier has all blocks."""
        for _ in range(60):
            submitter.flush()
            await rounds(submitter)
            await self.include()
            self.chains.l1.mine()
            self.verifier.run()
            if self.verifier.safe.number == self.chains.l2.head.number:
                break
        assert self.verifier.hashes() == self.chains.l2.hashes()


@pytest.mark.parametrize(
    "channels",
    [
        ChannelSettings(compression_level=3, sub_safety_margin=5),
        ChannelSettings(compression_level=3, sub_safety_margin=5, max_blocks_per_span_batch=7),
        ChannelSettings(compression=Compression.ZLIB, compression_level=6, sub_safety_margin=5),
        ChannelSettings(compression_level=3, batch_type=BatchType.SINGULAR, sub_safety_margin=5),
        ChannelSettings(
            compression_level=3,
            data_availability=DataAvailability.CALLDATA,
            max_l1_tx_bytes=400,
            sub_safety_margin=5,
        ),
    ],
    ids=["span-brotli-blobs", "several-spans", "zlib", "singular", "small-calldata"],
)
async def test_a_verifier_derives_exactly_the_sequenced_blocks(channels: ChannelSettings) -> None:
    network = Network()
    submitter = network.submitter(channels)
    for _ in range(4):
        network.chains.sequence(15, transactions=2)
        await network.until_safe(submitter)
    assert network.verifier.kinds() == []
    assert submitter.status().counters.resets == submitter.status().counters.rewinds == 0


async def test_many_blobs_in_one_transaction_reach_the_verifier_in_order() -> None:
    network = Network()
    rng = random.Random(4)
    for _ in range(6):
        network.chains.sequence(1)
        network.chains.l2.sequence([network.chains.l2.user_transaction(rng.randbytes(100_000)) for _ in range(1)])
    submitter = network.submitter(ChannelSettings(compression_level=2, target_blobs=6, sub_safety_margin=5))
    await network.until_safe(submitter)
    assert max(len(entry.candidate.blobs) for entry in network.sent) >= 4


async def test_an_l1_reorg_that_drops_a_batcher_transaction_heals_without_help() -> None:
    network = Network()
    submitter = network.submitter(ChannelSettings(compression_level=3, sub_safety_margin=5))
    network.chains.sequence(10)
    await network.until_safe(submitter)
    network.chains.sequence(10)
    # L1 blocks that L2 already refers to stay; those with the batch go.
    keep = network.chains.l1.head.number
    await network.until_safe(submitter)
    await rounds(submitter)
    network.chains.l1.reorg(keep)
    network.chains.l1.mine(4)
    network.verifier.reset(network.chains.verifier().l2.head)
    network.verifier.run()
    assert network.verifier.safe.number == 10
    await rounds(submitter)
    assert submitter.status().counters.resets == 1
    await network.until_safe(submitter)
    assert network.verifier.safe.number == 20


@pytest.mark.parametrize("seed", range(5))
async def test_restarts_and_slow_inclusion_lose_nothing(seed: int) -> None:
    rng = random.Random(seed)
    network = Network()
    channels = ChannelSettings(
        compression_level=3,
        data_availability=rng.choice((DataAvailability.CALLDATA, DataAvailability.BLOBS)),
        max_l1_tx_bytes=500,
        max_channel_duration=2,
        sub_safety_margin=5,
    )
    submitter = network.submitter(channels, pending=3)
    for _ in range(25):
        network.chains.sequence(rng.randrange(3), transactions=rng.randrange(3))
        await rounds(submitter)
        if rng.random() < 0.6:
            await network.include(rng.randrange(1, 4))
        if rng.random() < 0.4:
            network.verifier.run()
        if rng.random() < 0.1:
            await submitter.stop()
            submitter = network.submitter(channels, pending=3)
    await network.until_safe(submitter)


async def test_channels_that_share_blobs_reach_the_verifier_in_order_and_fill_them() -> None:
    network = Network()
    rng = random.Random(5)
    # Two blocks are more than a blob, one is two thirds of it: blobs are only full because channels share them.
    submitter = network.submitter(ChannelSettings(compression_level=2, sub_safety_margin=5))
    for _ in range(12):
        network.chains.sequence(1)
        network.chains.l2.sequence([network.chains.l2.user_transaction(rng.randbytes(85_000))])
        await rounds(submitter)
    sent = [blob for entry in network.sent for blob in entry.candidate.blobs]
    assert len(sent) >= 6
    sizes = [len(decode_blob(blob)) for blob in sent]
    assert min(sizes) > 0.995 * MAX_BLOB_DATA_BYTES
    assert any(len(parse_batcher_transaction(decode_blob(blob))) == 2 for blob in sent)
    await network.until_safe(submitter)
    assert network.verifier.kinds() == []
    assert submitter.status().counters.rewinds == submitter.status().counters.resets == 0

"""The whole service against another implementation of L1: what it posts there is what the L2 node has."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from batcher.service import BatcherConfig, BatcherService
from batcher.settings import ChannelSettings, DataAvailability, DriverSettings
from batcher.source import batch_block
from config.types import Wei
from evm.types.signature import address_of
from l1.beacon import BeaconClient
from l1.candidate import TxCandidate
from l1.kzg import KzgWorker
from l1.rpc import JsonRpcClient
from l1.source import L1Client
from l1.txmgr import LocalSigner, TxPolicy
from tests.actions.chains import L1_CONFIG
from tests.actions.conftest import World
from tests.batcher.node_rpc import NodeRpc, served
from tests.batcher.reading import as_seen, blocks_in_frames, frames_of
from tests.l1.conftest import ANVIL_KEY, Served

ANVIL_CHAIN_ID = 31337


@pytest.mark.parametrize("policy", [DataAvailability.BLOBS, DataAvailability.CALLDATA])
async def test_blocks_land_on_anvil_and_can_be_read_back(
    start_anvil: Callable[..., Awaitable[Served]], policy: DataAvailability
) -> None:
    anvil = await start_anvil("--block-time", "1", "--hardfork", "prague")
    world = World.create()
    world.rollup = replace(world.rollup, l1_chain_id=ANVIL_CHAIN_ID)
    world.sequence(12, transactions=3)
    kzg = KzgWorker()
    async with (
        served(NodeRpc(world)) as node,
        JsonRpcClient(anvil.url) as rpc,
        BeaconClient(anvil.url, kzg) as beacon,
    ):
        config = BatcherConfig(
            l1_rpcs=(anvil.url,),
            l2_rpc=node,
            rollup_rpc=node,
            signer=LocalSigner(ANVIL_KEY),
            rollup=world.rollup,
            l1_chain=replace(L1_CONFIG, chain_id=ANVIL_CHAIN_ID),
            channels=ChannelSettings(compression_level=5, data_availability=policy, max_channel_duration=1),
            driver=DriverSettings(poll_seconds=0.1, budget=Wei(10**18)),
            tx_policy=TxPolicy(poll_interval=0.1),
        )
        service = BatcherService(config, kzg)
        await service.start()
        try:
            while service.status().counters.transactions_confirmed == 0:
                assert service.status().halted_by is None
                await asyncio.sleep(0.05)
            status = service.status()
        finally:
            await service.stop()
        (channel,) = status.channels
        assert channel.first_l1_block is not None
        block = await L1Client(rpc).block_by_number(channel.first_l1_block)
        (transaction,) = (tx for tx in block.transactions if tx.to == world.rollup.batch_inbox_address)
        hashes = transaction.blob_versioned_hashes
        blobs = tuple(await beacon.blobs(block.header, hashes)) if hashes else ()
        frames = frames_of([TxCandidate(transaction.to, transaction.data, blobs=blobs)])
    kzg.close()
    assert transaction.sender == address_of(ANVIL_KEY)
    assert blocks_in_frames(frames, world.rollup) == as_seen(batch_block(b, world.rollup) for b in world.l2.blocks[1:])
    assert 0 < status.spent == channel.cost < 10**17
    assert status.reserved == 0

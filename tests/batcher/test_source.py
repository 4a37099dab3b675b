"""Reading a node over JSON-RPC, and the whole service on top of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from batcher.service import BatcherConfig, BatcherService
from batcher.settings import DriverSettings, ThrottleSettings
from batcher.source import L1HeadReader, RpcL2Source, batch_block
from config.errors import CriticalError, TemporaryError
from config.types import from_hex, to_hex
from evm.types import Block, Header
from evm.types.json_codec import block_to_json
from l1.fees import FeePolicy
from l1.txmgr import LocalSigner
from tests.actions.chains import BATCHER_KEY, L1_CONFIG, OTHER_BATCHER_KEY
from tests.actions.conftest import World
from tests.batcher.node_rpc import NodeRpc, served


@pytest.fixture
def world() -> World:
    world = World.create()
    world.sequence(8, transactions=2)
    return world


def source(rpc: NodeRpc) -> RpcL2Source:
    return RpcL2Source(rpc, rpc, rpc.world.rollup)


async def test_blocks_come_raw_with_origin_sequence_number_and_user_transactions(world: World) -> None:
    rpc = NodeRpc(world)
    block = await source(rpc).block(5)
    ref = world.l2.refs()[5]
    assert (block.hash, block.number, block.timestamp) == (ref.hash, 5, ref.timestamp)
    assert (block.l1_origin, block.sequence_number) == (ref.l1_origin, ref.sequence_number)
    assert block.transactions == tuple(tx.raw for tx in world.l2.blocks[5].transactions[1:])
    assert len(block.transactions) == 2
    assert [method for method, _ in rpc.calls] == ["debug_getRawBlock"]


async def test_a_node_without_the_debug_api_is_asked_for_json_from_then_on(world: World) -> None:
    rpc = NodeRpc(world, without=["debug_getRawBlock"])
    reader = source(rpc)
    assert await reader.block(3) == batch_block(world.l2.blocks[3], world.rollup)
    assert await reader.block(4) == batch_block(world.l2.blocks[4], world.rollup)
    assert [method for method, _ in rpc.calls].count("debug_getRawBlock") == 1


async def test_another_block_than_asked_for_is_not_used(world: World) -> None:
    rpc = NodeRpc(world)
    rpc.answers["debug_getRawBlock"] = to_hex(world.l2.blocks[2].encode())
    with pytest.raises(TemporaryError, match="when asked for number 3"):
        await source(rpc).block(3)


@pytest.mark.parametrize("answer", ["0x00", "0xzz", None, 7])
async def test_an_unreadable_block_is_a_temporary_error_that_names_it(world: World, answer: Any) -> None:
    rpc = NodeRpc(world)
    rpc.answers["debug_getRawBlock"] = answer
    with pytest.raises(TemporaryError, match="L2 block 3"):
        await source(rpc).block(3)


async def test_a_block_that_does_not_hash_to_what_it_claims_is_refused(world: World) -> None:
    rpc = NodeRpc(world, without=["debug_getRawBlock"])
    rpc.answers["eth_getBlockByNumber"] = {**block_to_json(world.l2.blocks[3], full=True), "hash": "0x" + "11" * 32}
    with pytest.raises(TemporaryError, match="L2 block 3"):
        await source(rpc).block(3)


async def test_the_genesis_block_is_never_posted(world: World) -> None:
    with pytest.raises(CriticalError, match="not after the genesis block"):
        batch_block(world.l2.blocks[0], world.rollup)


async def test_a_block_without_l1_attributes_is_of_another_chain(world: World) -> None:
    block = world.l2.blocks[3]
    with pytest.raises(CriticalError, match="does not start with an L1 attributes deposit"):
        batch_block(Block(block.header, block.transactions[1:], ()), world.rollup)


async def test_heads_are_read_and_unusable_answers_told(world: World) -> None:
    rpc = NodeRpc(world)
    status = await source(rpc).sync_status()
    assert status.unsafe_l2.hash == world.l2.head.hash
    assert status.safe_l2 == world.rollup.genesis.l2
    rpc.answers["optimism_syncStatus"] = {"current_l1": None}
    with pytest.raises(TemporaryError, match="without usable heads"):
        await source(rpc).sync_status()


async def test_data_limits_are_set_and_a_node_without_the_method_is_a_matter_for_the_operator(world: World) -> None:
    rpc = NodeRpc(world)
    await source(rpc).set_max_da_size(300, 21_000)
    assert rpc.calls == [("miner_setMaxDASize", ["0x12c", "0x5208"])]
    with pytest.raises(CriticalError, match="throttling off"):
        await source(NodeRpc(world, without=["miner_setMaxDASize"])).set_max_da_size(0, 0)


async def test_l1_prices_come_from_its_newest_header(world: World) -> None:
    block = world.l1.mine(excess_blob_gas=50_000_000)

    class Client:
        async def header_by_number(self, number: Any) -> Header:
            assert number == "latest"
            return block.header

    fees = FeePolicy(min_tip=5, max_tip=100)
    head = await L1HeadReader(Client(), L1_CONFIG, fees).head()
    assert head.id.hash == block.hash
    assert head.base_fee == block.header.base_fee_per_gas
    assert head.blob_base_fee == L1_CONFIG.blob_base_fee(50_000_000, block.header.timestamp) > 1000
    assert head.tip == 0, "nobody asked for it"
    rpc = NodeRpc(world)
    for suggested, expected in (("0x1", 5), ("0x20", 32), ("0xffff", 100)):
        rpc.answers["eth_maxPriorityFeePerGas"] = suggested
        assert (await L1HeadReader(Client(), L1_CONFIG, fees, rpc).head()).tip == expected
    del rpc.answers["eth_maxPriorityFeePerGas"]
    assert (await L1HeadReader(Client(), L1_CONFIG, fees, rpc).head()).tip == 5, "an endpoint without the method"


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    """The node over real HTTP; it serves as L1 as well."""
    async with served(NodeRpc(world)) as address:
        yield address


def config(url: str, world: World, key: bytes = BATCHER_KEY, stopped: bool = False) -> BatcherConfig:
    return BatcherConfig(
        l1_rpcs=(url,),
        l2_rpc=url,
        rollup_rpc=url,
        signer=LocalSigner(key),
        rollup=world.rollup,
        l1_chain=L1_CONFIG,
        driver=DriverSettings(poll_seconds=0.01),
        throttle=ThrottleSettings(),
        stopped=stopped,
    )


async def test_the_service_loads_blocks_tells_its_health_and_metrics_and_stops(url: str, world: World) -> None:
    service = BatcherService(config(url, world))
    await service.start()
    try:
        while service.status().queued_blocks < 8:
            assert service.status().halted_by is None
            await asyncio.sleep(0.005)
        healthy, facts = await service.health()
        assert healthy
        assert facts["unsafeL2"] == 8
        metrics = service.metrics_text().decode()
        assert "lamina_batcher_blocks_loaded_total 8.0" in metrics
        assert 'lamina_batcher_head{chain="l2_unsafe"} 8.0' in metrics
        assert (await service.batcher_status())["queuedBlocks"] == 8
    finally:
        await service.stop()
    assert not service.status().running


async def test_a_service_told_to_wait_starts_and_stops_by_its_admin_methods(url: str, world: World) -> None:
    service = BatcherService(config(url, world, stopped=True))
    await service.start()
    try:
        assert not service.status().running
        assert (await service.health())[0]
        await service.start_batcher()
        assert service.status().running
        await service.stop_batcher()
        assert not service.status().running
    finally:
        await service.stop()


async def test_an_account_that_is_not_the_batcher_is_warned_of(
    url: str, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    service = BatcherService(config(url, world, key=OTHER_BATCHER_KEY, stopped=True))
    await service.start()
    await service.stop()
    assert "everything posted will be ignored" in caplog.text


def test_a_configuration_does_not_print_its_key(world: World) -> None:
    text = repr(config("http://localhost", world))
    assert BATCHER_KEY.hex() not in text
    assert str(from_hex(BATCHER_KEY.hex())) not in text

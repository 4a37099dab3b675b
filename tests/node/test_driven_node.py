"""A whole driven node on its sockets: a sequencer's blocks come through the Engine API over HTTP, as a consensus client would
bring them, and heads and states are then the sequencer's."""

import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from config.engine_mode import EngineMode
from config.errors import CriticalError
from config.forks import Fork
from config.rollup import BlockId
from config.types import Address, to_hex
from evm.execution_payload import ExecutionPayload
from evm.store.kv import LevelDbStore
from evm.types import Block
from l1.rpc import JsonRpcClient, RpcError
from node.chain import Chain
from node.engine_api import DrivenChain, DrivenNode, DrivenSettings
from node.engine_api.forkchoice import ForkchoiceState
from node.engine_api.payload_status import Status
from node.execution import ExecutionOptions
from tests.actions.chains import FakeL1
from tests.node.engine_world import forkchoice, payload_json
from tests.node.rollup_world import ALICE, RollupWorld, l2_genesis
from tests.node.test_engine_api_authentication import token

RECIPIENT = Address(b"\x77" * 20)


class Driver:
    """The part of a consensus client: HTTP with a fresh token for every request."""

    def __init__(self, session: ClientSession, node: DrivenNode, secret: bytes) -> None:
        self._session = session
        self._url = node.auth.url
        self._secret = secret

    async def call(self, method: str, *params: Any) -> Any:
        """The result. Fails the test when the answer is an error."""
        headers = {"Authorization": f"Bearer {token({'iat': time.time()}, self._secret)}"}
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        async with self._session.post(self._url, json=request, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            body = await answer.json()
        assert "error" not in body, body
        return body["result"]

    async def push(self, block: Block) -> None:
        """Bring a block, which must be valid."""
        root = block.header.parent_beacon_block_root
        assert root is not None
        status = await self.call("engine_newPayloadV4", payload_json(block), [], to_hex(root), [])
        assert status["status"] == "VALID", status

    async def choose(self, head: Block, safe: Block | None = None, finalized: Block | None = None) -> None:
        """Move the heads."""
        answer = await self.call("engine_forkchoiceUpdatedV3", forkchoice(head, safe, finalized), None)
        assert answer["payloadStatus"]["status"] == "VALID", answer


def settings_of(world: RollupWorld, directory: Path, engine: EngineMode = EngineMode.BOTH) -> DrivenSettings:
    """A driven node of the same rollup, on free ports."""
    return DrivenSettings(
        datadir=directory,
        rollup=world.rollup,
        http_port=0,
        ws_port=None,
        rollup_port=0,
        metrics_port=0,
        auth_port=0,
        jwt_secret=directory / "jwtsecret",
        execution=ExecutionOptions(directory, journal=True, engine=engine),
    )


def initialise(world: RollupWorld, directory: Path) -> None:
    """What `lamina init` does."""
    rollup, genesis, update = l2_genesis(FakeL1(), Fork.ISTHMUS)
    assert rollup.genesis.l2 == BlockId(world.chain.genesis.hash, 0)
    kv = LevelDbStore(directory / "chaindata")
    Chain.initialise(kv, genesis, update)
    kv.close()


@asynccontextmanager
async def running(settings: DrivenSettings) -> AsyncIterator[tuple[DrivenNode, Driver]]:
    """The node for the time of the block, and who drives it."""
    node = DrivenNode(settings)
    secret = bytes.fromhex(settings.jwt_secret.read_text().strip()[2:])
    try:
        await node.start()
        async with ClientSession() as session:
            yield node, Driver(session, node, secret)
    finally:
        await node.stop()


async def sequenced(world: RollupWorld, count: int) -> list[Block]:
    """Blocks of the world's sequencer, each with two transfers."""
    blocks: list[Block] = []
    for _ in range(count):
        world.pool.add(world.transfer())
        world.pool.add(world.transfer())
        blocks += await world.sequence(1, world.sequencer())
    return blocks


@pytest.mark.parametrize("engine", list(EngineMode))
async def test_a_sequencers_chain_goes_through_the_engine_api_into_a_driven_node(
    tmp_path: Path, engine: EngineMode
) -> None:
    world = RollupWorld()
    initialise(world, tmp_path)
    blocks = await sequenced(world, 4)
    async with running(settings_of(world, tmp_path, engine)) as (node, driver):
        for block in blocks:
            await driver.push(block)
            await driver.choose(block)
        await driver.choose(blocks[3], blocks[2], blocks[1])
        async with JsonRpcClient(node.http.url) as rpc:
            for label, block in (("latest", blocks[3]), ("safe", blocks[2]), ("finalized", blocks[1])):
                assert (await rpc.call("eth_getBlockByNumber", [label, False]))["hash"] == to_hex(block.hash)
            balance = int(await rpc.call("eth_getBalance", [to_hex(RECIPIENT), "latest"]), 16)
            proof = await rpc.call("eth_getProof", [to_hex(ALICE), [], "latest"])
            assert proof["accountProof"]
        ours = node.execution.chain
        assert balance == 8, "each of the transfers is of 1 wei"
        assert ours.head == world.chain.head and ours.state.flat.root == world.chain.state.flat.root
        assert all(ours.receipts(block.hash) == world.chain.receipts(block.hash) for block in blocks)


async def test_an_unsafe_reorg_goes_through_and_the_transactions_of_the_old_fork_are_in_the_pool_again(
    tmp_path: Path,
) -> None:
    world = RollupWorld()
    initialise(world, tmp_path)
    blocks = await sequenced(world, 3)
    world.chain.set_head(blocks[0].header)
    world.restart()
    others = await world.sequence(3)
    assert others[0].header.parent_hash == blocks[0].hash and others[0].hash != blocks[1].hash
    async with running(settings_of(world, tmp_path)) as (node, driver):
        chain, pool = node.execution.chain, node.execution.pool
        for block in blocks:
            await driver.push(block)
            await driver.choose(block, blocks[0])
        assert (chain.head.hash, chain.safe.hash) == (blocks[2].hash, blocks[0].hash)
        for block in others:
            await driver.push(block)
        await driver.choose(others[2], blocks[0], blocks[0])
        assert chain.head == world.chain.head == others[2].header
        assert chain.state.flat.root == world.chain.state.flat.root
        assert (chain.safe.number, chain.finalized.number) == (1, 1)
        dropped = sum(1 for block in blocks[1:] for transaction in block.transactions if not transaction.is_deposit)
        assert pool.pending_count == dropped > 0
    async with running(settings_of(world, tmp_path)) as (node, driver):
        assert node.execution.chain.head == others[2].header, "it is on the disk"


async def test_what_the_driven_node_offers_is_execution_and_the_engine_api(tmp_path: Path) -> None:
    world = RollupWorld()
    initialise(world, tmp_path)
    settings = settings_of(world, tmp_path)
    async with running(settings) as (node, driver):
        assert stat.S_IMODE(settings.jwt_secret.stat().st_mode) == 0o600
        assert int(await driver.call("eth_chainId"), 16) == world.rollup.l2_chain_id
        assert (await driver.call("web3_clientVersion")).startswith("lamina/")
        assert await driver.call("net_version") == str(world.rollup.l2_chain_id)
        assert await driver.call("eth_syncing") is False
        modules = await driver.call("rpc_modules")
        assert {"engine", "eth", "debug", "miner", "lamina"} <= set(modules) and "optimism" not in modules
        assert node.rollup_rpc is not None
        async with JsonRpcClient(node.rollup_rpc.url) as trusted, JsonRpcClient(node.http.url) as public:
            assert (await trusted.call("lamina_whyHead"))["healthy"] is True
            for rpc, method in (
                (trusted, "optimism_syncStatus"),
                (trusted, "engine_exchangeCapabilities"),
                (public, "engine_exchangeCapabilities"),
                (public, "miner_setMaxDASize"),
            ):
                with pytest.raises(RpcError, match="does not exist"):
                    await rpc.call(method, [])
        assert await node.health() == (True, (await node.health())[1])
        node.driven.halt("the engines differ about block 1")
        healthy, facts = await node.health()
        assert not healthy and facts["haltedBy"] == "the engines differ about block 1"


async def test_the_metrics_count_what_the_consensus_client_does(tmp_path: Path) -> None:
    world = RollupWorld()
    initialise(world, tmp_path)
    (block,) = await sequenced(world, 1)
    async with running(settings_of(world, tmp_path)) as (node, driver):
        await driver.push(block)
        await driver.choose(block)
        read = node.metrics.registry.get_sample_value
        assert read("lamina_engine_payloads_total", {"status": "VALID"}) == 1
        assert read("lamina_engine_forkchoices_total", {"status": "VALID"}) == 1
        assert read("lamina_engine_executed_blocks_total") == 1
        assert read("lamina_refs_number", {"layer": "l2", "type": "unsafe"}) == 1
        assert read("lamina_halted") == 0
        assert read("lamina_rpc_requests_total", {"method": "engine_newPayloadV4", "outcome": "ok"}) == 1


async def test_a_node_that_was_driven_can_derive_from_where_it_stands_and_be_driven_again() -> None:
    world, node = RollupWorld(), RollupWorld()
    node.l1, node.endpoint = world.l1, world.endpoint
    blocks = await sequenced(world, 6)

    async def drive(count: int, safe: int) -> None:
        driven = DrivenChain(node.chain, node.pool, lambda: 0.0)
        for block in blocks[:count]:
            assert driven.new_payload(ExecutionPayload.of(block)).status is Status.VALID
        state = ForkchoiceState(blocks[count - 1].hash, blocks[safe - 1].hash, blocks[0].hash)
        assert driven.update_forkchoice(state).status is Status.VALID

    await drive(4, safe=2)
    world.post([1, 2, 3])
    world.post([4, 5])
    world.l1.mine()
    node.restart()
    await node.catch_up()
    assert (node.chain.head.hash, node.chain.safe.hash) == (blocks[4].hash, blocks[4].hash)
    assert node.driver.status.halted_by is None
    await drive(6, safe=5)
    world.post([6])
    world.l1.mine()
    node.restart()
    await node.catch_up()
    assert node.chain.safe.hash == blocks[5].hash
    assert node.chain.state.flat.root == world.chain.state.flat.root


def test_a_directory_of_another_chain_and_a_bad_secret_are_refused(tmp_path: Path) -> None:
    world = RollupWorld()
    settings = settings_of(world, tmp_path)
    settings.jwt_secret.write_text("no secret")
    with pytest.raises(CriticalError, match="holds no JWT secret"):
        DrivenNode(settings)
    settings.jwt_secret.unlink()
    with pytest.raises(CriticalError, match="lamina init"):
        DrivenNode(settings)

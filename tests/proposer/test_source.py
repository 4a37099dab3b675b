"""Reading a node's rollup API, and the whole service on top of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohttp import web

from config.errors import TemporaryError
from config.rollup import BlockId
from config.types import to_hex
from evm.types.json_codec import block_to_json
from l1.rpc import RpcError
from l1.txmgr import LocalSigner
from proposer.service import ProposerConfig, ProposerService
from proposer.source import RpcRollupNode
from tests.actions.chains import FakeL1
from tests.proposer.world import World, l2_id, output_of

KEY = b"\x0e" * 32


def sync_status(safe: BlockId, finalized: BlockId) -> dict[str, Any]:
    heads = {"current_l1": l2_id(5), "safe_l2": safe, "finalized_l2": finalized}
    return {name: head.to_json() for name, head in heads.items()}


def output_json(number: int) -> dict[str, Any]:
    output = output_of(number)
    return {
        "version": to_hex(bytes(32)),
        "outputRoot": to_hex(output.root),
        "blockRef": {**output.block.to_json(), "timestamp": 1},
        "withdrawalStorageRoot": to_hex(output.message_passer_storage_root),
        "stateRoot": to_hex(output.state_root),
    }


class NodeRpc:
    """Answers of a rollup node, as the test sets them."""

    endpoint = "test node"

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "optimism_syncStatus": sync_status(l2_id(9), l2_id(4)),
            "optimism_outputAtBlock": output_json(9),
            "optimism_safeHeadAtL1Block": {"l1Block": l2_id(3).to_json(), "safeHead": l2_id(9).to_json()},
        }
        self.calls: list[tuple[str, list[Any]]] = []

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.calls.append((method, list(params)))
        answer = self.answers.get(method)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return [await self.call(method, params) for method, params in calls]


async def test_heads_outputs_and_safe_head_records_are_read() -> None:
    rpc = NodeRpc()
    node = RpcRollupNode(rpc)
    heads = await node.heads()
    assert (heads.current_l1, heads.safe_l2, heads.finalized_l2) == (l2_id(5), l2_id(9), l2_id(4))
    output = await node.output_at(9)
    assert output == output_of(9)
    assert output.is_consistent
    record = await node.safe_head_at(3)
    assert (record.l1, record.l2) == (l2_id(3), l2_id(9))
    assert rpc.calls[1:] == [("optimism_outputAtBlock", ["0x9"]), ("optimism_safeHeadAtL1Block", ["0x3"])]


@pytest.mark.parametrize("answer", [None, {}, {"blockRef": 5}, {**output_json(9), "version": "0x" + "01" * 32}])
async def test_an_unusable_output_is_a_temporary_error(answer: Any) -> None:
    rpc = NodeRpc()
    rpc.answers["optimism_outputAtBlock"] = answer
    with pytest.raises(TemporaryError, match="something unusable"):
        await RpcRollupNode(rpc).output_at(9)


async def test_a_node_without_safe_head_records_is_a_temporary_error() -> None:
    rpc = NodeRpc()
    rpc.answers["optimism_safeHeadAtL1Block"] = RpcError(-32000, "safe head not found", method="x", endpoint="y")
    with pytest.raises(TemporaryError, match="safe head not found"):
        await RpcRollupNode(rpc).safe_head_at(3)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A rollup node and L1, with the real contracts, over real HTTP. The node's finalized head is still genesis."""
    world, l1 = World(), FakeL1()
    l1.mine(5)
    rpc = NodeRpc()
    rpc.answers["optimism_syncStatus"] = sync_status(l2_id(0), l2_id(0))
    rpc.answers["eth_chainId"] = hex(900)

    async def answer_one(asked: dict[str, Any]) -> dict[str, Any]:
        method, params = asked["method"], asked["params"]
        try:
            if method in ("eth_call", "eth_getTransactionCount"):
                result = await world.rpc.call(method, params)
            elif method == "eth_getBlockByNumber":
                number = len(l1.blocks) - 1 if params[0] == "latest" else int(params[0], 16)
                result = block_to_json(l1.blocks[number], full=bool(params[1]))
            elif method == "optimism_safeHeadAtL1Block":
                block = l1.blocks[int(params[0], 16)]
                result = {
                    "l1Block": {"hash": to_hex(block.hash), "number": block.number},
                    "safeHead": l2_id(0).to_json(),
                }
            else:
                result = await rpc.call(method, params)
        except RpcError as error:
            return {"jsonrpc": "2.0", "id": asked["id"], "error": {"code": error.code, "message": error.message}}
        return {"jsonrpc": "2.0", "id": asked["id"], "result": result}

    async def answer(request: web.Request) -> web.Response:
        asked = await request.json()
        if isinstance(asked, list):
            return web.json_response([await answer_one(one) for one in asked])
        return web.json_response(await answer_one(asked))

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/"
    await runner.cleanup()


@pytest.mark.parametrize("dead", [(), ("http://127.0.0.1:1",)], ids=["one L1 endpoint", "a dead one before it"])
async def test_the_service_runs_against_endpoints_and_tells_its_health_and_metrics(
    dead: tuple[str, ...], url: str
) -> None:
    settings = World().settings(poll_seconds=0.01)
    service = ProposerService(ProposerConfig((*dead, url), url, 900, LocalSigner(KEY), settings))
    await service.start()
    try:
        while (waiting_for := service.status().waiting_for) is None:
            assert service.status().halted_by is None
            assert service.status().last_error is None
            await asyncio.sleep(0.005)
        assert "L2 block after 0" in waiting_for
        healthy, facts = await service.health()
        assert healthy
        assert facts["running"]
        metrics = service.metrics_text().decode()
        assert "lamina_proposer_up 1.0" in metrics
        assert 'lamina_proposer_games{stage="running"} 0.0' in metrics
        assert (await service.proposer_status())["gamesCreated"] == 0
    finally:
        await service.stop()
    assert not service.status().running


async def test_a_service_told_to_wait_starts_and_stops_by_its_admin_methods(url: str) -> None:
    service = ProposerService(ProposerConfig((url,), url, 900, LocalSigner(KEY), World().settings(), stopped=True))
    await service.start()
    try:
        assert not service.status().running
        await service.start_proposer()
        assert service.status().running
        await service.stop_proposer()
        assert not service.status().running
    finally:
        await service.stop()
    assert KEY.hex() not in repr(service)

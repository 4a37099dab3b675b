"""An L2 node's JSON-RPC over a chain in memory, called directly or over HTTP."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from config.types import to_hex
from evm.types import Block
from evm.types.json_codec import block_to_json
from l1.rpc import RpcError
from tests.actions.conftest import World


class NodeRpc:
    """A node's execution and rollup API over a chain in memory, and L1's. `without` names methods that it does not offer."""

    endpoint = "test node"

    def __init__(self, world: World, without: Sequence[str] = ()) -> None:
        self.world = world
        self.without = without
        self.calls: list[tuple[str, list[Any]]] = []
        self.answers: dict[str, Any] = {}

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.calls.append((method, list(params)))
        if method in self.without:
            raise RpcError(-32601, f"the method {method} does not exist/is not available")
        if method in self.answers:
            return self.answers[method]
        if method == "debug_getRawBlock":
            return to_hex(self._block(params[0]).encode())
        if method == "eth_getBlockByNumber":
            number = params[0]
            chain = self.world.l1.blocks if number == "latest" else self.world.l2.blocks
            return block_to_json(chain[-1] if number == "latest" else self._block(number), full=bool(params[1]))
        if method == "optimism_syncStatus":
            head = {"hash": to_hex(self.world.l2.head.hash), "number": self.world.l2.head.number}
            genesis = self.world.rollup.genesis
            return {
                "current_l1": genesis.l1.to_json(),
                "unsafe_l2": head,
                "safe_l2": genesis.l2.to_json(),
                "finalized_l2": genesis.l2.to_json(),
            }
        if method == "eth_chainId":
            return hex(self.world.rollup.l1_chain_id)
        if method == "miner_setMaxDASize":
            return True
        raise RpcError(-32601, f"the method {method} does not exist/is not available")

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return [await self.call(method, params) for method, params in calls]

    def _block(self, number: str) -> Block:
        return self.world.l2.blocks[int(number, 16)]


@asynccontextmanager
async def served(rpc: NodeRpc) -> AsyncIterator[str]:
    """The node's URL on the loopback."""

    async def answer(request: web.Request) -> web.Response:
        asked = await request.json()
        try:
            outcome: dict[str, Any] = {"result": await rpc.call(asked["method"], asked["params"])}
        except RpcError as error:
            outcome = {"error": {"code": error.code, "message": error.message}}
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], **outcome})

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/"
    await runner.cleanup()

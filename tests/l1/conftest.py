"""Fixtures of the L1 client's tests: blobs, a KZG worker, a server that answers as the test says, anvil."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from l1.kzg import KzgWorker
from l1.rpc import JsonRpcClient
from tests.conftest import ROOT

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_blob(seed: int) -> bytes:
    """A valid blob that differs by seed: every 32-byte word starts with a zero byte."""
    return b"".join(bytes(1) + ((seed << 64) + word).to_bytes(31, "big") for word in range(4096))


@pytest.fixture(scope="session")
def kzg_session() -> KzgWorker:
    """One worker for all tests: loading the trusted setup takes seconds."""
    return KzgWorker()


@pytest.fixture(scope="session", autouse=True)
def _end_kzg(kzg_session: KzgWorker) -> Any:
    yield
    kzg_session.close()


@pytest.fixture
def kzg(kzg_session: KzgWorker) -> KzgWorker:
    return kzg_session


@dataclass
class Served:
    """A running HTTP server on the loopback."""

    url: str


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[Served]]]:
    """Starts HTTP servers that pass every request to a handler; all are stopped after the test."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> Served:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return Served(f"http://{host}:{port}")

    yield start
    for runner in runners:
        await runner.cleanup()


RpcMethod = Callable[..., Any]


ServeRpc = Callable[[dict[str, RpcMethod]], Awaitable[JsonRpcClient]]


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[Served], JsonRpcClient]]:
    """Makes JSON-RPC clients that are closed after the test."""
    clients: list[JsonRpcClient] = []

    def make(served: Served) -> JsonRpcClient:
        clients.append(JsonRpcClient(served.url, timeout=5))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
def serve_rpc(serve: Callable[[Handler], Awaitable[Served]], connect: Callable[[Served], JsonRpcClient]) -> ServeRpc:
    """Starts a JSON-RPC server (batches too) from a table of methods and connects to it.

    A method it lacks gives error -32601; a method raises `RpcFailure` to answer with an error.
    """

    async def start(methods: dict[str, RpcMethod]) -> JsonRpcClient:
        def answer(request: dict[str, Any]) -> dict[str, Any]:
            head = {"jsonrpc": "2.0", "id": request["id"]}
            method = methods.get(request["method"])
            if method is None:
                return {**head, "error": {"code": -32601, "message": f"the method {request['method']} does not exist"}}
            try:
                return {**head, "result": method(*request["params"])}
            except RpcFailure as failure:
                return {**head, "error": failure.body}

        async def handle(request: web.Request) -> web.Response:
            body = await request.json()
            result = [answer(item) for item in body] if isinstance(body, list) else answer(body)
            return web.json_response(result)

        return connect(await serve(handle))

    return start


class RpcFailure(Exception):
    """Lets a method of `serve_rpc` answer with a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.body = {"code": code, "message": message} | ({} if data is None else {"data": data})


ANVIL_PATH = Path(
    os.environ.get("LAMINA_ANVIL", ROOT / "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
)
ANVIL_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""The first of anvil's funded development accounts."""


@pytest.fixture
async def start_anvil() -> AsyncIterator[Callable[..., Awaitable[Served]]]:
    """Starts anvil with extra arguments; skips the test where the binary is missing."""
    if not os.access(ANVIL_PATH, os.X_OK):
        pytest.skip(f"anvil is not at {ANVIL_PATH} (set LAMINA_ANVIL, or npm i @foundry-rs/anvil in contracts/)")
    processes: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str) -> Served:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            str(ANVIL_PATH), "--port", str(port), "--silent", *arguments, stdout=asyncio.subprocess.DEVNULL
        )
        processes.append(process)
        url = f"http://127.0.0.1:{port}"
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        async with aiohttp.ClientSession() as session:
            for _ in range(200):
                assert process.returncode is None, f"anvil ended with exit code {process.returncode}"
                try:
                    async with session.post(url, data=json.dumps(request)) as response:
                        assert response.status == 200
                        return Served(url)
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
        raise AssertionError("anvil did not come up within 10 s")

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.wait()

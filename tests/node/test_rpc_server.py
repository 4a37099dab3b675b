"""The listener: transports, limits, headers, health, shutdown."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from node.rpc import Connection, Dispatcher, Namespace, RpcServer, ServerOptions, rpc_method
from node.rpc.params import TextParam
from node.rpc.server import HealthCheck

JSON_HEADERS = {"Content-Type": "application/json"}
OPTIONS = ServerOptions(port=0, body_limit=10_000)


class Sample(Namespace):
    """Echo, a call that waits, and a subscription."""

    name = "sample"

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.cancelled: list[str] = []
        self.connections: list[tuple[Connection, str]] = []

    @rpc_method("echo")
    def echo(self, text: TextParam) -> str:
        """The same text."""
        return text

    @rpc_method("wait")
    async def wait(self) -> str:
        """Answers when the gate opens."""
        await self.gate.wait()
        return "open"

    @rpc_method("subscribe", connection=True)
    def subscribe(self, connection: Connection) -> str:
        """A subscription that records its end."""
        identifier = connection.subscribe(lambda: self.cancelled.append(identifier))
        self.connections.append((connection, identifier))
        return identifier


@asynccontextmanager
async def running(
    options: ServerOptions = OPTIONS, sample: Sample | None = None, health: HealthCheck | None = None
) -> AsyncIterator[RpcServer]:
    server = RpcServer(Dispatcher([sample or Sample()]), options, health)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def call(method: str, *params: Any, identifier: int = 1) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})


async def post(url: str, body: str | bytes, **headers: str) -> tuple[int, str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers={**JSON_HEADERS, **headers}) as response,
    ):
        return response.status, await response.text(), response.headers


async def test_a_call_over_http_is_answered_as_json() -> None:
    async with running() as server:
        status, text, headers = await post(server.url, call("sample_echo", "hi"))
    assert status == 200 and json.loads(text)["result"] == "hi"
    assert headers["Content-Type"].startswith("application/json")


async def test_malformed_json_gets_a_parse_error_and_the_server_goes_on() -> None:
    async with running() as server:
        for body in (b"{", b"\xff\x00", b"[" * 5_000):
            status, text, _ = await post(server.url, body)
            assert status == 200 and json.loads(text)["error"]["code"] == -32700
        assert (await post(server.url, call("sample_echo", "still here")))[0] == 200


async def test_a_body_above_the_limit_is_refused_by_size() -> None:
    async with running() as server:
        status, text, _ = await post(server.url, call("sample_echo", "x" * 20_000))
        assert status == 413 and "10000 bytes" in text
        assert (await post(server.url, call("sample_echo", "x" * 5_000)))[0] == 200


async def test_only_json_is_taken_and_other_methods_are_not_allowed() -> None:
    async with running() as server, aiohttp.ClientSession() as session:
        async with session.post(server.url, data="{}", headers={"Content-Type": "text/plain"}) as response:
            assert response.status == 415
        async with session.put(server.url, data="{}") as response:
            assert response.status == 405
        async with session.get(server.url) as response:
            assert response.status == 200


async def test_unknown_host_names_are_refused_and_addresses_are_not() -> None:
    async with running() as server:
        assert (await post(server.url, call("sample_echo", "a"), Host="evil.example"))[0] == 403
        assert (await post(server.url, call("sample_echo", "a"), Host="localhost:1234"))[0] == 200
    async with running(replace(OPTIONS, virtual_hosts=("*",))) as server:
        assert (await post(server.url, call("sample_echo", "a"), Host="any.example"))[0] == 200


async def test_browsers_of_allowed_origins_get_cors_headers() -> None:
    async with running(replace(OPTIONS, cors_origins=("https://app.example",))) as server:
        _, _, headers = await post(server.url, call("sample_echo", "a"), Origin="https://app.example")
        assert headers["Access-Control-Allow-Origin"] == "https://app.example"
        _, _, headers = await post(server.url, call("sample_echo", "a"), Origin="https://other.example")
        assert "Access-Control-Allow-Origin" not in headers
        async with (
            aiohttp.ClientSession() as session,
            session.options(server.url, headers={"Origin": "https://app.example"}) as response,
        ):
            assert response.status == 204 and "POST" in response.headers["Access-Control-Allow-Methods"]


async def test_health_is_told_with_the_facts_behind_it() -> None:
    healthy = True

    async def check() -> tuple[bool, dict[str, object]]:
        return healthy, {"head": 7}

    async with running(health=check) as server, aiohttp.ClientSession() as session:
        async with session.get(server.url + "/healthz") as response:
            assert (response.status, await response.json()) == (200, {"healthy": True, "head": 7})
        healthy = False
        async with session.get(server.url + "/healthz") as response:
            assert (response.status, await response.json()) == (503, {"healthy": False, "head": 7})


async def test_a_websocket_answers_calls_out_of_order_when_one_takes_long() -> None:
    sample = Sample()
    async with (
        running(sample=sample) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url) as socket,
    ):
        await socket.send_str(call("sample_wait", identifier=1))
        await socket.send_str(call("sample_echo", "quick", identifier=2))
        assert json.loads((await socket.receive()).data)["id"] == 2
        sample.gate.set()
        assert json.loads((await socket.receive()).data) == {"jsonrpc": "2.0", "id": 1, "result": "open"}


async def test_notifications_reach_the_subscriber_and_closing_ends_the_subscription() -> None:
    sample = Sample()
    async with running(sample=sample) as server, aiohttp.ClientSession() as session:
        async with session.ws_connect(server.ws_url) as socket:
            await socket.send_str(call("sample_subscribe"))
            identifier = json.loads((await socket.receive()).data)["result"]
            connection, same = sample.connections[0]
            assert same == identifier
            connection.notify(identifier, {"n": 1})
            assert json.loads((await socket.receive()).data) == {
                "jsonrpc": "2.0",
                "method": "eth_subscription",
                "params": {"subscription": identifier, "result": {"n": 1}},
            }
        async with asyncio.timeout(5):
            while not sample.cancelled:
                await asyncio.sleep(0)
        assert sample.cancelled == [identifier]


async def test_a_websocket_message_above_the_limit_closes_the_connection() -> None:
    async with (
        running() as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url) as socket,
    ):
        await socket.send_str(call("sample_echo", "x" * 20_000))
        await socket.receive()
        assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_port_can_serve_only_one_of_the_transports() -> None:
    async with running(replace(OPTIONS, websocket=False)) as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(server.ws_url)
    async with running(replace(OPTIONS, http=False)) as server:
        assert (await post(server.url, call("sample_echo", "a")))[0] == 426


async def test_websocket_origins_can_be_restricted() -> None:
    async with (
        running(replace(OPTIONS, ws_origins=("https://app.example",))) as server,
        aiohttp.ClientSession() as session,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(server.ws_url, origin="https://other.example")
        async with session.ws_connect(server.ws_url, origin="https://app.example") as socket:
            await socket.send_str(call("sample_echo", "ok"))
            assert json.loads((await socket.receive()).data)["result"] == "ok"


async def test_stopping_says_goodbye_to_open_sockets() -> None:
    async with aiohttp.ClientSession() as session:
        async with running() as server:
            socket = await session.ws_connect(server.ws_url)
            receiving = asyncio.create_task(socket.receive())
            await asyncio.sleep(0)
        message = await receiving
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY


async def test_a_taken_port_is_named_in_the_error() -> None:
    async with running() as server:
        second = RpcServer(Dispatcher(), ServerOptions(port=server.port))
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{server.port}"):
            await second.start()

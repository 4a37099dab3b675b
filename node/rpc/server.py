"""The listener: JSON-RPC over HTTP POST and WebSocket, and `GET /healthz`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from node.rpc.connection import Connection
from node.rpc.conversation import Conversation
from node.rpc.dispatcher import Dispatcher

log = logging.getLogger("lamina.rpc")

DEFAULT_BODY_LIMIT = 5 * 1024 * 1024
"""Bytes of the largest request body or WebSocket message, as in geth."""

_FAREWELL_SECONDS = 1.0

HealthCheck = Callable[[], Awaitable[tuple[bool, dict[str, object]]]]
"""Answers whether the component is healthy and facts that say why."""


@dataclass(frozen=True)
class ServerOptions:
    """Where and how to listen. Port 0 picks a free one. `"*"` in a list admits everything.

    `cors_origins`: origins that browsers may call from. `virtual_hosts`: names that the Host header may carry;
    addresses are always fine (protects local nodes from DNS rebinding). `ws_origins`: Origin headers that may open a
    WebSocket. `backlog`: connections that may wait to be accepted. `authorize` is given the `Authorization` header of each
    request (of a WebSocket's first) and answers why it is refused, if it is.
    """

    host: str = "127.0.0.1"
    port: int = 8545
    http: bool = True
    websocket: bool = True
    body_limit: int = DEFAULT_BODY_LIMIT
    cors_origins: tuple[str, ...] = ()
    virtual_hosts: tuple[str, ...] = ("localhost",)
    ws_origins: tuple[str, ...] = ("*",)
    backlog: int = 1_000
    authorize: Callable[[str | None], str | None] | None = None
    extra_routes: tuple[web.RouteDef, ...] = field(default=())


class RpcServer:
    """Serves one dispatcher on one port.

    `health` backs `GET /healthz`: 200 when healthy, 503 otherwise, with the facts as JSON; without it, 200 while
    listening.
    """

    def __init__(self, dispatcher: Dispatcher, options: ServerOptions, health: HealthCheck | None = None) -> None:
        self._dispatcher = dispatcher
        self._options = options
        self._health = health
        self._runner: web.AppRunner | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._port = options.port

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port

    @property
    def url(self) -> str:
        """`http://host:port`."""
        return f"http://{self._options.host}:{self._port}"

    @property
    def ws_url(self) -> str:
        """`ws://host:port`."""
        return f"ws://{self._options.host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises OSError naming the address when it cannot be bound."""
        app = web.Application(client_max_size=self._options.body_limit)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_routes(list(self._options.extra_routes))
        app.router.add_route("*", "/", self._root)
        app.router.add_route("*", "/ws", self._root)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=5.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._options.host, self._options.port, backlog=self._options.backlog)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise OSError(
                f"cannot listen on {self._options.host}:{self._options.port} for JSON-RPC ({error.strerror or error}): "
                "choose another port or stop what uses it"
            ) from error
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the listener and all connections; requests that run are given a moment to end."""
        farewells = [
            asyncio.create_task(socket.close(code=WSCloseCode.GOING_AWAY, message=b"server shuts down"))
            for socket in self._sockets
        ]
        if farewells:
            # A client that does not answer must not hold up the shutdown.
            _, silent = await asyncio.wait(farewells, timeout=_FAREWELL_SECONDS)
            for task in silent:
                task.cancel()
            await asyncio.gather(*farewells, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, request: web.Request) -> web.Response:
        if self._health is None:
            return web.json_response({"healthy": True})
        healthy, facts = await self._health()
        return web.Response(
            body=orjson.dumps({"healthy": healthy, **facts}),
            status=200 if healthy else 503,
            content_type="application/json",
        )

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if not self._host_allowed(request):
            return web.Response(status=403, text="invalid host specified\n")
        authorize = self._options.authorize
        if authorize is not None and (why := authorize(request.headers.get("Authorization"))) is not None:
            return web.Response(status=401, text=f"{why}\n", headers={"WWW-Authenticate": "Bearer"})
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if not self._options.websocket:
                return web.Response(status=404, text="WebSocket is not served on this port\n")
            return await self._websocket(request)
        if not self._options.http:
            return web.Response(status=426, text="only WebSocket is served on this port\n")
        return await self._http(request)

    def _host_allowed(self, request: web.Request) -> bool:
        allowed = self._options.virtual_hosts
        if "*" in allowed:
            return True
        name = urlsplit(f"//{request.host}").hostname or ""
        return not name or name in allowed or name.replace(".", "").isdigit() or ":" in name

    def _cors_headers(self, request: web.Request) -> dict[str, str]:
        origin = request.headers.get("Origin")
        allowed = self._options.cors_origins
        if origin is None or not allowed or ("*" not in allowed and origin not in allowed):
            return {}
        return {"Access-Control-Allow-Origin": "*" if "*" in allowed else origin, "Vary": "Origin"}

    async def _http(self, request: web.Request) -> web.Response:
        headers = self._cors_headers(request)
        if request.method == "OPTIONS":
            headers |= {
                "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
                "Access-Control-Allow-Headers": "Content-Type",
                "Access-Control-Max-Age": "600",
            }
            return web.Response(status=204, headers=headers)
        if request.method == "GET":
            return web.Response(status=200, headers=headers)
        if request.method != "POST":
            return web.Response(status=405, text="method not allowed\n", headers=headers)
        if request.content_type not in ("application/json", "application/json-rpc", "application/jsonrequest"):
            return web.Response(
                status=415, text="invalid content type, only application/json is supported\n", headers=headers
            )
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(
                status=413, text=f"request body is larger than {self._options.body_limit} bytes\n", headers=headers
            )
        answer = await self._dispatcher.handle(body)
        return web.Response(body=answer, content_type="application/json", headers=headers)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and "*" not in self._options.ws_origins and origin not in self._options.ws_origins:
            return web.Response(status=403, text="origin not allowed\n")
        socket = web.WebSocketResponse(max_msg_size=self._options.body_limit, heartbeat=30.0, compress=False)
        await socket.prepare(request)
        conversation = Conversation(self._dispatcher)
        self._sockets.add(socket)
        writer = asyncio.create_task(self._write(socket, conversation.connection))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await conversation.take(message.data)
        finally:
            self._sockets.discard(socket)
            writer.cancel()
            await conversation.end()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    async def _write(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        while not connection.overflowed:
            message = await connection.next_message()
            if message is None:
                return
            try:
                await socket.send_str(message.decode())
            except (ConnectionError, RuntimeError):
                # The caller has gone; the reading side notices and cleans up.
                return
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"client reads too slowly")

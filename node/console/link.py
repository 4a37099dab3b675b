"""A node's JSON-RPC for code that waits for answers: over HTTP, a WebSocket or the Unix socket."""

import asyncio
import itertools
import queue
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiohttp
import orjson

from config.errors import TemporaryError
from l1.rpc import JsonRpcClient, RpcError
from node.rpc.json_stream import JsonStream, JsonStreamError

T = TypeVar("T")

_LONGEST_ANSWER = 256 << 20
_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 0.2
"""Seconds between two looks whether there can still be news."""


class _Wire(Protocol):
    """Messages to and from a node over a lasting connection."""

    async def send(self, message: bytes) -> None:
        """Send a message. Raises OSError when the connection is gone."""

    def messages(self) -> AsyncIterator[bytes]:
        """What comes, until the connection ends."""

    async def close(self) -> None:
        """End the connection."""


class _WebSocketWire:
    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session = session
        self._socket = socket

    @staticmethod
    async def open(url: str) -> "_WebSocketWire":
        session = aiohttp.ClientSession()
        try:
            return _WebSocketWire(session, await session.ws_connect(url, max_msg_size=_LONGEST_ANSWER))
        except BaseException:
            await session.close()
            raise

    async def send(self, message: bytes) -> None:
        await self._socket.send_str(message.decode())

    async def messages(self) -> AsyncIterator[bytes]:
        async for message in self._socket:
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                yield message.data.encode() if isinstance(message.data, str) else message.data

    async def close(self) -> None:
        await self._socket.close()
        await self._session.close()


class _IpcWire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @staticmethod
    async def open(path: str) -> "_IpcWire":
        return _IpcWire(*await asyncio.open_unix_connection(path))

    async def send(self, message: bytes) -> None:
        self._writer.write(message)
        await self._writer.drain()

    async def messages(self) -> AsyncIterator[bytes]:
        stream = JsonStream(_LONGEST_ANSWER)
        while data := await self._reader.read(1 << 16):
            for message in stream.feed(data):
                yield message

    async def close(self) -> None:
        self._writer.close()


class _Lasting:
    """Calls over a wire: answers find their callers by id, notifications their subscriptions."""

    def __init__(self, wire: _Wire, name: str) -> None:
        self._wire = wire
        self._name = name
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.news: dict[str, queue.SimpleQueue[Any]] = {}
        self._ended = "it was closed there"
        self._reading = asyncio.create_task(self._read())

    @property
    def is_over(self) -> bool:
        """Whether the connection has ended."""
        return self._reading.done()

    def gone(self) -> TemporaryError:
        """That it has ended, and why."""
        return TemporaryError(f"the connection to {self._name} is gone ({self._ended}): attach again")

    async def call(self, method: str, params: Sequence[Any]) -> Any:
        if self.is_over:
            raise self.gone()
        identifier = next(self._ids)
        answer = self._waiting[identifier] = asyncio.get_running_loop().create_future()
        try:
            await self._wire.send(
                orjson.dumps({"jsonrpc": "2.0", "id": identifier, "method": method, "params": list(params)})
            )
            message = await answer
        except OSError as error:
            # The reading side is told a moment later.
            self._ended = str(error)
            raise self.gone() from error
        finally:
            del self._waiting[identifier]
            if answer.done() and not answer.cancelled():
                answer.exception()
        if "error" in message:
            refused = message["error"]
            raise RpcError(refused["code"], refused["message"], refused.get("data"), method=method, endpoint=self._name)
        return message["result"]

    async def _read(self) -> None:
        try:
            async for raw in self._wire.messages():
                self._sort(orjson.loads(raw))
        except (OSError, JsonStreamError, orjson.JSONDecodeError) as error:
            self._ended = str(error)
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(self.gone())

    def _sort(self, message: Any) -> None:
        answer = self._waiting.get(message.get("id"))
        if answer is not None and not answer.done():
            answer.set_result(message)
        elif message.get("method", "").endswith("_subscription"):
            told = message["params"]
            self.news.setdefault(told["subscription"], queue.SimpleQueue()).put(told["result"])

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._wire.close()


class Link:
    """Calls to one node. A thread of its own keeps the connection alive while nobody calls."""

    def __init__(self, target: str) -> None:
        """`target`: an http, https, ws or wss URL, or the path of a Unix socket. Raises TemporaryError when nobody answers."""
        self.target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="console's connection", daemon=True)
        self._thread.start()
        self._http: JsonRpcClient | None = None
        self._lasting: _Lasting | None = None
        try:
            self._run(self._open())
        except BaseException:
            self._stop()
            raise

    async def _open(self) -> None:
        scheme = self.target.partition("://")[0] if "://" in self.target else ""
        if scheme in ("http", "https"):
            self._http = JsonRpcClient(self.target)
            return
        if scheme not in ("ws", "wss", ""):
            raise ValueError(
                f"{self.target}: the console speaks http, https, ws, wss, and to a Unix socket by its path"
            )
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                wire: _Wire = await (_WebSocketWire.open(self.target) if scheme else _IpcWire.open(self.target))
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            advice = "" if scheme or Path(self.target).exists() else ": there is no such socket; is the node running?"
            raise TemporaryError(f"cannot attach to {self.target} ({error or 'no answer'}){advice}") from error
        self._lasting = _Lasting(wire, self.target)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of a call as JSON has it. Raises RpcError when it is refused, TemporaryError without an answer."""
        if self._http is not None:
            return self._run(self._http.call(method, params))
        assert self._lasting is not None
        return self._run(self._lasting.call(method, params))

    def next_news(self, subscription: str) -> Any:
        """Wait for what a subscription tells next. Raises TemporaryError when the connection ends."""
        if self._lasting is None:
            raise ValueError("subscriptions need a WebSocket or the Unix socket: attach to one of them")
        news = self._lasting.news.setdefault(subscription, queue.SimpleQueue())
        while True:
            try:
                return news.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if self._lasting.is_over and news.empty():
                    raise self._lasting.gone() from None

    def close(self) -> None:
        """End the connection."""

        async def end() -> None:
            if self._http is not None:
                await self._http.close()
            if self._lasting is not None:
                await self._lasting.close()

        self._run(end())
        self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

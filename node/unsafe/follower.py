"""Follows another node's feed of signed blocks, and asks it for those that were missed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson

from config.rollup import RollupConfig
from config.types import from_hex
from evm.payload_message import MAX_MESSAGE_BYTES, decode_message
from evm.payload_ssz import PayloadVersion
from l1.http import redact_url
from node.chain import Chain
from node.unsafe.feed import MAX_PAYLOADS_PER_ANSWER, SUBSCRIPTION
from node.unsafe.intake import UnsafeIntake
from node.unsafe.signer import UnsafeBlockSigner
from node.unsafe.validation import check_signed

log = logging.getLogger("lamina.unsafe")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_CALL_SECONDS = 30.0
_HEARTBEAT_SECONDS = 15.0
_MAX_FRAME_BYTES = 2 * MAX_MESSAGE_BYTES + (1 << 20)


class FeedLost(Exception):
    """The connection to a feed is gone, or was never there; the text says why."""


class FeedFollower:
    """`run` keeps a subscription to one feed; what comes is checked, and offered to the intake."""

    def __init__(
        self,
        url: str,
        rollup: RollupConfig,
        chain: Chain,
        intake: UnsafeIntake,
        signer: UnsafeBlockSigner,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = redact_url(url)
        self._url = url
        self._rollup = rollup
        self._chain = chain
        self._intake = intake
        self._signer = signer
        self._sleep = sleep
        self._ids = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._missing = asyncio.Event()
        self.connected = False
        self.received = 0
        self.refused = 0
        self.last_refused: str | None = None
        self.refusing: str | None = None
        """Why the newest block that was new was dropped; None when it was not."""
        self._error: str | None = None

    @property
    def error(self) -> str | None:
        """Why there is no connection."""
        if not self._signer.known.is_set() and self._signer.error is not None:
            return f"who signs unsafe blocks is not known yet ({self._signer.error})"
        return self._error

    async def run(self) -> None:
        """Stay connected for ever, with a pause after each failure that grows up to half a minute."""
        pause = _FIRST_PAUSE
        await self._signer.known.wait()
        while True:
            try:
                await self._session()
            except FeedLost as error:
                if self._error != str(error):
                    log.warning("the feed %s is not there, trying again: %s", self.name, error)
                self._error = str(error)
            if self.connected:
                pause = _FIRST_PAUSE
                self.connected = False
            await self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _session(self) -> None:
        """One connection from beginning to end. Raises FeedLost when it ends."""
        try:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CALL_SECONDS)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.ws_connect(self._url, heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_MAX_FRAME_BYTES) as socket,
            ):
                await self._follow(socket)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise FeedLost(str(error) or type(error).__name__) from error

    async def _follow(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        reading = asyncio.create_task(self._read(socket), name=f"reading the feed {self.name}")
        filling = asyncio.create_task(self._subscribe_and_fill(socket), name=f"filling gaps from {self.name}")
        try:
            done, _ = await asyncio.wait((reading, filling), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (reading, filling):
                task.cancel()
            await asyncio.gather(reading, filling, return_exceptions=True)
            self._waiting.clear()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take messages until the connection ends. Raises FeedLost then."""
        async for message in socket:
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                continue
            try:
                content = orjson.loads(message.data)
                if not isinstance(content, dict):
                    raise ValueError("a message is no object")
            except ValueError as error:
                raise FeedLost(f"it sends what is not JSON-RPC: {error}") from error
            if content.get("method") == "feed_subscription":
                params = content.get("params")
                self._take(params.get("result") if isinstance(params, dict) else None)
                if self._intake.has_gap:
                    self._missing.set()
            else:
                identifier = content.get("id")
                waiting = self._waiting.pop(identifier, None) if isinstance(identifier, int) else None
                if waiting is not None and not waiting.done():
                    waiting.set_result(content)
        reason = f"code {socket.close_code}" if socket.exception() is None else str(socket.exception())
        raise FeedLost(f"it closed the connection ({reason})")

    async def _subscribe_and_fill(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await self._call(socket, "feed_subscribe", [SUBSCRIPTION])
        self.connected = True
        self._error = None
        log.info("following the unsafe blocks of %s", self.name)
        while True:
            self._missing.clear()
            await self._fill(socket)
            await self._missing.wait()

    async def _fill(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Ask for the blocks after the head, as long as there are any that bring it forward."""
        while not self._intake.is_ignoring:
            await self._intake.idle.wait()
            before = self._chain.head.number
            wanted = [hex(before + 1), hex(MAX_PAYLOADS_PER_ANSWER)]
            payloads = await self._call(socket, "feed_payloads", wanted)
            if not isinstance(payloads, list) or len(payloads) > MAX_PAYLOADS_PER_ANSWER:
                raise FeedLost("it answers feed_payloads with something that is no list of them")
            for payload in payloads:
                self._take(payload)
                await asyncio.sleep(0)
            await self._intake.idle.wait()
            if self._chain.head.number <= before:
                return

    async def _call(self, socket: aiohttp.ClientWebSocketResponse, method: str, params: list[Any]) -> Any:
        """The result of a call. Raises FeedLost when there is none."""
        self._ids += 1
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._ids] = waiting
        request = {"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params}
        await socket.send_str(orjson.dumps(request).decode())
        try:
            answer = await asyncio.wait_for(waiting, _CALL_SECONDS)
        except TimeoutError as error:
            raise FeedLost(f"it has not answered {method} for {_CALL_SECONDS:g} s") from error
        if "result" not in answer:
            problem = answer.get("error")
            text = problem.get("message") if isinstance(problem, dict) else problem
            raise FeedLost(f"it refuses {method}: {str(text)[:200]}")
        return answer["result"]

    def _take(self, item: Any) -> None:
        """Check what came, and offer it."""
        self.received += 1
        signer = self._signer.address
        try:
            if (
                not isinstance(item, dict)
                or not isinstance(item.get("topic"), str)
                or not isinstance(item.get("data"), str)
            ):
                raise ValueError("it is no message with topic and data")
            version = PayloadVersion.of_topic(item["topic"], self._rollup.l2_chain_id)
            signed = decode_message(from_hex(item["data"]), version)
            if self._intake.knows(signed.payload.number, signed.payload.block_hash):
                return
            if signer is None:
                raise ValueError("L1's SystemConfig names nobody whose signature would count")
            block = check_signed(signed, self._rollup, signer)
        except ValueError as error:
            self.refused += 1
            self.refusing = str(error)
            if self.last_refused != str(error):
                log.warning("a message of the feed %s is dropped: %s", self.name, error)
            self.last_refused = str(error)
            return
        self.refusing = None
        self._intake.offer(block, self.name)

"""One WebSocket connection as methods see it: a place that notifications go to."""

import logging
import secrets
from asyncio import Queue, QueueFull
from collections.abc import Callable
from typing import Any

import orjson

log = logging.getLogger("lamina.rpc")

MAX_SUBSCRIPTIONS = 128
"""Subscriptions one connection may hold."""

MAX_WAITING_BYTES = 64 << 20
"""Bytes of messages that may wait for one connection, besides the last one."""


class Connection:
    """Subscriptions of one caller and the queue of messages on their way to it.

    What waits is bounded by `capacity` messages and `capacity_bytes`: a caller that does not read is cut off (`overflowed`)
    instead of filling memory.
    """

    def __init__(self, capacity: int = 10_000, capacity_bytes: int = MAX_WAITING_BYTES) -> None:
        self.outgoing: Queue[bytes] = Queue(capacity)
        self._capacity_bytes = capacity_bytes
        self._waiting_bytes = 0
        self.overflowed = False
        self._cancel: dict[str, Callable[[], None]] = {}

    @property
    def subscription_count(self) -> int:
        """How many subscriptions are open."""
        return len(self._cancel)

    def subscribe(self, cancel: Callable[[], None]) -> str:
        """Open a subscription; `cancel` is called once when it ends, for whatever reason. Answers its id."""
        identifier = "0x" + secrets.token_hex(16)
        self._cancel[identifier] = cancel
        return identifier

    def unsubscribe(self, identifier: str) -> bool:
        """End a subscription. False when there is none of this id."""
        cancel = self._cancel.pop(identifier, None)
        if cancel is None:
            return False
        cancel()
        return True

    def notify(self, identifier: str, result: Any) -> None:
        """Send `eth_subscription` with this result. Does nothing once the subscription has ended."""
        if identifier in self._cancel:
            self.notify_encoded(identifier, orjson.dumps(result))

    def notify_encoded(self, identifier: str, result: bytes, namespace: str = "eth") -> None:
        """Like `notify` for a result that is JSON text already (shared by all subscribers of an event)."""
        if identifier not in self._cancel or self.overflowed:
            return
        self.send(
            b'{"jsonrpc":"2.0","method":"%b_subscription","params":{"subscription":"%b","result":%b}}'
            % (namespace.encode(), identifier.encode(), result)
        )

    def send(self, message: bytes) -> None:
        """Queue a message; a full queue marks the connection for closing."""
        if self.overflowed:
            return
        try:
            if self._waiting_bytes >= self._capacity_bytes:
                raise QueueFull
            self.outgoing.put_nowait(message)
            self._waiting_bytes += len(message)
        except QueueFull:
            self.overflowed = True
            log.warning(
                "a WebSocket client reads too slowly (%d messages, %d bytes wait for it): it is disconnected",
                self.outgoing.qsize(),
                self._waiting_bytes,
            )

    async def next_message(self) -> bytes:
        """Wait for the next message on its way to the caller."""
        message = await self.outgoing.get()
        self._waiting_bytes -= len(message)
        return message

    def close(self) -> None:
        """End all subscriptions."""
        while self._cancel:
            _, cancel = self._cancel.popitem()
            cancel()

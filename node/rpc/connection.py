"""One lasting connection (WebSocket or IPC) as methods see it: a place that notifications go to."""

import logging
import secrets
from asyncio import Queue, QueueFull
from collections.abc import Callable
from typing import Any

import orjson

log = logging.getLogger("lamina.rpc")

MAX_SUBSCRIPTIONS = 128
"""Subscriptions one connection may hold."""


class Connection:
    """Subscriptions of one caller and the queue of messages on their way to it.

    `outgoing` is bounded by `capacity` messages: a caller that does not read is cut off (`overflowed`) instead of
    filling memory. The server drains the queue; None in it means "close".
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self.outgoing: Queue[bytes | None] = Queue(capacity)
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

    def notify_encoded(self, identifier: str, result: bytes) -> None:
        """Like `notify` for a result that is JSON text already (shared by all subscribers of an event)."""
        if identifier not in self._cancel or self.overflowed:
            return
        self.send(
            b'{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"%b","result":%b}}'
            % (identifier.encode(), result)
        )

    def send(self, message: bytes) -> None:
        """Queue a message; a full queue marks the connection for closing."""
        if self.overflowed:
            return
        try:
            self.outgoing.put_nowait(message)
        except QueueFull:
            self.overflowed = True
            log.warning(
                "a client reads too slowly (%d messages wait for it): it is disconnected",
                self.outgoing.qsize(),
            )

    def hang_up(self) -> None:
        """Close the connection once everything before this is sent."""
        try:
            self.outgoing.put_nowait(None)
        except QueueFull:
            self.overflowed = True

    def close(self) -> None:
        """End all subscriptions."""
        while self._cancel:
            _, cancel = self._cancel.popitem()
            cancel()

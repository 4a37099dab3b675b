"""One lasting connection (WebSocket or IPC) as methods see it: a place that notifications go to."""

import logging
import secrets
from asyncio import Queue, QueueFull
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

log = logging.getLogger("lamina.rpc")

MAX_SUBSCRIPTIONS = 128
"""Subscriptions one connection may hold."""

MAX_WAITING_BYTES = 64 << 20
"""Bytes of notifications that may wait for one connection, besides the last one."""


class _Notification(bytes):
    """A message that nobody asked for. (Answers are bounded by the requests that a connection may have running.)"""


@dataclass(frozen=True)
class _Subscription:
    cancel: Callable[[], None]
    namespace: str


class Connection:
    """Subscriptions of one caller and the queue of messages on their way to it.

    What waits is bounded by `capacity` messages and `capacity_bytes` of notifications: a caller that does not read is cut off
    (`overflowed`) instead of filling memory.
    """

    def __init__(self, capacity: int = 10_000, capacity_bytes: int = MAX_WAITING_BYTES) -> None:
        self.outgoing: Queue[bytes | None] = Queue(capacity)
        self._capacity_bytes = capacity_bytes
        self._waiting_bytes = 0
        self.overflowed = False
        self._open: dict[str, _Subscription] = {}

    @property
    def subscription_count(self) -> int:
        """How many subscriptions are open."""
        return len(self._open)

    def subscribe(self, cancel: Callable[[], None], namespace: str = "eth") -> str:
        """Open a subscription; `cancel` is called once when it ends, for whatever reason. Answers its id.

        Notifications are named `<namespace>_subscription`.
        """
        identifier = "0x" + secrets.token_hex(16)
        self._open[identifier] = _Subscription(cancel, namespace)
        return identifier

    def unsubscribe(self, identifier: str) -> bool:
        """End a subscription. False when there is none of this id."""
        subscription = self._open.pop(identifier, None)
        if subscription is None:
            return False
        subscription.cancel()
        return True

    def notify(self, identifier: str, result: Any) -> None:
        """Send a notification with this result. Does nothing once the subscription has ended."""
        if identifier in self._open:
            self.notify_encoded(identifier, orjson.dumps(result))

    def notify_encoded(self, identifier: str, result: bytes) -> None:
        """Like `notify` for a result that is JSON text already (shared by all subscribers of an event)."""
        subscription = self._open.get(identifier)
        if subscription is None or self.overflowed:
            return
        message = (
            b'{"jsonrpc":"2.0","method":"%b_subscription","params":{"subscription":"%b","result":%b}}'
            % (subscription.namespace.encode(), identifier.encode(), result)
        )
        self.send(_Notification(message))

    def send(self, message: bytes) -> None:
        """Queue a message; a full queue marks the connection for closing."""
        if self.overflowed:
            return
        try:
            if isinstance(message, _Notification):
                if self._waiting_bytes >= self._capacity_bytes:
                    raise QueueFull
                self._waiting_bytes += len(message)
            self.outgoing.put_nowait(message)
        except QueueFull:
            self.overflowed = True
            log.warning(
                "a client reads too slowly (%d messages, %d bytes of notifications wait for it): it is disconnected",
                self.outgoing.qsize(),
                self._waiting_bytes,
            )

    async def next_message(self) -> bytes | None:
        """Wait for the next message on its way to the caller. None: the connection is to be closed."""
        message = await self.outgoing.get()
        if isinstance(message, _Notification):
            self._waiting_bytes -= len(message)
        return message

    def hang_up(self) -> None:
        """Close the connection once everything before this is sent."""
        try:
            self.outgoing.put_nowait(None)
        except QueueFull:
            self.overflowed = True

    def close(self) -> None:
        """End all subscriptions."""
        while self._open:
            _, subscription = self._open.popitem()
            subscription.cancel()

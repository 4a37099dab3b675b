"""The newest messages, kept for peers that ask for them after they were told of their ids.

Spec: gossipsub 1.0, "Message Cache".
"""

from collections import deque

from node.p2p.pubsub_wire import Message

MAX_BYTES = 64 << 20


class MessageCache:
    """Messages by id in windows of a heartbeat each: `length` are kept, the ids of the newest `gossiped` are told."""

    def __init__(self, length: int, gossiped: int, max_bytes: int = MAX_BYTES) -> None:
        self._gossiped = gossiped
        self._max_bytes = max_bytes
        self._windows: deque[list[bytes]] = deque([[]], maxlen=length)
        self._messages: dict[bytes, Message] = {}
        self._bytes = 0

    def put(self, message_id: bytes, message: Message) -> None:
        """Keep a message; beyond the limit of bytes the oldest windows go."""
        if message_id in self._messages:
            return
        self._windows[0].append(message_id)
        self._messages[message_id] = message
        self._bytes += len(message.data)
        while self._bytes > self._max_bytes and len(self._windows) > 1:
            self._forget(self._windows.pop())

    def get(self, message_id: bytes) -> Message | None:
        """A message that is still kept."""
        return self._messages.get(message_id)

    def recent(self, topic: str) -> list[bytes]:
        """The ids to tell of, the newest first."""
        windows = list(self._windows)[: self._gossiped]
        return [one for window in windows for one in window if self._messages[one].topic == topic]

    def shift(self) -> None:
        """Begin a new window; the oldest goes when there are too many."""
        if len(self._windows) == self._windows.maxlen:
            self._forget(self._windows.pop())
        self._windows.appendleft([])

    def _forget(self, window: list[bytes]) -> None:
        for message_id in window:
            self._bytes -= len(self._messages.pop(message_id).data)

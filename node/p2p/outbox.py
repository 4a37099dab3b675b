"""What is to be sent to a peer, bounded: a peer that reads slowly must not fill our memory."""

from collections import deque

import trio

from node.p2p.pubsub_wire import Rpc, encode, varint

MAX_RPCS = 256
MAX_BYTES = 32 << 20
_ROOM_FOR_CONTROL = 64


class Outbox:
    """RPCs in the order of coming. Where it is full, new ones are dropped, control messages last."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._news = trio.Event()
        self.dropped = 0

    def put(self, rpc: Rpc) -> None:
        """Add one, or drop it."""
        data = encode(rpc)
        most = MAX_RPCS + (_ROOM_FOR_CONTROL if rpc.is_control else 0)
        if len(self._waiting) >= most or self._bytes + len(data) > MAX_BYTES:
            self.dropped += 1
            return
        framed = varint(len(data)) + data
        self._waiting.append(framed)
        self._bytes += len(framed)
        self._news.set()

    async def take(self) -> bytes:
        """The next one as it goes onto the stream; waits for one."""
        while not self._waiting:
            self._news = trio.Event()
            await self._news.wait()
        data = self._waiting.popleft()
        self._bytes -= len(data)
        return data

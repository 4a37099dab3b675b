"""A caller on a lasting connection: its messages are answered in any order, and notifications come between."""

import asyncio

from node.rpc.connection import Connection
from node.rpc.dispatcher import Dispatcher

MAX_RUNNING = 100
"""Messages of one caller that are worked on at a time; further ones wait to be read."""


class Conversation:
    """Takes messages and puts the answers where `connection.outgoing` is drained."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.connection = Connection()
        self._dispatcher = dispatcher
        self._running: set[asyncio.Task[None]] = set()

    async def take(self, message: bytes | str) -> None:
        """Begin to answer a message. Waits while too many are being worked on."""
        # JSON-RPC ids tell answers apart, so a long call holds up nobody.
        task = asyncio.create_task(self._answer(message))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if len(self._running) >= MAX_RUNNING:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _answer(self, message: bytes | str) -> None:
        answer = await self._dispatcher.handle(message, self.connection)
        if answer:
            self.connection.send(answer)

    async def answered(self) -> None:
        """Wait until everything that was taken is answered."""
        while self._running:
            await asyncio.wait(self._running)

    async def end(self) -> None:
        """End subscriptions, and give up what is not answered."""
        self.connection.close()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

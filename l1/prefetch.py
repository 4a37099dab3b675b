"""Fetches the L1 blocks that derivation reads next while it works on the present ones.

Blocks and receipts are loaded by hash, in few requests, as soon as their headers are known. While L1's blocks are far
ahead, the headers of the next range are fetched too; each range so fetched is used once, so that a caller that asks
again (after a reorg) asks L1 again.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from config.errors import TemporaryError
from config.types import Hash32
from evm.types import Block, Header, Receipt
from l1.source import BlockTag

_log = logging.getLogger("lamina.l1")

SETTLED_DEPTH = 64
"""Blocks behind L1's head from which on ranges are fetched ahead: nearer to it, L1 is asked when the time has come."""


class L1Reader(Protocol):
    """What this needs of `l1.endpoints.L1Endpoints`."""

    @property
    def endpoint(self) -> str: ...

    async def header_by_number(self, number: int | BlockTag) -> Header: ...

    async def headers_by_number(self, numbers: Sequence[int]) -> list[Header | None]: ...

    async def header_by_hash(self, block_hash: Hash32) -> Header: ...

    async def block_by_hash(self, block_hash: Hash32) -> Block: ...

    async def receipts(self, header: Header) -> tuple[Receipt, ...]: ...

    async def preload(self, headers: Sequence[Header]) -> None: ...


class PrefetchingL1:
    """An L1 reader that is ahead of its caller; answers are those of the reader beneath."""

    def __init__(self, reader: L1Reader) -> None:
        self._reader = reader
        self._latest: Header | None = None
        self._labels: dict[BlockTag, tuple[Header, Header]] = {}
        """What is behind `safe` and `finalized`, with the latest block at that time: while that is the same, so are they."""
        self._next: tuple[tuple[int, ...], asyncio.Task[list[Header | None] | None]] | None = None
        """The range that is fetched ahead."""
        self._loading: dict[Hash32, asyncio.Task[None]] = {}
        """The blocks whose contents are on their way."""
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def endpoint(self) -> str:
        """The endpoints' names for messages, without credentials."""
        return self._reader.endpoint

    async def header_by_number(self, number: int | BlockTag) -> Header:
        """See `L1Endpoints.header_by_number`. `safe` and `finalized` are asked for once for each latest block."""
        known, latest = self._labels.get(number) if isinstance(number, str) else None, self._latest
        if known is not None and latest is not None and known[0].hash == latest.hash:
            return known[1]
        header = await self._reader.header_by_number(number)
        if number == "latest":
            self._latest = header
        elif isinstance(number, str) and latest is not None:
            self._labels[number] = latest, header
        return header

    async def header_by_hash(self, block_hash: Hash32) -> Header:
        """See `L1Endpoints.header_by_hash`."""
        return await self._reader.header_by_hash(block_hash)

    async def headers_by_number(self, numbers: Sequence[int]) -> list[Header | None]:
        """See `L1Endpoints.headers_by_number`; the contents of the blocks, and the blocks after them, are fetched ahead."""
        wanted = tuple(numbers)
        headers: list[Header | None] | None = None
        if self._next is not None:
            (fetched, task), self._next = self._next, None
            if fetched == wanted:
                headers = await asyncio.shield(task)
            else:
                task.cancel()
        if headers is None:
            headers = await self._reader.headers_by_number(wanted)
            self._load(headers)
        if len(wanted) > 1 and headers[-1] is not None:
            self._fetch_ahead(tuple(range(wanted[-1] + 1, wanted[-1] + 1 + len(wanted))))
        return headers

    async def block_by_hash(self, block_hash: Hash32) -> Block:
        """See `L1Endpoints.block_by_hash`."""
        await self._on_its_way(block_hash)
        return await self._reader.block_by_hash(block_hash)

    async def receipts(self, header: Header) -> tuple[Receipt, ...]:
        """See `L1Endpoints.receipts`."""
        await self._on_its_way(header.hash)
        return await self._reader.receipts(header)

    async def close(self) -> None:
        """End what is being fetched."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _on_its_way(self, block_hash: Hash32) -> None:
        loading = self._loading.get(block_hash)
        if loading is not None and not loading.cancelled():
            await asyncio.shield(loading)

    def _fetch_ahead(self, numbers: tuple[int, ...]) -> None:
        if self._latest is not None and numbers[-1] <= self._latest.number - SETTLED_DEPTH:
            self._next = numbers, self._spawn(self._fetch(numbers), f"L1 blocks {numbers[0]} to {numbers[-1]}")

    async def _fetch(self, numbers: Sequence[int]) -> list[Header | None] | None:
        try:
            headers = await self._reader.headers_by_number(numbers)
        except TemporaryError as error:
            _log.info("L1 blocks %d to %d could not be fetched ahead: %s", numbers[0], numbers[-1], error)
            return None
        self._load(headers)
        return headers

    def _load(self, headers: Sequence[Header | None]) -> None:
        """Begin to load the contents of these blocks, those that are not on their way."""
        wanted = [header for header in headers if header is not None and header.hash not in self._loading]
        if not wanted:
            return
        task = self._spawn(self._preload(wanted), f"contents of L1 {wanted[0]} and {len(wanted) - 1} more")
        for header in wanted:
            self._loading[header.hash] = task

        def done(_: asyncio.Task[None]) -> None:
            for header in wanted:
                self._loading.pop(header.hash, None)

        task.add_done_callback(done)

    async def _preload(self, headers: Sequence[Header]) -> None:
        try:
            await self._reader.preload(headers)
        except TemporaryError as error:
            # Whoever needs a block asks for it alone, of every endpoint, and hears then why it cannot be had.
            _log.info("L1 blocks from %s on could not be fetched ahead: %s", headers[0], error)

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=f"fetching {name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed unexpectedly", task.get_name(), exc_info=error)

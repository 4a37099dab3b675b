"""Watches L1's latest, safe and finalized blocks."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from config.errors import TemporaryError
from evm.types import Header, short
from l1.source import BlockTag, L1BlockNotFound

log = logging.getLogger("lamina.l1")


PATIENCE = 10.0
"""Seconds that one look at the heads may take, retries included, before L1 counts as silent."""


class HeaderByTag(Protocol):
    """Where L1 heads are read: `l1.source.L1Client`."""

    async def header_by_number(self, number: int | BlockTag) -> Header:
        """The header of `latest`, `safe` or `finalized`. Raises TemporaryError when L1 does not answer."""
        ...


class L1Heads:
    """The newest known L1 heads, refreshed every `interval` seconds; waiters are woken when `latest` changes.

    `error` holds the reason while L1 does not answer, else None.
    """

    def __init__(self, client: HeaderByTag, interval: float, patience: float = PATIENCE) -> None:
        self._client = client
        self._interval = interval
        self._patience = patience
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[Header], None]] = []
        self.latest: Header | None = None
        self.safe: Header | None = None
        self.finalized: Header | None = None
        self.error: str | None = None

    def on_latest(self, listener: Callable[[Header], None]) -> None:
        """Call `listener` when L1's latest block becomes another one."""
        self._listeners.append(listener)

    async def refresh(self) -> None:
        """Ask once. Raises TemporaryError when L1 does not answer."""
        try:
            async with asyncio.timeout(self._patience):
                latest = await self._client.header_by_number("latest")
                self.safe = await self._label("safe", self.safe)
                self.finalized = await self._label("finalized", self.finalized)
        except TimeoutError as error:
            raise TemporaryError(
                f"L1 has not told its head for {self._patience:g} s: check that the endpoint is not overloaded or stopped"
            ) from error
        if self.latest is None or latest.hash != self.latest.hash:
            if self.latest is not None and latest.number <= self.latest.number:
                log.warning("L1 reorganised", extra={"was": str(self.latest), "now": str(latest)})
            self.latest = latest
            for listener in self._listeners:
                listener(latest)
            self._changed.set()

    async def _label(self, tag: BlockTag, known: Header | None) -> Header | None:
        """A label's header; what was known before while L1 has none (a chain without finality yet)."""
        try:
            header = await self._client.header_by_number(tag)
        except L1BlockNotFound:
            return known
        if known is not None and header.number < known.number and tag == "finalized":
            log.error(
                "L1's finalized block moved back: the endpoint is not trustworthy, or L1 failed",
                extra={"was": short(known.hash), "number": known.number, "now": header.number},
            )
            return known
        return header

    async def run(self) -> None:
        """Refresh for ever; an L1 that does not answer is logged once and asked again."""
        while True:
            try:
                await self.refresh()
                if self.error is not None:
                    log.info("L1 answers again")
                    self.error = None
            except TemporaryError as error:
                if self.error is None:
                    log.warning("L1 does not answer, asking again: %s", error)
                self.error = str(error)
            await asyncio.sleep(self._interval)

    async def wait_for_change(self, known: Header | None, timeout: float) -> bool:
        """Wait until `latest` is not `known` any more; False when `timeout` seconds passed first."""
        if self.latest is not known:
            return True
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), timeout)
        except TimeoutError:
            return False
        return True

"""Offers transactions to a JSON-RPC endpoint at a steady rate, and finds out when each got into a block."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from config.types import to_hex
from evm.types import keccak256
from l1.rpc import JsonRpcClient

_BATCH = 25
_CONNECTIONS = 4
_IN_FLIGHT = 8
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 15
"""How long to wait for transactions after the last one was sent."""


@dataclass(frozen=True)
class Outcome:
    """What became of an offer. Times in seconds; `latencies` run from sending to the block being visible over RPC."""

    offered_rate: float
    sent: int
    refused: tuple[str, ...]
    latencies: tuple[float, ...]
    sending_seconds: float
    last_seconds: float

    @property
    def included(self) -> int:
        """Transactions found in blocks."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Included transactions per second, from the first one sent to the last one seen in a block."""
        return self.included / self.last_seconds if self.included else 0.0

    def percentile(self, percent: int) -> float:
        """The latency that this share of the included transactions did not exceed."""
        return quantiles(self.latencies, n=100)[percent - 1] if self.included > 1 else float("nan")

    def sustained(self, block_time: float) -> bool:
        """Whether everything offered came in at the offered rate, the last within two block times of being sent."""
        kept_up = self.sending_seconds <= 1.05 * self.sent / self.offered_rate + 0.1
        return kept_up and self.included == self.sent and self.last_seconds - self.sending_seconds <= 2 * block_time

    def detail(self) -> dict[str, Any]:
        """For the report."""
        data: dict[str, Any] = {
            "offered": self.offered_rate,
            "sent": self.sent,
            "included": self.included,
            "refused": len(self.refused),
            "p50Seconds": round(self.percentile(50), 2),
            "p99Seconds": round(self.percentile(99), 2),
            "lastAfterSeconds": round(self.last_seconds - self.sending_seconds, 2),
        }
        if self.refused:
            data["firstRefusal"] = self.refused[0]
        return data


class Load:
    """A client of one endpoint."""

    def __init__(self, url: str) -> None:
        self._senders = [JsonRpcClient(url) for _ in range(_CONNECTIONS)]
        self.client = JsonRpcClient(url)

    async def close(self) -> None:
        """Close the connections."""
        for client in (*self._senders, self.client):
            await client.close()

    async def offer(self, raws: Sequence[bytes], rate: float) -> Outcome:
        """Send the transactions (canonical bytes) at `rate` a second, and follow the blocks until all are in one."""
        names = [to_hex(keccak256(raw)) for raw in raws]
        head = int(await self.client.call("eth_blockNumber"), 16)
        sent_at: list[float] = []
        seen_at: dict[str, float] = {}
        following = asyncio.create_task(self._follow(head, set(names), seen_at))
        started = time.monotonic()
        refused = await self._send(raws, rate, started, sent_at)
        sending = time.monotonic() - started
        await asyncio.wait({following}, timeout=_PATIENCE_SECONDS)
        if following.done():
            following.result()
        else:
            following.cancel()
        latencies = tuple(seen_at[name] - sent for name, sent in zip(names, sent_at, strict=True) if name in seen_at)
        last = max(seen_at.values(), default=started) - started
        return Outcome(rate, len(raws), tuple(refused), latencies, sending, last)

    async def _send(self, raws: Sequence[bytes], rate: float, started: float, sent_at: list[float]) -> list[str]:
        refused: list[str] = []
        in_flight: set[asyncio.Task[list[Any]]] = set()
        for index in range(0, len(raws), _BATCH):
            await asyncio.sleep(max(0.0, started + index / rate - time.monotonic()))
            if len(in_flight) >= _IN_FLIGHT:
                done, in_flight = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
                refused += _refusals(done)
            batch = raws[index : index + _BATCH]
            sent_at += [time.monotonic()] * len(batch)
            calls = [("eth_sendRawTransaction", [to_hex(raw)]) for raw in batch]
            in_flight.add(asyncio.create_task(self._senders[index // _BATCH % _CONNECTIONS].batch(calls)))
        if in_flight:
            refused += _refusals((await asyncio.wait(in_flight))[0])
        return refused

    async def _follow(self, number: int, wanted: set[str], seen_at: dict[str, float]) -> None:
        while len(seen_at) < len(wanted):
            block = await self.client.call("eth_getBlockByNumber", [hex(number + 1), False])
            if block is None:
                await asyncio.sleep(_POLL_SECONDS)
                continue
            number += 1
            now = time.monotonic()
            seen_at.update((name, now) for name in block["transactions"] if name in wanted)


def _refusals(done: set[asyncio.Task[list[Any]]]) -> list[str]:
    return [str(answer) for task in done for answer in task.result() if isinstance(answer, Exception)]

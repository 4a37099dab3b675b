"""Offers transactions to a JSON-RPC endpoint, at a steady rate or as many as it takes, and finds out when each got into a block.

Bodies of requests are made before the clock runs, and answers are only searched for errors: what the sender costs is
mostly HTTP.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import orjson

from config.types import to_hex
from evm.types import keccak256
from l1.http import HttpEndpoint
from l1.rpc import JsonRpcClient

_BATCH = 25
_CONNECTIONS = 4
_IN_FLIGHT = 8
_POLL_SECONDS = 0.05
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


@dataclass(frozen=True)
class SeenBlock:
    """When a block showed, in seconds, how many of the transactions offered it has, and the gas that it used."""

    when: float
    included: int
    gas_used: int


@dataclass(frozen=True)
class Saturation:
    """What a chain took when more was offered than it takes: its blocks, of which those from `since` on are measured."""

    sent: int
    refused: tuple[str, ...]
    blocks: tuple[SeenBlock, ...]
    since: float

    @property
    def rate(self) -> float:
        """Included transactions per second between the first block and the last one of the measured time."""
        return self._per_second(sum(block.included for block in self._measured[1:]))

    @property
    def gas_rate(self) -> float:
        """Gas per second that the same blocks used."""
        return self._per_second(sum(block.gas_used for block in self._measured[1:]))

    @property
    def included(self) -> int:
        """Transactions found in blocks."""
        return sum(block.included for block in self.blocks)

    @property
    def _measured(self) -> list[SeenBlock]:
        return [block for block in self.blocks if block.when >= self.since]

    def _per_second(self, amount: int) -> float:
        blocks = self._measured
        return amount / (blocks[-1].when - blocks[0].when) if len(blocks) > 1 else 0.0


class Load:
    """A client of one endpoint."""

    def __init__(self, url: str) -> None:
        self._senders = [HttpEndpoint(url) for _ in range(_CONNECTIONS)]
        self.client = JsonRpcClient(url)

    async def close(self) -> None:
        """Close the connections."""
        for sender in self._senders:
            await sender.close()
        await self.client.close()

    async def offer(self, raws: Sequence[bytes], rate: float) -> Outcome:
        """Send the transactions (canonical bytes) at `rate` a second, and follow the blocks until all are in one."""
        names, bodies = [to_hex(keccak256(raw)) for raw in raws], _bodies(raws)
        head = int(await self.client.call("eth_blockNumber"), 16)
        sent_at: list[float] = []
        seen_at: dict[str, float] = {}
        following = asyncio.create_task(self._follow(head, set(names), seen_at))
        started = time.monotonic()
        refused = await self._send(bodies, len(raws), rate, started, sent_at)
        sending = time.monotonic() - started
        await asyncio.wait({following}, timeout=_PATIENCE_SECONDS)
        if following.done():
            following.result()
        else:
            following.cancel()
        latencies = tuple(seen_at[name] - sent for name, sent in zip(names, sent_at, strict=True) if name in seen_at)
        last = max(seen_at.values(), default=started) - started
        return Outcome(rate, len(raws), tuple(refused), latencies, sending, last)

    async def saturate(self, raws: Sequence[bytes], window: int, warm_up: float, seconds: float) -> Saturation:
        """Send as fast as blocks take transactions up, with about `window` of them waiting, for `warm_up + seconds`.

        Nothing is measured in the first `warm_up` seconds. Ends early when all transactions are in blocks.
        """
        names, bodies = {to_hex(keccak256(raw)) for raw in raws}, _bodies(raws)
        head = int(await self.client.call("eth_blockNumber"), 16)
        blocks: list[SeenBlock] = []
        refused: list[str] = []
        in_flight: set[asyncio.Task[list[str]]] = set()
        started = time.monotonic()
        following = asyncio.create_task(self._count(head, names, blocks))
        sent = 0
        while time.monotonic() < started + warm_up + seconds and not following.done():
            included = sum(block.included for block in blocks)
            if included == len(raws):
                break
            if sent < len(bodies) and len(in_flight) < _IN_FLIGHT and sent * _BATCH - included < window:
                in_flight.add(asyncio.create_task(self._post(sent, bodies[sent])))
                sent += 1
            elif in_flight:
                done, in_flight = await asyncio.wait(
                    in_flight, timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                refused += [text for task in done for text in task.result()]
            else:
                await asyncio.sleep(_POLL_SECONDS)
        for answer in await asyncio.gather(*in_flight):
            refused += answer
        following.cancel()
        await asyncio.wait({following})
        if not following.cancelled():
            following.result()
        return Saturation(min(sent * _BATCH, len(raws)), tuple(refused), tuple(blocks), started + warm_up)

    async def _count(self, number: int, wanted: set[str], blocks: list[SeenBlock]) -> None:
        """Note each block after `number` when it shows, until cancelled."""
        while True:
            block = await self.client.call("eth_getBlockByNumber", [hex(number + 1), False])
            if block is None:
                await asyncio.sleep(_POLL_SECONDS)
                continue
            number += 1
            included = sum(name in wanted for name in block["transactions"])
            blocks.append(SeenBlock(time.monotonic(), included, int(block["gasUsed"], 16)))

    async def _post(self, index: int, body: bytes) -> list[str]:
        """Errors in the answer to one request."""
        answer = await self._senders[index % _CONNECTIONS].post(body, operation="eth_sendRawTransaction")
        if answer.status == 200 and b'"error"' not in answer.body:
            return []
        return [str(item.get("error")) for item in orjson.loads(answer.body) if "error" in item]

    async def _send(
        self, bodies: Sequence[bytes], count: int, rate: float, started: float, sent_at: list[float]
    ) -> list[str]:
        refused: list[str] = []
        in_flight: set[asyncio.Task[list[str]]] = set()
        for index, body in enumerate(bodies):
            await asyncio.sleep(max(0.0, started + index * _BATCH / rate - time.monotonic()))
            if len(in_flight) >= _IN_FLIGHT:
                done, in_flight = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
                refused += [text for task in done for text in task.result()]
            sent_at += [time.monotonic()] * min(_BATCH, count - index * _BATCH)
            in_flight.add(asyncio.create_task(self._post(index, body)))
        if in_flight:
            refused += [text for task in (await asyncio.wait(in_flight))[0] for text in task.result()]
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


def _bodies(raws: Sequence[bytes]) -> list[bytes]:
    """Requests of 25 calls each."""
    calls = [
        {"jsonrpc": "2.0", "id": index, "method": "eth_sendRawTransaction", "params": [to_hex(raw)]}
        for index, raw in enumerate(raws)
    ]
    return [orjson.dumps(calls[start : start + _BATCH]) for start in range(0, len(calls), _BATCH)]

"""How fast L1 blocks with their receipts are read from an endpoint that is some way off.

The endpoint is a server of this process that takes 20 ms for every request, however many calls are in it. The reader
works 2 ms on each block, as derivation does, while it waits for nothing. Blocks are small: this is about waiting.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web

from benchmarks.report import Figure, report
from benchmarks.stopwatch import Stopwatch
from evm.types import Header
from l1.endpoints import L1Endpoint, L1Endpoints
from l1.health import EndpointHealth, EndpointKind
from l1.prefetch import PrefetchingL1
from l1.retry import NO_RETRY
from l1.rpc import JsonRpcClient
from l1.source import L1Client, VerifiedData
from tests.l1.simulated import CHAIN_ID, Chain, SimulatedEndpoint

_LATENCY, _WORK = 0.02, 0.002
"""Seconds per request, and per block that was read."""
_RANGE = 16
"""Blocks whose headers are asked for together, as a node does."""


async def _read_one_by_one(source: L1Endpoints, count: int) -> None:
    for number in range(count):
        header = await source.header_by_number(number)
        await source.block_by_hash(header.hash)
        await source.receipts(header)
        await asyncio.sleep(_WORK)


async def _read_ranges(source: L1Endpoints | PrefetchingL1, count: int) -> None:
    for start in range(0, count, _RANGE):
        headers = [each for each in await source.headers_by_number(range(start, start + _RANGE)) if each is not None]
        await asyncio.gather(*(_contents(source, header) for header in headers))
        for _ in headers:
            await asyncio.sleep(_WORK)


async def _contents(source: L1Endpoints | PrefetchingL1, header: Header) -> None:
    await source.block_by_hash(header.hash)
    await source.receipts(header)


async def _serve(chain: Chain) -> tuple[web.AppRunner, str]:
    endpoint = SimulatedEndpoint("simulated", chain)

    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(_LATENCY)
        endpoint.asked.clear()
        return await endpoint.over_http(request)

    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _measure(url: str, count: int, read: Callable[[L1Endpoints], Awaitable[None]]) -> float:
    """Blocks per second of a reader with empty caches."""
    async with JsonRpcClient(url, batch_limit=20, max_connections=10) as client:
        health = EndpointHealth(url, EndpointKind.EXECUTION)
        source = L1Endpoints([L1Endpoint(L1Client(client, retry=NO_RETRY, data=VerifiedData()), health, CHAIN_ID)])
        with Stopwatch() as watch:
            await read(source)
        await source.close()
    return watch.clock_rate(count)


async def _ahead(source: L1Endpoints, count: int) -> None:
    reader = PrefetchingL1(source)
    await reader.header_by_number("latest")
    await _read_ranges(reader, count)
    await reader.close()


async def _run(count: int) -> None:
    runner, url = await _serve(Chain.of(count + 80))
    try:
        single = await _measure(url, min(count, 64), lambda source: _read_one_by_one(source, min(count, 64)))
        ranges = await _measure(url, count, lambda source: _read_ranges(source, count))
        ahead = await _measure(url, count, lambda source: _ahead(source, count))
    finally:
        await runner.cleanup()
    detail = {"blocks": count, "latencyMilliseconds": _LATENCY * 1000, "workMilliseconds": _WORK * 1000}
    peer = "one call after the other"
    report(Figure("l1_blocks_read_in_ranges_per_second", ranges, "blocks/s", peer, single, detail))
    report(Figure("l1_blocks_read_ahead_per_second", ahead, "blocks/s", peer, single, detail))


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]) if len(sys.argv) > 1 else 512))

"""What a node reads L1 with, put together from its options."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from l1.health import EndpointKind, EndpointState
from l1.kzg import BYTES_PER_BLOB, KzgWorker
from node.l1_sources import L1Options, L1Sources
from tests.l1.conftest import Handler, Served, serve
from tests.l1.simulated import CHAIN_ID, Chain, Conduct, SimulatedEndpoint

__all__ = ["serve"]

Serve = Callable[[Handler], Awaitable[Served]]
MAIN = Chain.of(20)


@pytest.fixture
async def kzg() -> AsyncIterator[KzgWorker]:
    """A worker that nothing here makes work."""
    async with KzgWorker() as worker:
        yield worker


async def nothing_known(request: web.Request) -> web.Response:
    return web.Response(status=404)


async def test_blocks_come_from_whichever_endpoint_works_and_each_one_s_status_is_told(
    serve: Serve, kzg: KzgWorker, tmp_path: Path
) -> None:
    conducts = (Conduct.FALSE_HEADERS, Conduct.HONEST, Conduct.HONEST)
    urls = [(await serve(SimulatedEndpoint(str(c), MAIN, c).over_http)).url for c in conducts]
    beacon, archive = (await serve(nothing_known)).url, (await serve(nothing_known)).url
    options = L1Options(urls, [beacon], [archive], max_batch_size=4, rate_limit=1000)
    async with L1Sources(options, CHAIN_ID, tmp_path / "blobs", kzg) as sources:
        assert await sources.reader.header_by_number("latest") == MAIN.head
        headers = await sources.reader.headers_by_number(range(2, 12))
        assert headers == [block.header for block in MAIN.blocks[2:12]]
        assert await sources.reader.receipts(MAIN.blocks[5].header) == MAIN.receipts[MAIN.blocks[5].hash]
        statuses = sources.status()
    assert [status.kind for status in statuses] == [EndpointKind.EXECUTION] * 3 + [
        EndpointKind.BEACON,
        EndpointKind.ARCHIVE,
    ]
    assert [status.name for status in statuses] == [*urls, beacon, archive]
    assert statuses[0].state is EndpointState.LYING and statuses[1].state is EndpointState.HEALTHY
    assert statuses[1].requests > 0 and statuses[1].latency is not None


async def test_beacon_nodes_are_looked_at_again_and_again(serve: Serve, kzg: KzgWorker, tmp_path: Path) -> None:
    looks = 0

    async def syncing(request: web.Request) -> web.Response:
        nonlocal looks
        looks += 1
        data = {"head_slot": str(100 * looks), "sync_distance": "50", "is_syncing": True}
        return web.json_response({"data": data})

    async def three_times(seconds: float) -> None:
        if looks == 3:
            raise asyncio.CancelledError

    options = L1Options([(await serve(nothing_known)).url], [(await serve(syncing)).url])
    async with L1Sources(options, CHAIN_ID, tmp_path / "blobs", kzg) as sources:
        with pytest.raises(asyncio.CancelledError):
            await sources.watch(three_times)
        status = sources.status()[1]
    assert (status.state, status.head, status.lag) == (EndpointState.BEHIND, 300, 50)


def test_options_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    kzg = KzgWorker()
    wrong = {
        "a quorum of 3 cannot be had from 1": L1Options(["http://a"], [], quorum=3),
        "no L1 endpoint is given": L1Options([], []),
        "is not an http": L1Options(["ws://a"], []),
        "is no directory of blobs": L1Options(["http://a"], [], blob_directory=tmp_path / "missing"),
        "is too small": L1Options(["http://a"], [], archive_bytes=BYTES_PER_BLOB),
    }
    for words, options in wrong.items():
        with pytest.raises(ValueError, match=words):
            L1Sources(options, CHAIN_ID, tmp_path, kzg)

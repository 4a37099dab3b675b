"""Fetching ahead: fewer requests and no waiting, and never another answer than without it."""

import asyncio
from collections.abc import Sequence

import pytest

from config.errors import TemporaryError
from evm.types import Header
from l1.endpoints import L1Endpoints
from l1.prefetch import PrefetchingL1
from tests.l1.simulated import Chain, Conduct, SimulatedEndpoint
from tests.l1.test_endpoints import sources

MAIN = Chain.of(120)


def headers_of(numbers: Sequence[int]) -> list[Header]:
    return [MAIN.blocks[number].header for number in numbers]


async def settle() -> None:
    """Let everything that was begun come to its end."""
    for _ in range(50):
        await asyncio.sleep(0)


async def read(source: PrefetchingL1, numbers: Sequence[int]) -> None:
    """Read as derivation does: headers of a range, then contents one by one."""
    assert await source.headers_by_number(numbers) == headers_of(numbers)
    for number in numbers:
        block = MAIN.blocks[number]
        assert await source.block_by_hash(block.hash) == block
        assert await source.receipts(block.header) == MAIN.receipts[block.hash]


async def test_the_next_range_is_there_before_it_is_asked_for() -> None:
    endpoint = SimulatedEndpoint("a", MAIN)
    source = PrefetchingL1(sources(endpoint))
    await source.header_by_number("latest")
    await read(source, range(8))
    await settle()
    assert endpoint.batches == [8] * 6, "headers, blocks and receipts of two ranges"
    asked = len(endpoint.asked)
    assert await source.headers_by_number(range(8, 16)) == headers_of(range(8, 16))
    assert len(endpoint.asked) == asked
    await source.close()


async def test_near_the_head_nothing_is_fetched_ahead_but_the_contents_of_known_blocks() -> None:
    endpoint = SimulatedEndpoint("a", MAIN)
    source = PrefetchingL1(sources(endpoint))
    await source.header_by_number("latest")
    await read(source, range(52, 60))
    await settle()
    assert endpoint.batches == [8] * 3
    await source.close()


async def test_who_asks_for_the_same_range_again_is_told_what_l1_says_now() -> None:
    endpoint = SimulatedEndpoint("a", MAIN)
    source = PrefetchingL1(sources(endpoint))
    await source.header_by_number("latest")
    await read(source, range(8))
    await settle()
    other = MAIN.fork(4, 120, salt=1)
    endpoint.chain = other
    assert await source.headers_by_number(range(8, 16)) == headers_of(range(8, 16)), "fetched before the reorg"
    assert await source.headers_by_number(range(8, 16)) == [block.header for block in other.blocks[8:16]]
    await source.close()


async def test_a_block_on_its_way_is_waited_for_and_not_asked_for_twice() -> None:
    endpoint = SimulatedEndpoint("a", MAIN)
    source = PrefetchingL1(sources(endpoint))
    await source.headers_by_number(range(4))
    blocks = await asyncio.gather(*(source.block_by_hash(block.hash) for block in MAIN.blocks[:4]))
    assert blocks == list(MAIN.blocks[:4])
    assert endpoint.asked.count("eth_getBlockByHash") == 4
    await source.close()


async def test_what_could_not_be_fetched_ahead_is_fetched_when_it_is_needed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    endpoint = SimulatedEndpoint("a", MAIN)
    source = PrefetchingL1(sources(endpoint))
    await source.header_by_number("latest")
    await source.headers_by_number(range(8))
    endpoint.conduct = Conduct.DOWN
    await settle()
    assert "could not be fetched ahead" in caplog.text
    with pytest.raises(TemporaryError, match="a could not be reached"):
        await source.headers_by_number(range(8, 16))
    endpoint.conduct = Conduct.HONEST
    await read(source, range(8))
    await read(source, range(8, 16))
    await source.close()


async def test_an_unexpected_error_in_the_background_is_logged_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(L1Endpoints):
        async def preload(self, headers: Sequence[Header]) -> None:
            await asyncio.sleep(0)
            raise ZeroDivisionError("a bug")

    inner = sources(SimulatedEndpoint("a", MAIN))
    inner.__class__ = Broken
    source = PrefetchingL1(inner)
    await source.headers_by_number(range(4))
    with pytest.raises(ZeroDivisionError):
        await source.block_by_hash(MAIN.blocks[1].hash)
    assert "fetching contents of L1 block 0" in caplog.text and "failed unexpectedly" in caplog.text
    await source.close()


async def test_labels_are_asked_for_once_for_each_latest_block() -> None:
    endpoint = SimulatedEndpoint("a", MAIN, head=50)
    source = PrefetchingL1(sources(endpoint))
    for _ in range(3):
        assert (await source.header_by_number("latest")).number == 50
        assert (await source.header_by_number("safe")).number == 48
        assert (await source.header_by_number("finalized")).number == 46
    assert endpoint.asked.count("eth_getBlockByNumber") == 3 + 1 + 1
    endpoint.head = 51
    assert (await source.header_by_number("latest")).number == 51
    assert (await source.header_by_number("finalized")).number == 47
    await source.close()

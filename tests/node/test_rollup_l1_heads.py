"""Looking at L1's heads when L1 hangs."""

import asyncio

import pytest

from config.errors import TemporaryError
from evm.types import Header
from l1.source import BlockTag
from node.rollup.l1_heads import L1Heads
from tests.actions.chains import FakeL1


class Hanging:
    """Takes requests and answers none until it is let go."""

    def __init__(self) -> None:
        self.l1 = FakeL1()
        self.goes_on = asyncio.Event()

    async def header_by_number(self, number: int | BlockTag) -> Header:
        """The newest header, whatever is asked for."""
        await self.goes_on.wait()
        return self.l1.head.header


async def test_an_l1_that_takes_requests_and_never_answers_counts_as_silent() -> None:
    endpoint = Hanging()
    heads = L1Heads(endpoint, interval=0.001, patience=0.01)
    with pytest.raises(TemporaryError, match=r"not told its head for 0\.01 s"):
        await heads.refresh()
    watching = asyncio.create_task(heads.run())
    while heads.error is None:
        await asyncio.sleep(0.001)
    endpoint.goes_on.set()
    while heads.latest is None or heads.error is not None:
        await asyncio.sleep(0.001)
    watching.cancel()
    assert heads.latest == endpoint.l1.head.header

"""L1's heads as the node watches them."""

from dataclasses import replace

import pytest

from config.errors import TemporaryError
from config.types import ZERO_ADDRESS, ZERO_HASH
from evm.types import Header
from l1.source import BlockTag, L1BlockNotFound
from node.rollup.l1_heads import L1Heads

GENESIS = Header(
    parent_hash=ZERO_HASH,
    fee_recipient=ZERO_ADDRESS,
    state_root=ZERO_HASH,
    transactions_root=ZERO_HASH,
    receipts_root=ZERO_HASH,
    logs_bloom=bytes(256),
    number=0,
    gas_limit=30_000_000,
    gas_used=0,
    timestamp=1000,
    extra_data=b"",
    prev_randao=ZERO_HASH,
)


def after(parent: Header, salt: bytes = b"") -> Header:
    return replace(
        parent, parent_hash=parent.hash, number=parent.number + 1, timestamp=parent.timestamp + 12, extra_data=salt
    )


class Endpoint:
    """An L1 that answers what it is told to."""

    def __init__(self) -> None:
        self.heads: dict[str, Header] = {"latest": GENESIS}
        self.down = False

    async def header_by_number(self, number: int | BlockTag) -> Header:
        if self.down:
            raise TemporaryError("connection refused")
        if number not in self.heads:
            raise L1BlockNotFound(f"no {number} block")
        return self.heads[str(number)]


async def test_a_chain_without_finality_has_a_latest_head_only() -> None:
    heads = L1Heads(Endpoint(), 1.0)
    await heads.refresh()
    assert heads.latest == GENESIS
    assert heads.safe is None
    assert heads.finalized is None


async def test_listeners_hear_of_every_new_head_and_of_reorgs() -> None:
    endpoint = Endpoint()
    heads = L1Heads(endpoint, 1.0)
    heard: list[Header] = []
    heads.on_latest(heard.append)
    first, other = after(GENESIS), after(GENESIS, b"other")
    for head in (GENESIS, GENESIS, first, other):
        endpoint.heads["latest"] = head
        await heads.refresh()
    assert heard == [GENESIS, first, other]


async def test_a_finalized_head_that_moves_back_is_not_believed() -> None:
    endpoint = Endpoint()
    first = after(GENESIS)
    endpoint.heads |= {"latest": after(first), "safe": first, "finalized": first}
    heads = L1Heads(endpoint, 1.0)
    await heads.refresh()
    endpoint.heads |= {"finalized": GENESIS}
    await heads.refresh()
    assert heads.finalized == first


async def test_an_endpoint_that_is_down_is_an_error_and_waiters_wake_for_a_new_head() -> None:
    endpoint = Endpoint()
    heads = L1Heads(endpoint, 1.0)
    await heads.refresh()
    endpoint.down = True
    with pytest.raises(TemporaryError, match="refused"):
        await heads.refresh()
    assert heads.latest == GENESIS
    assert not await heads.wait_for_change(GENESIS, 0.01)
    assert await heads.wait_for_change(None, 0.01)

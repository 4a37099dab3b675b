"""Starting over: how far back it goes, and that data of a dropped L1 fork is not waited for."""

from typing import Any

import pytest

from config.errors import TemporaryError
from config.types import Hash32
from evm.types import Header
from tests.node.rollup_world import RollupWorld, until


async def test_a_restart_goes_back_by_one_l1_block_however_much_has_to_be_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = RollupWorld()
    await world.sequence(6)
    for numbers in ([1, 2], [3], [4], [5, 6]):
        world.post(numbers)
        world.l1.mine(1)
    await world.catch_up()
    assert world.chain.safe.number == 6
    world.restart()
    reached: list[int] = []
    set_safe = world.chain.set_safe

    def note(header: Header) -> None:
        reached.append(header.number)
        set_safe(header)

    monkeypatch.setattr(world.chain, "set_safe", note)
    await world.catch_up()
    assert reached == [4, 5, 6]


@pytest.mark.parametrize("mined_at_once", [1, 4])
@pytest.mark.parametrize("what", ["block_by_hash", "receipts"])
async def test_contents_of_a_block_that_l1_dropped_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, what: str, mined_at_once: int
) -> None:
    world = RollupWorld()
    await world.sequence(4)
    world.post([1, 2])
    world.l1.mine(1)
    get = getattr(world.endpoint, what)
    lost: list[Hash32] = []

    async def loses_some(of: Hash32 | Header) -> Any:
        if (of.hash if isinstance(of, Header) else of) in lost:
            raise TemporaryError("the contents of this block are not found")
        return await get(of)

    monkeypatch.setattr(world.endpoint, what, loses_some)
    async with world.following():
        await world.derive()
        world.post([3, 4])
        lost.append(world.l1.mine(1).hash)
        await world.heads.refresh()
        await until(lambda: "not found" in world.driver.status.waiting_for, world.driver.status)
        world.l1.reorg(len(world.l1.blocks) - 2)
        world.post([3, 4])
        world.l1.mine(mined_at_once)
        await world.derive()
    assert world.chain.safe.number == 4
    assert world.driver.status.last_error is None

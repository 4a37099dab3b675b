"""Starting over: how far back it goes, and that data of a dropped L1 fork is not waited for."""

import copy
from typing import Any

import pytest

from config.errors import TemporaryError
from config.types import Hash32
from evm.store.kv import MemoryStore, WriteBatch
from evm.types import Header
from node.rollup.safe_db import SafeHeadEntry
from tests.node.rollup_world import RollupWorld, until


@pytest.mark.parametrize("is_marked", [True, False])
async def test_the_safe_head_does_not_go_back_at_a_restart(monkeypatch: pytest.MonkeyPatch, is_marked: bool) -> None:
    world = RollupWorld()
    await world.sequence(6)
    for numbers in ([1, 2], [3], [4], [5, 6]):
        world.post(numbers)
        world.l1.mine(1)
    await world.catch_up()
    assert world.chain.safe.number == 6
    if not is_marked:
        world.safe_db.go_back(world.safe_db.newest(), None)
    world.restart()
    reached: list[int] = []
    set_safe = world.chain.set_safe

    def note(header: Header) -> None:
        reached.append(header.number)
        set_safe(header)

    monkeypatch.setattr(world.chain, "set_safe", note)
    await world.catch_up()
    assert reached == []
    assert world.driver.safe.number == world.chain.safe.number == 6
    assert world.driver.status.derived_blocks == 0


async def test_l1_blocks_derived_before_a_restart_are_known_at_once() -> None:
    world = RollupWorld()
    await world.sequence(2)
    world.post([1, 2])
    world.l1.mine(5)
    await world.catch_up()
    world.restart()
    async with world.following():
        await world.driver.ready.wait()
        assert world.driver.current_l1 == world.l1.ref(5)


class Snapshots(MemoryStore):
    """A store that keeps what it held after every write, as a crash right then would leave it."""

    def __init__(self, source: MemoryStore) -> None:
        super().__init__()
        self._tables = copy.deepcopy(source._tables)
        self.taken: list[MemoryStore] = []

    def write(self, batch: WriteBatch, sync: bool = True) -> None:
        super().write(batch, sync)
        copied = MemoryStore()
        copied._tables = copy.deepcopy(self._tables)
        self.taken.append(copied)


async def test_whenever_it_crashes_nothing_goes_back_and_no_rest_of_a_dropped_span_comes_in() -> None:
    world = RollupWorld()
    for _ in range(3):
        world.pool.add(world.transfer())
    await world.sequence(7)
    impossible = world.transfer(1, nonce=77)
    world.post([1])
    world.l1.mine(1)
    # Block 4 of the span cannot be made: 2 and 3 are as batched, 4 gets its deposits alone, 5 and 6 are dropped. With 4
    # in place the rest of the span would fit.
    world.post_batches([world.span_of(2, 6, {4: (impossible.raw,)})])
    world.l1.mine(1)
    store = Snapshots(world.kv)
    world.kv = store
    world.restart()
    await world.catch_up()
    outcome = world.header(4)
    assert world.chain.safe == outcome
    assert len(world.block(4).transactions) == 1
    assert len(store.taken) > 10
    for taken in store.taken:
        world.kv = taken
        world.restart()
        before, finalized = world.chain.safe, world.chain.finalized
        seen: list[int] = []
        world.chain.on_labels(lambda seen=seen: seen.append(world.chain.safe.number))  # type: ignore[misc]
        await world.catch_up()
        assert min(seen, default=before.number) >= before.number
        assert world.chain.finalized == finalized
        assert world.chain.safe == outcome
        assert world.safe_db.at(9) == SafeHeadEntry(world.l1.ref(2).id, world.ref(4).id)


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

"""py-evm checks behind the head what the native engine made."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from config.engine_mode import EngineMode
from config.errors import CriticalError
from config.types import Hash32
from evm.engine import BlockInputs, Engine
from evm.engine.choice import make_engine
from evm.native.library import is_available
from evm.rules import L2Rules
from evm.store.diff import CODE_PREFIX, NODE_PREFIX
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import Block
from node.recheck import Recheck, worker
from tests.node.rollup_world import RollupWorld, until

pytestmark = pytest.mark.skipif(not is_available(), reason="the native library is not built: make core")


def native_world(place: Path) -> RollupWorld:
    world = RollupWorld()
    world.chain.engine = make_engine(EngineMode.NATIVE, L2Rules(world.rollup), world.chain.state, world.chain, place)
    return world


class Checked:
    """A chain that is checked behind its head."""

    def __init__(self, world: RollupWorld, place: Path) -> None:
        self.complaints: list[str] = []
        self.recheck = Recheck(world.chain, world.rollup, place, self.complaints.append)
        self.task = asyncio.create_task(self.recheck.run())

    async def up_to_the_head(self) -> None:
        """Wait until every block is checked, or the checking has ended."""
        while self.recheck.behind and not self.task.done():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def checking(world: RollupWorld, place: Path) -> AsyncIterator[Checked]:
    """The blocks of the world's chain are checked meanwhile."""
    checked = Checked(world, place)
    try:
        yield checked
    finally:
        checked.task.cancel()
        await asyncio.gather(checked.task, return_exceptions=True)


async def test_every_block_that_the_native_engine_makes_is_checked(tmp_path: Path) -> None:
    world = native_world(tmp_path)
    async with checking(world, tmp_path) as checked:
        world.pool.add(world.transfer())
        blocks = await world.sequence(4)
        await checked.up_to_the_head()
        assert checked.recheck.checked.hash == blocks[-1].hash
        assert any(len(block.transactions) > 1 for block in blocks)
        assert checked.complaints == []


async def test_checking_leaves_the_processor_to_what_it_checks_and_ends_with_it(tmp_path: Path) -> None:
    world = native_world(tmp_path)
    async with checking(world, tmp_path) as checked:
        await world.sequence(1)
        await checked.up_to_the_head()
        process = checked.recheck._process
        assert process is not None and process.pid is not None
        assert os.getpriority(os.PRIO_PROCESS, process.pid) > os.getpriority(os.PRIO_PROCESS, 0)
        assert not hasattr(os, "SCHED_IDLE") or os.sched_getscheduler(process.pid) == os.SCHED_IDLE
        shares = Path(f"/proc/{process.pid}/autogroup")
        assert not shares.exists() or shares.read_text() != Path("/proc/self/autogroup").read_text()
    assert process.exitcode is not None


async def test_a_block_that_py_evm_does_not_get_stops_sealing(tmp_path: Path) -> None:
    world = native_world(tmp_path)
    async with checking(world, tmp_path) as checked:
        sequencer = world.sequencer()
        await world.sequence(2, sequencer)
        inputs = BlockInputs.of(world.block(2))
        good = world.chain.engine.start(world.chain.head, replace(inputs, timestamp=inputs.timestamp + 2)).seal()
        wrong = replace(good.block.header, receipts_root=Hash32(b"\x07" * 32))
        world.chain.insert(replace(good, block=Block(wrong, good.block.transactions, good.block.withdrawals)))
        with pytest.raises(CriticalError, match="py-evm"):
            await asyncio.wait_for(checked.task, 120)
    assert checked.complaints
    sequencer.start(Hash32(bytes(32)))
    sequencer.halt(checked.complaints[0])
    assert not sequencer.active
    head = world.chain.head.number
    runner = asyncio.create_task(sequencer.run())
    async with world.following():
        await world.heads.refresh()
        await until(runner.done, world.driver.status)
    assert world.chain.head.number == head
    with pytest.raises(ValueError, match="stopped for good"):
        sequencer.start(Hash32(bytes(32)))


async def test_a_reorganised_branch_is_left_and_the_new_one_checked(tmp_path: Path) -> None:
    world = native_world(tmp_path)
    async with checking(world, tmp_path) as checked:
        await world.sequence(3)
        await checked.up_to_the_head()
        world.chain.set_head(world.header(1))
        world.pool.add(world.transfer())
        blocks = await world.sequence(2)
        await checked.up_to_the_head()
        assert checked.recheck.checked.hash == blocks[-1].hash


async def test_what_a_checked_block_left_behind_is_not_asked_for_again(tmp_path: Path) -> None:
    world = native_world(tmp_path)
    asked: list[bytes] = []

    class Behind(MemoryStore):
        def get(self, key: bytes) -> bytes | None:
            if key[:-32] not in (NODE_PREFIX, CODE_PREFIX):
                return None
            asked.append(key)
            return world.chain.kv.get(key)

    engine = Engine(L2Rules(world.rollup), StateStore(Behind()), world.chain)
    parent = world.chain.head
    made: set[bytes] = set()
    for block in await world.sequence(3):
        asked.clear()
        assert worker.check(engine, parent, block) is None
        assert not made & set(asked)
        executed = world.chain.engine.import_block(parent, block)
        made |= {NODE_PREFIX + node for node in executed.update.nodes}
        parent = block.header

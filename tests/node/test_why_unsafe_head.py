"""Why the unsafe head stands: the clock, the sequencer's own reasons, and what the log says of stalls."""

import asyncio

import pytest

from node.rollup.head_report import watch_heads
from node.rollup.sequencer import Sequencer, SequencerSettings
from node.rollup.stall import REMEDIES, Cause
from tests.node.asking_why import all_of, why
from tests.node.rollup_world import RollupWorld, until


@pytest.fixture
def world() -> RollupWorld:
    return RollupWorld()


# --- the clock ---


async def sequencing_with_a_clock_ahead(world: RollupWorld, sequencer: Sequencer, ahead: float) -> None:
    """L1 makes blocks in its own time; the machine's clock is ahead of it."""
    for _ in range(4):
        world.l1.mine(1)
        world.clock.now = world.l1.head.header.timestamp + ahead
        await world.heads.refresh()
        await until(lambda: sequencer.waiting_for is not None, world.driver.status)


async def test_a_clock_that_is_ahead() -> None:
    world = RollupWorld(block_time=600, seq_window_size=3600)
    sequencer = world.sequencer(SequencerSettings(fill_share=0.001))
    doctor = world.doctor(sequencer)
    async with world.following():
        await world.heads.refresh()
        task = asyncio.create_task(sequencer.run())
        await sequencing_with_a_clock_ahead(world, sequencer, 7200)
        asked = await why(doctor, "unsafe")
        assert asked.state == "stuck"
        assert asked.names(Cause.CLOCK_WRONG, "sequencer", ("l1", world.ref(world.chain.head.number).l1_origin.number))
        assert "this machine's clock is 7200 s ahead of L1's" in asked.text
        # L1 does come on: the safe head does not blame it.
        assert (await why(doctor, "safe")).state == "moving"
        assert any("come 7200 s late" in note for note in (await all_of(doctor))["notes"])
        # Put right, the head it has made is still in the future; that passes.
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sequencer.stall = sequencer.waiting_for = None
        for _ in range(3):
            world.l1.mine(1)
            world.clock.now = float(world.l1.head.header.timestamp)
            await world.heads.refresh()
        asked = await why(doctor, "unsafe")
        assert asked.state == "waiting"
        assert asked.names(Cause.CLOCK_WRONG, "sequencer", ("l2", world.chain.head.number))
        while world.clock.now < world.chain.head.timestamp:
            world.l1.mine(1)
            world.clock.now = float(world.l1.head.header.timestamp)
        await world.derive()
        assert (await why(doctor, "unsafe")).state == "moving"
        assert (await all_of(doctor))["notes"] == []


async def test_a_drift_that_is_used_up_since_l1_stands_is_not_the_clocks_fault() -> None:
    world = RollupWorld(block_time=600)
    sequencer = world.sequencer(SequencerSettings(fill_share=0.001))
    doctor = world.doctor(sequencer)
    async with world.following():
        await world.heads.refresh()
        task = asyncio.create_task(sequencer.run())
        await until(lambda: sequencer.waiting_for is not None)
        asked = await why(doctor, "unsafe")
        assert asked.names(Cause.L1_BEHIND, "sequencer", ("l1", 0))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_clock_that_is_behind_is_noted(world: RollupWorld) -> None:
    doctor = world.doctor()
    world.l1.mine(20)
    await world.heads.refresh()
    world.clock.now = world.l1.head.header.timestamp - 61.0
    assert any("61 s behind L1's newest block" in note for note in (await all_of(doctor))["notes"])
    world.clock.now += 2
    assert (await all_of(doctor))["notes"] == []


# --- the log ---


async def test_the_log_says_when_a_stall_begins_and_ends_and_nothing_in_between(
    world: RollupWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="lamina.heads")
    doctor = world.doctor()
    world.l1.mine(1)
    await world.catch_up()
    looks = [world.clock.now + seconds for seconds in (0, 200, 300, 400)]
    said: list[list[str]] = []

    async def next_look(_: float) -> None:
        said.append([record.getMessage() for record in caplog.records if record.name == "lamina.heads"])
        caplog.clear()
        if not looks:
            raise asyncio.CancelledError
        world.clock.now = looks.pop(0)
        if not looks:
            world.l1.skip_slots(int(world.clock.now))
            world.l1.mine(1)
            await world.catch_up()

    with pytest.raises(asyncio.CancelledError):
        await watch_heads(doctor, next_look)
    assert [len(lines) for lines in said] == [0, 0, 3, 0, 3]
    assert "safe head is stuck: L1's newest block" in said[2][1] and REMEDIES[Cause.L1_BEHIND] in said[2][1]
    assert said[4][1].startswith("safe head goes on: L1 is derived up to its head")


# --- the sequencer's own ---


async def test_what_else_keeps_a_sequencer_is_named(world: RollupWorld) -> None:
    sequencer = world.sequencer(SequencerSettings(max_safe_lag=3))
    doctor = world.doctor(sequencer)
    async with world.following():
        await world.heads.refresh()
        task = asyncio.create_task(sequencer.run())
        await until(lambda: sequencer.waiting_for is not None)
        assert (await why(doctor, "unsafe")).names(Cause.SAFE_LAG, "sequencer", ("l2", 3))
        await sequencer.stop()
        assert (await why(doctor, "unsafe")).names(Cause.SEQUENCER_STOPPED, "sequencer", None)
        sequencer.halt("block 4: py-evm and the native engine disagree")
        asked = await why(doctor, "unsafe")
        assert asked.state == "halted" and asked.names(Cause.ENGINES_DISAGREE, "engine", None)
        with pytest.raises(ValueError, match="stopped for good: block 4"):
            sequencer.start(world.chain.head.hash)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

"""Blocks of the sequencer's that come ahead of L1: what is taken when, what waits, what is dropped."""

import asyncio
from dataclasses import replace

import pytest

from evm.engine import ExecutedBlock
from evm.engine.disagreement import EngineDisagreement
from evm.execution_payload import ExecutionPayload
from evm.types import Block, Header
from node.rollup.stall import Cause
from node.unsafe.intake import UnsafeIntake
from node.unsafe.queue import UnsafeQueue
from node.unsafe.validation import MAX_BLOCKS_PER_HEIGHT, check_payload
from tests.node.rollup_world import until
from tests.node.unsafe_worlds import Worlds, unsafe


@pytest.fixture
def worlds() -> Worlds:
    return Worlds()


async def test_blocks_in_order_become_the_unsafe_head_one_after_the_other(worlds: Worlds) -> None:
    blocks = await worlds.made(3)
    async with worlds.following():
        for block in blocks:
            assert await worlds.take(block) == [True]
            assert worlds.head == block.block.hash
    assert worlds.world.chain.safe.number == 0
    assert worlds.intake.status.applied == 3 and len(worlds.intake.queue) == 0


async def test_blocks_in_any_order_wait_for_those_before_them(worlds: Worlds) -> None:
    first, second, third, fourth = await worlds.made(4)
    async with worlds.following():
        await worlds.take(fourth, second)
        assert worlds.world.chain.head.number == 0
        assert worlds.intake.has_gap and worlds.intake.first_queued == second.block
        await worlds.take(first)
        assert worlds.head == second.block.hash
        assert worlds.intake.has_gap and worlds.intake.first_queued == fourth.block
        await worlds.take(third)
        assert worlds.head == fourth.block.hash
        assert not worlds.intake.has_gap and worlds.intake.first_queued is None


async def test_a_block_that_is_known_is_not_taken_twice(worlds: Worlds) -> None:
    (block,) = await worlds.made(1)
    async with worlds.following():
        assert await worlds.take(block, block) == [True, False]
        assert await worlds.take(block) == [False]
    assert worlds.intake.status.applied == 1


async def test_derivation_fills_a_gap_and_what_it_passes_is_dropped(worlds: Worlds) -> None:
    blocks = await worlds.made(5)
    async with worlds.following():
        await worlds.take(blocks[4], blocks[1])
        assert worlds.world.chain.head.number == 0
        worlds.post(worlds.maker, 1, 2, 3)
        await worlds.world.derive()
        assert worlds.world.chain.safe.number == 3
        await worlds.take(blocks[3])
        assert worlds.head == blocks[4].block.hash
    assert len(worlds.intake.queue) == 0
    assert worlds.intake.status.conflicting == 0


async def test_what_l1_says_of_an_unsafe_block_makes_it_safe_without_executing_it_again(worlds: Worlds) -> None:
    blocks = await worlds.made(3)
    async with worlds.following():
        await worlds.take(*blocks)
        worlds.post(worlds.maker, 1, 2)
        await worlds.world.derive()
        assert worlds.world.chain.safe.hash == blocks[1].block.hash
        assert worlds.head == blocks[2].block.hash
    assert worlds.world.driver.status.derived_blocks == 0


async def test_an_unsafe_block_that_l1_contradicts_is_replaced(worlds: Worlds) -> None:
    told = await worlds.made(2)
    liar = worlds.other_sequencer()
    await liar.sequence(2)
    async with worlds.following():
        await worlds.take(*told)
        assert worlds.head == told[1].block.hash
        worlds.post(liar, 1)
        await worlds.world.derive()
        assert worlds.head == liar.block(1).hash == worlds.world.chain.safe.hash
        assert await worlds.take(told[0]) == [False]
    assert worlds.intake.status.conflicting == 1


async def test_of_two_blocks_at_a_height_the_first_wins_until_l1_decides(worlds: Worlds) -> None:
    first = await worlds.made(1)
    other = worlds.other_sequencer()
    second = [unsafe(block) for block in await other.sequence(2)]
    assert first[0].block.hash != second[0].block.hash
    async with worlds.following():
        await worlds.take(first[0], *second)
        assert worlds.head == first[0].block.hash
        worlds.post(other, 1)
        await worlds.world.derive()
        await worlds.settled()
        # L1 has the second: what builds on it has waited and is taken now.
        assert worlds.world.chain.safe.hash == second[0].block.hash
        assert worlds.head == second[1].block.hash


async def test_an_invalid_block_is_counted_and_named_and_does_not_stop_the_node(worlds: Worlds) -> None:
    blocks = await worlds.made(2)
    payload = ExecutionPayload.of(blocks[0].block)
    wrong = replace(payload, gas_used=payload.gas_used + 1)
    wrong = replace(wrong, block_hash=wrong.block().hash)
    bad = unsafe(check_payload(wrong, worlds.world.rollup))
    async with worlds.following():
        assert await worlds.take(bad) == [True]
        assert worlds.world.chain.head.number == 0
        assert worlds.intake.status.invalid == 1
        assert "gas_used" in (worlds.intake.status.last_invalid or "")
        # It is not tried again, and the right one is taken.
        assert await worlds.take(bad) == [False]
        await worlds.take(*blocks)
        assert worlds.head == blocks[1].block.hash
    assert worlds.intake.status.invalid == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("timestamp", 1, "a block is made every 2 s"),
        ("transactions", (), "does not start with an L1 attributes deposit"),
    ],
)
async def test_a_block_that_derivation_could_never_make_is_refused_unexecuted(
    worlds: Worlds, field: str, value: object, words: str
) -> None:
    (block,) = await worlds.made(1)
    payload = ExecutionPayload.of(block.block)
    changed = payload.timestamp + value if isinstance(value, int) else value
    payload = replace(payload, **{field: changed})  # type: ignore[arg-type]
    wrong = unsafe(replace(payload, block_hash=payload.block().hash).block())
    async with worlds.following():
        await worlds.take(wrong)
    assert words in (worlds.intake.status.last_invalid or "")
    assert worlds.world.chain.head.number == 0


async def test_a_block_whose_l1_origin_l1_has_dropped_waits_until_l1_has_it(worlds: Worlds) -> None:
    worlds.maker.l1.mine(2)
    blocks = await worlds.made(8)
    origins = [worlds.maker.ref(number).l1_origin.number for number in range(1, 9)]
    assert origins[-1] >= 1
    changed_at = origins.index(1)
    kept = list(worlds.maker.l1.blocks)
    worlds.world.l1.reorg(0)
    worlds.world.l1.mine(3)
    async with worlds.following():
        await worlds.take(*blocks)
        assert worlds.world.chain.head.number == changed_at
        assert "but L1 has" in (worlds.intake.status.held or "")
        assert worlds.intake.status.invalid == 0
        # L1 comes back to what the sequencer has seen.
        worlds.world.l1.blocks[:] = kept
        worlds.world.l1.mine(3)
        await worlds.world.heads.refresh()
        await until(lambda: worlds.head == blocks[-1].block.hash, worlds.intake.status)


async def test_a_block_with_an_l1_origin_ahead_of_l1s_head_is_taken(worlds: Worlds) -> None:
    worlds.maker.l1.mine(2)
    blocks = await worlds.made(8)
    del worlds.maker.l1.blocks[1:]
    async with worlds.following():
        await worlds.take(*blocks)
        assert worlds.head == blocks[-1].block.hash


async def test_while_l1_does_not_answer_a_block_with_a_new_origin_waits(worlds: Worlds) -> None:
    worlds.maker.l1.mine(2)
    blocks = await worlds.made(8)
    async with worlds.following():
        await until(worlds.world.driver.ready.is_set)
        worlds.world.endpoint.down = "L1 is silent"
        for block in blocks:
            worlds.intake.offer(block, "test")
        await until(lambda: worlds.intake.status.held == "L1 is silent")
        assert 0 < worlds.world.chain.head.number < 8
        worlds.world.endpoint.down = None
        await until(lambda: worlds.head == blocks[-1].block.hash)


async def test_an_l1_reorg_takes_unsafe_blocks_back_and_those_of_the_new_fork_are_taken(worlds: Worlds) -> None:
    worlds.maker.l1.mine(2)
    blocks = await worlds.made(8)
    async with worlds.following():
        await worlds.take(*blocks)
        await worlds.world.derive()
        assert worlds.head == blocks[-1].block.hash
        worlds.maker.l1.reorg(0)
        worlds.maker.l1.mine(3)
        await worlds.world.derive()
        last_kept = worlds.world.chain.head.number
        assert last_kept < 8 and worlds.world.ref(last_kept).l1_origin.number == 0
        await worlds.maker.catch_up()
        again = await worlds.made(8 - worlds.maker.chain.head.number)
        await worlds.take(*again)
        assert worlds.head == worlds.maker.chain.head.hash == again[-1].block.hash != blocks[-1].block.hash


async def test_a_node_that_makes_blocks_ignores_those_of_others_until_it_stops(worlds: Worlds) -> None:
    blocks = await worlds.made(2)
    world = worlds.world
    sequencer = world.sequencer(active=False)
    intake = UnsafeIntake(world.rollup, world.chain, world.driver, world.heads, world.endpoint, sequencer)
    sequencer.start(world.chain.head.hash)
    assert not intake.offer(blocks[0], "test")
    assert intake.status.ignored == 1 and intake.idle.is_set()
    await sequencer.stop()
    assert intake.offer(blocks[0], "test")
    sequencer.start(world.chain.head.hash)
    async with world.following():
        await world.heads.refresh()
        task = asyncio.create_task(intake.run())
        await until(intake.idle.is_set)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(intake.queue) == 0 and world.chain.head.number == 0


async def test_nothing_is_taken_before_the_heads_are_checked_against_l1(worlds: Worlds) -> None:
    blocks = await worlds.made(1)
    task = asyncio.create_task(worlds.intake.run())
    worlds.intake.offer(blocks[0], "test")
    for _ in range(20):
        await asyncio.sleep(0)
    assert worlds.world.chain.head.number == 0 and not worlds.intake.idle.is_set()
    async with worlds.world.following():
        await worlds.world.heads.refresh()
        await worlds.settled()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert worlds.head == blocks[0].block.hash


async def test_after_a_restart_unsafe_blocks_are_there_and_the_next_ones_follow(worlds: Worlds) -> None:
    blocks = await worlds.made(4)
    async with worlds.following():
        await worlds.take(*blocks[:2], blocks[3])
    worlds.renew()
    assert worlds.head == blocks[1].block.hash
    async with worlds.following():
        await worlds.take(*blocks[2:])
        assert worlds.head == blocks[3].block.hash


# --- the queue ---


async def test_a_full_queue_keeps_the_lowest_blocks(worlds: Worlds) -> None:
    blocks = await worlds.made(5)
    queue = UnsafeQueue(max_blocks=3)
    assert [queue.add(block) for block in (blocks[4], blocks[2], blocks[1])] == [True] * 3
    assert queue.add(blocks[0]) and blocks[4] not in queue
    assert not queue.add(blocks[3]) and len(queue) == 3
    small = UnsafeQueue(max_bytes=2500)
    assert [small.add(block) for block in blocks[:3]] == [True, True, False]
    assert small.bytes == 2000 and small.take_up_to(1) == [blocks[0]] and small.bytes == 1000
    small.clear()
    assert len(small) == 0 and small.lowest_above(0) is None


async def test_the_queue_takes_only_so_many_blocks_of_one_height(worlds: Worlds) -> None:
    (block,) = await worlds.made(1)
    queue = UnsafeQueue()
    for index in range(MAX_BLOCKS_PER_HEIGHT + 2):
        other = replace(block.block, header=replace(block.block.header, gas_used=index))
        assert queue.add(unsafe(other)) == (index < MAX_BLOCKS_PER_HEIGHT)
    assert len(queue) == len(queue.at(1)) == MAX_BLOCKS_PER_HEIGHT


async def test_where_the_engines_disagree_about_a_block_the_intake_stops_and_derivation_goes_on(worlds: Worlds) -> None:
    blocks = await worlds.made(3)
    engine = worlds.world.chain.engine
    derive = engine.import_block

    def disagree(parent: Header, block: Block) -> ExecutedBlock:
        if block.number == 2:
            raise EngineDisagreement("the engines make different blocks")
        return derive(parent, block)

    engine.import_block = disagree  # type: ignore[method-assign]
    async with worlds.following():
        await worlds.take(*blocks)
        assert worlds.head == blocks[0].block.hash
        assert worlds.intake.halted is not None and worlds.intake.halted.cause is Cause.ENGINES_DISAGREE
        assert len(worlds.intake.queue) == 0
        assert await worlds.take(blocks[1]) == [False]
        worlds.post(worlds.maker, 1, 2)
        await worlds.world.derive()
    assert worlds.world.chain.safe.hash == blocks[1].block.hash

"""Taking blocks back, offline and under a running node: derivation makes of L1 afterwards what it made before."""

import asyncio
from pathlib import Path

import pytest

from config.types import to_hex
from node.chain.pruning import Pruner
from node.rollup.rpc import RollupDebug
from node.rollup.sequencer import Sequencer
from node.rollup.unwind import UnwindRefused, block_of, unwind
from node.rpc import Dispatcher, RpcError
from tests.node.data_directories import lamina_json, write_directory, write_rollup
from tests.node.rollup_world import RollupWorld, until


async def posted() -> RollupWorld:
    """A node with eight blocks, of which L1 holds six, in three posts."""
    world = RollupWorld()
    await world.sequence(8)
    for numbers in ([1, 2], [3, 4, 5], [6]):
        world.post(numbers)
        world.l1.mine(1)
    await world.catch_up()
    assert (world.chain.head.number, world.chain.safe.number) == (8, 6)
    return world


async def test_unsafe_blocks_that_are_taken_back_leave_the_safe_chain_alone() -> None:
    world = await posted()
    done = unwind(world.chain, world.safe_db, world.header(7))
    assert (done.head.number, done.safe.number, done.dropped) == (7, 6, 1)
    world.restart()
    await world.catch_up()
    assert (world.chain.head.number, world.chain.safe.number) == (7, 6)
    assert world.driver.status.derived_blocks == 0


@pytest.mark.parametrize("is_marked", [True, False])
@pytest.mark.parametrize("is_final", [True, False])
@pytest.mark.parametrize("target", range(8))
async def test_whatever_is_taken_back_l1_gives_again(target: int, is_final: bool, is_marked: bool) -> None:
    world = await (posted_and_final() if is_final else posted())
    safe, finalized = world.chain.safe, world.chain.finalized
    records = world.safe_db.latest(10)
    if not is_marked:
        world.safe_db.go_back(world.safe_db.newest(), None)
    done = unwind(world.chain, world.safe_db, world.header(target), below_finalized=True)
    assert done.head.number == target
    assert done.finalized.number <= done.safe.number <= target
    world.restart()
    await finalize(world, finalized.number)
    assert world.driver.status.halted_by is None
    assert world.chain.safe == safe
    assert world.chain.finalized == finalized
    assert world.chain.head.number == max(target, 6)
    assert world.safe_db.latest(10) == records


async def posted_and_final() -> RollupWorld:
    """As `posted`, but L1 has finalized all of it."""
    world = await posted()
    world.endpoint.finalized = len(world.l1.blocks) - 1
    await finalize(world, 6)
    return world


async def finalize(world: RollupWorld, number: int) -> None:
    """Derive everything, and let the node notice what is final."""
    async with world.following():
        await world.derive()
        await until(lambda: world.chain.finalized.number >= number, world.driver.status)


async def test_blocks_below_the_finalized_one_are_taken_back_only_when_that_is_asked_for() -> None:
    world = await posted_and_final()
    with pytest.raises(UnwindRefused, match=r"below the finalized block 6 .*lamina unwind --finalized"):
        unwind(world.chain, world.safe_db, world.header(5))
    assert world.chain.head.number == 8
    unwind(world.chain, world.safe_db, world.header(6))
    assert (world.chain.head.number, world.chain.finalized.number) == (6, 6)


async def test_a_block_whose_state_is_gone_and_one_of_another_fork_are_refused_with_what_to_do() -> None:
    world = await posted_and_final()
    pruner = Pruner(world.chain, 4)
    while pruner.step():
        pass
    with pytest.raises(UnwindRefused, match=r"not kept any more: block 4 is the oldest one to go back to.*reconstruct"):
        unwind(world.chain, world.safe_db, world.header(3), below_finalized=True)
    with pytest.raises(UnwindRefused, match=r"derivation would have to go back to block 2 .*the oldest is of block 4"):
        unwind(world.chain, world.safe_db, world.header(4), below_finalized=True)
    with pytest.raises(UnwindRefused, match="is the unsafe head already"):
        unwind(world.chain, world.safe_db, world.chain.head)
    dropped = world.chain.head
    unwind(world.chain, world.safe_db, world.header(7))
    with pytest.raises(UnwindRefused, match="is not in the chain that ends with block 7"):
        unwind(world.chain, world.safe_db, dropped)


async def test_a_block_is_named_by_number_or_hash() -> None:
    world = await posted()
    for name in ("7", "0x7", to_hex(world.header(7).hash)):
        assert block_of(world.chain, name) == world.header(7)
    for wrong in ("nine", "9", "0x" + "ab" * 32):
        with pytest.raises(ValueError, match="block"):
            block_of(world.chain, wrong)


async def test_the_command_does_it_on_a_directory_and_prints_the_heads(tmp_path: Path) -> None:
    world = await posted()
    datadir = write_directory(world.kv, tmp_path / "data")
    rollup = write_rollup(world.rollup, tmp_path)
    report = lamina_json("unwind", "4", "--datadir", datadir, "--rollup.config", rollup)
    assert report["dropped"] == 4
    assert [report[name]["number"] for name in ("unsafe", "safe", "finalized")] == [4, 2, 0]
    assert lamina_json("db", "verify", "--datadir", datadir)["problems"] == []


# --- under a running node ---


def rpc(world: RollupWorld, sequencer: Sequencer | None = None) -> Dispatcher:
    return Dispatcher([RollupDebug(world.chain, world.driver, sequencer)])


@pytest.mark.parametrize("target", [1, 4, 7])
async def test_a_running_node_sets_its_head_back_and_derives_on_from_there(target: int) -> None:
    world = await posted()
    safe = world.chain.safe
    async with world.following():
        await world.derive()
        await rpc(world).call("debug_setHead", [hex(target)])
        assert world.chain.head.number == target
        await world.derive()
    assert world.driver.status.halted_by is None
    assert world.chain.safe == safe
    assert world.chain.head.number == max(6, target)


async def test_a_running_sequencer_must_be_stopped_first() -> None:
    world = await posted()
    sequencer = world.sequencer()
    async with world.following():
        await world.derive()
        with pytest.raises(RpcError, match=r"stop it first .admin_stopSequencer"):
            await rpc(world, sequencer).call("debug_setHead", ["0x7"])
        assert await sequencer.stop() == world.chain.head.hash
        await rpc(world, sequencer).call("debug_setHead", ["0x7"])
    assert world.chain.head.number == 7


async def test_the_head_is_not_set_back_below_what_is_final_nor_to_what_is_not_there() -> None:
    world = await posted_and_final()
    async with world.following():
        await world.derive()
        with pytest.raises(RpcError, match="below the finalized"):
            await rpc(world).call("debug_setHead", ["0x1"])
        with pytest.raises(RpcError, match="there is no block 99"):
            await rpc(world).call("debug_setHead", ["0x63"])
    assert world.chain.head.number == 8


async def test_a_node_whose_derivation_has_stopped_says_so_instead_of_waiting() -> None:
    world = await posted()
    world.driver.status.halted_by = "a test"
    with pytest.raises(RpcError, match=r"derivation has stopped \(a test\): stop the node and use `lamina unwind`"):
        async with asyncio.timeout(5):
            await rpc(world).call("debug_setHead", ["0x7"])

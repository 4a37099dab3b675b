"""The sequencer on a clock of its own: when blocks are made, of what, and when none are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from config.types import ZERO_HASH
from evm.engine import OpenBlock
from evm.fees import estimated_size_scaled
from evm.types import Header, PayloadAttributes
from node.rollup.rpc import RollupAdmin
from node.rollup.sequencer import Sequencer, SequencerSettings
from node.rpc import Dispatcher, RpcError
from tests.node.rollup_world import RollupWorld, until


@pytest.fixture
def world() -> RollupWorld:
    return RollupWorld()


@asynccontextmanager
async def running(world: RollupWorld, sequencer: Sequencer) -> AsyncIterator[None]:
    """Driver and sequencer run for the time of the block."""
    async with world.following():
        await world.heads.refresh()
        task = asyncio.create_task(sequencer.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_block_is_made_every_block_time_and_holds_what_the_pool_has(world: RollupWorld) -> None:
    sent = [world.transfer(value) for value in (1, 2, 3)]
    for transaction in sent:
        world.pool.add(transaction)
    blocks = await world.sequence(3)
    genesis = world.rollup.genesis.l2_time
    assert [block.header.timestamp - genesis for block in blocks] == [2, 4, 6]
    assert [transaction.hash for transaction in blocks[0].transactions[1:]] == [tx.hash for tx in sent]
    assert all(block.transactions[0].is_deposit for block in blocks)
    assert [len(block.transactions) for block in blocks] == [4, 1, 1]


async def test_no_block_is_sealed_before_its_time(world: RollupWorld) -> None:
    times: list[float] = []
    world.chain.on_new_head(lambda update: times.append(world.clock.now))
    blocks = await world.sequence(3)
    for block, sealed in zip(blocks, times, strict=False):
        assert block.header.timestamp - 0.05 <= sealed < block.header.timestamp + world.rollup.block_time


async def test_a_late_sequencer_catches_up_block_by_block_without_waiting(world: RollupWorld) -> None:
    world.l1.mine(1)
    world.clock.now += 21
    await world.sequence(9)
    assert world.chain.head.timestamp == world.rollup.genesis.l2_time + 18
    assert sum(world.clock.slept) < 1


async def test_a_late_block_still_gets_its_share_of_transactions(world: RollupWorld) -> None:
    world.l1.mine(1)
    world.clock.now += 21
    world.pool.add(world.transfer())
    blocks = await world.sequence(1)
    assert len(blocks[0].transactions) == 2


async def test_l1_time_that_runs_ahead_of_the_machine_is_followed(world: RollupWorld) -> None:
    # The machine's clock says genesis; L1's says ten blocks later, as after evm_increaseTime.
    world.l1.mine(10)
    await world.sequence(50)
    assert world.chain.head.timestamp == world.rollup.genesis.l2_time + 100
    assert sum(world.clock.slept) < 5


async def test_a_pool_transaction_that_comes_while_the_block_is_open_is_in_it(world: RollupWorld) -> None:
    late = world.transfer()
    sequencer = world.sequencer()
    opened = world.rollup.genesis.l2_time + 1.5
    plain_sleep = world.clock.sleep

    async def sleep(seconds: float) -> None:
        await plain_sleep(seconds)
        if world.clock.now >= opened and world.pool.pending_count == 0 and world.chain.head.number == 0:
            world.pool.add(late)

    sequencer._sleep = sleep
    blocks = await world.sequence(1, sequencer)
    assert [transaction.hash for transaction in blocks[0].transactions[1:]] == [late.hash]


@pytest.fixture
def begun(world: RollupWorld, monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """By block number, when a block was begun: seconds after its parent's timestamp. Turns for others take 0.2 seconds each."""
    times: dict[int, float] = {}
    start_payload, plain_sleep = world.chain.engine.start_payload, world.clock.sleep

    async def sleep(seconds: float) -> None:
        await plain_sleep(seconds)
        if seconds == 0:
            world.clock.now += 0.2  # what the engine takes for a few transactions

    def start(parent: Header, attributes: PayloadAttributes) -> OpenBlock:
        times.setdefault(parent.number + 1, world.clock.now - parent.timestamp)
        return start_payload(parent, attributes)

    monkeypatch.setattr(world.clock, "sleep", sleep)
    monkeypatch.setattr(world.chain.engine, "start_payload", start)
    return times


async def test_a_sequencer_short_of_time_begins_the_next_block_at_once(
    world: RollupWorld, begun: dict[int, float]
) -> None:
    for _ in range(250):
        world.pool.add(world.transfer())
    blocks = await world.sequence(3)
    counts = [len(block.transactions) - 1 for block in blocks]
    assert counts[0] > 0
    assert sum(counts[:2]) == 250
    assert begun[1] == pytest.approx(0.8), "before, nothing had to wait: the best fees are chosen late"
    assert 0 <= begun[2] < 0.8
    assert begun[3] == pytest.approx(0.8), "and it goes back once nothing waits any more"


async def test_it_keeps_all_of_the_time_while_blocks_need_more_than_their_usual_part_of_it(
    world: RollupWorld, begun: dict[int, float]
) -> None:
    for _ in range(500):
        world.pool.add(world.transfer())
    blocks = await world.sequence(5)
    counts = [len(block.transactions) - 1 for block in blocks]
    assert counts[1] > counts[0], "the second block has all of its time"
    assert counts[2] > counts[0]
    assert sum(counts[:3]) == 500
    assert 0 <= begun[2] < 0.8
    assert 0 <= begun[3] < 0.8
    assert 0 <= begun[4] < 0.8, "the third block took all that waited, but in more than the usual part"
    assert begun[5] == pytest.approx(0.8)


async def test_an_origin_is_taken_when_its_time_has_come_and_brings_its_deposits(world: RollupWorld) -> None:
    recipient = world.rollup.batch_inbox_address
    world.l1.deposit(recipient, recipient, mint=5, value=3, gas=100_000)
    world.l1.mine(1)
    blocks = await world.sequence(8)
    origins = [world.ref(number).l1_origin.number for number in range(1, 9)]
    # L1 block 1 stands at 12 s: the L2 block of that time is the sixth.
    assert origins == [0] * 5 + [1] * 3
    assert [len(block.transactions) for block in blocks] == [1, 1, 1, 1, 1, 2, 1, 1]
    assert blocks[5].transactions[1].is_deposit
    account = world.chain.state_at(world.header(6)).account(recipient)
    assert account is not None
    assert account.balance == 5


async def test_the_whole_block_fits_under_the_gas_limit(world: RollupWorld) -> None:
    limit = world.rollup.genesis.system_config.gas_limit
    for _ in range(40):
        world.pool.add(world.transfer())
    (block,) = await world.sequence(1)
    assert block.header.gas_used <= limit
    assert len(block.transactions) == 41


async def test_a_block_holds_no_more_estimated_l1_data_than_the_batcher_allows(world: RollupWorld) -> None:
    transfers = [world.transfer() for _ in range(12)]
    for transaction in transfers:
        world.pool.add(transaction)
    size = estimated_size_scaled(transfers[0].raw) // 10**6
    world.pool.da_limits.block = 5 * size + size // 2
    blocks = await world.sequence(3)
    assert [len(block.transactions) - 1 for block in blocks] == [5, 5, 2]
    sent = [transaction.hash for block in blocks for transaction in block.transactions[1:]]
    assert sent == [transaction.hash for transaction in transfers], "their order is kept, none is lost"


async def test_deposits_do_not_count_as_the_blocks_own_data_and_need_no_room(world: RollupWorld) -> None:
    recipient = world.rollup.batch_inbox_address
    world.l1.deposit(recipient, recipient, mint=5, value=3, gas=1_000_000, data=bytes(range(256)) * 8)
    world.l1.mine(1)
    world.pool.add(world.transfer())
    world.pool.da_limits.block = world.pool.da_limits.transaction = 1
    blocks = await world.sequence(8)
    assert sum(len(block.transactions) for block in blocks) == 8 + 1, "the deposit is in, the transfer waits"
    world.pool.da_limits.block = world.pool.da_limits.transaction = None
    (block,) = await world.sequence(1)
    assert len(block.transactions) == 2


async def test_a_batcher_that_is_behind_pauses_sequencing_when_told_to(world: RollupWorld) -> None:
    sequencer = world.sequencer(SequencerSettings(max_safe_lag=3))
    async with running(world, sequencer):
        await until(lambda: sequencer.waiting_for is not None)
        assert world.chain.head.number == 3
        assert "3 blocks behind, the limit is 3" in (sequencer.waiting_for or "")
        world.post([1, 2])
        world.l1.mine(1)
        await world.derive()
        await until(lambda: world.chain.head.number == 5)
    assert sequencer.halted_by is None


async def test_when_the_drift_is_used_up_it_waits_for_l1_and_then_leaves_the_pool_out() -> None:
    world = RollupWorld(block_time=600)
    sequencer = world.sequencer(SequencerSettings(fill_share=0.001))
    async with running(world, sequencer):
        await until(lambda: sequencer.waiting_for is not None)
        assert world.chain.head.timestamp == world.rollup.genesis.l2_time + 1800
        assert "sequencing waits for L1 to make its next block" in (sequencer.waiting_for or "")
        world.pool.add(world.transfer())
        # The next origin stands at 12 s: a block at 2400 s is beyond its drift too.
        world.l1.mine(1)
        await world.heads.refresh()
        await until(lambda: world.chain.head.number == 4)
        assert world.ref(4).l1_origin.number == 1
        assert len(world.block(4).transactions) == 1
        assert world.pool.pending_count == 1
    assert sequencer.halted_by is None


async def test_an_l1_reorg_of_its_origin_makes_it_start_again_below(world: RollupWorld) -> None:
    world.l1.mine(1)
    world.clock.now += 60
    sequencer = world.sequencer()
    await world.sequence(8, sequencer)
    assert world.ref(8).l1_origin == world.l1.ref(1).id
    old = world.header(6)
    world.l1.reorg(0)
    world.l1.mine(1)
    again = world.sequencer()
    await world.sequence(4, again)
    assert world.header(6) != old
    assert world.ref(world.chain.head.number).l1_origin == world.l1.ref(1).id
    assert again.halted_by is None


# --- the switch ---


async def test_stopping_answers_the_last_block_and_starting_goes_on_from_it(world: RollupWorld) -> None:
    sequencer = world.sequencer()
    async with running(world, sequencer):
        await until(lambda: world.chain.head.number >= 2)
        last = await sequencer.stop()
        assert last == world.chain.head.hash
        assert not sequencer.active
        number = world.chain.head.number
        for _ in range(50):
            await asyncio.sleep(0)
        assert world.chain.head.number == number
        with pytest.raises(ValueError, match="sequencer not running"):
            await sequencer.stop()
        with pytest.raises(ValueError, match="block hash does not match"):
            sequencer.start(world.chain.genesis.hash)
        sequencer.start(last)
        with pytest.raises(ValueError, match="already running"):
            sequencer.start(last)
        await until(lambda: world.chain.head.number > number)


async def test_a_sequencer_that_is_told_to_wait_makes_nothing_until_it_is_started(world: RollupWorld) -> None:
    sequencer = world.sequencer(active=False)
    async with running(world, sequencer):
        await world.driver.ready.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        assert world.chain.head.number == 0
        sequencer.start(ZERO_HASH)
        await until(lambda: world.chain.head.number > 0)


async def test_the_operators_switch_over_rpc(world: RollupWorld) -> None:
    sequencer = world.sequencer()
    admin = Dispatcher([RollupAdmin(world.driver, sequencer)])
    async with running(world, sequencer):
        await until(lambda: world.chain.head.number >= 1)
        assert await admin.call("admin_sequencerActive", []) is True
        last = await admin.call("admin_stopSequencer", [])
        assert last == "0x" + world.chain.head.hash.hex()
        assert await admin.call("admin_sequencerActive", []) is False
        with pytest.raises(RpcError, match="sequencer not running"):
            await admin.call("admin_stopSequencer", [])
        assert await admin.call("admin_startSequencer", [last]) is None
        assert await admin.call("admin_sequencerActive", []) is True


async def test_a_requested_reset_over_rpc_is_refused_once_derivation_has_stopped(world: RollupWorld) -> None:
    admin = Dispatcher([RollupAdmin(world.driver, None)])
    async with world.following():
        await world.derive()
        assert await admin.call("admin_resetDerivationPipeline", []) is None
        assert not world.driver.ready.is_set()
        await world.derive()
        world.driver.status.halted_by = "L1 gave up final blocks"
        with pytest.raises(RpcError, match="derivation has stopped, restart the node: L1 gave up final blocks"):
            await admin.call("admin_resetDerivationPipeline", [])
    assert world.driver.status.resets == 1


# --- recovery mode ---


async def test_in_recovery_mode_blocks_are_empty_and_take_the_newest_origin_that_they_may() -> None:
    world = RollupWorld()
    recipient = world.rollup.batch_inbox_address
    world.l1.deposit(recipient, recipient, mint=5, value=3, gas=100_000)
    world.l1.mine(1)
    world.pool.add(world.transfer())
    sequencer = world.sequencer(SequencerSettings(l1_confirmations=4, max_safe_lag=2, recover=True))
    blocks = await world.sequence(8, sequencer)
    # Neither confirmations nor the safe lag hold it up; deposits are in, the pool is left alone.
    assert [world.ref(number).l1_origin.number for number in range(1, 9)] == [0] * 5 + [1] * 3
    assert [len(block.transactions) for block in blocks] == [1, 1, 1, 1, 1, 2, 1, 1]
    assert world.pool.pending_count == 1


async def test_recovery_mode_is_switched_over_rpc_from_the_next_block_on(world: RollupWorld) -> None:
    sequencer = world.sequencer()
    admin = Dispatcher([RollupAdmin(world.driver, sequencer)])
    assert await admin.call("admin_recoverMode", []) is False
    assert await admin.call("admin_setRecoverMode", [True]) is None
    assert await admin.call("admin_recoverMode", []) is True
    world.pool.add(world.transfer())
    (first,) = await world.sequence(1, sequencer)
    assert len(first.transactions) == 1
    await admin.call("admin_setRecoverMode", [False])
    sequencer.start(ZERO_HASH)
    (second,) = await world.sequence(1, sequencer)
    assert len(second.transactions) == 2


async def test_blocks_of_recovery_mode_are_those_that_derivation_makes_when_the_window_has_passed() -> None:
    """So the unsafe chain stands, whether the batcher still comes in time or not."""
    world = RollupWorld()
    recipient = world.rollup.batch_inbox_address
    for _ in range(5):
        world.l1.deposit(recipient, recipient, mint=5, value=3, gas=100_000)
        world.l1.mine(1)
        world.l1.skip_slots(world.l1.head.header.timestamp + 30)
    world.l1.mine(36)
    world.clock.now = float(world.l1.head.header.timestamp)
    made = [block.hash for block in await world.sequence(100, world.sequencer(SequencerSettings(recover=True)))]
    alone = RollupWorld()
    alone.l1 = alone.endpoint.l1 = world.l1
    await alone.catch_up()
    assert alone.driver.status.derived_blocks > 40
    derived = [alone.header(number).hash for number in range(1, alone.chain.safe.number + 1)]
    assert derived[: len(made)] == made[: len(derived)]


async def test_a_verifier_has_no_switch(world: RollupWorld) -> None:
    admin = Dispatcher([RollupAdmin(world.driver, None)])
    assert await admin.call("admin_sequencerActive", []) is False
    with pytest.raises(RpcError, match="sequencer is not enabled on this node"):
        await admin.call("admin_stopSequencer", [])

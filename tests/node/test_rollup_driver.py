"""The driver: what becomes safe, what is replaced, what becomes final, and what happens when L1 changes its mind."""

import asyncio

import pytest

from derivation.codec import SingularBatch, encode_blob
from tests.node.rollup_world import RollupWorld, until


@pytest.fixture
def world() -> RollupWorld:
    return RollupWorld()


async def test_a_fresh_node_is_ready_when_its_genesis_is_on_l1(world: RollupWorld) -> None:
    world.l1.mine(3)
    await world.catch_up()
    assert world.driver.ready.is_set()
    assert world.chain.safe == world.chain.genesis
    assert world.driver.current_l1 == world.l1.ref(3)
    assert world.driver.status.halted_by is None


async def test_sequenced_blocks_become_safe_without_being_made_again(world: RollupWorld) -> None:
    for _ in range(3):
        world.pool.add(world.transfer())
    blocks = await world.sequence(4)
    assert sum(len(block.transactions) for block in blocks) == 4 + 3
    world.post([1, 2, 3])
    world.l1.mine(1)
    await world.catch_up()
    assert world.chain.safe == world.header(3)
    assert world.chain.head.number == 4
    assert world.driver.status.derived_blocks == 0
    assert world.driver.status.replaced_unsafe_blocks == 0


async def test_blobs_are_asked_for_by_their_places_among_all_of_the_l1_block(world: RollupWorld) -> None:
    await world.sequence(2)
    somebody = (7).to_bytes(32, "big")
    world.l1.send_blobs([encode_blob(b"of another rollup"), encode_blob(b"as well")], somebody)
    world.post_blob([1, 2])
    world.l1.mine(1)
    await world.catch_up()
    assert world.chain.safe == world.header(2)
    assert world.endpoint.blob_places == [[2]]


async def test_another_node_derives_the_same_blocks_from_l1_alone(world: RollupWorld) -> None:
    world.pool.add(world.transfer(5))
    await world.sequence(6)
    world.post([1, 2])
    world.l1.mine(1)
    world.post([3, 4, 5, 6])
    world.l1.mine(1)
    verifier = RollupWorld()
    verifier.l1, verifier.endpoint.l1 = world.l1, world.l1
    await verifier.catch_up()
    assert verifier.chain.head == verifier.chain.safe == world.chain.head
    assert verifier.driver.status.derived_blocks == 6
    entries = [verifier.safe_db.at(number) for number in (0, 1, 2, 9)]
    assert [entry and (entry.l1.number, entry.l2.number) for entry in entries] == [None, (1, 2), (2, 6), (2, 6)]


async def test_an_unsafe_block_that_l1_contradicts_is_replaced_with_all_that_stand_on_it(world: RollupWorld) -> None:
    kept = world.transfer(1)
    world.pool.add(kept)
    blocks = await world.sequence(4)
    honest = world.batch_of(2)
    other = world.transfer(99, nonce=1)
    world.post_batches(
        [
            world.batch_of(1),
            SingularBatch(honest.parent_hash, honest.epoch_number, honest.epoch_hash, honest.timestamp, (other.raw,)),
        ]
    )
    world.l1.mine(1)
    await world.catch_up()
    assert world.header(1) == blocks[0].header
    replaced = world.block(2)
    assert [transaction.raw for transaction in replaced.transactions[1:]] == [other.raw]
    assert world.chain.head == world.chain.safe == replaced.header
    assert world.driver.status.replaced_unsafe_blocks == 1
    assert world.chain.header_by_number(3) is None
    assert world.doctor().notes() == []
    assert any("contradicted 1 blocks of this sequencer" in note for note in world.doctor(world.sequencer()).notes())


async def test_a_batch_that_cannot_be_executed_becomes_a_block_of_deposits_only(world: RollupWorld) -> None:
    await world.sequence(1)
    honest = world.batch_of(1)
    too_far = world.transfer(1, nonce=17)
    world.post_batches(
        [SingularBatch(honest.parent_hash, honest.epoch_number, honest.epoch_hash, honest.timestamp, (too_far.raw,))]
    )
    world.l1.mine(1)
    await world.catch_up()
    assert world.chain.safe.number == 1
    assert [transaction.is_deposit for transaction in world.block(1).transactions] == [True]


async def test_blocks_become_final_when_the_l1_block_they_came_from_does(world: RollupWorld) -> None:
    await world.sequence(4)
    world.post([1, 2])
    world.l1.mine(1)
    world.post([3, 4])
    world.l1.mine(1)
    async with world.following():
        await world.derive()
        assert (world.chain.safe.number, world.chain.finalized.number) == (4, 0)
        world.endpoint.finalized = 1
        world.l1.mine(1)
        await world.derive()
        await until(lambda: world.chain.finalized.number > 0)
        assert world.chain.finalized == world.header(2)
        world.endpoint.finalized = 3
        world.l1.mine(1)
        await world.derive()
        await until(lambda: world.chain.finalized.number > 2)
        assert world.chain.finalized == world.header(4)


async def test_a_finalized_l1_block_that_is_not_derived_yet_finalizes_only_what_is(world: RollupWorld) -> None:
    await world.sequence(2)
    world.post([1, 2])
    world.l1.mine(4)
    world.endpoint.finalized = 4
    await world.catch_up()
    assert world.chain.finalized == world.header(2)
    assert world.chain.finalized.number <= world.chain.safe.number


async def test_what_came_from_a_fork_that_l1_did_not_finalize_is_not_final(world: RollupWorld) -> None:
    await world.sequence(2)
    world.post([1, 2])
    world.l1.mine(1)
    async with world.following():
        await world.derive()
        # L1 block 1 becomes another one, final at once, and no block comes after it that would show the reorg.
        world.l1.reorg(0)
        world.l1.mine(1)
        world.endpoint.finalized = 1
        await world.derive()
        await until(lambda: world.driver.status.resets > 0, world.driver.status)
        await world.derive()
    assert (world.chain.safe.number, world.chain.finalized.number) == (0, 0)
    assert world.driver.status.halted_by is None


async def test_after_an_l1_reorg_the_safe_head_goes_back_and_comes_again(world: RollupWorld) -> None:
    await world.sequence(4)
    world.post([1, 2])
    world.l1.mine(1)
    world.post([3, 4])
    world.l1.mine(1)
    async with world.following():
        await world.derive()
        assert world.chain.safe.number == 4
        unsafe = world.chain.head
        # The block with the second batch goes, and the batch is lost with it.
        world.l1.reorg(1)
        world.l1.mine(2)
        await world.derive()
        assert world.chain.safe == world.header(2)
        assert world.chain.head == unsafe
        assert world.driver.status.resets >= 1
        world.post([3, 4])
        world.l1.mine(1)
        await world.derive()
        assert world.chain.safe == world.header(4) == unsafe
    entries = [world.safe_db.at(number) for number in (1, 3, 4)]
    assert [entry and (entry.l1.number, entry.l2.number) for entry in entries] == [(1, 2), (1, 2), (4, 4)]


async def test_unsafe_blocks_of_a_dropped_origin_go(world: RollupWorld) -> None:
    world.l1.mine(2)
    world.clock.now += 60
    blocks = await world.sequence(8)
    origins = [world.ref(number).l1_origin.number for number in range(1, 9)]
    assert origins[-1] == 1
    kept = origins.index(1)
    world.l1.reorg(0)
    world.l1.mine(3)
    await world.catch_up()
    assert world.chain.head.number == kept
    assert world.header(kept) == blocks[kept - 1].header


async def test_a_silent_l1_is_waited_for_and_named(world: RollupWorld) -> None:
    world.endpoint.down = "http://l1.example does not answer"
    async with world.following():
        await until(lambda: world.driver.status.temporary_errors > 0)
        assert world.driver.status.last_error == "http://l1.example does not answer"
        assert world.driver.status.waiting_for == "http://l1.example does not answer"
        assert not world.driver.ready.is_set()
        world.endpoint.down = None
        await asyncio.wait_for(world.driver.ready.wait(), 5)
        await world.derive()
    assert world.driver.status.last_error is None
    assert world.driver.status.halted_by is None


async def test_an_l1_of_another_chain_stops_the_node_and_says_why(world: RollupWorld) -> None:
    world.l1.reorg(-1)
    world.l1.mine(2)
    async with world.following():
        await until(lambda: world.driver.status.halted_by is not None)
    assert "--l1 follows another chain than --rollup.config names" in (world.driver.status.halted_by or "")
    assert not world.driver.ready.is_set()


async def test_finalized_blocks_that_l1_lost_stop_the_node(world: RollupWorld) -> None:
    await world.sequence(2)
    world.post([1, 2])
    world.l1.mine(2)
    world.endpoint.finalized = 2
    await world.catch_up()
    assert world.chain.finalized.number == 2
    world.l1.reorg(0)
    world.l1.mine(4)
    world.endpoint.finalized = 0
    world.restart()
    async with world.following():
        await until(lambda: world.driver.status.halted_by is not None)
    assert "L1 no longer holds the data of the finalized L2 block 2" in (world.driver.status.halted_by or "")
    assert world.chain.finalized.number == 2


async def test_a_restart_goes_on_where_it_was(world: RollupWorld) -> None:
    await world.sequence(4)
    world.post([1, 2])
    world.l1.mine(1)
    world.post([3, 4])
    world.l1.mine(1)
    await world.catch_up()
    head, safe = world.chain.head, world.chain.safe
    world.restart()
    await world.catch_up()
    assert (world.chain.head, world.chain.safe) == (head, safe)
    assert world.driver.status.derived_blocks == 0
    assert world.driver.status.replaced_unsafe_blocks == 0


async def test_a_requested_reset_keeps_what_l1_supports(world: RollupWorld) -> None:
    await world.sequence(3)
    world.post([1, 2, 3])
    world.l1.mine(1)
    async with world.following():
        await world.derive()
        safe = world.chain.safe
        world.driver.request_reset("a test asks")
        assert not world.driver.ready.is_set()
        await world.derive()
        await until(lambda: world.chain.safe.number == 3)
        assert world.chain.safe == safe
    assert world.driver.status.resets == 1

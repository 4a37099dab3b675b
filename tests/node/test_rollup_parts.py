"""The rollup node's small parts: origin choice, consolidation, the safe head database, the start of sync, L1 heads."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import CriticalError, ResetError, TemporaryError
from config.forks import Fork
from config.rollup import BlockId
from config.types import Address, Gas, Hash32
from derivation.attributes import prepare_payload_attributes
from derivation.providers import ChainL2Provider, DataKind, Missing, NotYetAvailable
from derivation.types import DerivedAttributes, L2BlockRef
from evm.store.kv import MemoryStore
from evm.types import from_hex, keccak256
from node.rollup.consolidation import difference
from node.rollup.l1_origin import choose_origin
from node.rollup.rpc import Rollup
from node.rollup.safe_db import SafeDb, SafeHeadEntry
from node.rollup.sync_start import find_sync_start
from node.rpc import Dispatcher, RpcError
from tests.actions.chains import L1_BLOCK_TIME, L1_CONFIG, FakeL1, make_rollup
from tests.node.rollup_world import RollupWorld, until

# --- the origin of the next block ---


def parent_at(l1: FakeL1, origin: int, seconds: int) -> L2BlockRef:
    """An L2 head with this origin, `seconds` after L1 genesis."""
    ref = l1.ref(origin)
    return L2BlockRef(
        Hash32(b"\x02" * 32), seconds // 2, Hash32(b"\x01" * 32), l1.blocks[0].header.timestamp + seconds, ref.id, 0
    )


def choice(l1: FakeL1, parent: L2BlockRef, *, fork: Fork = Fork.ISTHMUS, confirmations: int = 0, **changes: Any) -> Any:
    rollup = make_rollup(l1, fork, **changes)
    return choose_origin(parent, rollup, l1, l1.head.number, confirmations)


def test_the_origin_stays_until_the_next_one_is_not_in_the_future() -> None:
    l1 = FakeL1()
    l1.mine(2)
    assert choice(l1, parent_at(l1, 0, L1_BLOCK_TIME - 4)).origin.number == 0
    assert choice(l1, parent_at(l1, 0, L1_BLOCK_TIME - 2)).origin.number == 1


def test_the_origin_advances_by_one_at_most() -> None:
    l1 = FakeL1()
    l1.mine(5)
    assert choice(l1, parent_at(l1, 0, 5 * L1_BLOCK_TIME)).origin.number == 1


def test_a_new_origin_waits_for_its_confirmations() -> None:
    l1 = FakeL1()
    l1.mine(3)
    parent = parent_at(l1, 0, L1_BLOCK_TIME)
    assert choice(l1, parent, confirmations=2).origin.number == 1
    assert choice(l1, parent, confirmations=3).origin.number == 0


def test_confirmations_are_waived_when_the_drift_is_used_up() -> None:
    l1 = FakeL1()
    l1.mine(1)
    parent = parent_at(l1, 0, 1800)
    chosen = choice(l1, parent, confirmations=10)
    assert chosen.origin.number == 1
    assert chosen.deposits_only is False


def test_the_drift_is_fjords_constant_since_fjord() -> None:
    l1 = FakeL1()
    assert choice(l1, parent_at(l1, 0, 1798), max_sequencer_drift=10).origin.number == 0
    with pytest.raises(TemporaryError, match="more than 1800 s ahead of L1 block 0"):
        choice(l1, parent_at(l1, 0, 1800), max_sequencer_drift=10)
    with pytest.raises(TemporaryError, match="more than 10 s ahead"):
        choice(l1, parent_at(l1, 0, 10), fork=Fork.ECOTONE, max_sequencer_drift=10)


def test_between_the_drift_and_the_next_origins_time_only_deposits_may_be_in_a_block() -> None:
    l1 = FakeL1()
    l1.mine(1)
    for seconds, deposits_only in ((2, False), (4, True), (8, True)):
        chosen = choice(l1, parent_at(l1, 0, seconds), fork=Fork.ECOTONE, max_sequencer_drift=4)
        assert (chosen.origin.number, chosen.deposits_only) == (0, deposits_only)


def test_a_new_origin_that_is_already_too_old_leaves_the_pool_out() -> None:
    l1 = FakeL1()
    l1.mine(1)
    chosen = choice(l1, parent_at(l1, 0, 3600))
    assert (chosen.origin.number, chosen.deposits_only) == (1, True)


def test_an_origin_that_l1_dropped_asks_for_a_reset() -> None:
    l1 = FakeL1()
    l1.mine(2)
    parent = parent_at(l1, 1, 14)
    l1.reorg(0)
    with pytest.raises(TemporaryError, match="L1 has not reached block 1"):
        choice(l1, parent)
    l1.mine(1)
    with pytest.raises(ResetError, match="is no longer canonical"):
        choice(l1, parent)


def test_data_that_is_not_fetched_is_asked_for() -> None:
    l1 = FakeL1(lazy=True)
    l1.mine(1)
    with pytest.raises(NotYetAvailable) as caught:
        choice(l1, parent_at(l1, 0, 20))
    assert caught.value.missing == Missing(DataKind.L1_HEADER, number=0)


# --- consolidation ---


async def derived_of(world: RollupWorld, number: int) -> DerivedAttributes:
    """What L1 would have to say for the canonical block `number`."""
    parent, ref = world.ref(number - 1), world.ref(number)
    provider = ChainL2Provider(world.rollup, world.chain)
    attributes = prepare_payload_attributes(world.rollup, L1_CONFIG, world.l1, provider, parent, ref.l1_origin)
    raws = tuple(transaction.raw for transaction in world.block(number).transactions if not transaction.is_deposit)
    attributes = replace(attributes, transactions=(*attributes.transactions, *raws))
    return DerivedAttributes(attributes, parent, ref.l1_origin, True, world.l1.ref(0))


async def test_a_block_is_recognised_in_what_l1_says_and_every_difference_is_named() -> None:
    world = RollupWorld()
    world.pool.add(world.transfer())
    await world.sequence(2)
    block, derived = world.block(1), await derived_of(world, 1)
    assert difference(block, derived, world.rollup) is None
    attributes = derived.attributes
    other = world.transfer(9, nonce=0).raw
    assert len(attributes.transactions) == 2
    for changes, words in (
        ({"timestamp": attributes.timestamp + 2}, "timestamp is"),
        ({"prev_randao": Hash32(b"\x01" * 32)}, "prev randao is"),
        ({"suggested_fee_recipient": Address(b"\x01" * 20)}, "fee recipient is"),
        ({"gas_limit": Gas(1)}, "gas limit is 30000000, derived 1"),
        ({"parent_beacon_block_root": Hash32(b"\x01" * 32)}, "parent beacon block root is"),
        ({"eip1559_params": bytes.fromhex("0000000100000001")}, "extra data is"),
        ({"with_withdrawals": False}, "withdrawals is (), derived None"),
        ({"transactions": attributes.transactions[:1]}, "number of transactions is 2, derived 1"),
        ({"transactions": (attributes.transactions[0], other)}, "transaction 1 is 0x"),
    ):
        changed = replace(derived, attributes=replace(attributes, **changes))
        assert words in (difference(block, changed, world.rollup) or "no difference")
    elsewhere = replace(derived, parent=world.ref(1))
    assert "parent is" in (difference(block, elsewhere, world.rollup) or "")


# --- the safe head database ---


def block_id(number: int, fork: int = 0) -> BlockId:
    return BlockId(Hash32(bytes([fork]) + bytes(23) + number.to_bytes(8, "big")), number)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1 << 40)), max_size=30), st.integers(0, 41))
def test_the_safe_head_of_an_l1_block_is_the_newest_note_at_or_below_it(
    notes: list[tuple[int, int]], asked: int
) -> None:
    database = SafeDb(MemoryStore())
    model: dict[int, int] = {}
    for l1, l2 in notes:
        database.record(block_id(l1), block_id(l2, 1))
        model[l1] = l2
    below = [number for number in model if number <= asked]
    expected = SafeHeadEntry(block_id(max(below)), block_id(model[max(below)], 1)) if below else None
    assert database.at(asked) == expected
    database.go_back(expected, block_id(asked))
    assert database.newest() == expected
    assert database.derived() == block_id(asked)
    assert database.at(1 << 40) == expected


def test_a_later_note_for_the_same_l1_block_counts() -> None:
    database = SafeDb(MemoryStore())
    assert database.newest() is None
    database.record(block_id(7), block_id(20, 1))
    database.record(block_id(7), block_id(23, 1))
    assert database.at(7) == SafeHeadEntry(block_id(7), block_id(23, 1))
    assert database.at(6) is None


def test_the_newest_derived_l1_block_is_remembered_until_it_is_gone_back_behind() -> None:
    kv = MemoryStore()
    database = SafeDb(kv)
    assert database.derived() is None
    database.mark_derived(block_id(8))
    database.mark_derived(block_id(9))
    assert SafeDb(kv).derived() == block_id(9)
    database.go_back(None, None)
    assert SafeDb(kv).derived() is None


# --- where to start ---


async def grown() -> RollupWorld:
    """Six blocks, four of them safe from the L1 blocks 1 and 2, nothing final."""
    world = RollupWorld()
    await world.sequence(6)
    world.post([1, 2])
    world.l1.mine(1)
    world.post([3, 4])
    world.l1.mine(1)
    await world.catch_up()
    return world


async def start_of(world: RollupWorld) -> tuple[int, int, int, int | None]:
    """(unsafe, safe, where derivation goes on, the L1 block it is the outcome of)."""
    start = await find_sync_start(world.chain, world.rollup, world.endpoint, world.safe_db)
    assert start.unsafe.number >= start.safe.number >= start.derived.number
    assert start.processed is None or start.processed == world.l1.ref(start.processed.number)
    processed = None if start.processed is None else start.processed.number
    return start.unsafe.number, start.safe.number, start.derived.number, processed


def without_mark(world: RollupWorld) -> RollupWorld:
    """As if the newest recorded L1 block were left half way."""
    world.safe_db.go_back(world.safe_db.newest(), None)
    return world


async def test_an_l1_block_that_is_marked_as_derived_is_done() -> None:
    world = await grown()
    assert await start_of(world) == (6, 4, 4, 2)
    world.l1.mine(3)
    await world.catch_up()
    # Blocks without batches count, too.
    assert await start_of(world) == (6, 4, 4, 5)


async def test_an_l1_block_that_may_be_half_done_is_derived_again_below_the_safe_head() -> None:
    assert await start_of(without_mark(await grown())) == (6, 4, 2, 1)


async def test_the_first_l1_block_that_is_half_done_is_derived_again_from_genesis() -> None:
    world = RollupWorld()
    await world.sequence(2)
    world.post([1, 2])
    world.l1.mine(1)
    await world.catch_up()
    assert await start_of(without_mark(world)) == (2, 2, 0, 0)


async def test_an_l1_block_whose_outcome_is_final_is_done() -> None:
    world = without_mark(await grown())
    world.chain.set_finalized(world.header(4))
    assert await start_of(world) == (6, 4, 4, 2)


async def test_after_a_reorg_the_start_is_the_newest_note_that_l1_still_supports() -> None:
    world = await grown()
    world.l1.reorg(1)
    world.l1.mine(3)
    # Block 1 is done, since another one was recorded after it.
    assert await start_of(world) == (6, 2, 2, 1)
    world.l1.reorg(0)
    world.l1.mine(3)
    assert await start_of(world) == (6, 0, 0, None)


async def test_a_mark_of_a_dropped_fork_does_not_count_for_the_next_one() -> None:
    world = await grown()
    world.l1.mine(4)
    await world.catch_up()
    world.l1.reorg(1)
    world.post([3, 4])
    world.l1.mine(6)
    async with world.following():
        await world.heads.refresh()
        # Stopped in the middle: block 2 of the new fork has given L2 block 3 only.
        await until(lambda: world.chain.safe.number == 3 and world.safe_db.at(9).l1 == world.l1.ref(2).id)  # type: ignore[union-attr]
    world.restart()
    unsafe, safe, derived, processed = await start_of(world)
    assert (unsafe, safe, derived, processed) == (6, 3, 2, 1)


async def test_heads_wait_while_l1_shows_less_than_was_derived_from_it() -> None:
    world = await grown()
    blocks = list(world.l1.blocks)
    del world.l1.blocks[2:]
    with pytest.raises(TemporaryError, match=r"L1 does not have block 2 .* yet, which L2 block 4 .* was derived from"):
        await start_of(world)
    world.l1.blocks[:] = blocks
    assert await start_of(world) == (6, 4, 4, 2)


async def test_an_l1_that_is_far_behind_is_asked_little() -> None:
    world = RollupWorld()
    await world.sequence(5)
    for number in range(1, 6):
        world.post([number])
        world.l1.mine(1)
    world.endpoint.finalized = 3
    await world.catch_up()
    del world.l1.blocks[2:]
    world.endpoint.asked.clear()
    with pytest.raises(TemporaryError, match=r"L1 does not have block 5 .* yet, which L2 block 5 .* was derived from"):
        await start_of(world)
    assert world.endpoint.asked == ["header 0", "header 5", "header latest", "header 1"]


async def test_an_l1_that_lost_what_is_final_is_found_out_without_going_back_to_genesis() -> None:
    world = RollupWorld()
    await world.sequence(5)
    for number in range(1, 6):
        world.post([number])
        world.l1.mine(1)
    world.endpoint.finalized = 4
    await world.catch_up()
    world.l1.reorg(0)
    world.l1.mine(8)
    world.endpoint.asked.clear()
    with pytest.raises(CriticalError, match=r"the finalized L2 block 4 .* it was derived from L1 block 4"):
        await start_of(world)
    assert world.endpoint.asked == ["header 0", "header 5", "header 4", "header 3"]


async def test_unsafe_blocks_whose_origin_is_ahead_of_l1_are_kept_unless_one_below_was_dropped() -> None:
    world = RollupWorld()
    world.l1.mine(2)
    world.clock.now += 60
    await world.sequence(13)
    origins = [world.ref(number).l1_origin.number for number in range(1, 14)]
    assert origins[-1] == 2
    del world.l1.blocks[2:]
    assert (await start_of(world))[0] == 13
    world.l1.reorg(0)
    world.l1.mine(1)
    assert (await start_of(world))[0] == origins.index(1)


async def test_a_chain_that_came_without_its_records_is_derived_again_from_genesis() -> None:
    world = await grown()
    world.chain.set_finalized(world.header(2))
    world.safe_db.go_back(None, None)
    assert await start_of(world) == (6, 2, 0, None)
    world.restart()
    await world.catch_up()
    assert world.chain.safe.number == 4
    assert world.driver.status.derived_blocks == 0
    assert [entry and entry.l2.number for entry in map(world.safe_db.at, (0, 1, 2))] == [None, 2, 4]


async def test_a_node_that_has_derived_nothing_starts_at_genesis() -> None:
    world = RollupWorld()
    world.l1.mine(1)
    await world.sequence(3)
    world.safe_db.go_back(None, None)
    assert await start_of(world) == (3, 0, 0, None)
    world.restart()
    await world.catch_up()
    assert await start_of(world) == (3, 0, 0, 1)


async def test_an_l1_that_is_not_there_yet_is_waited_for() -> None:
    world = RollupWorld()
    world.l1.blocks.clear()
    with pytest.raises(TemporaryError, match="L1 does not have the rollup's start block 0"):
        await start_of(world)


async def test_an_l1_of_another_chain_is_refused() -> None:
    world = RollupWorld()
    world.l1.reorg(-1)
    world.l1.mine(1)
    with pytest.raises(CriticalError, match="follows another chain"):
        await start_of(world)


# --- L1 heads ---


async def test_l1_heads_are_told_once_per_change_and_reorgs_are_noticed(caplog: pytest.LogCaptureFixture) -> None:
    world = RollupWorld()
    seen: list[Hash32] = []
    world.heads.on_latest(lambda header: seen.append(header.hash))
    await world.heads.refresh()
    await world.heads.refresh()
    world.l1.mine(1)
    await world.heads.refresh()
    assert seen == [world.l1.blocks[0].hash, world.l1.blocks[1].hash]
    world.l1.reorg(0)
    world.l1.mine(1)
    await world.heads.refresh()
    assert seen[-1] == world.l1.head.hash
    assert "L1 reorganised" in caplog.text


async def test_a_finalized_head_that_moves_back_is_not_believed(caplog: pytest.LogCaptureFixture) -> None:
    world = RollupWorld()
    world.l1.mine(3)
    world.endpoint.finalized = 2
    await world.heads.refresh()
    world.endpoint.finalized = 1
    await world.heads.refresh()
    assert world.heads.finalized == world.l1.blocks[2].header
    assert "moved back" in caplog.text


async def test_a_change_that_came_before_the_wait_is_not_slept_through() -> None:
    world = RollupWorld()
    await world.heads.refresh()
    known = world.heads.latest
    world.l1.mine(1)
    await world.heads.refresh()
    assert await asyncio.wait_for(world.heads.wait_for_change(known, 60), 1) is True
    assert await world.heads.wait_for_change(world.heads.latest, 0.001) is False


async def test_the_heads_say_while_l1_does_not_answer() -> None:
    world = RollupWorld()
    world.heads._interval = 0.0
    world.endpoint.down = "no route to host"
    task = asyncio.create_task(world.heads.run())
    while world.heads.error is None:
        await asyncio.sleep(0)
    assert world.heads.error == "no route to host"
    world.endpoint.down = None
    while world.heads.error is not None:
        await asyncio.sleep(0)
    assert world.heads.latest == world.l1.head.header
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# --- optimism_ ---


def rpc(world: RollupWorld) -> Dispatcher:
    return Dispatcher([Rollup(world.rollup, world.chain, world.driver, world.heads, world.safe_db)])


async def test_the_sync_status_names_every_head() -> None:
    world = await grown()
    await world.heads.refresh()
    status = await rpc(world).call("optimism_syncStatus", [])
    numbers = {name: block["number"] for name, block in status.items()}
    assert numbers == {
        "current_l1": 2,
        "current_l1_finalized": 0,
        "head_l1": 2,
        "safe_l1": 0,
        "finalized_l1": 0,
        "unsafe_l2": 6,
        "safe_l2": 4,
        "finalized_l2": 0,
        "pending_safe_l2": 4,
        "queued_unsafe_l2": 0,
        "cross_unsafe_l2": 6,
        "local_safe_l2": 4,
    }
    assert status["unsafe_l2"] == world.ref(6).to_json()
    assert status["head_l1"] == world.l1.ref(2).to_json()


async def test_the_safe_head_at_an_l1_block_is_what_l1_held_then() -> None:
    world = await grown()
    dispatcher = rpc(world)
    genesis = world.rollup.genesis
    for l1_number, l1_block, safe in (
        (0, genesis.l1, genesis.l2),
        (1, world.l1.ref(1).id, world.ref(2).id),
        (2, world.l1.ref(2).id, world.ref(4).id),
    ):
        answer = await dispatcher.call("optimism_safeHeadAtL1Block", [hex(l1_number)])
        assert answer == {"l1Block": l1_block.to_json(), "safeHead": safe.to_json()}
    world.l1.mine(1)
    with pytest.raises(
        RpcError,
        match=r"failed to get safe head at l1 block 0x3: not found: L1 block 3 is not derived yet \(derived .* 2\)",
    ):
        await dispatcher.call("optimism_safeHeadAtL1Block", ["0x3"])
    await world.catch_up()
    # An L1 block without batches leaves the safe head where it was.
    answer = await dispatcher.call("optimism_safeHeadAtL1Block", ["0x3"])
    assert answer["safeHead"] == world.ref(4).id.to_json()


async def test_an_output_root_is_the_hash_of_what_it_is_shown_to_be_made_of() -> None:
    world = await grown()
    dispatcher = rpc(world)
    answer = await dispatcher.call("optimism_outputAtBlock", ["0x4"])
    block = answer["blockRef"]
    assert block == world.ref(4).to_json()
    parts = (answer["version"], answer["stateRoot"], answer["withdrawalStorageRoot"], block["hash"])
    assert from_hex(answer["outputRoot"]) == keccak256(b"".join(from_hex(part) for part in parts))
    with pytest.raises(RpcError, match="block 99 not found"):
        await dispatcher.call("optimism_outputAtBlock", ["0x63"])


async def test_the_configuration_is_served_as_the_file_spells_it() -> None:
    world = RollupWorld()
    assert await rpc(world).call("optimism_rollupConfig", []) == world.rollup.to_json()

"""Silent sequencers, moved keys, refused payloads and L1 reorgs."""

from dataclasses import replace

import pytest

from config.errors import CriticalError, ResetError
from config.types import Address, Hash32
from derivation.codec import SingularBatch, encode_batcher_transaction
from derivation.events import EventKind
from derivation.l2_block_info import l1_block_info
from derivation.pipeline import DerivationPipeline
from derivation.types import AdvancedOrigin, Attributes, L2BlockRef, NeedMoreData
from evm.types import PayloadAttributes
from evm.types.signature import address_of
from tests.actions.chains import L1_CONFIG, OTHER_BATCHER_KEY, FakeL1, FakeL2, user_transactions
from tests.actions.conftest import World
from tests.actions.verifier import Verifier


def test_nothing_is_derived_from_silence_before_the_sequencing_window_has_passed(world: World) -> None:
    """Spec: op derivation, "Batch Queue"."""
    world.l1.mine(29)
    verifier = world.verifier()
    waiting = verifier.run()
    assert len(verifier.hashes()) == 1
    assert waiting.l1_number == 30
    assert "waiting for L1 block 30" in waiting.why
    status = verifier.pipeline.status()
    assert (status.next_timestamp, status.waiting_for) == (world.rollup.genesis.l2_time + 2, waiting.why)


def test_after_the_sequencing_window_empty_blocks_fill_the_epoch_and_deposits_are_forced_in(world: World) -> None:
    """Spec: op derivation, "Batch Queue" (empty batches)."""
    sender = Address(b"\x22" * 20)
    world.l1.deposit(sender, sender, 5, 5, 21_000)
    world.l1.mine(30)
    verifier = world.verifier()
    verifier.run()
    # Epoch 0 is complete up to, but without, the timestamp of L1 block 1.
    assert [block.header.timestamp - world.rollup.genesis.l2_time for block in verifier.l2.blocks] == [
        0,
        2,
        4,
        6,
        8,
        10,
    ]
    assert all(l1_block_info(block).number == 0 for block in verifier.l2.blocks[1:])
    world.l1.mine(1)
    verifier.run()
    first = verifier.l2.blocks[6]
    assert l1_block_info(first).number == 1
    assert [tx.is_deposit for tx in first.transactions] == [True, True]
    assert len(verifier.hashes()) == 12
    world.l1.mine(20)
    verifier.run()
    assert len(verifier.hashes()) == 6 * 22
    assert set(verifier.kinds()) == {EventKind.EMPTY_BATCH}


def test_epochs_of_missed_slots_get_at_least_one_block_each() -> None:
    """Spec: op derivation, "Batch Queue" (empty batches)."""
    world = World.create(seq_window_size=4, block_time=12)
    # L2 blocks as slow as L1's: each epoch holds exactly one.
    world.l1.mine(10)
    verifier = world.verifier()
    verifier.run()
    origins = [ref.l1_origin.number for ref in verifier.l2.refs()]
    assert origins == list(range(len(origins)))
    assert len(origins) == 7


def test_a_batch_after_its_sequencing_window_is_too_late_and_the_blocks_are_empty(world: World) -> None:
    """Spec: op derivation, "Batch Queue"."""
    world.sequence(5)
    world.l1.mine(30)
    world.batcher.post([world.batcher.span(1, 5)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes()[1:6] != world.l2.hashes()[1:6]
    assert all(not user_transactions(block) for block in verifier.l2.blocks)
    assert set(verifier.kinds()) == {EventKind.EMPTY_BATCH, EventKind.BATCH_PAST}


def test_a_batch_in_the_last_block_of_its_sequencing_window_counts(world: World) -> None:
    """Spec: op derivation, "Batch Queue"."""
    world.sequence(5)
    world.l1.mine(29 - world.l1.head.number)
    world.batcher.post([world.batcher.span(1, 5)])
    world.l1.mine(1)
    assert world.l1.head.number == 30
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes()[:6] == world.l2.hashes()


def test_the_batcher_may_fall_silent_and_come_back(world: World) -> None:
    """Spec: op derivation, "Batch Queue" (empty batches)."""
    world.sequence(12)
    world.batcher.post([world.batcher.span(1, 12)])
    world.l1.mine(45)
    verifier = world.verifier()
    verifier.run()
    forced = len(verifier.hashes())
    assert forced > 60
    # The sequencer takes over the forced blocks and goes on.
    world.l2.rewind(0)
    for derived in verifier.derived:
        world.l2.apply(derived.attributes)
    assert world.l2.hashes() == verifier.hashes()
    while world.l2.head.l1_origin.number < world.l1.head.number - 25:
        world.l2.sequence([world.l2.user_transaction()])
    world.batcher.post([world.batcher.span(forced, len(world.l2.blocks) - 1)])
    world.l1.mine(1)
    verifier.run()
    assert verifier.hashes()[: len(world.l2.blocks)] == world.l2.hashes()


def _drifting(world: World, transactions: int) -> None:
    """Sequence past the drift limit on the genesis epoch, though L1 goes on."""
    for _ in range(1800 // 2):
        world.l2.sequence([], origin=0)
    world.l1.mine(2)
    world.l2.sequence([world.l2.user_transaction() for _ in range(transactions)], origin=0)


@pytest.mark.parametrize("transactions", [0, 1])
def test_past_the_drift_limit_a_block_has_no_transactions_and_takes_the_next_origin_if_it_can(
    transactions: int,
) -> None:
    """Spec: op delta span batches, "Batch Queue" (max sequencer drift)."""
    world = World.create(seq_window_size=5000)
    _drifting(world, transactions)
    world.batcher.post([world.batcher.span(1, 901)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    # Block 900 is at the limit of 1800 s. Block 901 is past it, and L1 block 1 was there to be adopted.
    assert verifier.hashes() == world.l2.hashes()[:901]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]
    reason = next(event.text for event in verifier.events if event.kind is EventKind.BATCH_DROPPED)
    assert ("has transactions" in reason) is bool(transactions)


def test_past_the_drift_limit_an_empty_block_may_stay_when_the_next_origin_is_later() -> None:
    """Spec: op delta span batches, "Batch Queue" (max sequencer drift)."""
    world = World.create(seq_window_size=5000)
    for _ in range(901):
        world.l2.sequence([], origin=0)
    late = world.l1.head.header.timestamp + 1900
    _mine_at(world.l1, late)
    world.batcher.post([world.batcher.span(1, 901)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()


def _mine_at(l1: FakeL1, timestamp: int) -> None:
    """Mine a block with this timestamp, and let later blocks follow it."""
    block = l1.mine()
    header = replace(block.header, timestamp=timestamp)
    moved = replace(block, header=header)
    l1.blocks[-1] = moved
    l1._by_hash[moved.hash] = moved
    l1._receipts[moved.hash] = ()
    original = l1.mine

    def mine(count: int = 1, excess_blob_gas: int = 0) -> object:
        for _ in range(count):
            made = original(1, excess_blob_gas)
            late = replace(made, header=replace(made.header, timestamp=l1.blocks[-2].header.timestamp + 12))
            l1.blocks[-1] = late
            l1._by_hash[late.hash] = late
            l1._receipts[late.hash] = l1._receipts[made.hash]
        return l1.head

    l1.mine = mine  # type: ignore[method-assign, assignment]


def test_a_new_batcher_key_counts_from_the_block_of_its_announcement_on(world: World) -> None:
    """Spec: op derivation, "L1 Traversal"; op system-config."""
    world.sequence(12)
    world.batcher.post([world.batcher.span(1, 4)])
    world.l1.mine()
    world.l1.update_system_config(0, bytes(12) + address_of(OTHER_BATCHER_KEY))
    world.batcher.post([world.batcher.span(5, 8)])
    world.batcher.post([world.batcher.span(5, 7)], key=OTHER_BATCHER_KEY)
    world.l1.mine()
    world.batcher.post([world.batcher.span(8, 12)])
    world.batcher.post([world.batcher.span(8, 11)], key=OTHER_BATCHER_KEY)
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()[:12]
    assert verifier.kinds() == [EventKind.SYSTEM_CONFIG_UPDATED]
    # After a restart the key is read from the L2 block that derivation starts at.
    verifier.reset(verifier.l2.refs()[7])
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()[:12]


def test_an_invalid_payload_becomes_a_block_of_deposits_and_the_rest_of_its_span_and_channel_is_dropped(
    world: World,
) -> None:
    """Spec: op holocene derivation, "Engine Queue"."""
    world.sequence(10)
    poison = user_transactions(world.l2.blocks[4])[0]
    world.batcher.post([world.batcher.span(1, 6), world.batcher.span(7, 10)])
    world.l1.mine(2)

    def is_valid(attributes: PayloadAttributes) -> bool:
        return poison not in attributes.transactions

    verifier = Verifier(world.rollup, world.l1, is_valid)
    verifier.run()
    assert verifier.hashes()[:4] == world.l2.hashes()[:4]
    assert len(verifier.hashes()) == 5
    assert not user_transactions(verifier.l2.blocks[4])
    assert verifier.derived[-1].attributes.transactions == tuple(
        tx.raw for tx in world.l2.blocks[4].transactions if tx.is_deposit
    )
    assert verifier.kinds() == [EventKind.DEPOSITS_ONLY, EventKind.CHANNEL_FLUSHED]
    # The chain goes on from there with the next channel.
    parent = verifier.safe
    epoch = parent.l1_origin
    batch = SingularBatch(parent.hash, epoch.number, epoch.hash, parent.timestamp + 2, (b"\x02\xc0",))
    world.batcher.post([replace(batch, transactions=())])
    world.l1.mine(2)
    verifier.run()
    assert len(verifier.hashes()) == 6


def test_only_the_attributes_given_last_can_be_replaced_by_deposits(world: World) -> None:
    """Spec: op holocene derivation, "Engine Queue"."""
    world.sequence(3)
    world.batcher.post([world.batcher.span(1, 3)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    with pytest.raises(ResetError, match="moved on"):
        verifier.pipeline.reject(verifier.derived[0])


def test_stepping_again_with_the_same_safe_head_gives_the_same_attributes(world: World) -> None:
    """Spec: op derivation, "Payload Attributes Derivation"."""
    world.sequence(3)
    world.batcher.post([world.batcher.span(1, 3)])
    world.l1.mine(2)
    l2 = FakeL2(world.rollup, world.l1)
    pipeline = DerivationPipeline(world.rollup, L1_CONFIG, world.l1, l2)
    pipeline.reset(l2.head)
    results = []
    for _ in range(12):
        result = pipeline.step(l2.head)
        if isinstance(result, Attributes):
            results.append(result.derived)
    assert len(results) > 3
    assert len(set(results)) == 1
    assert results[0].number == 1


def test_a_pipeline_without_a_reset_refuses_to_step(world: World) -> None:
    """Spec: op derivation, "Resetting the Pipeline"."""
    pipeline = DerivationPipeline(world.rollup, L1_CONFIG, world.l1, world.l2)
    with pytest.raises(CriticalError, match="call reset first"):
        pipeline.step(world.l2.head)


def test_an_l1_reorg_is_noticed_and_derivation_follows_the_new_chain_after_a_reset(world: World) -> None:
    """Spec: op derivation, "Resetting the Pipeline"."""
    world.sequence(30)
    world.batcher.post([world.batcher.span(1, 10)])
    world.l1.mine()
    fork_point = world.l1.head.number
    world.batcher.post([world.batcher.span(11, 30)])
    world.l1.mine(3)
    verifier = world.verifier()
    verifier.run()
    assert len(verifier.hashes()) == 31

    world.l1.reorg(fork_point)
    world.batcher.post([world.batcher.span(11, 20)])
    world.l1.mine(5)
    with pytest.raises(ResetError, match="reorganised"):
        verifier.run()
    safe = verifier.l2.refs()[10]
    verifier.reset(safe)
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()[:21]


def test_a_reset_to_a_safe_head_of_another_l1_chain_is_refused(world: World) -> None:
    """Spec: op derivation, "Finding the sync starting point"."""
    world.sequence(30)
    world.batcher.post([world.batcher.span(1, 30)])
    world.l1.mine(3)
    verifier = world.verifier()
    verifier.run()
    safe = verifier.safe
    world.l1.reorg(safe.l1_origin.number - 1)
    with pytest.raises(ResetError, match="earlier safe head"):
        verifier.pipeline.reset(safe)
    world.l1.mine(30)
    with pytest.raises(ResetError, match="earlier safe head"):
        verifier.pipeline.reset(safe)


def test_a_safe_head_that_jumps_to_another_l1_chain_is_noticed(world: World) -> None:
    """Spec: op derivation, "Resetting the Pipeline"."""
    world.sequence(20)
    world.batcher.post([world.batcher.span(1, 10)])
    world.l1.mine(3)
    verifier = world.verifier()
    verifier.run()
    alien = replace(
        verifier.safe, l1_origin=replace(verifier.safe.l1_origin, hash=Hash32(b"\x66" * 32)), hash=Hash32(b"\x67" * 32)
    )
    with pytest.raises(ResetError, match="another L1 chain"):
        verifier.pipeline.step(alien)


def test_an_unreadable_deposit_stops_derivation(world: World) -> None:
    """Spec: op deposits, "Deposit Contract"."""
    world.l1.deposit(Address(b"\x22" * 20), None, 2**128, 0, 21_000)
    world.l1.mine(40)
    verifier = world.verifier()
    with pytest.raises(CriticalError, match="more than 128 bits"):
        verifier.run()


def test_the_status_names_the_open_channel_and_when_it_times_out(world: World) -> None:
    """Spec: op derivation, "Timeouts"."""
    world.sequence(10)
    frames = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 10)]), 200)
    world.l1.send_calldata(encode_batcher_transaction(frames[:2]))
    opened = world.l1.mine().number
    verifier = world.verifier()
    verifier.run()
    channel = verifier.pipeline.status().open_channel
    assert channel is not None
    assert (channel.channel_id, channel.frames, channel.size) == (frames[0].channel_id, 2, 800)
    assert (channel.opened_in.number, channel.times_out_after) == (opened, opened + 50)


def test_each_step_ends_at_attributes_a_new_origin_or_the_end_of_l1(world: World) -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline"."""
    world.sequence(2)
    world.batcher.post([world.batcher.span(1, 2)])
    world.l1.mine(1)
    l2 = FakeL2(world.rollup, world.l1)
    pipeline = DerivationPipeline(world.rollup, L1_CONFIG, world.l1, l2)
    pipeline.reset(l2.head)
    steps: list[str] = []
    safe: L2BlockRef = l2.head
    while True:
        result = pipeline.step(safe)
        steps.append(type(result).__name__)
        if isinstance(result, Attributes):
            safe = l2.apply(result.derived.attributes)
        elif isinstance(result, AdvancedOrigin):
            assert result.origin == pipeline.origin == world.l1.ref(result.origin.number)
        else:
            assert isinstance(result, NeedMoreData)
            break
    assert steps == ["AdvancedOrigin"] * world.l1.head.number + ["Attributes"] * 2 + ["NeedMoreData"]


def test_a_restart_behind_a_block_of_deposits_does_not_revive_the_rest_of_its_span(world: World) -> None:
    """Spec: op holocene derivation, "Engine Queue"."""
    world.sequence(10)
    poison = user_transactions(world.l2.blocks[4])[0]
    world.batcher.post([world.batcher.span(1, 10)])
    included = world.l1.mine(2).number - 1

    def is_valid(attributes: PayloadAttributes) -> bool:
        return poison not in attributes.transactions

    verifier = Verifier(world.rollup, world.l1, is_valid)
    verifier.run()
    before = verifier.hashes()
    assert len(before) == 5
    verifier.reset(verifier.safe_at(included), included)
    verifier.run()
    assert verifier.hashes() == before
    # Starting before the L1 block of the span gives the same as well.
    verifier.reset(verifier.safe_at(included - 1), included - 1)
    verifier.run()
    assert verifier.hashes() == before

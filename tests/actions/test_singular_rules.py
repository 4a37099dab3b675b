"""Every row of the validity table for singular batches, before Holocene and since.

Blocks 1 to 14 are safe when the batch for block 15 comes; block n has L1 origin n // 6.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from config.forks import Fork
from config.types import Hash32
from derivation.codec import SingularBatch
from derivation.events import EventKind
from tests.actions.chains import L1_GENESIS_TIME, fork_times, user_transactions
from tests.actions.conftest import World
from tests.actions.test_span_rules import set_code_transaction
from tests.actions.verifier import Verifier

SAFE = 14
LAST = 24
ERAS = [Fork.BEDROCK, Fork.CANYON, Fork.GRANITE, Fork.HOLOCENE, Fork.KARST]


def safe_world(fork: Fork, **changes: Any) -> World:
    world = World.create(fork=fork, **changes)
    world.sequence(LAST)
    world.batcher.post([world.batcher.singular(number) for number in range(1, SAFE + 1)])
    world.l1.mine()
    return world


def derive_with(world: World, *batches: SingularBatch) -> Verifier:
    """Derive with these batches in the channel, and the honest ones after them."""
    honest = [world.batcher.singular(number) for number in range(SAFE + 1, LAST + 1)]
    world.batcher.post([*batches, *honest])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    return verifier


def origin(world: World, number: int) -> dict[str, object]:
    return {"epoch_number": number, "epoch_hash": world.l1.blocks[number].hash}


INVALID: dict[str, Callable[[World], dict[str, object]]] = {
    "a parent that is not the safe head": lambda world: {"parent_hash": Hash32(b"\x13" * 32)},
    "an epoch before the safe head's": lambda world: origin(world, 1),
    "an epoch two after the safe head's": lambda world: origin(world, 4),
    "an epoch hash of another chain": lambda world: {"epoch_hash": Hash32(b"\x14" * 32)},
    "an epoch that begins after it": lambda world: origin(world, 3),
    "an empty transaction": lambda world: {"transactions": (b"",)},
    "a deposit": lambda world: {"transactions": (b"\x7e\xc0",)},
    "a blob transaction": lambda world: {"transactions": (b"\x03\xc0",)},
    "a transaction of a type to come": lambda world: {"transactions": (b"\x05\xc0",)},
    "a bad transaction behind a good one": lambda world: {
        "transactions": (*user_transactions(world.l2.blocks[15]), b"\x7e\xc0")
    },
}


@pytest.mark.parametrize("fork", ERAS)
@pytest.mark.parametrize("row", INVALID)
def test_a_batch_is_dropped_for(row: str, fork: Fork) -> None:
    """Before Holocene the honest batch behind it counts; since, its channel is left.

    Spec: op derivation, "Batch Queue"; op holocene derivation, "Fast Channel Invalidation".
    """
    world = safe_world(fork)
    changes = INVALID[row](world)
    verifier = derive_with(world, replace(world.batcher.singular(SAFE + 1), **changes))  # type: ignore[arg-type]
    if fork >= Fork.HOLOCENE:
        assert verifier.safe.number == SAFE
        assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]
    else:
        assert verifier.hashes() == world.l2.hashes()
        assert verifier.kinds() == [EventKind.BATCH_DROPPED]


@pytest.mark.parametrize("fork", ERAS)
def test_a_batch_that_comes_too_early_waits_before_holocene_and_takes_its_channel_along_since(fork: Fork) -> None:
    """Spec: op derivation, "Batch Queue" (`future`); op holocene derivation, "Batch Queue"."""
    world = safe_world(fork)
    early = world.batcher.singular(SAFE + 2)
    verifier = derive_with(world, early)
    assert verifier.safe.number == (SAFE if fork >= Fork.HOLOCENE else LAST)
    # Before Holocene the same batch comes twice; the second is too late for its block.
    dropped = [EventKind.BATCH_DROPPED]
    assert verifier.kinds() == ([*dropped, EventKind.CHANNEL_FLUSHED] if fork >= Fork.HOLOCENE else dropped)


@pytest.mark.parametrize("fork", ERAS)
def test_a_batch_of_the_past_does_no_harm(fork: Fork) -> None:
    """Spec: op derivation, "Batch Queue"; op holocene derivation, "Batch Queue" (`past`)."""
    world = safe_world(fork)
    verifier = derive_with(world, replace(world.batcher.singular(3), parent_hash=Hash32(b"\x13" * 32)))
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.BATCH_PAST if fork >= Fork.HOLOCENE else EventKind.BATCH_DROPPED]


@pytest.mark.parametrize("fork", ERAS)
@pytest.mark.parametrize("late", [0, 1])
def test_a_batch_counts_up_to_the_last_l1_block_of_its_epochs_sequencing_window(fork: Fork, late: int) -> None:
    """Spec: op derivation, "Batch Queue" (`epoch_num + sequence_window_size < inclusion_block_number`)."""
    world = World.create(fork=fork, seq_window_size=10)
    world.sequence(5)
    world.l1.mine(9 + late - world.l1.head.number)
    world.batcher.post([world.batcher.singular(number) for number in range(1, 6)])
    assert world.l1.mine().number == 10 + late
    verifier = world.verifier()
    verifier.run()
    assert (verifier.hashes()[:6] == world.l2.hashes()) is (not late)
    assert any(user_transactions(block) for block in verifier.l2.blocks) is (not late)


@pytest.mark.parametrize(("fork", "counts"), [(Fork.GRANITE, False), (Fork.HOLOCENE, False), (Fork.ISTHMUS, True)])
def test_a_batch_may_carry_set_code_transactions_since_isthmus(fork: Fork, counts: bool) -> None:
    """Spec: op derivation, "Batch Queue"; op isthmus derivation, "Activation"."""
    world = safe_world(fork)
    batch = replace(world.batcher.singular(SAFE + 1), transactions=(set_code_transaction(),))
    verifier = derive_with(world, batch)
    assert (verifier.safe.number > SAFE and _first_byte(verifier, SAFE + 1) == b"\x04") is counts


def _first_byte(verifier: Verifier, number: int) -> bytes:
    return user_transactions(verifier.l2.blocks[number])[0][:1]


def test_set_code_transactions_count_by_the_time_of_their_block_not_of_l1() -> None:
    """Spec: op isthmus derivation, "Activation"."""
    for number, counts in ((15, False), (16, True)):
        time = L1_GENESIS_TIME + 2 * 16
        world = World.create(forks=fork_times(time, Fork.HOLOCENE, Fork.ISTHMUS, 0))
        world.sequence(number - 1, transactions=0)
        world.l2.sequence([set_code_transaction()])
        world.batcher.post([world.batcher.singular(block) for block in range(1, number + 1)])
        world.l1.mine(2)
        verifier = world.verifier()
        verifier.run()
        assert verifier.safe.number == (number if counts else number - 1)


@pytest.mark.parametrize("fork", [Fork.GRANITE, Fork.HOLOCENE])
def test_of_two_good_batches_for_a_block_the_one_that_comes_first_on_l1_counts(fork: Fork) -> None:
    """Spec: op derivation, "Batch Queue" (batches are processed in order of inclusion)."""
    world = safe_world(fork)
    first = replace(world.batcher.singular(SAFE + 1), transactions=())
    verifier = derive_with(world, first)
    assert verifier.safe.number == SAFE + 1
    assert not user_transactions(verifier.l2.blocks[SAFE + 1])


@pytest.mark.parametrize("fork", [Fork.GRANITE, Fork.HOLOCENE, Fork.KARST])
def test_an_epoch_of_missed_slots_has_its_block_all_the_same(fork: Fork) -> None:
    """Each L1 block is some L2 block's origin, however few L2 blocks fit. Spec: op derivation, "Batch Queue"."""
    world = World.create(fork=fork, block_time=12, seq_window_size=20)
    world.l1.mine(3)
    world.l1.skip_slots(world.l1.head.header.timestamp + 60)
    world.l1.mine(6)
    while world.l2.head.timestamp + 12 <= world.l1.head.header.timestamp:
        world.l2.sequence([world.l2.user_transaction()])
    world.batcher.post([world.batcher.singular(number) for number in range(1, world.l2.head.number + 1)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    origins = [ref.l1_origin.number for ref in verifier.l2.refs()]
    assert sorted(set(origins)) == list(range(origins[-1] + 1))


@pytest.mark.parametrize(("fork", "drift"), [(Fork.ECOTONE, 24), (Fork.FJORD, 1800), (Fork.KARST, 1800)])
def test_the_drift_limit_is_a_constant_since_fjord_by_the_time_of_the_l1_origin(fork: Fork, drift: int) -> None:
    """Spec: op fjord derivation, "Constant Maximum Sequencer Drift"."""
    for excess, counts in ((0, True), (1, False)):
        world = World.create(fork=fork, max_sequencer_drift=24, seq_window_size=1000, block_time=12)
        for _ in range(drift // 12 + excess - 1):
            world.l2.sequence([], 0)
        world.l2.sequence([world.l2.user_transaction()], 0)
        world.l1.skip_slots(world.l2.head.timestamp + 12)
        world.batcher.post([world.batcher.singular(number) for number in range(1, world.l2.head.number + 1)])
        world.l1.mine(3)
        verifier = world.verifier()
        verifier.run()
        assert (verifier.hashes() == world.l2.hashes()) is counts

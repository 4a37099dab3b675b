"""Every row of the validity tables for span batches: as a whole before Holocene, block by block since.

Blocks 1 to 14 are safe when the span in question comes; block n has L1 origin n // 6.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from config.forks import Fork
from config.types import Address
from derivation.codec.span_batch import CHECK_BYTES, SpanBatch, SpanBlock
from derivation.events import EventKind
from evm.types import PayloadAttributes, SetCodeTransaction
from evm.types.transaction import Authorization, sign_transaction
from tests.actions.chains import L1_GENESIS_TIME, L2_CHAIN_ID, USER_KEY, fork_times, user_transactions
from tests.actions.conftest import World
from tests.actions.verifier import Verifier

SAFE = 14
LAST = 30
ERAS = [Fork.DELTA, Fork.GRANITE, Fork.HOLOCENE]
DROPPED = [EventKind.BATCH_DROPPED]
FLUSHED = [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]


def span(world: World, first: int, last: int, **changes: object) -> SpanBatch:
    made = world.batcher.span(first, last)
    assert isinstance(made, SpanBatch)
    return replace(made, **changes)  # type: ignore[arg-type]


def with_changes_at(made: SpanBatch, *indices: int) -> SpanBatch:
    """The span with its L1 origin changing at these blocks instead."""
    blocks = (replace(block, origin_changed=index in indices) for index, block in enumerate(made.blocks))
    return replace(made, blocks=tuple(blocks))


def with_transactions(made: SpanBatch, index: int, *transactions: bytes) -> SpanBatch:
    blocks = list(made.blocks)
    blocks[index] = SpanBlock(blocks[index].origin_changed, transactions)
    return replace(made, blocks=tuple(blocks))


def at_origin(world: World, made: SpanBatch, number: int) -> SpanBatch:
    """The span moved so that its last block has this L1 origin."""
    check = world.l1.blocks[number].hash[:CHECK_BYTES]
    return replace(made, l1_origin_number=number, l1_origin_check=check)


def set_code_transaction() -> bytes:
    authorization = Authorization(L2_CHAIN_ID, Address(b"\x21" * 20), 0, 1, 5, 7)
    unsigned = SetCodeTransaction(
        7, 60_000, Address(b"\x22" * 20), 0, b"", L2_CHAIN_ID, 0, 0, 0, 1, 10**9, (), (authorization,)
    )
    return sign_transaction(unsigned, USER_KEY).raw


def safe_world(fork: Fork, **changes: Any) -> World:
    world = World.create(fork=fork, **changes)
    world.sequence(LAST)
    world.batcher.post([span(world, 1, SAFE)])
    world.l1.mine()
    return world


def judge(world: World, made: SpanBatch) -> Verifier:
    world.batcher.post([made])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert all(event.text for event in verifier.events)
    return verifier


def the_right_one_counts(world: World, verifier: Verifier) -> None:
    """What was dropped keeps nothing away: the honest span is derived from the next L1 block."""
    world.batcher.post([span(world, verifier.safe.number + 1, LAST)])
    world.l1.mine()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()


Spoil = Callable[[World], SpanBatch]

INVALID_AS_A_WHOLE: dict[str, Spoil] = {
    "a parent that is not the safe head": lambda world: span(world, 15, 24, parent_check=b"\x13" * 20),
    "a last L1 origin of another chain": lambda world: span(world, 15, 24, l1_origin_check=b"\x13" * 20),
    "a first epoch two after the safe head's": lambda world: at_origin(world, span(world, 15, 24), 6),
    "a first epoch before the safe head's": lambda world: at_origin(world, span(world, 15, 24), 3),
    "a start between two block times": lambda world: span(world, 15, 24, rel_timestamp=2 * 15 - 1),
    "a start between earlier block times": lambda world: span(world, 12, 24, rel_timestamp=2 * 12 + 1),
    "a start before the chain's first block": lambda world: replace(
        span(world, 1, 24), rel_timestamp=0, blocks=(SpanBlock(False, ()), *span(world, 1, 24).blocks)
    ),
    "a parent that is none of the safe chain's, where they overlap": lambda world: span(
        world, 11, 24, parent_check=world.l2.blocks[11].hash[:CHECK_BYTES]
    ),
}


@pytest.mark.parametrize("fork", ERAS)
@pytest.mark.parametrize("row", INVALID_AS_A_WHOLE)
def test_a_span_is_dropped_as_a_whole_for(row: str, fork: Fork) -> None:
    """Spec: op delta span batches, "Batch Queue"; op holocene derivation, "Span Batches"."""
    world = safe_world(fork)
    verifier = judge(world, INVALID_AS_A_WHOLE[row](world))
    assert verifier.safe.number == SAFE
    assert verifier.kinds() == (FLUSHED if fork >= Fork.HOLOCENE else DROPPED)
    the_right_one_counts(world, verifier)


INVALID_BLOCK: dict[str, tuple[Spoil, int]] = {
    "a block before its L1 origin's time": (lambda world: with_changes_at(span(world, 15, 24), 1, 9), 15),
    "a first block before its L1 origin's time": (lambda world: with_changes_at(span(world, 15, 24), 0, 9), 14),
}


@pytest.mark.parametrize("fork", ERAS)
@pytest.mark.parametrize("row", INVALID_BLOCK)
def test_a_block_of_a_span_is_invalid_for(row: str, fork: Fork) -> None:
    """Before Holocene it takes the blocks before it along. Spec: op holocene derivation, "Partial Span Batch Validity"."""
    spoil, stands = INVALID_BLOCK[row]
    world = safe_world(fork)
    verifier = judge(world, spoil(world))
    assert verifier.safe.number == (stands if fork >= Fork.HOLOCENE else SAFE)
    assert verifier.kinds() == (FLUSHED if fork >= Fork.HOLOCENE else DROPPED)
    the_right_one_counts(world, verifier)


@pytest.mark.parametrize(("fork", "counts"), [(Fork.GRANITE, SAFE), (Fork.HOLOCENE, 18), (Fork.ISTHMUS, 24)])
def test_a_span_may_carry_set_code_transactions_since_isthmus(fork: Fork, counts: int) -> None:
    """Spec: op delta span batches, "Batch Queue"; op isthmus derivation, "Activation"."""
    world = safe_world(fork)
    verifier = judge(world, with_transactions(span(world, 15, 24), 4, set_code_transaction()))
    assert verifier.safe.number == counts
    if fork is Fork.ISTHMUS:
        assert user_transactions(verifier.l2.blocks[19]) == (set_code_transaction(),)
    else:
        the_right_one_counts(world, verifier)


@pytest.mark.parametrize("fork", ERAS)
def test_a_span_that_comes_too_early_waits_before_holocene_and_is_dropped_since(fork: Fork) -> None:
    """Spec: op delta span batches, "Batch Queue"; op holocene derivation, "Batch Queue"."""
    world = safe_world(fork)
    verifier = judge(world, span(world, 17, 24))
    assert verifier.safe.number == SAFE
    assert verifier.kinds() == (FLUSHED if fork >= Fork.HOLOCENE else [])
    world.batcher.post([span(world, 15, 16)])
    world.l1.mine()
    verifier.run()
    assert verifier.safe.number == (16 if fork >= Fork.HOLOCENE else 24)


@pytest.mark.parametrize("fork", ERAS)
def test_a_span_of_the_past_leaves_the_rest_of_its_channel_alone(fork: Fork) -> None:
    """Spec: op delta span batches, "Batch Queue"; op holocene derivation, "Batch Queue" (`past`)."""
    world = safe_world(fork)
    world.batcher.post([span(world, 3, 10, parent_check=b"\x13" * 20), span(world, 15, LAST)])
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.BATCH_PAST if fork >= Fork.HOLOCENE else EventKind.BATCH_DROPPED]


@pytest.mark.parametrize("fork", ERAS)
@pytest.mark.parametrize("late", [0, 1])
def test_the_sequencing_window_counts_for_a_span_by_its_first_epoch(fork: Fork, late: int) -> None:
    """Spec: op delta span batches, "Batch Queue" (sequencing-window checks)."""
    world = World.create(fork=fork, seq_window_size=10)
    world.sequence(20)
    # Block 1 has L1 origin 0: the last L1 block that counts is number 10.
    world.l1.mine(9 + late - world.l1.head.number)
    world.batcher.post([span(world, 1, 20)])
    assert world.l1.mine().number == 10 + late
    verifier = world.verifier()
    verifier.run()
    if late:
        assert not any(user_transactions(block) for block in verifier.l2.blocks)
    else:
        assert verifier.hashes()[:21] == world.l2.hashes()


@pytest.mark.parametrize("fork", ERAS)
def test_a_span_that_names_l1_blocks_to_come_is_undecided_before_holocene_and_dropped_since(fork: Fork) -> None:
    """Spec: op delta span batches, "Batch Queue" (`l1_origin_check`); op holocene derivation, "Batch Queue"."""
    world = safe_world(fork)
    ahead = 12
    blocks = tuple(SpanBlock(index > 0, ()) for index in range(ahead + 1))
    world.batcher.post([span(world, 15, 15, blocks=blocks, l1_origin_number=2 + ahead)])
    world.batcher.post([span(world, 15, LAST)])
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    if fork >= Fork.HOLOCENE:
        assert verifier.hashes() == world.l2.hashes()
        return
    assert verifier.safe.number == SAFE
    assert verifier.kinds() == []
    # Once L1 has the block that it names, it is seen to be invalid, and the span behind it counts.
    world.l1.mine(2 + ahead - world.l1.head.number)
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == DROPPED


@pytest.mark.parametrize("fork", ERAS)
def test_where_a_span_overlaps_the_safe_chain_its_transactions_are_compared(fork: Fork) -> None:
    """Spec: op delta span batches, "Batch Queue" (overlapped blocks); op holocene derivation, "Span Batches"."""
    world = safe_world(fork)
    verifier = judge(world, with_transactions(span(world, 11, 24), 1))
    assert verifier.safe.number == SAFE
    assert verifier.kinds() == (FLUSHED if fork >= Fork.HOLOCENE else DROPPED)
    the_right_one_counts(world, verifier)


@pytest.mark.parametrize("fork", ERAS)
def test_where_a_span_overlaps_the_safe_chain_its_origins_are_compared(fork: Fork) -> None:
    """Spec: op delta span batches, "Batch Queue" (overlapped blocks); op holocene derivation, "Span Batches"."""
    world = safe_world(fork)
    # Block 12 is the first of epoch 2; the span lets block 13 be that.
    made = span(world, 11, 24)
    assert [index for index, block in enumerate(made.blocks) if block.origin_changed] == [1, 7, 13]
    verifier = judge(world, with_changes_at(made, 2, 7, 13))
    assert verifier.safe.number == SAFE
    assert verifier.kinds() == (FLUSHED if fork >= Fork.HOLOCENE else DROPPED)
    the_right_one_counts(world, verifier)


@pytest.mark.parametrize("fork", ERAS)
def test_a_span_whose_first_new_block_goes_back_to_an_older_origin_is_dropped(fork: Fork) -> None:
    """Spec: op delta span batches, "Batch Queue"; op holocene derivation, "Span Batches" (note on overlaps)."""
    world = safe_world(fork)
    # Block 15, the first new one, would be of epoch 1; the safe head is of epoch 2.
    verifier = judge(world, with_changes_at(at_origin(world, span(world, 11, 24), 2), 7))
    assert verifier.safe.number == SAFE
    assert verifier.kinds() == (FLUSHED if fork >= Fork.HOLOCENE else DROPPED)
    the_right_one_counts(world, verifier)


@pytest.mark.parametrize(("number", "counts"), [(9, 0), (10, 6)])
def test_spans_count_from_the_first_epoch_of_delta_on(number: int, counts: int) -> None:
    """Spec: op delta span batches, "Span Batch Activation Rule"."""
    world = World.create(forks=fork_times(L1_GENESIS_TIME + 12 * 10, Fork.CANYON, Fork.DELTA, 0), seq_window_size=100)
    world.sequence(6 * number - 1)
    world.batcher.post([world.batcher.singular(block) for block in range(1, 6 * number)])
    world.l1.mine()
    world.sequence(6)
    first = 6 * number
    assert world.l2.refs()[first].l1_origin.number == number
    world.batcher.post([world.batcher.span(first, first + 5)])
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert verifier.safe.number == first - 1 + counts


@pytest.mark.parametrize("fork", ERAS)
@pytest.mark.parametrize("refused", [15, 18, 24])
def test_a_block_that_cannot_be_made_undoes_its_whole_span_before_holocene_only(fork: Fork, refused: int) -> None:
    """Since Holocene its deposits alone take its place, and blocks before it stand.

    Spec: op holocene derivation, "Span Batches", "Engine Queue" and "Steady Block Derivation"; op derivation,
    "L1-sync: payload attributes processing".
    """
    world = safe_world(fork)
    poison = user_transactions(world.l2.blocks[refused])[0]

    def is_valid(attributes: PayloadAttributes) -> bool:
        return poison not in attributes.transactions

    world.batcher.post([span(world, 15, 24), span(world, 25, LAST)])
    world.l1.mine()
    verifier = Verifier(world.rollup, world.l1, is_valid)
    verifier.run()
    if fork >= Fork.HOLOCENE:
        assert verifier.hashes()[:refused] == world.l2.hashes()[:refused]
        assert verifier.safe.number == refused
        assert not user_transactions(verifier.l2.blocks[refused])
        assert verifier.kinds() == [EventKind.DEPOSITS_ONLY, EventKind.CHANNEL_FLUSHED]
        return
    # The span after it waits for a parent that never comes.
    assert verifier.hashes() == world.l2.hashes()[: SAFE + 1]
    assert verifier.kinds() == [EventKind.BATCH_DROPPED]
    # Blocks before the refused one count when they come again by themselves.
    if refused > 15:
        world.batcher.post([span(world, 15, refused - 1)])
        world.l1.mine()
        verifier.run()
        assert verifier.hashes() == world.l2.hashes()[:refused]


def test_an_undone_span_gives_way_to_another_batch_that_came_before_its_window_ended() -> None:
    """Spec: op derivation, "L1-sync: payload attributes processing" (the next batch for that timestamp is tried)."""
    world = safe_world(Fork.GRANITE)
    poison = user_transactions(world.l2.blocks[20])[0]
    bad, good = span(world, 15, 24), with_transactions(span(world, 15, 24), 5)
    world.batcher.post([bad, good])
    world.l1.mine()
    verifier = Verifier(world.rollup, world.l1, lambda attributes: poison not in attributes.transactions)
    verifier.run()
    assert verifier.hashes()[:20] == world.l2.hashes()[:20]
    assert verifier.safe.number == 24
    assert not user_transactions(verifier.l2.blocks[20])
    assert verifier.kinds() == [EventKind.BATCH_DROPPED]
    assert [derived.is_last_in_span for derived in verifier.derived[-10:]] == [False] * 9 + [True]

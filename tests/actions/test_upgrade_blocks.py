"""Upgrades: the first block of each fork, what is in it, what may not be, and the blocks around it."""

from typing import Any

import pytest

from config.forks import Fork, ForkSchedule
from config.l1_chain import CANCUN_BLOBS, PRAGUE_BLOBS, fake_exponential
from config.types import Address, Timestamp
from derivation.events import EventKind
from derivation.l2_block_info import l1_block_info
from derivation.upgrades import gas_of, sequencer_leaves_pool_out, transactions_of
from evm.types import Block, DepositTransaction, PayloadAttributes
from tests.actions.chains import L1_GENESIS_TIME, fork_times, user_transactions
from tests.actions.conftest import World
from tests.actions.verifier import Verifier

COUNTS = {Fork.ECOTONE: 6, Fork.FJORD: 3, Fork.ISTHMUS: 8, Fork.JOVIAN: 5, Fork.KARST: 31}
"""Upgrade transactions, as the specs list them."""

UPGRADES = [fork for fork in Fork if fork > Fork.BEDROCK]
FIRST = 10
"""The number of the fork's first block."""

GAS_LIMIT = 30_000_000


def world_with(fork: Fork, offset: int = 0, **changes: Any) -> World:
    """A world in which block FIRST is the first of `fork`; `offset` seconds before it the fork becomes active."""
    time = L1_GENESIS_TIME + 2 * FIRST - offset
    return World.create(forks=fork_times(time, Fork(fork - 1), fork, 0), **changes)


def sequence(world: World, count: int) -> None:
    """Sequence with a user transaction in each block but the fork's first."""
    for _ in range(count):
        world.sequence(1, transactions=0 if world.l2.head.number + 1 == FIRST else 1)


def derive(world: World) -> Verifier:
    head = world.l2.head.number
    world.batcher.post([world.batcher.singular(number) for number in range(1, head + 1)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    return verifier


def deposits(block: Block) -> list[bytes]:
    return [tx.raw for tx in block.transactions if tx.is_deposit]


@pytest.mark.parametrize("fork", UPGRADES)
def test_the_first_block_of_a_fork_holds_its_transactions_and_no_other_block_does(fork: Fork) -> None:
    """Spec: op derivation, "Network upgrade automation transactions"; the forks' derivation pages."""
    world = world_with(fork)
    sequence(world, FIRST + 4)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    expected = list(transactions_of(fork))
    assert len(expected) == COUNTS.get(fork, 0)
    for number, block in enumerate(verifier.l2.blocks[1:], 1):
        assert deposits(block)[1:] == (expected if number == FIRST else [])
    assert sequencer_leaves_pool_out(world.rollup, verifier.l2.blocks[FIRST].header.timestamp) is (fork in COUNTS)


@pytest.mark.parametrize("offset", [0, 1])
def test_a_fork_between_two_block_times_begins_with_the_block_after(offset: int) -> None:
    """Spec: op derivation, "Network upgrade automation transactions" (the first block at or after the time)."""
    world = world_with(Fork.ISTHMUS, offset)
    sequence(world, FIRST + 2)
    verifier = derive(world)
    holders = [number for number, block in enumerate(verifier.l2.blocks) if len(deposits(block)) > 1]
    assert holders == [FIRST]


def test_forks_at_genesis_bring_no_transactions() -> None:
    """Spec: op derivation, "Network upgrade automation transactions"."""
    world = World.create(forks=ForkSchedule.all_at_genesis(Fork.KARST))
    sequence(world, 4)
    verifier = derive(world)
    assert all(len(deposits(block)) == 1 for block in verifier.l2.blocks[1:])


@pytest.mark.parametrize("fork", [Fork.ECOTONE, Fork.ISTHMUS, Fork.JOVIAN])
def test_the_l1_attributes_keep_their_old_form_in_the_first_block(fork: Fork) -> None:
    """Their contract is replaced behind them. Spec: op ecotone, isthmus and jovian l1-attributes."""
    world = world_with(fork)
    sequence(world, FIRST + 1)
    verifier = derive(world)
    forms = [l1_block_info(block).fork for block in verifier.l2.blocks[FIRST - 1 : FIRST + 2]]
    assert forms[0] == forms[1] < forms[2] == fork


@pytest.mark.parametrize("fork", [Fork.FJORD, Fork.ISTHMUS, Fork.KARST])
def test_user_deposits_stand_before_the_upgrades_transactions(fork: Fork) -> None:
    """Spec: op derivation, "Deriving the Transaction List"."""
    world = world_with(fork)
    # Block 10 is at 20 s; L1 block 1, at 12 s, is taken up only there.
    world.l1.deposit(Address(b"\x22" * 20), Address(b"\x23" * 20), 1, 1, 50_000, b"before them")
    world.l1.mine(2)
    for _ in range(FIRST - 1):
        world.l2.sequence([], 0)
    world.l2.sequence([], 1)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    _, user, *upgrade = verifier.l2.blocks[FIRST].transactions
    assert isinstance(user, DepositTransaction) and user.data == b"before them"
    assert [tx.raw for tx in upgrade] == list(transactions_of(fork))


@pytest.mark.parametrize(
    ("fork", "refused"), [(Fork.FJORD, False), (Fork.ISTHMUS, False), (Fork.JOVIAN, True), (Fork.KARST, True)]
)
@pytest.mark.parametrize("span", [False, True], ids=["singular batches", "a span batch"])
def test_a_batch_for_the_first_block_may_have_no_transactions_since_jovian(
    fork: Fork, refused: bool, span: bool
) -> None:
    """Spec: op jovian derivation, "Activation Block Rules"."""
    world = world_with(fork)
    world.sequence(FIRST + 3)
    batcher = world.batcher
    last = world.l2.head.number
    world.batcher.post([batcher.span(1, last)] if span else [batcher.singular(n) for n in range(1, last + 1)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.safe.number == (FIRST - 1 if refused else last)
    if refused:
        assert verifier.kinds() == [EventKind.BATCH_DROPPED, EventKind.CHANNEL_FLUSHED]
        # The sequencer makes the block without them, and the chain goes on.
        world.l2.rewind(FIRST - 1)
        sequence(world, 4)
        world.batcher.post([batcher.span(FIRST, FIRST + 3)])
        world.l1.mine()
        verifier.run()
        assert verifier.hashes() == world.l2.hashes()


@pytest.mark.parametrize("fork", sorted(COUNTS))
def test_a_first_block_that_no_batch_makes_has_the_upgrade_too(fork: Fork) -> None:
    """Spec: op derivation, "Batch Queue" (empty batches); "Network upgrade automation transactions"."""
    world = world_with(fork, seq_window_size=5)
    world.l1.mine(12)
    verifier = world.verifier()
    verifier.run()
    assert verifier.safe.number > FIRST
    assert EventKind.EMPTY_BATCH in verifier.kinds()
    assert deposits(verifier.l2.blocks[FIRST])[-COUNTS[fork] :] == list(transactions_of(fork))


def test_a_first_block_that_cannot_be_made_as_batched_keeps_the_upgrade() -> None:
    """What replaces it are its deposits, the upgrade's among them. Spec: op holocene derivation, "Engine Queue"."""
    world = world_with(Fork.ISTHMUS)
    world.sequence(FIRST)
    poison = user_transactions(world.l2.blocks[FIRST])[0]

    def is_valid(attributes: PayloadAttributes) -> bool:
        return poison not in attributes.transactions

    world.batcher.post([world.batcher.span(1, FIRST)])
    world.l1.mine(2)
    verifier = Verifier(world.rollup, world.l1, is_valid)
    verifier.run()
    assert verifier.kinds()[0] is EventKind.DEPOSITS_ONLY
    assert deposits(verifier.l2.blocks[FIRST])[1:] == list(transactions_of(Fork.ISTHMUS))
    assert not user_transactions(verifier.l2.blocks[FIRST])


def test_karsts_first_block_alone_gets_the_gas_of_its_transactions_on_top() -> None:
    """Spec: op L2 upgrades, "Gas Allocation Specification"; iUBGL-004."""
    world = world_with(Fork.KARST)
    sequence(world, FIRST + 3)
    verifier = derive(world)
    limits = [derived.attributes.gas_limit for derived in verifier.derived]
    expected = [GAS_LIMIT] * len(limits)
    expected[FIRST - 1] += gas_of(Fork.KARST)
    assert limits == expected
    assert gas_of(Fork.KARST) > 0
    # A restart that reads the configuration from that block does not take the extra gas along.
    verifier.reset(verifier.l2.refs()[FIRST])
    verifier.run()
    assert [derived.attributes.gas_limit for derived in verifier.derived] == expected


def test_holocenes_first_block_has_no_fee_parameters_of_its_own() -> None:
    """Spec: op holocene derivation, "Attributes Builder"."""
    world = world_with(Fork.HOLOCENE)
    sequence(world, FIRST + 2)
    verifier = derive(world)
    own = world.rollup.genesis.system_config.eip1559_params
    parameters = [derived.attributes.eip1559_params for derived in verifier.derived[FIRST - 2 : FIRST + 2]]
    assert parameters == [None, bytes(8), own, own]


def test_a_chain_whose_forks_come_all_at_once_has_every_upgrade_in_one_block_in_order() -> None:
    """Spec: op derivation, "Network upgrade automation transactions"."""
    world = World.create(forks=fork_times(L1_GENESIS_TIME + 2 * FIRST, Fork.BEDROCK, Fork.KARST, 0))
    for _ in range(FIRST + 3):
        world.sequence(1, transactions=0)
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    expected = [raw for fork in Fork for raw in transactions_of(fork)]
    assert deposits(verifier.l2.blocks[FIRST])[1:] == expected


@pytest.mark.parametrize("enabled", [True, False])
def test_the_pectra_blob_schedule_is_taken_up_late_where_the_chain_says_so(enabled: bool) -> None:
    """By the L1 origin's time, that very second included. Spec: op pectra-blob-schedule derivation."""
    excess = 200_000_000
    late = Timestamp(L1_GENESIS_TIME + 12 * 3)
    world = World.create(pectra_blob_schedule_time=late if enabled else None)
    for _ in range(6):
        world.l1.mine(excess_blob_gas=excess)
    while world.l2.head.timestamp + 2 <= world.l1.head.header.timestamp:
        world.l2.sequence([])
    verifier = derive(world)
    assert verifier.hashes() == world.l2.hashes()
    fees = {info.number: info.blob_base_fee for info in map(l1_block_info, verifier.l2.blocks[1:])}
    prague = fake_exponential(1, excess, PRAGUE_BLOBS.update_fraction)
    cancun = fake_exponential(1, excess, CANCUN_BLOBS.update_fraction)
    assert prague != cancun
    assert fees == {0: 1} | {n: cancun if enabled and n < 3 else prague for n in range(1, 7)}

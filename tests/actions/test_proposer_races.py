"""Proposers that race with others, with themselves after a restart, and with time: one game per claim, one bond."""

import pytest

from l1.candidate import TransactionReceipt, TxCandidate
from tests.contracts.harness import TEST_DELAYS
from tests.proposer.world import World


def ready_world(block: int = 50) -> World:
    """L2 block 50 is safe, far enough below L1's head."""
    world = World()
    world.mine(6)
    world.derive(block)
    world.mine(3)
    return world


async def test_of_two_proposers_that_want_the_same_claim_the_second_locks_no_bond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rival's game lands between the look at L1 and the own transaction. Spec: op proposals; op dispute game
    factory (a game per type, claim and block)."""
    world = ready_world()
    proposer = world.proposer()
    send = world.send

    async def too_late(candidate: TxCandidate) -> TransactionReceipt:
        world.other_proposes(50)
        monkeypatch.setattr(world, "send", send)
        return await send(candidate)

    monkeypatch.setattr(world, "send", too_late)
    await proposer.tick()
    assert world.game_numbers() == [50]
    status = proposer.status()
    assert "somebody else may have done the same before" in (status.last_error or "")
    assert (status.bonds_locked, status.halted_by) == (0, None)
    assert 0 < status.spent < world.bond
    sent = len(world.sent)
    await proposer.tick()
    assert len(world.sent) == sent
    assert "has been proposed already" in (proposer.status().waiting_for or "")


async def test_a_restart_while_the_game_is_in_the_pool_makes_no_second_one() -> None:
    """Spec: op proposals."""
    world = ready_world()
    await world.proposer().tick()
    created = world.sent.pop()
    # The same moment once more, with the transaction still on its way.
    other = ready_world()
    other.left = 1
    successor = other.proposer()
    for _ in range(3):
        other.mine(1)
        await successor.tick()
    assert other.sent == []
    assert "in L1's pool" in (successor.status().waiting_for or "")
    await other.send(created)
    other.left = 0
    other.derive(60)
    other.mine(3)
    await successor.tick()
    assert other.game_numbers() == [50]
    assert "next proposal's time" in (successor.status().waiting_for or "")


async def test_transactions_that_are_stuck_in_the_pool_are_not_waited_for_without_end() -> None:
    """By then the sender replaces them. Spec: op proposals."""
    world = ready_world()
    world.left = 2
    proposer = world.proposer(unconfirmed_patience=60)
    await proposer.tick()
    world.mine(4)
    await proposer.tick()
    assert world.sent == []
    world.mine(2)
    await proposer.tick()
    assert world.game_numbers() == [50]


async def test_a_rival_that_proposes_other_blocks_changes_nothing() -> None:
    """Spec: op proposals."""
    world = ready_world()
    proposer = world.proposer()
    world.other_proposes(49)
    await proposer.tick()
    world.other_proposes(58)
    world.derive(60)
    world.mine(10)
    await proposer.tick()
    assert world.game_numbers() == [49, 50, 58, 60]
    await proposer.tick()
    assert [game.l2_block_number for game in proposer.status().games] == [50, 60]


async def test_a_bond_is_claimed_once_whoever_resolves_the_game() -> None:
    """Spec: op bond-incentives, "Bond Distribution Mode"."""
    world = ready_world()
    proposer = world.proposer()
    await proposer.tick()
    world.mine(1, seconds=TEST_DELAYS.max_clock)
    world.game(0).send("resolveClaim", 0, 0)
    for _ in range(8):
        world.mine(1, seconds=TEST_DELAYS.max_clock)
        await proposer.tick()
    assert proposer.status().bonds_locked == 0
    sent = len(world.sent)
    for _ in range(3):
        world.mine(1, seconds=TEST_DELAYS.max_clock)
        await proposer.tick()
    assert len(world.sent) == sent

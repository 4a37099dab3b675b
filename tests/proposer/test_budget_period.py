"""A budget that holds for any stretch of time: waited for where it is used up, and told."""

import logging

import pytest

from config.types import Wei
from proposer.settings import ProposerSettings
from tests.proposer.world import World


def ready_world() -> World:
    """L2 block 50 is safe, far enough below L1's head."""
    world = World()
    world.mine(6)
    world.derive(50)
    world.mine(3)
    return world


async def test_a_budget_for_a_time_is_waited_for_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """Fees count again once they are older than the period."""
    world = ready_world()
    period = 2_000
    proposer = world.proposer(
        budget=Wei(5 * world.bond), budget_period=period, max_transaction_cost=Wei(5 * world.bond - world.bond)
    )
    await proposer.tick()
    assert world.game_numbers() == [50]
    assert proposer.status().spent_of_budget == proposer.status().spent > 0
    world.derive(60)
    world.mine(20)
    with caplog.at_level(logging.WARNING):
        await proposer.tick()
    status = proposer.status()
    assert world.game_numbers() == [50]
    assert status.halted_by is None
    assert "time to pass" in (status.waiting_for or "")
    assert "time to pass" in caplog.text
    world.mine(1, seconds=period)
    await proposer.tick()
    assert proposer.status().spent_of_budget < proposer.status().spent


async def test_what_never_fits_the_budget_stops_the_proposer_even_with_a_period() -> None:
    """It would wait for ever."""
    world = ready_world()
    proposer = world.proposer(budget=Wei(world.bond), budget_period=100, max_transaction_cost=Wei(1))
    await proposer.tick()
    assert world.sent == []
    assert "budget" in (proposer.status().halted_by or "")


def test_a_period_without_a_budget_is_refused() -> None:
    """It would bound nothing."""
    world = World()
    with pytest.raises(ValueError, match="takes a budget"):
        ProposerSettings(game_factory=world.settings().game_factory, budget_period=10)

"""The proposing loop against the real contracts: right claims, once each, and every bond comes home."""

import asyncio

import pytest

from config.errors import CriticalError, TemporaryError
from config.types import Address, Wei
from l1 import contracts
from l1.candidate import TxCandidate
from l1.send_error import SendErrorKind, send_error
from proposer.games import GameStage
from tests.contracts.harness import TEST_DELAYS, account
from tests.proposer.world import PROPOSER, World, output_of


def ready_world(l2_number: int = 50) -> World:
    """A node that has found an L2 block safe some L1 blocks ago."""
    world = World()
    world.derive(l2_number)
    world.mine(5)
    return world


async def test_the_newest_safe_block_is_proposed_with_the_right_claim_and_bond() -> None:
    world = ready_world()
    proposer = world.proposer()
    await proposer.tick()
    assert world.game_numbers() == [50]
    game = world.game(0)
    assert game.call("rootClaim") == output_of(50).root
    assert game.call("gameCreator") == "0x" + PROPOSER.hex()
    await proposer.tick()
    status = proposer.status()
    assert status.counters.games_created == 1
    assert status.bonds_locked == world.bond
    assert status.last_error is None
    assert status.to_json()["games"][0]["l2BlockNumber"] == 50


async def test_by_default_only_finalized_blocks_are_proposed() -> None:
    world = ready_world()
    proposer = world.proposer(allow_non_finalized=False)
    await proposer.tick()
    assert world.game_numbers() == []
    assert "L2 block after 0" in (proposer.status().waiting_for or "")
    world.finalized = 40
    await proposer.tick()
    assert world.game_numbers() == [40]


async def test_nothing_is_proposed_that_was_not_safe_as_of_the_games_l1_head() -> None:
    world = ready_world(l2_number=30)
    world.derive(50)  # as of the newest block only: a reorg of it would make the claim wrong
    proposer = world.proposer(l1_depth=2)
    await proposer.tick()
    assert world.game_numbers() == [30]
    l1_head = world.game(0).call("l1Head")
    (number,) = (number for number in range(world.chain.number) if world.chain.block_hash(number) == l1_head)
    assert max(l2 for l1, l2 in world.safe_heads.items() if l1 <= number) >= 30
    # Even if the newest L1 blocks are replaced, the claim was safe before them.
    assert max(l2 for l1, l2 in world.safe_heads.items() if l1 <= number - 2) >= 30


async def test_finalized_blocks_are_bounded_by_the_safe_head_records_too() -> None:
    world = ready_world(l2_number=30)
    world.finalized = 45
    proposer = world.proposer(allow_non_finalized=False)
    await proposer.tick()
    assert world.game_numbers() == [30]


async def test_a_node_that_lags_behind_l1_is_asked_only_for_what_it_has_derived() -> None:
    world = ready_world(l2_number=30)
    world.derived_l1 = world.chain.number - 1
    world.derive(50)
    world.mine(10)
    proposer = world.proposer()
    world.safe_heads[world.chain.number - 5] = 70  # what the node will know later
    world.derived_l1 = world.chain.number - 8
    await proposer.tick()
    assert world.game_numbers() == [50]


async def test_without_safe_head_records_it_waits() -> None:
    world = World()
    world.mine(5)
    proposer = world.proposer()
    await proposer.tick()
    assert world.sent == []
    assert proposer.status().last_error == "no safe head records"


async def test_records_from_another_l1_fork_are_not_trusted() -> None:
    world = ready_world()
    world.forked_records = True
    proposer = world.proposer()
    await proposer.tick()
    assert world.sent == []
    assert "yet to follow an L1 reorg" in (proposer.status().last_error or "")


async def test_an_output_that_is_not_the_hash_of_its_parts_is_not_proposed() -> None:
    world = ready_world()
    world.bad_output = True
    proposer = world.proposer()
    await proposer.tick()
    assert world.sent == []
    assert "nothing is proposed" in (proposer.status().last_error or "")


async def test_the_interval_is_kept_across_restarts() -> None:
    world = ready_world()
    await world.proposer(proposal_interval=100).tick()
    world.derive(60)
    world.mine(4)
    successor = world.proposer(proposal_interval=100)
    await successor.tick()
    assert world.game_numbers() == [50]
    assert "next proposal's time" in (successor.status().waiting_for or "")
    world.mine(6)
    await successor.tick()
    assert world.game_numbers() == [50, 60]
    assert [game.l2_block_number for game in successor.status().games] == [50]
    await successor.tick()
    assert [game.l2_block_number for game in successor.status().games] == [50, 60]


async def test_a_block_is_proposed_once_even_when_time_passes() -> None:
    world = ready_world()
    proposer = world.proposer()
    for _ in range(4):
        await proposer.tick()
        world.mine(10)
    assert world.game_numbers() == [50]


async def test_a_claim_that_others_have_made_is_not_made_again() -> None:
    world = ready_world()
    world.other_proposes(50)
    proposer = world.proposer()
    await proposer.tick()
    assert world.sent == []
    assert "has been proposed already" in (proposer.status().waiting_for or "")
    world.derive(51)
    world.mine(3)
    await proposer.tick()
    assert world.game_numbers() == [50, 51]
    assert len(proposer.status().games) == 0  # the other's game is not looked after
    await proposer.tick()
    assert [game.l2_block_number for game in proposer.status().games] == [51]


async def test_a_wrong_claim_of_others_does_not_keep_the_right_one_away() -> None:
    world = ready_world()
    world.other_proposes(50, output_of(49).root)
    await world.proposer().tick()
    assert world.game_numbers() == [50, 50]
    assert world.game(1).call("rootClaim") == output_of(50).root


async def test_an_unchallenged_game_is_resolved_becomes_the_anchor_and_pays_back_its_bond() -> None:
    world = ready_world()
    proposer = world.proposer()
    await proposer.tick()
    stages: list[GameStage] = []
    for _ in range(400):
        world.mine(1)
        await proposer.tick()
        (game,) = proposer.status().games
        if not stages or stages[-1] is not game.stage:
            stages.append(game.stage)
        if game.stage is GameStage.PAID:
            break
    assert stages == [GameStage.RUNNING, GameStage.RESOLVED, GameStage.UNLOCKED, GameStage.PAID]
    assert world.system.registry.call("getAnchorRoot") == (output_of(50).root, 50)
    assert proposer.status().bonds_locked == 0
    assert world.system.weth.call("balanceOf", world.game(0).hex) == 0
    assert world.game(0).call("normalModeCredit", "0x" + PROPOSER.hex()) == 0
    # create, settle the root claim, resolve, unlock, collect: nothing was tried in vain
    assert len(world.sent) == 5
    assert proposer.status().counters.transactions_failed == 0


async def test_a_restarted_proposer_finishes_what_an_earlier_one_began() -> None:
    world = ready_world()
    await world.proposer().tick()
    world.mine(1, seconds=TEST_DELAYS.max_clock)
    await world.proposer().tick()
    await world.proposer().tick()
    assert world.game(0).call("status") == 2
    world.mine(1, seconds=TEST_DELAYS.game_finality)
    await world.proposer().tick()
    world.mine(1, seconds=TEST_DELAYS.bond_withdrawal)
    await world.proposer().tick()
    last = world.proposer()
    await last.tick()
    assert [game.stage for game in last.status().games] == [GameStage.PAID]


async def test_games_are_left_alone_when_the_operator_says_so() -> None:
    world = ready_world()
    proposer = world.proposer(resolve_games=False)
    await proposer.tick()
    world.mine(1, seconds=TEST_DELAYS.max_clock)
    await proposer.tick()
    assert len(world.sent) == 1
    assert proposer.status().games[0].waiting_for == "somebody to resolve it"


async def test_a_lost_game_stops_the_proposer() -> None:
    world = ready_world()
    proposer = world.proposer()
    await proposer.tick()
    await proposer.tick()
    game = world.game(0)
    bond = game.call("getRequiredBond", 2)
    game.send("attack", game.call("rootClaim"), 0, output_of(1).root, sender=account("challenger"), value=bond)
    world.mine(1, seconds=TEST_DELAYS.max_clock + 1)
    for _ in range(6):
        await proposer.tick()
    assert game.call("status") == 1
    assert "was lost" in (proposer.status().halted_by or "")
    assert proposer.status().games[0].stage is GameStage.LOST
    assert proposer.status().bonds_locked == 0


async def test_an_account_whose_game_was_lost_earlier_can_propose_again() -> None:
    world = ready_world()
    await world.proposer().tick()
    game = world.game(0)
    bond = game.call("getRequiredBond", 2)
    game.send("attack", game.call("rootClaim"), 0, output_of(1).root, sender=account("challenger"), value=bond)
    world.mine(1, seconds=TEST_DELAYS.max_clock + 1)
    game.send("resolveClaim", 1, 0)
    game.send("resolveClaim", 0, 0)
    game.send("resolve")
    world.derive(90)
    world.mine(3)
    await world.proposer().tick()
    assert world.game_numbers() == [50, 90]


async def test_an_unknown_game_type_stops_it_with_the_remedy() -> None:
    world = ready_world()
    proposer = world.proposer(game_type=77)
    await proposer.tick()
    assert "no games of type 77" in (proposer.status().halted_by or "")


async def test_a_list_of_games_changed_by_an_l1_reorg_is_read_again() -> None:
    world = ready_world()
    proposer = world.proposer()
    await proposer.tick()
    await proposer.tick()
    assert len(proposer.status().games) == 1
    world.replace_l1()
    world.other_proposes(44)
    await proposer.tick()
    assert world.game_numbers() == [44, 50]
    await proposer.tick()
    assert [game.index for game in proposer.status().games] == [1]


async def test_the_budget_covers_bonds_and_fees() -> None:
    world = ready_world()
    ceiling = Wei(10**16)
    proposer = world.proposer(budget=Wei(world.bond + 3 * ceiling), max_transaction_cost=ceiling)
    await proposer.tick()
    world.derive(60)
    world.mine(20)
    await proposer.tick()
    assert world.game_numbers() == [50]
    assert "bonds to come back" in (proposer.status().waiting_for or "")


async def test_a_budget_below_one_bond_stops_it() -> None:
    world = ready_world()
    proposer = world.proposer(budget=Wei(world.bond), max_transaction_cost=Wei(1))
    await proposer.tick()
    assert world.sent == []
    assert "budget" in (proposer.status().halted_by or "")


async def test_games_are_looked_after_while_the_node_has_no_answer() -> None:
    world = ready_world()
    proposer = world.proposer()
    await proposer.tick()
    world.mine(1, seconds=TEST_DELAYS.max_clock)
    world.safe_heads.clear()
    await proposer.tick()
    assert world.game(0).call("resolvedSubgames", 0)
    assert proposer.status().last_error == "no safe head records"


async def test_failing_transactions_are_told_and_tried_again() -> None:
    world = ready_world()
    proposer = world.proposer()
    world.send_error = TemporaryError("L1 does not answer")
    await proposer.tick()
    assert proposer.status().last_error == "L1 does not answer"
    world.send_error = None
    await proposer.tick()
    assert world.game_numbers() == [50]


async def test_no_number_of_other_games_hides_an_own_one_after_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "GAMES_PAGE", 3)
    world = ready_world()
    await world.proposer().tick()
    for number in range(100, 108):
        world.system.create_game(output_of(number).root, number, account("somebody"))
    again = world.proposer()
    await again.tick()
    assert [game.index for game in again.status().games] == [0]
    world.chain.mine(1000)
    later = world.proposer(game_window=900)
    await later.tick()
    assert [game.index for game in later.status().games] == []


async def test_what_a_cancellation_costs_counts_as_spent() -> None:
    world = ready_world()
    proposer = world.proposer()
    world.send_error = send_error(SendErrorKind.CANCELLED, TxCandidate(Address(bytes(20))), "too dear", Wei(777))
    await proposer.tick()
    assert proposer.status().spent == 777


async def test_it_starts_stops_and_halts_on_critical_errors() -> None:
    world = ready_world()
    proposer = world.proposer()
    proposer.start()
    assert proposer.running
    while not world.sent:
        await asyncio.sleep(0)
    await proposer.stop()
    assert not proposer.running
    world.derive(70)
    world.mine(20)
    world.send_error = CriticalError("no funds")
    proposer.start()
    while proposer.running:
        await asyncio.sleep(0.001)
    assert proposer.status().halted_by == "no funds"

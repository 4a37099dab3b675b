"""The challenger against liars, on the real contracts, down to a real step; and everything that can go wrong around it."""

import asyncio
from dataclasses import replace

import pytest

from config.errors import TemporaryError
from config.types import Hash32, Wei
from evm.types import keccak256
from faultproof.challenger import agent, game_state
from faultproof.challenger.agent import Stage
from faultproof.challenger.driver import SETTLED_AT_ONCE
from faultproof.challenger.ports import L1Block, Output
from faultproof.challenger.programs import AlphabetProgram, alphabet_root
from faultproof.challenger.settings import Mode
from l1 import contracts
from l1.candidate import TxCandidate
from l1.contracts import GameStatus
from l1.send_error import SendErrorKind, send_error
from tests.contracts.harness import PRESTATE, TEST_DELAYS, account, deploy_l1
from tests.contracts.test_dispute_game import Dispute
from tests.faultproof.challenger_world import (
    HONEST,
    LAST_BLOCK,
    LIAR,
    OTHER,
    Node,
    World,
    claims_of,
    false_root,
    status_of,
)

TRUE_ROOT = alphabet_root(LAST_BLOCK)


def lie(block: int = LAST_BLOCK) -> bytes:
    """What a liar claims for a block."""
    return false_root(block)


def test_the_alphabet_starts_where_the_contract_says() -> None:
    assert AlphabetProgram(97).prestate == PRESTATE


# --- whole games ---


@pytest.mark.parametrize(("max_depth", "block", "step"), [(8, 1, 1), (9, 7, 4), (8, 16, 8), (9, 16, 16)])
async def test_a_false_root_loses_wherever_the_lie_begins(max_depth: int, block: int, step: int) -> None:
    world = World(max_depth)
    game = world.propose(lie(), sender=LIAR)
    honest, sender = world.honest()
    liar, _ = world.liar(block, step)
    await world.play([honest, liar])
    claims = claims_of(game)
    assert max(claim[5].bit_length() - 1 for claim in claims) == max_depth
    assert sender.reverted == []
    world.pass_clocks()
    await world.play([honest])
    assert status_of(game) is GameStatus.CHALLENGER_WINS
    assert game.call("normalModeCredit", HONEST) == sum(claim[3] for claim in claims)


async def test_a_step_on_l1_decides_and_brings_what_it_reads_to_the_oracle() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    honest, sender = world.honest()
    liar, liar_account = world.liar(16, 8)
    await world.play([honest, liar])
    steps = [claim for claim in claims_of(game) if claim[1] != "0x" + "00" * 20]
    assert [claim[1] for claim in steps] == ["0x" + HONEST.hex()]
    assert honest.status().counters.steps == 1
    # The last step reads the disputed root and its block number.
    local = game.artifact.selector("addLocalData")
    assert [candidate.data[:4] for candidate in sender.sent].count(local) == 2
    assert liar_account.reverted == []


@pytest.mark.parametrize(("max_depth", "block", "step"), [(8, 1, 3), (9, 9, 8)])
async def test_a_true_root_is_defended(max_depth: int, block: int, step: int) -> None:
    world = World(max_depth)
    game = world.propose(TRUE_ROOT, sender=OTHER)
    honest, sender = world.honest(mode=Mode.DEFEND)
    liar, _ = world.liar(block, step)
    await world.play([liar, honest])
    claims = claims_of(game)
    assert len(claims) > 4
    assert sender.reverted == []
    world.pass_clocks()
    await world.play([honest])
    assert status_of(game) is GameStatus.DEFENDER_WINS
    assert game.call("normalModeCredit", LIAR) == 0
    assert game.call("normalModeCredit", HONEST) == sum(claim[3] for claim in claims[1:])
    assert game.call("normalModeCredit", OTHER) == claims[0][3]


async def test_bonds_are_claimed_twice_and_arrive() -> None:
    world = World()
    world.propose(lie(), sender=LIAR)
    honest, sender = world.honest()
    liar, _ = world.liar(8, 4)
    await world.play([honest, liar])
    assert honest.status().bonds_locked > 0
    before = world.chain.balance(HONEST)
    await world.finish(honest)
    assert world.chain.balance(HONEST) > before
    status = honest.status()
    assert [game.stage for game in status.games] == [Stage.DONE]
    assert (status.bonds_locked, status.last_error) == (0, None)
    claim = world.chain.at("FaultDisputeGame", world.system.addresses.FaultDisputeGame).artifact.selector("claimCredit")
    assert [candidate.data[:4] for candidate in sender.sent].count(claim) == 2
    sent = len(sender.sent)
    await honest.tick()
    assert len(sender.sent) == sent


async def test_many_games_are_played_at_once() -> None:
    world = World()
    games = [world.propose(lie(), sender=LIAR), world.propose(TRUE_ROOT), world.propose(alphabet_root(12), 12)]
    honest, sender = world.honest()
    liar, _ = world.liar(5, 2)
    await world.play([honest, liar])
    world.pass_clocks()
    await world.play([honest])
    assert status_of(games[0]) is GameStatus.CHALLENGER_WINS
    assert [status_of(game) for game in games[1:]] == [GameStatus.DEFENDER_WINS] * 2
    assert sender.reverted == []


async def test_a_whole_game_is_settled_in_one_round_and_resolved_in_the_next() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    honest, sender = world.honest()
    liar, _ = world.liar(5, 2)
    await world.play([honest, liar])
    world.pass_clocks()
    await honest.tick()
    assert all(game.call("resolvedSubgames", index) for index in range(game.call("claimDataLen")))
    await honest.tick()
    assert status_of(game) is GameStatus.CHALLENGER_WINS
    assert sender.reverted == []


async def test_settlements_that_wait_for_others_are_few_and_name_enough_gas() -> None:
    world = World(system=deploy_l1(36, 4))
    game = world.propose(lie(), sender=LIAR)
    honest, sender = world.honest()
    liar, _ = world.liar(5, 2)
    await world.play([honest, liar])
    world.pass_clocks()
    for settled in (SETTLED_AT_ONCE, 37):
        await honest.tick()
        assert game.call("settledClaims") == settled
    assert sender.receipts
    settlements = list(zip(sender.sent, sender.receipts, strict=True))[-37:]
    for candidate, receipt in settlements:
        assert candidate.gas_limit is None or receipt.gas_used < 0.8 * candidate.gas_limit
    # The first of each round could be asked about.
    assert sum(candidate.gas_limit is None for candidate, _ in settlements) == 2


async def test_what_is_kept_in_memory_is_never_needed() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    liar, _ = world.liar(8, 4)
    rounds = 0
    before = -1
    while world.chain.number != before:
        before = world.chain.number
        fresh, sender = world.honest()  # as after a loss of power, on an empty disk
        await fresh.tick()
        await liar.tick()
        assert sender.reverted == []
        rounds += 1
    assert rounds > 3
    world.pass_clocks()
    for _ in range(len(claims_of(game)) + 2):
        fresh, _ = world.honest()
        await fresh.tick()
    assert status_of(game) is GameStatus.CHALLENGER_WINS
    assert game.call("normalModeCredit", LIAR) == 0


# --- wrong block numbers ---


async def test_the_root_of_the_last_block_claimed_for_a_later_one_loses_by_its_number() -> None:
    world = World()
    world.real_blocks.add(11)
    node = Node(world, safe=11)
    game = world.propose((await node.output_at(11)).root, 16)
    honest, sender = world.honest(node)
    await world.play([honest])
    assert game.call("l2BlockNumberChallenged") is True
    assert len(sender.sent) == 1  # no bond was needed
    world.pass_clocks()
    await world.play([honest])
    assert status_of(game) is GameStatus.CHALLENGER_WINS
    assert game.call("normalModeCredit", HONEST) == claims_of(game)[0][3]


async def test_the_root_of_an_earlier_block_is_recognised() -> None:
    world = World()
    world.real_blocks.add(12)
    game = world.propose((await Node(world).output_at(12)).root, 16)
    honest, _ = world.honest()
    await honest.tick()
    assert game.call("l2BlockNumberChallenged") is True
    verdict = honest.status().games[0].verdict
    assert verdict is not None
    assert "that of L2 block 12" in verdict.why


async def test_a_block_that_l1_does_not_give_is_disputed() -> None:
    world = World()
    game = world.propose(TRUE_ROOT, 16)
    honest, _ = world.honest(Node(world, safe=11))
    await honest.tick()
    assert len(claims_of(game)) == 2
    assert "the last is 11" in honest.status().to_json()["games"][0]["why"]


# --- modes ---


async def test_a_watcher_sends_nothing_and_says_who_is_right() -> None:
    world = World()
    world.propose(lie(), sender=LIAR)
    world.propose(TRUE_ROOT)
    watcher, sender = world.honest(mode=Mode.WATCH)
    await watcher.tick()
    false_game, true_game = watcher.status().to_json()["games"]
    assert (false_game["rootIsRight"], true_game["rootIsRight"]) == (False, True)
    assert "a false root claim would win" in false_game["waitingFor"]
    assert true_game["waitingFor"] is None
    assert sender.sent == []


async def test_a_defender_leaves_false_roots_to_others() -> None:
    world = World()
    world.propose(lie(), sender=LIAR)
    defender, sender = world.honest(mode=Mode.DEFEND)
    await defender.tick()
    assert sender.sent == []
    assert "only true ones are defended" in (defender.status().games[0].waiting_for or "")


# --- the own node ---


async def test_no_move_is_made_before_the_own_node_is_past_the_games_l1_head() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    node = Node(world, derived=world.chain.number - 3)  # the game's L1 head itself: it may still be read
    honest, sender = world.honest(node)
    await honest.tick()
    assert sender.sent == []
    assert "derived L1 up to block" in (honest.status().games[0].waiting_for or "")
    node.derived = None
    await honest.tick()
    assert len(claims_of(game)) == 2
    assert honest.status().last_error is None


async def test_a_game_from_an_anchor_that_the_node_does_not_have_is_a_problem_and_others_go_on() -> None:
    world = World()
    world.propose(lie(), sender=LIAR)
    honest, sender = world.honest(Node(world, lies_from=0))
    await honest.tick()
    status = honest.status()
    assert "starts from output root" in (status.games[0].problem or "")
    assert status.halted_by is None
    assert sender.sent == []


async def test_a_program_that_is_not_known_is_a_problem() -> None:
    world = World()
    world.propose(lie(), sender=LIAR)
    challenger, sender = world.challenger(HONEST, Node(world), AlphabetProgram(0))
    await challenger.tick()
    assert "give it the program's first state" in (challenger.status().games[0].problem or "")
    assert sender.sent == []


async def test_a_game_that_would_end_wrongly_is_not_settled() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    world.pass_clocks()
    honest, sender = world.honest()
    await honest.tick()
    await honest.tick()
    assert sender.sent == []
    assert status_of(game) is GameStatus.IN_PROGRESS
    assert "it would end for the proposer, which is wrong" in (honest.status().games[0].problem or "")


# --- money ---


async def test_a_budget_that_a_bond_does_not_fit_is_said_and_not_overdrawn() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    bond = int(game.call("getRequiredBond", 2))
    honest, sender = world.honest(budget=Wei(bond), max_transaction_cost=Wei(10**15))
    await honest.tick()
    assert sender.sent == []
    assert "do not fit the budget" in (honest.status().short_of or "")
    assert honest.status().halted_by is None


async def test_bonds_in_games_count_against_the_budget_until_they_are_back() -> None:
    world = World()
    first = world.propose(lie(), sender=LIAR)
    bond = int(first.call("getRequiredBond", 2))
    budget = Wei(bond + 3 * 10**16)
    honest, sender = world.honest(budget=budget, max_transaction_cost=Wei(10**15))
    await honest.tick()
    assert len(sender.sent) == 1
    second = world.propose(keccak256(b"another lie"), sender=LIAR)
    await honest.tick()
    await honest.tick()
    assert len(claims_of(second)) == 1
    assert honest.status().bonds_locked == bond
    # The first game is settled all the same: that brings the bond back.
    world.chain.mine(TEST_DELAYS.max_clock)
    await honest.tick()
    await honest.tick()
    await honest.tick()
    assert status_of(first) is GameStatus.CHALLENGER_WINS


async def test_a_budget_that_is_used_up_stops_the_challenger() -> None:
    world = World()
    world.propose(lie(), sender=LIAR)
    honest, _ = world.honest(budget=Wei(10**14), max_transaction_cost=Wei(10**15))
    await honest.tick()
    assert "restart the challenger with a larger budget" in (honest.status().halted_by or "")


async def test_a_transaction_that_cannot_be_sent_now_is_sent_next_time() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    honest, sender = world.honest()
    sender.send_error = TemporaryError("L1 is away")
    await honest.tick()
    assert honest.status().last_error == "L1 is away"
    sender.send_error = None
    await honest.tick()
    assert len(claims_of(game)) == 2


@pytest.mark.parametrize("kind", [SendErrorKind.REJECTED, SendErrorKind.INSUFFICIENT_FUNDS])
async def test_a_move_that_cannot_be_sent_stops_no_others(kind: SendErrorKind) -> None:
    world = World()
    world.propose(lie(), sender=LIAR)
    honest, sender = world.honest()
    sender.send_error = send_error(kind, TxCandidate(OTHER), "oversized data")
    await honest.tick()
    assert honest.status().halted_by is None
    assert "oversized data" in (honest.status().last_error or "")
    sender.send_error = None
    other = world.propose(lie(5), 5, LIAR)
    await honest.tick()
    assert len(claims_of(other)) == 2


async def test_without_money_for_fees_it_stops() -> None:
    world = World()
    world.propose(lie(), sender=LIAR)
    honest, sender = world.honest()
    await honest.tick()
    world.pass_clocks()
    sender.send_error = send_error(SendErrorKind.INSUFFICIENT_FUNDS, TxCandidate(OTHER), "no funds")
    await honest.tick()
    assert "no funds" in (honest.status().halted_by or "")


async def test_what_a_cancellation_costs_counts_as_spent() -> None:
    world = World()
    world.propose(lie(), sender=LIAR)
    honest, sender = world.honest()
    sender.send_error = send_error(SendErrorKind.CANCELLED, TxCandidate(OTHER), "too dear", Wei(777))
    await honest.tick()
    assert honest.status().spent == 777


async def test_what_l1_refuses_is_tried_again_less_and_less_often() -> None:
    world = World(9)
    game = world.propose(lie(), sender=LIAR)
    honest, _ = world.honest()
    liar, sender = world.liar(16, 16)
    await world.play([honest, liar])
    # The liar's last word would be a step that shows it to be wrong, and what that reads costs fees each time.
    assert sender.reverted == ["ValidStep"] * 2
    assert "L1 has refused 2 times: step" in (liar.status().games[0].problem or "")
    assert status_of(game) is GameStatus.IN_PROGRESS


async def test_a_move_that_somebody_else_made_is_not_made_again() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    first, _ = world.challenger(OTHER, Node(world), AlphabetProgram(97))
    await first.tick()
    honest, sender = world.honest()
    await honest.tick()
    assert sender.sent == []
    assert len(claims_of(game)) == 2


async def test_the_loop_runs_until_it_is_stopped() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    honest, _ = world.honest()
    honest.start()
    with pytest.raises(RuntimeError, match="already running"):
        honest.start()
    while len(claims_of(game)) < 2:
        await asyncio.sleep(0.01)
    await honest.stop()
    assert not honest.running


async def test_a_blacklisted_game_gives_the_bonds_back() -> None:
    world = World()
    game = world.propose(lie(), sender=LIAR)
    honest, _ = world.honest()
    await honest.tick()
    registry = world.system.registry
    registry.send("blacklistDisputeGame", game.address, sender=account("guardian"))
    before = world.chain.balance(HONEST)
    bond = int(game.call("getRequiredBond", 2))
    await world.finish(honest)
    assert game.call("bondDistributionMode") == 2
    assert world.chain.balance(HONEST) == before + bond


# --- games that are there to hide another -------------------------------------------------------------------------------


async def test_no_number_of_games_hides_one_of_the_window_after_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "GAMES_PAGE", 3)
    world = World()
    forgotten = world.propose(lie(1), 1, LIAR)
    world.chain.mine(1000)
    game = world.propose(lie(), sender=LIAR)
    for block in range(2, 12):
        world.propose(alphabet_root(block), block, LIAR)
    honest, _ = world.honest(game_window=900)
    await honest.tick()
    assert [face.index for face in honest.status().games] == list(range(1, 12))
    assert [claim[2] for claim in claims_of(game)[1:]] == ["0x" + HONEST.hex()]
    assert len(claims_of(forgotten)) == 1


class DefectNode(Node):
    """A node whose answer about one block nobody was prepared for."""

    async def output_at(self, number: int) -> Output:
        """An output."""
        if number == 7:
            raise KeyError("nobody thought of this")
        return await super().output_at(number)


async def test_a_defect_in_one_game_loses_no_other(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    bad, good = world.propose(lie(7), 7, LIAR), world.propose(lie(5), 5, LIAR)
    honest, _ = world.honest(DefectNode(world), neighbours=0)
    for _ in range(2):
        await honest.tick()
    assert (len(claims_of(bad)), len(claims_of(good))) == (1, 2)
    assert "KeyError" in str(honest.status().games[0].problem)
    assert honest.status().halted_by is None
    assert caplog.text.count("cannot be played because of a defect") == 1


async def test_a_claim_with_more_answers_than_a_transaction_looks_at_is_settled_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Answers to the right of the honest one are never countered, so they cost their author nothing but gas."""
    for module in (contracts, agent, game_state):
        monkeypatch.setattr(module, "ANSWERS_AT_ONCE", 2)
    world = World()
    game = world.propose(TRUE_ROOT)
    dispute = Dispute(world.system, game, 8)
    lied = dispute.move(0, lie(8), True, LIAR)
    honest, sender = world.honest()
    await honest.tick()
    for number in range(5):
        dispute.move(lied, keccak256(b"whatever %d" % number), False, OTHER)
    await honest.tick()
    assert len(claims_of(game)) == 8
    world.pass_clocks()
    await world.play([honest])
    assert status_of(game) is GameStatus.DEFENDER_WINS
    assert game.call("normalModeCredit", HONEST) == dispute.claim(1)[3] + dispute.claim(2)[3]
    assert game.call("normalModeCredit", OTHER) == dispute.claim(0)[3] + 5 * dispute.claim(3)[3]
    assert sender.reverted == []


async def test_another_game_that_a_reorg_puts_in_the_place_of_one_is_judged_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the same parent and time of its block, all but the claim is as before: address, place in the list, L1 head."""
    world, fork = World(), World()
    world.propose(TRUE_ROOT)
    other = fork.propose(alphabet_root(5), 5, LIAR)
    honest, sender = world.honest()
    await honest.tick()
    assert sender.sent == []
    world.chain, world.system = fork.chain, fork.system
    world.rpc.use(fork.system)
    world.chain.mine()
    forks = [Hash32(b"\x01" * 32)]
    block_at = world.block_at

    async def once_forked(number: int) -> L1Block:
        block = await block_at(number)
        return replace(block, hash=forks.pop()) if forks else block

    monkeypatch.setattr(world, "block_at", once_forked)
    await honest.tick()
    (face,) = honest.status().games
    assert (face.l2_block_number, face.verdict and face.verdict.is_right) == (5, True)
    assert sender.sent == [] and len(claims_of(other)) == 1

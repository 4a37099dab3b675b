"""More than one adversary, adversaries without a plan, and games that end in another way, on the real contracts."""

import random

import pytest

from config.types import Address, Wei
from evm.types import keccak256
from faultproof.challenger.agent import Stage
from faultproof.challenger.programs import alphabet_root
from l1.contracts import GameStatus
from tests.contracts.harness import TEST_DELAYS, Contract, Reverted, account, deploy_l1
from tests.contracts.test_dispute_game import Dispute
from tests.contracts.test_dispute_game_proofs import proof
from tests.faultproof.challenger_world import (
    HONEST,
    LAST_BLOCK,
    LIAR,
    OTHER,
    LyingProgram,
    Node,
    World,
    claims_of,
    false_root,
    status_of,
)

TRUE_ROOT = alphabet_root(LAST_BLOCK)
STRANGER = Address(account("stranger"))


def bonds_of(game: Contract, who: Address) -> int:
    """All bonds that an account has put into a game (wei)."""
    return sum(claim[3] for claim in claims_of(game) if claim[2] == "0x" + who.hex())


@pytest.mark.parametrize("root_is_true", [False, True])
async def test_two_liars_who_tell_different_lies_win_nothing_from_the_honest(root_is_true: bool) -> None:
    world = World()
    game = world.propose(TRUE_ROOT if root_is_true else false_root(LAST_BLOCK), sender=STRANGER)
    honest, sender = world.honest()
    liar, _ = world.liar(3, 2)
    other_node = Node(world, lies_from=12)
    other, _ = world.challenger(OTHER, other_node, LyingProgram(6, world.program))
    await world.play([liar, other, honest])
    assert sender.reverted == []
    world.pass_clocks()
    await world.play([honest])
    assert status_of(game) is (GameStatus.DEFENDER_WINS if root_is_true else GameStatus.CHALLENGER_WINS)
    assert game.call("normalModeCredit", HONEST) >= bonds_of(game, HONEST)
    # Where the two disagree, whoever lies later is right and may win from the other; never from the honest one.
    assert game.call("normalModeCredit", LIAR) == 0


@pytest.mark.parametrize("seed", range(3))
async def test_moves_without_a_plan_cost_whoever_makes_them(seed: int) -> None:
    world = World()
    choose = random.Random(seed)
    root_is_true = choose.random() < 0.5
    game = world.propose(TRUE_ROOT if root_is_true else false_root(LAST_BLOCK), sender=OTHER)
    dispute = Dispute(world.system, game, 8)
    honest, sender = world.honest()
    for _ in range(8):
        index = choose.randrange(dispute.count)
        value: bytes = choose.choice([keccak256(b"nonsense %d" % choose.randrange(3)), TRUE_ROOT, alphabet_root(9)])
        status = bytes([choose.choice([0, 1, 3])])
        try:
            if dispute.claim(index)[5].bit_length() - 1 >= 4:
                value = status + value[1:]
            dispute.move(index, value, choose.random() < 0.6, STRANGER)
        except Reverted:
            continue
        await honest.tick()
    await world.play([honest])
    assert sender.reverted == []
    world.pass_clocks()
    await world.play([honest], rounds=60)
    if status_of(game) is not GameStatus.IN_PROGRESS:
        assert status_of(game) is (GameStatus.DEFENDER_WINS if root_is_true else GameStatus.CHALLENGER_WINS)
    else:
        # Nobody disputed a true root: it is its proposer's to settle.
        assert root_is_true and not bonds_of(game, HONEST)
    assert game.call("normalModeCredit", HONEST) >= bonds_of(game, HONEST)


async def test_a_move_in_the_last_second_is_answered_in_time() -> None:
    world = World()
    game = world.propose(TRUE_ROOT)
    honest, _ = world.honest()
    world.chain.mine(TEST_DELAYS.max_clock - 40)
    dispute = Dispute(world.system, game, 8)
    dispute.move(0, keccak256(b"late"), True, LIAR)
    await honest.tick()
    assert len(claims_of(game)) == 3
    world.pass_clocks()
    await world.play([honest])
    assert status_of(game) is GameStatus.DEFENDER_WINS


async def test_it_does_not_answer_when_the_clock_has_run_out() -> None:
    world = World()
    game = world.propose(false_root(LAST_BLOCK), sender=LIAR)
    honest, sender = world.honest()
    await honest.tick()
    world.pass_clocks()
    # Too late for the liar to answer, and for anyone to answer the root once more.
    await honest.tick()
    assert sender.reverted == []
    assert len(claims_of(game)) == 2


# --- games that a validity proof ends ---


async def test_a_game_that_a_proof_ends_is_settled_and_paid_out() -> None:
    world = World(system=deploy_l1(8, 4, with_proofs=True))
    game = world.propose(false_root(LAST_BLOCK), sender=LIAR)
    honest, sender = world.honest()
    await honest.tick()
    bond = bonds_of(game, HONEST)
    assert bond > 0
    game.send("proveConflict", TRUE_ROOT, proof(Dispute(world.system, game, 8), TRUE_ROOT), sender=STRANGER)
    before = world.chain.balance(HONEST)
    await world.finish(honest)
    assert sender.reverted == []
    assert world.chain.balance(HONEST) == before + bond
    assert honest.status().games[0].stage is Stage.DONE
    assert honest.status().bonds_locked == Wei(0)


async def test_nothing_is_done_about_a_game_that_a_proof_ended_and_that_holds_none_of_its_bonds() -> None:
    world = World(system=deploy_l1(8, 4, with_proofs=True))
    game = world.propose(TRUE_ROOT)
    game.send("proveClaim", proof(Dispute(world.system, game, 8), TRUE_ROOT), sender=STRANGER)
    honest, sender = world.honest()
    await honest.tick()
    assert sender.sent == []
    assert honest.status().games[0].stage is Stage.DONE

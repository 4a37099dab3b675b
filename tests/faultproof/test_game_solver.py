"""The honest strategy against random adversaries, by the game's rules.

`LAMINA_GAMES` sets how many games are played.
"""

import contextlib
import os
import random

import pytest

from config.types import Address, Hash32
from faultproof.game import GameTimes, Move, Position, honest_actions
from faultproof.game.solver import agrees_with_root, honest_answers
from tests.faultproof.game_world import (
    FREELOADER,
    HONEST,
    INVALID,
    VALID,
    Adversary,
    Chain,
    IllegalMove,
    World,
    digest,
    with_status,
)

GAMES = int(os.environ.get("LAMINA_GAMES", "300"))
TIMES = GameTimes(max_clock=1000, extension=100, challenge_period=50)
PROPOSER = Address(b"\x05" * 20)


def play_honest(world: World, poll_budget: int = 10_000) -> int:
    """Let the honest party do all it has to; how many actions that were."""
    done = 0
    for action in list(honest_actions(world.tree, world.truth())):
        if isinstance(action, Move):
            if not world.can_move(action.parent):
                continue
            world.move(HONEST, action.parent.index, action.value, action.attack)
        else:
            world.step(HONEST, action.claim.index, action.attack, action.witness)
        done += 1
        assert done < poll_budget
    return done


def play(seed: int, root_is_true: bool, honest_proposes: bool) -> World:
    """A whole game: adversaries move at random times, up to the last second; the honest party looks every 90 seconds."""
    rng = random.Random(seed)
    chain = Chain(blocks=rng.randint(1, 9), steps=rng.randint(1, 15))  # the trace has 16 leaves
    root = chain.output_at(7) if root_is_true else digest("false output")
    world = World.new(chain, root, HONEST if honest_proposes else PROPOSER, TIMES)
    adversaries = [Adversary(rng.random().__hash__(), who) for who in (FREELOADER, PROPOSER)]
    moves_left = rng.randint(3, 40)
    while not world.over():
        pause = rng.choice((1, 10, 89))
        deadline = min((c.clock.timestamp + TIMES.max_clock for c in world.tree), default=0)
        if moves_left and rng.random() < 0.2 and deadline - 1 > world.now:
            # Wait for the last second of some claim, as long as the honest party still looks in between.
            pause = min(pause, deadline - 1 - world.now)
        for _ in range(rng.randint(0, 3)):
            if moves_left and rng.choice(adversaries).act(world):
                moves_left -= 1
        if rng.random() < 0.7 or world.now % 90 + pause >= 90:
            play_honest(world)
        world.now += max(1, pause)
    return world


@pytest.mark.parametrize("case", ["honest proposal", "true proposal of another", "false proposal"])
def test_no_adversary_makes_the_honest_side_lose_the_game_or_a_bond(case: str) -> None:
    for seed in range(GAMES // 3):
        world = play(seed, case != "false proposal", case == "honest proposal")
        resolution = world.resolve()
        assert resolution.defender_wins == (case != "false proposal"), f"seed {seed}"
        owed = 0
        for claim in world.tree:
            if claim.claimant != HONEST:
                continue
            assert resolution.stands(claim), f"seed {seed}: {claim} of the honest party was countered"
            owed += claim.bond
            if claim.parent is not None:
                parent = world.tree.claims[claim.parent]
                assert parent.claimant != HONEST, f"seed {seed}: {claim} counters an own claim"
                assert resolution.countered_by[parent.index] == HONEST, f"seed {seed}: bond of {parent} went elsewhere"
                owed += parent.bond
        owed += sum(
            claim.bond for claim in world.tree if claim.countered_by == HONEST and claim.depth == world.tree.max_depth
        )
        assert resolution.credits.get(HONEST, 0) == owed, f"seed {seed}"


def test_the_honest_party_answers_each_claim_at_most_once() -> None:
    for seed in range(200):
        world = play(seed, seed % 2 == 0, False)
        answered = [claim.parent for claim in world.tree if claim.claimant == HONEST]
        assert len(answered) == len(set(answered)), f"seed {seed}"


def test_games_reach_steps() -> None:
    """Otherwise the property above would say little about the deepest level."""
    assert sum(play(seed, seed % 2 == 0, False).steps_done > 0 for seed in range(60)) > 5


@pytest.mark.parametrize("root_is_true", [True, False])
def test_a_second_look_at_the_same_game_asks_for_nothing(root_is_true: bool) -> None:
    for seed in range(40):
        chain = Chain(blocks=5, steps=7)
        world = World.new(chain, chain.output_at(7) if root_is_true else digest("false"), PROPOSER, TIMES)
        adversary = Adversary(seed)
        for _ in range(30):
            adversary.act(world)
        play_honest(world)
        assert list(honest_actions(world.tree, world.truth())) == []


def test_the_strategy_needs_no_memory() -> None:
    """What is missing after a restart is what was missing before."""
    for seed in range(40):
        world = play(seed, False, False)
        first = [str(action) for action in honest_actions(world.tree, world.truth())]
        again = [str(action) for action in honest_actions(world.tree, world.truth())]
        assert first == again


def test_a_true_root_claim_is_not_attacked_and_a_false_one_is() -> None:
    chain = Chain(blocks=5, steps=7)
    true_game = World.new(chain, chain.output_at(7), PROPOSER, TIMES)
    assert agrees_with_root(true_game.tree, true_game.truth())
    assert list(honest_actions(true_game.tree, true_game.truth())) == []
    false_game = World.new(chain, digest("false"), PROPOSER, TIMES)
    (action,) = honest_actions(false_game.tree, false_game.truth())
    assert isinstance(action, Move)
    assert action.attack
    assert action.position == Position(2)
    assert action.value == chain.output_at(3)


def test_a_freeloader_left_of_the_honest_answer_is_countered_and_one_right_of_it_is_not() -> None:
    """Spec: op fault-dispute-game, "Freeloader Claims"."""
    chain = Chain(blocks=8, steps=7)
    world = World.new(chain, chain.output_at(7), PROPOSER, TIMES)
    world.move(FREELOADER, 0, chain.output_at(3), True)  # true so far, so the honest answer defends
    play_honest(world)
    assert world.tree.claims[2].position == Position(2).defend()
    world.move(FREELOADER, 1, digest("left"), True)
    left = world.tree.claims[-1]
    world.move(FREELOADER, 1, digest("right"), False)
    right = world.tree.claims[-1]
    countered = {claim.index for claim, _ in honest_answers(world.tree, world.truth())}
    assert left.index in countered
    # At the same position as the honest answer, not to its right: it must be refuted too.
    assert right.position == world.tree.claims[2].position
    assert right.index in countered


def test_a_poisoned_starting_output_does_not_confuse_the_trace() -> None:
    """Claims that build on a false output are judged by what the program makes of that output."""
    chain = Chain(blocks=8, steps=7)
    world = World.new(chain, digest("false root"), PROPOSER, TIMES)
    play_honest(world)
    world.move(FREELOADER, 0, digest("false output"), True)  # beside the honest answer, and false
    play_honest(world)
    world.move(PROPOSER, 2, digest("false left"), False)
    leaf = world.tree.claims[-1]
    for attack in (True, False):
        for value in (with_status(VALID, digest("run")), with_status(INVALID, digest("run"))):
            with contextlib.suppress(IllegalMove):
                world.move(PROPOSER, leaf.index, value, attack)
    while play_honest(world):
        pass
    resolution = world.resolve()
    assert not resolution.defender_wins
    assert all(resolution.stands(claim) for claim in world.tree if claim.claimant == HONEST)


def test_the_rules_refuse_what_the_contract_refuses() -> None:
    chain = Chain(blocks=8, steps=7)
    world = World.new(chain, chain.output_at(7), PROPOSER, TIMES)
    with pytest.raises(IllegalMove, match="root"):
        world.move(FREELOADER, 0, digest("x"), False)
    world.move(FREELOADER, 0, digest("x"), True)
    with pytest.raises(IllegalMove, match="exists"):
        world.move(FREELOADER, 0, digest("x"), True)
    world.now = TIMES.max_clock
    with pytest.raises(IllegalMove, match="clock"):
        world.move(FREELOADER, 0, Hash32(digest("y")), True)

"""The honest strategy: from a game tree and the truth to the moves that are still missing.

A function of the tree alone, so nothing has to be remembered: after a restart the same game gives the same answers, and a
move that has landed meanwhile is simply no longer missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from config.types import Hash32
from faultproof.game.claims import Claim, GameTree
from faultproof.game.position import Position
from faultproof.game.trace import StepWitness, Trace


@dataclass(frozen=True)
class Move:
    """Answer `parent` with a claim of `value` at `position`."""

    parent: Claim
    attack: bool
    position: Position
    value: Hash32

    def __str__(self) -> str:
        return f"{'attack' if self.attack else 'defend'} {self.parent}"


@dataclass(frozen=True)
class Step:
    """Counter `claim`, which is at the deepest level, by executing one VM instruction on L1."""

    claim: Claim
    attack: bool
    witness: StepWitness

    def __str__(self) -> str:
        return f"step {'against' if self.attack else 'from'} {self.claim}"


Action = Move | Step


def agrees_with_root(game: GameTree, trace: Trace) -> bool:
    """Whether the root claim is true."""
    return trace.commitment(game, game.root, game.root.position) == game.root.value


def honest_actions(game: GameTree, trace: Trace) -> Iterator[Action]:
    """What an honest party has to do now, in the order in which claims were made.

    Every claim that the honest party would make is followed, whether it stands in the game yet or not. An honest claim is
    never countered; a counter to one always is; and a sibling of an honest answer is countered when it is not to its
    right, because resolution pays the leftmost claim that stands, and one to the right can neither be refuted nor win.

    The trace may be asked for much work, so actions come one by one. Claims that an untruthful game cannot hold in its
    contract (no ancestor where there must be one) raise LookupError.
    Spec: op honest-challenger, "Fault Dispute Game Responses".
    """
    for claim, answer in honest_answers(game, trace):
        if answer is None:
            if not claim.is_countered:
                yield _step(game, trace, claim)
        elif not game.has(answer.parent.index, answer.position, answer.value):
            yield answer


def honest_answers(game: GameTree, trace: Trace) -> Iterator[tuple[Claim, Move | None]]:
    """Every claim that the honest party counters, with the move that does; None where only a step can."""
    honest: set[int] = set()
    answers: dict[int, Move] = {}
    for claim in game:
        if _is_honest(game, trace, claim, answers):
            honest.add(claim.index)
        elif _must_be_countered(game, claim, honest, answers):
            if claim.depth == game.max_depth:
                yield claim, None
            else:
                answer = _answer(game, trace, claim)
                if answer is not None:
                    answers[claim.index] = answer
                    yield claim, answer


def _is_honest(game: GameTree, trace: Trace, claim: Claim, answers: dict[int, Move]) -> bool:
    """Whether this is the root and true, or the very answer that the honest party gives to its parent."""
    if claim.parent is None:
        return agrees_with_root(game, trace)
    answer = answers.get(claim.parent)
    return answer is not None and (claim.position, claim.value) == (answer.position, answer.value)


def _must_be_countered(game: GameTree, claim: Claim, honest: set[int], answers: dict[int, Move]) -> bool:
    if claim.parent is None or claim.parent in honest:
        return True
    sibling = answers.get(claim.parent)
    if sibling is None:
        return False
    return claim.position.trace_index(game.max_depth) <= sibling.position.trace_index(game.max_depth)


def _answer(game: GameTree, trace: Trace, claim: Claim) -> Move | None:
    attack = trace.commitment(game, claim, claim.position) != claim.value
    if not attack and (claim.parent is None or claim.depth == game.split_depth + 1):
        # The root of a trace commits to all of it: there is nothing to its right that could be disputed.
        return None
    position = claim.position.move(attack)
    return Move(claim, attack, position, trace.commitment(game, claim, position))


def _step(game: GameTree, trace: Trace, claim: Claim) -> Step:
    attack = trace.commitment(game, claim, claim.position) != claim.value
    return Step(claim, attack, trace.step(game, claim, attack))

"""Liars who use their clocks up: each of their moves comes with little time left, and the last one never."""

from collections.abc import Mapping, Sequence

from faultproof.challenger.game_state import GameState
from faultproof.challenger.ports import Output
from tests.actions.disputes.casting import liar, lie_from, state_of
from tests.actions.disputes.stage import Game, Stage
from tests.actions.disputes.step_kinds import StepKind

LEFT = 400
"""Seconds on their clock at which they move: less than an extension, more than a few blocks."""
LAST_DEPTH = 8


def patient_proposer(made: Stage, game: Game, outputs: Mapping[int, Output]) -> None:
    """The proposer of a false root."""
    _add(made, game, outputs, 2)


def patient_challenger(made: Stage, game: Game) -> None:
    """Somebody who attacks a true root."""
    _add(made, game, lie_from(made, made.traffic.call_block), 1)


def _add(made: Stage, game: Game, outputs: Mapping[int, Output], wallet: int) -> None:
    player = liar(made, game, outputs, StepKind.ALU, waits_until=LEFT, stops_at_depth=LAST_DEPTH)
    game.players.append((player, made.sender(made.parts.wallets[wallet])))


async def play_to_the_last_second(made: Stage, games: Sequence[Game]) -> None:
    """Until the liars stop: time passes up to their moment, then they move and the challenger answers.

    The games have to be of the same age, for the clocks of all run at once.
    """
    while True:
        states = [(game, await state_of(made, game)) for game in games]
        going_on = [(game, state) for game, state in states if state.tree.claims[-1].depth < LAST_DEPTH]
        if not going_on:
            return
        now = (await made.l1.head()).timestamp
        await made.pass_time(
            max(0, *(state.seconds_left(state.tree.claims[-1], now) - LEFT + 50 for _, state in going_on))
        )

        async def have_moved_on(going_on: list[tuple[Game, GameState]] = going_on) -> bool:
            for game, before in going_on:
                if (await game.contract.facts()).claim_count < len(before.tree) + 2:
                    return False
            return True

        await made.play(games, have_moved_on)

"""Liars who use their clocks up: each of their moves comes with little time left, and the last one never."""

from collections.abc import Mapping, Sequence

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
    """Until the liars stop: time passes up to their moment, then they move and the challenger answers."""
    for game in games:
        while True:
            state = await state_of(made, game)
            newest = state.tree.claims[-1]
            if newest.depth >= LAST_DEPTH:
                break
            left = state.seconds_left(newest, (await made.l1.head()).timestamp)
            await made.pass_time(max(0, left - LEFT + 50))
            wanted = len(state.tree) + 2

            async def has_moved_on(game: Game = game, wanted: int = wanted) -> bool:
                return (await game.contract.facts()).claim_count >= wanted

            await made.play(games, has_moved_on)

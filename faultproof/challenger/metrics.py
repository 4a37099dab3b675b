"""The challenger's status as Prometheus metrics: read when asked for, so that they cannot differ from what RPC says."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from faultproof.challenger.agent import GameFace, Stage
from faultproof.challenger.status import ChallengerStatus
from l1.contracts import GameStatus

PREFIX = "lamina_challenger_"


class ChallengerCollector(Collector):
    """Turns a status into metric families at every scrape."""

    def __init__(self, status: Callable[[], ChallengerStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """All metric families. Amounts in wei."""
        status = self._status()
        counters = status.counters
        for name, text, total in (
            ("moves", "claims made", counters.moves),
            ("steps", "VM steps executed on L1", counters.steps),
            ("preimages_challenged", "large preimages of others challenged", counters.preimages_challenged),
            ("transactions_confirmed", "L1 transactions confirmed", counters.transactions_confirmed),
            ("transactions_failed", "L1 transactions that failed", counters.transactions_failed),
            ("resets", "times all games were read again", counters.resets),
            ("temporary_errors", "rounds or games of a round ended early", counters.temporary_errors),
        ):
            yield CounterMetricFamily(PREFIX + name, text, value=total)
        for name, text, value in (
            ("up", "1 while the loop runs", float(status.running)),
            ("spent_wei", "fees and lost bonds", status.spent),
            ("bonds_locked_wei", "the account's money in games", status.bonds_locked),
            ("false_roots", "running games with a false root claim", sum(map(_is_false, status.games))),
            ("problems", "games that cannot be played", sum(game.problem is not None for game in status.games)),
        ):
            yield GaugeMetricFamily(PREFIX + name, text, value=value)
        stages = GaugeMetricFamily(PREFIX + "games", "games by stage", labels=("stage",))
        for stage in Stage:
            stages.add_metric((stage.value,), sum(game.stage is stage for game in status.games))
        yield stages
        ends = GaugeMetricFamily(PREFIX + "ended", "ended games by whether they ended rightly", labels=("rightly",))
        for rightly in (True, False):
            ends.add_metric((str(rightly).lower(),), sum(_ended(game) is rightly for game in status.games))
        yield ends


def _is_false(game: GameFace) -> bool:
    return game.status is GameStatus.IN_PROGRESS and game.verdict is not None and not game.verdict.is_right


def _ended(game: GameFace) -> bool | None:
    """Whether the game ended as it should; None where it has not, or where nobody asked."""
    if game.status is GameStatus.IN_PROGRESS or game.verdict is None:
        return None
    return (game.status is GameStatus.DEFENDER_WINS) == game.verdict.is_right

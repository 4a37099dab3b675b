"""The proposer's status as Prometheus metrics: read when asked for, so that they cannot differ from what RPC says."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from proposer.games import GameStage
from proposer.status import ProposerStatus

PREFIX = "lamina_proposer_"


class ProposerCollector(Collector):
    """Turns a status into metric families at every scrape."""

    def __init__(self, status: Callable[[], ProposerStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """All metric families. Amounts in wei."""
        status = self._status()
        counters = status.counters
        for name, text, total in (
            ("games_created", "dispute games created", counters.games_created),
            ("transactions_confirmed", "L1 transactions confirmed", counters.transactions_confirmed),
            ("transactions_failed", "L1 transactions that failed", counters.transactions_failed),
            ("resets", "times all games were read again", counters.resets),
            ("temporary_errors", "rounds ended early by a temporary error", counters.temporary_errors),
            ("l1_cost_wei", "fees of confirmed L1 transactions", status.spent),
        ):
            yield CounterMetricFamily(PREFIX + name, text, value=total)
        yield GaugeMetricFamily(PREFIX + "up", "1 while the proposing loop runs", value=float(status.running))
        yield GaugeMetricFamily(PREFIX + "bonds_locked_wei", "the account's money in games", value=status.bonds_locked)
        newest = max((game.l2_block_number for game in status.games), default=0)
        yield GaugeMetricFamily(PREFIX + "proposed_block", "newest L2 block proposed by the account", value=newest)
        stages = GaugeMetricFamily(PREFIX + "games", "the account's games by stage", labels=("stage",))
        for stage in GameStage:
            stages.add_metric((stage.value,), sum(game.stage is stage for game in status.games))
        yield stages

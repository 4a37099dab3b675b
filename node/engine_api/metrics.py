"""Metrics of a driven node."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from node.metrics import ChainCollector, NodeMetrics

if TYPE_CHECKING:
    from node.engine_api.service import DrivenNode


class _DrivenCollector(ChainCollector):
    def __init__(self, node: "DrivenNode") -> None:
        super().__init__(node)
        self._driven = node.driven

    def collect(self) -> Iterable[Metric]:
        yield from super().collect()
        driven = self._driven
        status = driven.status
        yield GaugeMetricFamily(
            "lamina_halted", "1 when blocks are not taken any more", value=int(status.halted_by is not None)
        )
        yield GaugeMetricFamily(
            "lamina_engine_last_call_seconds",
            "When the consensus client last called, Unix time",
            value=status.called or 0,
        )
        for name, text, counts in (
            ("lamina_engine_payloads", "Blocks from the consensus client", status.payloads),
            ("lamina_engine_forkchoices", "Heads from the consensus client", status.forkchoices),
        ):
            family = CounterMetricFamily(name, text, labels=["status"])
            for kind, count in counts.items():
                family.add_metric([kind.value], count)
            yield family
        for name, text, value in (
            ("lamina_engine_executed_blocks", "Blocks of others executed", driven.blocks.executed_blocks),
            ("lamina_engine_built_blocks", "Blocks made for the consensus client", driven.builds.built_blocks),
        ):
            yield CounterMetricFamily(name, text, value=value)


def driven_metrics(node: "DrivenNode") -> NodeMetrics:
    """The metrics of a node under construction; they read it only when they are asked for."""
    return NodeMetrics([_DrivenCollector(node)])

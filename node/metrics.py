"""Prometheus metrics and `/healthz` of a role, on a port of their own."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from node.http_listener import HttpListener
from node.l1_metrics import L1EndpointsCollector
from node.unsafe.metrics import UnsafeCollector

if TYPE_CHECKING:
    from node.l2_node import L2Node
    from node.rollup.service import RollupNode

HealthCheck = Callable[[], Awaitable[tuple[bool, dict[str, object]]]]


class MetricsServer(HttpListener):
    """`GET /metrics` in Prometheus' text format, `GET /healthz` as JSON (200 healthy, 503 not)."""

    def __init__(self, registry: CollectorRegistry, health: HealthCheck, host: str, port: int) -> None:
        super().__init__([web.get("/metrics", self._metrics), web.get("/healthz", self._healthz)], host, port)
        self._registry = registry
        self._health = health

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), content_type="text/plain")

    async def _healthz(self, _request: web.Request) -> web.Response:
        healthy, facts = await self._health()
        return web.Response(
            body=orjson.dumps({"healthy": healthy, **facts}),
            status=200 if healthy else 503,
            content_type="application/json",
        )


class NodeMetrics:
    """A node's metrics. RPC is counted as it happens, everything else is read from `collectors` when asked for."""

    def __init__(self, collectors: Iterable[Collector]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "lamina_rpc_requests", "JSON-RPC requests", ["method", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "lamina_rpc_seconds", "Duration of JSON-RPC requests", ["method"], registry=self.registry
        )
        self._found: dict[tuple[str, bool], tuple[Counter, Histogram]] = {}
        for collector in collectors:
            self.registry.register(collector)

    def observe_rpc(self, method: str, seconds: float, failed: bool) -> None:
        """Count one request."""
        # Finding a counter by its labels takes longer than counting.
        found = self._found.get((method, failed))
        if found is None:
            counter = self._requests.labels(method, "error" if failed else "ok")
            found = self._found[method, failed] = counter, self._seconds.labels(method)
        found[0].inc()
        found[1].observe(seconds)


class ChainCollector(Collector):
    """What every node of a rollup has: heads, what keeps them, the pool."""

    def __init__(self, node: "L2Node") -> None:
        self._node = node

    def collect(self) -> Iterable[Metric]:
        """The values of now."""
        node = self._node
        chain = node.execution.chain
        refs = GaugeMetricFamily("lamina_refs_number", "Block numbers of the heads", labels=["layer", "type"])
        for name, number in (
            ("unsafe", chain.head.number),
            ("safe", chain.safe.number),
            ("finalized", chain.finalized.number),
            ("oldest_state", chain.history.base.number),
        ):
            refs.add_metric(["l2", name], number)
        for name, number in self._l1_refs():
            refs.add_metric(["l1", name], number)
        yield refs
        stuck = GaugeMetricFamily(
            "lamina_head_stuck", "1 while a head does not move and should, by what keeps it", labels=["head", "cause"]
        )
        for report in node.doctor.all():
            if not report.is_healthy:
                stuck.add_metric([report.head, report.stall.cause.value if report.stall else ""], 1)
        yield stuck
        for name, text, value in (
            ("lamina_pool_pending", "Executable pool transactions", node.execution.pool.pending_count),
            ("lamina_pool_queued", "Pool transactions behind a nonce gap", node.execution.pool.queued_count),
        ):
            yield GaugeMetricFamily(name, text, value=value)

    def _l1_refs(self) -> Iterable[tuple[str, int]]:
        """Blocks of L1 that stand beside the heads."""
        return ()


class _RollupCollector(ChainCollector):
    def __init__(self, node: "RollupNode") -> None:
        super().__init__(node)
        self._rollup = node

    def _l1_refs(self) -> Iterable[tuple[str, int]]:
        heads, derived = self._rollup.heads, self._rollup.driver.current_l1
        for name, header in (("latest", heads.latest), ("safe", heads.safe), ("finalized", heads.finalized)):
            if header is not None:
                yield name, header.number
        if derived is not None:
            yield "derived", derived.number

    def collect(self) -> Iterable[Metric]:
        yield from super().collect()
        node = self._rollup
        for name, text, value in (
            (
                "lamina_sequencer_active",
                "1 while blocks are made here",
                int(bool(node.sequencer and node.sequencer.active)),
            ),
            ("lamina_halted", "1 when derivation, sequencing or the intake of unsafe blocks had to stop", int(_halted(node))),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        status = node.driver.status
        for name, text, value in (
            ("lamina_derivation_resets", "Times derivation went back to a safe point", status.resets),
            (
                "lamina_derivation_temporary_errors",
                "Times derivation had to wait for something",
                status.temporary_errors,
            ),
            ("lamina_derived_blocks", "Blocks made from L1 data", status.derived_blocks),
            ("lamina_replaced_unsafe_blocks", "Unsafe blocks that L1 contradicted", status.replaced_unsafe_blocks),
            ("lamina_sequenced_blocks", "Blocks sealed", node.sequencer.blocks_sealed if node.sequencer else 0),
            (
                "lamina_sequenced_transactions",
                "Pool transactions sealed",
                node.sequencer.transactions_sealed if node.sequencer else 0,
            ),
        ):
            yield CounterMetricFamily(name, text, value=value)


def _halted(node: "RollupNode") -> bool:
    return bool(
        node.driver.status.halted_by or node.intake.halted or (node.sequencer and node.sequencer.halted_by)
    )


def node_metrics(node: "RollupNode") -> NodeMetrics:
    """The metrics of a node under construction; they read it only when they are asked for."""
    return NodeMetrics(
        [
            _RollupCollector(node),
            L1EndpointsCollector(node.l1_sources.status),
            UnsafeCollector(node.intake, node.feed, node.followers),
        ]
    )

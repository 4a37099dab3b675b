"""Prometheus metrics of the L1 endpoints, read from their health when asked for."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from l1.health import EndpointState, EndpointStatus

_LABELS = ["endpoint", "kind"]


class L1EndpointsCollector(Collector):
    """One set of metrics per endpoint, labelled with its name and kind."""

    def __init__(self, status: Callable[[], Sequence[EndpointStatus]]) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """All metrics as of now."""
        statuses = self._status()
        state = GaugeMetricFamily(
            "lamina_l1_endpoint_state", "1 for the state that an L1 endpoint is in", labels=[*_LABELS, "state"]
        )
        for status in statuses:
            for each in EndpointState:
                state.add_metric([status.name, status.kind, each.value.replace(" ", "_")], int(each is status.state))
        yield state
        counters: list[tuple[str, str, Callable[[EndpointStatus], int]]] = [
            ("requests", "HTTP requests to an L1 endpoint", lambda status: status.requests),
            ("failures", "Questions that an L1 endpoint gave no usable answer to", lambda status: status.failures),
            ("lies", "Answers of an L1 endpoint that contradicted a hash", lambda status: status.lies),
            ("disagreements", "Times that an L1 endpoint was outvoted", lambda status: status.disagreements),
            ("rate_limited", "Times that an L1 endpoint limited the request rate", lambda status: status.limited),
        ]
        for name, text, count in counters:
            counter = CounterMetricFamily(f"lamina_l1_endpoint_{name}", text, labels=_LABELS)
            for status in statuses:
                counter.add_metric([status.name, status.kind], count(status))
            yield counter
        gauges: list[tuple[str, str, Callable[[EndpointStatus], float | None]]] = [
            ("error_rate", "Part of recent questions that failed, 0 to 1", lambda status: status.error_rate),
            ("latency_seconds", "Usual duration of a request", lambda status: status.latency),
            ("head", "Newest block (slot) of an L1 endpoint", lambda status: status.head),
            ("lag", "Blocks (slots) that an L1 endpoint is behind", lambda status: status.lag),
        ]
        for name, text, read in gauges:
            gauge = GaugeMetricFamily(f"lamina_l1_endpoint_{name}", text, labels=_LABELS)
            for status in statuses:
                value = read(status)
                if value is not None:
                    gauge.add_metric([status.name, status.kind], value)
            yield gauge

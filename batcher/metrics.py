"""The batcher's status as Prometheus metrics: read when asked for, so that they cannot differ from what RPC says."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from batcher.posting import ChannelState
from batcher.status import BatcherStatus

PREFIX = "lamina_batcher_"


class BatcherCollector(Collector):
    """Turns a status into metric families at every scrape."""

    def __init__(self, status: Callable[[], BatcherStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """All metric families. Sizes in bytes, amounts in wei."""
        status = self._status()
        counters = status.counters
        yield _counter("blocks_loaded", "L2 blocks loaded", counters.blocks_loaded)
        yield _counter("channels_closed", "channels closed", counters.channels_closed)
        yield _counter("input_bytes", "raw L2 transaction bytes put into closed channels", counters.input_bytes)
        yield _counter("output_bytes", "bytes of closed channels", counters.output_bytes)
        yield _counter("transactions_sent", "L1 transactions handed to the sender", counters.transactions_sent)
        yield _counter("transactions_confirmed", "L1 transactions confirmed", counters.transactions_confirmed)
        yield _counter("transactions_failed", "L1 transactions that failed", counters.transactions_failed)
        yield _counter("blobs_confirmed", "blobs of confirmed L1 transactions", counters.blobs_confirmed)
        yield _counter(
            "payload_bytes_confirmed",
            "bytes of channels and frame headers in confirmed L1 transactions",
            counters.payload_bytes_confirmed,
        )
        yield _counter("rewinds", "times blocks were posted again", counters.rewinds)
        yield _counter("resets", "times the batcher started over from the safe head", counters.resets)
        yield _counter("temporary_errors", "rounds ended early by a temporary error", counters.temporary_errors)
        yield _counter("l1_cost_wei", "wei spent on confirmed L1 transactions", status.spent)
        yield _gauge("up", "1 while the posting loop runs", float(status.running))
        yield _gauge("throttling", "1 while the sequencer is told to slow down", float(status.throttling))
        yield _gauge("pending_blocks_bytes", "bytes of L2 blocks not confirmed on L1", status.backlog_bytes)
        yield _gauge("pending_l1_bytes", "estimated bytes that they will take on L1", status.backlog_l1_bytes)
        yield _gauge(
            "window_expired",
            "1 while the next block is too late for its sequencing window",
            float(status.window_expired),
        )
        yield _gauge("queued_blocks", "L2 blocks held that are not safe", status.queued_blocks)
        yield _gauge("open_channel_blocks", "L2 blocks in the open channel", status.open_channel_blocks)
        yield _gauge("pending_transactions", "L1 transactions in flight", status.pending_transactions)
        yield _gauge("reserved_wei", "wei set aside for transactions in flight", status.reserved)
        if status.compression_ratio is not None:
            yield _gauge("compression_ratio", "bytes in per byte out, all channels", status.compression_ratio)
        heads = GaugeMetricFamily(PREFIX + "head", "block numbers of the heads followed", labels=("chain",))
        for name, head in (("l1", status.l1_head), ("l2_unsafe", status.unsafe_l2), ("l2_safe", status.safe_l2)):
            if head is not None:
                heads.add_metric((name,), head.number)
        yield heads
        states = GaugeMetricFamily(PREFIX + "channels", "latest channels by state", labels=("state",))
        for state in ChannelState:
            states.add_metric((state.value,), sum(record.state is state for record in status.channels))
        yield states


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, value=value)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, value=value)

"""Prometheus metrics of unsafe blocks: those of others, and those that are passed on."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from node.unsafe.feed import Feed
from node.unsafe.follower import FeedFollower
from node.unsafe.intake import UnsafeIntake


class UnsafeCollector(Collector):
    """Reads intake, feed and followers when asked."""

    def __init__(self, intake: UnsafeIntake, feed: Feed, followers: Sequence[FeedFollower]) -> None:
        self._intake = intake
        self._feed = feed
        self._followers = followers

    def collect(self) -> Iterable[Metric]:
        """All metrics as of now."""
        status, queue = self._intake.status, self._intake.queue
        blocks = CounterMetricFamily(
            "lamina_unsafe_blocks", "What became of unsafe blocks of others", labels=["outcome"]
        )
        for outcome, count in (
            ("received", status.received),
            ("applied", status.applied),
            ("invalid", status.invalid),
            ("conflicting", status.conflicting),
            ("ignored", status.ignored),
        ):
            blocks.add_metric([outcome], count)
        yield blocks
        yield GaugeMetricFamily(
            "lamina_unsafe_queued", "Unsafe blocks that wait for those before them", value=len(queue)
        )
        yield GaugeMetricFamily("lamina_unsafe_queued_bytes", "Bytes of these", value=queue.bytes)
        connected = GaugeMetricFamily("lamina_feed_connected", "1 while a feed is followed", labels=["feed"])
        refused = CounterMetricFamily("lamina_feed_refused", "Messages of a feed that were dropped", labels=["feed"])
        for follower in self._followers:
            connected.add_metric([follower.name], int(follower.connected))
            refused.add_metric([follower.name], follower.refused)
        yield from (connected, refused)
        yield GaugeMetricFamily(
            "lamina_feed_subscribers", "Open subscriptions to the own feed", value=self._feed.subscribers
        )
        yield CounterMetricFamily(
            "lamina_feed_published", "Blocks passed on over the own feed", value=self._feed.published
        )

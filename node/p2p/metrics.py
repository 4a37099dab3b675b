"""Prometheus metrics of gossip, read when asked for."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from node.p2p.gossip import Gossip


class GossipCollector(Collector):
    """The peers as of a moment ago, and what was done with messages since the libp2p process was started."""

    def __init__(self, gossip: Gossip) -> None:
        self._gossip = gossip

    def collect(self) -> Iterable[Metric]:
        """All metrics as of now."""
        transport, catch_up = self._gossip.transport, self._gossip.catch_up
        peers = transport.network.get("peers", {})
        counters = transport.network.get("counters", {})
        yield GaugeMetricFamily("lamina_p2p_running", "1 while the libp2p process runs", int(transport.status.running))
        yield GaugeMetricFamily("lamina_p2p_peers", "Peers that are connected", len(peers))
        yield GaugeMetricFamily(
            "lamina_p2p_gossip_peers",
            "Peers that listen to blocks",
            sum(bool(peer["topics"]) for peer in peers.values()),
        )
        yield GaugeMetricFamily(
            "lamina_p2p_mesh_peers", "Peers in a mesh", sum(bool(peer["mesh"]) for peer in peers.values())
        )
        score = GaugeMetricFamily("lamina_p2p_peer_score", "What a peer is worth", labels=["peer"])
        for name, peer in peers.items():
            score.add_metric([name], peer["score"])
        yield score
        yield CounterMetricFamily(
            "lamina_p2p_starts", "Times that the libp2p process was started", transport.status.starts
        )
        messages = CounterMetricFamily(
            "lamina_p2p_messages", "Gossiped messages, by what became of them", labels=["outcome"]
        )
        for outcome in ("published", "received", "duplicates", "accepted", "ignored", "rejected", "overload"):
            messages.add_metric([outcome], counters.get(outcome, 0))
        messages.add_metric(["dropped"], transport.status.dropped)
        yield messages
        yield CounterMetricFamily("lamina_p2p_blocks_asked", "Blocks that peers were asked for", catch_up.asked)
        yield CounterMetricFamily("lamina_p2p_blocks_found", "Blocks that peers gave when asked", catch_up.found)

"""What a peer is worth, by what it did lately.

Counted are time in the mesh (P1), messages that it was the first to bring (P2), invalid messages (P4) and misbehaviour (P7).
Deliveries in the mesh (P3) and peers at one address (P6) are not: they tell strangers apart, and peers here are static.
Thresholds, and what misbehaviour costs, are op-node's (`p2p/peer_params.go`, `light`); so are the figures of P1 and P2, from
when it had them. Spec: gossipsub 1.1, "Peer Scoring".
"""

from dataclasses import dataclass, field

GOSSIP_THRESHOLD = -10.0
"""Below it a peer is told no message ids and its own are not heard."""
PUBLISH_THRESHOLD = -40.0
"""Below it a peer is sent no messages of our own."""
GRAYLIST_THRESHOLD = -40.0
"""Below it nothing that a peer says is listened to."""

_TOPIC_WEIGHT, _TOPIC_CAP = 0.8, 34.0
_TIME_IN_MESH_MOST = 10.0
_MESH_HOUR = 3600.0
_FIRST_DELIVERIES_WEIGHT, _FIRST_DELIVERIES_CAP = 1.0, 23.0
_INVALID_WEIGHT = -11.25
"""One invalid message costs a place in the mesh, and may be an accident: a clock that is off, a signer that has just changed.
With three in a minute a peer is not listened to."""
_BEHAVIOUR_WEIGHT, _BEHAVIOUR_THRESHOLD = -16.0, 6.0
_DECAY_TO_ZERO = 0.01
_EPOCH = 6
"""Blocks of an epoch."""
_FIRST_DELIVERIES_EPOCHS, _INVALID_EPOCHS, _BEHAVIOUR_EPOCHS = 20, 50, 10
RETAIN_BLOCKS = 100 * _EPOCH
"""Block times for which the score of a peer that left is kept, so that coming back does not clear it."""


def _decay(epochs: int) -> float:
    return float(_DECAY_TO_ZERO ** (1 / (epochs * _EPOCH)))


@dataclass
class _TopicCounters:
    in_mesh_since: float | None = None
    first_deliveries: float = 0.0
    invalid: float = 0.0


@dataclass
class PeerScore:
    """The counters of one peer. `decay` is to be called once in a block time."""

    slot: float
    """Seconds of a block time."""
    topics: dict[str, _TopicCounters] = field(default_factory=dict)
    behaviour: float = 0.0

    def _topic(self, topic: str) -> _TopicCounters:
        return self.topics.setdefault(topic, _TopicCounters())

    def joined_mesh(self, topic: str, now: float) -> None:
        """It is in the mesh of a topic from now on."""
        self._topic(topic).in_mesh_since = now

    def left_mesh(self, topic: str) -> None:
        """It is not any more."""
        self._topic(topic).in_mesh_since = None

    def delivered_first(self, topic: str) -> None:
        """It was the first to bring a valid message."""
        counters = self._topic(topic)
        counters.first_deliveries = min(counters.first_deliveries + 1, _FIRST_DELIVERIES_CAP)

    def delivered_invalid(self, topic: str) -> None:
        """It brought an invalid message."""
        self._topic(topic).invalid += 1

    def misbehaved(self, times: float = 1.0) -> None:
        """It broke a rule of the protocol."""
        self.behaviour += times

    def decay(self) -> None:
        """Let what was done fade."""
        for counters in self.topics.values():
            counters.first_deliveries = _faded(counters.first_deliveries, _decay(_FIRST_DELIVERIES_EPOCHS))
            counters.invalid = _faded(counters.invalid, _decay(_INVALID_EPOCHS))
        self.behaviour = _faded(self.behaviour, _decay(_BEHAVIOUR_EPOCHS))

    def value(self, now: float) -> float:
        """The score."""
        total = sum(self._topic_value(counters, now) for counters in self.topics.values())
        total = min(total, _TOPIC_CAP)
        excess = max(0.0, self.behaviour - _BEHAVIOUR_THRESHOLD)
        return total + _BEHAVIOUR_WEIGHT * excess**2

    def counters(self, now: float) -> dict[str, float]:
        """The counters, summed over the topics, under op-node's names."""
        since = [counters.in_mesh_since for counters in self.topics.values() if counters.in_mesh_since is not None]
        return {
            "timeInMesh": now - min(since) if since else 0.0,
            "firstMessageDeliveries": sum(counters.first_deliveries for counters in self.topics.values()),
            "meshMessageDeliveries": 0.0,
            "invalidMessageDeliveries": sum(counters.invalid for counters in self.topics.values()),
        }

    def _topic_value(self, counters: _TopicCounters, now: float) -> float:
        in_mesh = 0.0
        if counters.in_mesh_since is not None:
            in_mesh = min(1.0, (now - counters.in_mesh_since) / _MESH_HOUR) * _TIME_IN_MESH_MOST
        return _TOPIC_WEIGHT * (
            in_mesh + _FIRST_DELIVERIES_WEIGHT * counters.first_deliveries + _INVALID_WEIGHT * counters.invalid**2
        )


def _faded(value: float, factor: float) -> float:
    value *= factor
    return value if value >= _DECAY_TO_ZERO else 0.0

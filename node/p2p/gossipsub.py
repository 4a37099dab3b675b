"""Gossipsub 1.1 for a fixed set of topics, without network, clock or randomness of its own.

py-libp2p has a gossipsub, which is not used: it takes messages without an author, which are all there are here, for
contradictions of each other, knows no verdict between valid and invalid, and drops messages above 1 MiB.

What is not here: exchange of peers and direct peers (peers are static), opportunistic grafting and outbound quotas (defences of
large open networks).
Spec: libp2p gossipsub 1.0 and 1.1; op rollup-node-p2p, "GossipSub", "Heartbeat and parameters".
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from node.p2p.frames import Judgement
from node.p2p.message_cache import MessageCache
from node.p2p.message_id import message_id
from node.p2p.pubsub_wire import Message, Rpc
from node.p2p.score import GOSSIP_THRESHOLD, GRAYLIST_THRESHOLD, PUBLISH_THRESHOLD, RETAIN_BLOCKS, PeerScore

HEARTBEAT_SECONDS = 0.5
SEEN_SECONDS = 130 * HEARTBEAT_SECONDS
MESH, MESH_LOW, MESH_HIGH, LAZY = 8, 6, 12, 6
KEPT_BY_SCORE = 4
"""Members of a mesh that is too large which stay because of their score; the others are drawn."""
GOSSIP_SHARE = 0.25
HISTORY, HISTORY_GOSSIPED = 12, 3
PRUNE_BACKOFF = 60.0
GRAFT_FLOOD = 10.0
MAX_BACKOFF = 3600.0
MAX_IHAVES = 10
"""IHAVEs of a peer that are heard per heartbeat."""
MAX_ASKED = 64
"""Messages that a peer is asked for per heartbeat."""
MAX_SENT_AGAIN = 3
"""Times that a peer gets the same message for asking."""
PROMISE_SECONDS = 3.0
"""Time within which a peer that told of a message is to send it when asked."""
MAX_JUDGED = 256
"""Messages that wait for a verdict; others that come meanwhile are dropped."""
MAX_SEEN = 65_536


@dataclass
class _Peer:
    topics: set[str] = field(default_factory=set)
    reachable: bool = False
    ihaves: int = 0
    asked: int = 0
    sent: dict[bytes, int] = field(default_factory=dict)


@dataclass
class _Judged:
    """A message that waits for its verdict, and who has sent it."""

    message: Message
    senders: list[str]


@dataclass(frozen=True)
class Incoming:
    """A message to be judged."""

    message_id: bytes
    peer: str
    message: Message


@dataclass
class GossipCounters:
    """What has happened, in messages."""

    published: int = 0
    received: int = 0
    duplicates: int = 0
    accepted: int = 0
    ignored: int = 0
    rejected: int = 0
    overload: int = 0
    """Dropped unseen, since too many were waiting."""


class Gossipsub:
    """The router. `send(peer, rpc)` puts something on its way; all else that is done is answered.

    `clock` counts seconds. Peers are known by their ids, as text.
    """

    def __init__(
        self,
        topics: Sequence[str],
        slot: float,
        send: Callable[[str, Rpc], None],
        clock: Callable[[], float],
        random: Random,
    ) -> None:
        """`slot`: the block time, in seconds."""
        self.topics = tuple(topics)
        self.mesh: dict[str, set[str]] = {topic: set() for topic in topics}
        self.counters = GossipCounters()
        self._slot = slot
        self._send = send
        self._clock = clock
        self._random = random
        self._peers: dict[str, _Peer] = {}
        self._scores: dict[str, PeerScore] = {}
        self._gone: OrderedDict[str, float] = OrderedDict()
        self._backoff: dict[tuple[str, str], float] = {}
        self._seen: OrderedDict[bytes, tuple[float, bool]] = OrderedDict()
        """Until when an id is remembered, and whether its message was rejected; in the order of coming."""
        self._judged: dict[bytes, _Judged] = {}
        self._cache = MessageCache(HISTORY, HISTORY_GOSSIPED)
        self._promises: dict[bytes, tuple[str, float]] = {}
        self._decay_at = clock() + slot

    # --- peers ---

    def add_peer(self, peer: str) -> None:
        """A peer can be talked to now: tell it what we listen to."""
        state = self._peers.setdefault(peer, _Peer())
        state.reachable = True
        self._gone.pop(peer, None)
        self._score(peer)
        self._send(peer, Rpc(subscriptions=tuple((topic, True) for topic in self.topics)))
        self._graft_listener(peer, state.topics)

    def mute_peer(self, peer: str) -> None:
        """A peer cannot be talked to any more, but may still be heard: `add_peer` when that is over."""
        if peer in self._peers:
            self._peers[peer].reachable = False
            for topic in self.topics:
                self._leave_mesh(topic, peer)

    def remove_peer(self, peer: str) -> None:
        """A peer is gone. Its score stays for a while."""
        if self._peers.pop(peer, None) is None:
            return
        for topic in self.topics:
            self._leave_mesh(topic, peer)
        self._gone[peer] = self._clock() + RETAIN_BLOCKS * self._slot

    def peers_of(self, topic: str) -> list[str]:
        """The peers that listen to a topic."""
        return [name for name, peer in self._peers.items() if topic in peer.topics]

    def score(self, peer: str) -> float:
        """What a peer is worth."""
        return self._scores[peer].value(self._clock()) if peer in self._scores else 0.0

    def describe(self, peer: str) -> dict[str, Any]:
        """A peer's score and what it is made of; the counters are sums over the topics."""
        score = self._scores.get(peer, PeerScore(self._slot))
        return {"score": self.score(peer), "blocks": score.counters(self._clock()), "behaviour": score.behaviour}

    def misbehaved(self, peer: str) -> None:
        """A peer sent what is no RPC."""
        self._score(peer).misbehaved()

    def _score(self, peer: str) -> PeerScore:
        return self._scores.setdefault(peer, PeerScore(self._slot))

    # --- messages ---

    def publish(self, topic: str, data: bytes) -> int:
        """Send a message of our own to all peers that listen to its topic. The number of these peers; 0 also for one that was
        sent before."""
        name = message_id(topic, data)
        if name in self._seen:
            return 0
        message = Message(topic, data)
        self._see(name)
        self._cache.put(name, message)
        self.counters.published += 1
        # "Flood publishing": who is not in the mesh gets our own messages too, so a mesh that is not there yet loses none.
        peers = [peer for peer in self.peers_of(topic) if self.score(peer) >= PUBLISH_THRESHOLD]
        for peer in peers:
            self._send(peer, Rpc(messages=(message,)))
        return len(peers)

    def receive(self, peer: str, rpc: Rpc) -> list[Incoming]:
        """Take in what a peer says. The messages among it that are to be judged; `settle` is to be called for each."""
        state = self._peers.setdefault(peer, _Peer())
        if self.score(peer) < GRAYLIST_THRESHOLD:
            return []
        for topic, begins in rpc.subscriptions:
            if topic not in self.mesh:
                continue
            if begins:
                state.topics.add(topic)
            else:
                state.topics.discard(topic)
                self._leave_mesh(topic, peer)
        if rpc.subscriptions:
            self._graft_listener(peer, state.topics)
        incoming = [found for message in rpc.messages if (found := self._take(peer, message)) is not None]
        self._hear_of(peer, state, rpc.ihave)
        self._send_again(peer, state, rpc.iwant)
        refused = tuple((topic, int(PRUNE_BACKOFF)) for topic in rpc.graft if not self._graft(peer, state, topic))
        if refused:
            self._send(peer, Rpc(prune=refused))
        for topic, seconds in rpc.prune:
            if topic in self.mesh:
                self._leave_mesh(topic, peer)
                self._back_off(topic, peer, min(float(seconds) or PRUNE_BACKOFF, MAX_BACKOFF))
        return incoming

    def settle(self, name: bytes, judgement: Judgement) -> None:
        """Say what a message is worth: pass it on, forget it, or hold it against those who sent it."""
        judged = self._judged.pop(name, None)
        if judged is None:
            return
        topic = judged.message.topic
        if judgement is Judgement.ACCEPT:
            self.counters.accepted += 1
            self._score(judged.senders[0]).delivered_first(topic)
            self._cache.put(name, judged.message)
            for peer in self.mesh[topic].difference(judged.senders):
                self._send(peer, Rpc(messages=(judged.message,)))
        elif judgement is Judgement.REJECT:
            self.counters.rejected += 1
            if name in self._seen:
                self._seen[name] = (self._seen[name][0], True)
            for peer in judged.senders:
                self._score(peer).delivered_invalid(topic)
        else:
            self.counters.ignored += 1

    def _take(self, peer: str, message: Message) -> Incoming | None:
        topic = message.topic
        if topic not in self.mesh:
            return None
        self.counters.received += 1
        if message.stamped:
            self.counters.rejected += 1
            self._score(peer).delivered_invalid(topic)
            return None
        name = message_id(topic, message.data)
        self._promises.pop(name, None)
        known = self._seen.get(name)
        if known is not None:
            self.counters.duplicates += 1
            if known[1]:
                self._score(peer).delivered_invalid(topic)
            elif (judged := self._judged.get(name)) is not None and peer not in judged.senders:
                judged.senders.append(peer)
            return None
        if len(self._judged) >= MAX_JUDGED:
            self.counters.overload += 1
            return None
        self._see(name)
        self._judged[name] = _Judged(message, [peer])
        return Incoming(name, peer, message)

    def _see(self, name: bytes) -> None:
        self._seen[name] = (self._clock() + SEEN_SECONDS, False)
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)

    def _hear_of(self, peer: str, state: _Peer, ihave: Iterable[tuple[str, tuple[bytes, ...]]]) -> None:
        wanted: dict[bytes, None] = {}
        for topic, ids in ihave:
            state.ihaves += 1
            if state.ihaves > MAX_IHAVES or self.score(peer) < GOSSIP_THRESHOLD or topic not in self.mesh:
                continue
            wanted |= dict.fromkeys(name for name in ids if name not in self._seen and name not in self._promises)
        asked = list(wanted)[: max(0, MAX_ASKED - state.asked)]
        if asked:
            state.asked += len(asked)
            for name in asked:
                self._promises[name] = (peer, self._clock() + PROMISE_SECONDS)
            self._send(peer, Rpc(iwant=tuple(asked)))

    def _send_again(self, peer: str, state: _Peer, iwant: Iterable[bytes]) -> None:
        if self.score(peer) < GOSSIP_THRESHOLD:
            return
        for name in iwant:
            message = self._cache.get(name)
            if message is None:
                continue
            state.sent[name] = state.sent.get(name, 0) + 1
            if state.sent[name] <= MAX_SENT_AGAIN:
                self._send(peer, Rpc(messages=(message,)))

    # --- the mesh ---

    def _graft(self, peer: str, state: _Peer, topic: str) -> bool:
        """Whether a peer that asks to be in the mesh of a topic may stay there."""
        if topic not in self.mesh:
            # Not answered, as the spec says: answers about any topic would be a way to make us talk.
            return True
        if peer in self.mesh[topic]:
            return True
        until = self._backoff.get((topic, peer), 0.0)
        if until > self._clock():
            flood = until - PRUNE_BACKOFF + GRAFT_FLOOD > self._clock()
            self._score(peer).misbehaved(2 if flood else 1)
            self._back_off(topic, peer, PRUNE_BACKOFF)
            return False
        if self.score(peer) < 0 or len(self.mesh[topic]) >= MESH_HIGH:
            self._back_off(topic, peer, PRUNE_BACKOFF)
            return False
        state.topics.add(topic)
        self._join_mesh(topic, peer)
        return True

    def _graft_listener(self, peer: str, topics: Iterable[str]) -> None:
        """Take a peer into meshes that are too small. At the next heartbeat alone, what is passed on until then would not
        reach it."""
        grafted = tuple(topic for topic in topics if len(self.mesh[topic]) < MESH and self._may_be_grafted(topic, peer))
        for topic in grafted:
            self._join_mesh(topic, peer)
        if grafted:
            self._send(peer, Rpc(graft=grafted))

    def _join_mesh(self, topic: str, peer: str) -> None:
        self.mesh[topic].add(peer)
        self._score(peer).joined_mesh(topic, self._clock())

    def _leave_mesh(self, topic: str, peer: str) -> None:
        if peer in self.mesh[topic]:
            self.mesh[topic].discard(peer)
            self._score(peer).left_mesh(topic)

    def _back_off(self, topic: str, peer: str, seconds: float) -> None:
        until = self._clock() + seconds
        self._backoff[topic, peer] = max(until, self._backoff.get((topic, peer), 0.0))

    def heartbeat(self) -> None:
        """To be called every HEARTBEAT_SECONDS: keep the meshes at their size, tell of messages, forget what is old."""
        now = self._clock()
        self._forget(now)
        grafts: dict[str, list[str]] = {}
        prunes: dict[str, list[str]] = {}
        for topic, mesh in self.mesh.items():
            for peer in [peer for peer in mesh if self.score(peer) < 0]:
                self._prune(topic, peer, prunes)
            if len(mesh) < MESH_LOW:
                for peer in self._draw(self._candidates(topic), MESH - len(mesh)):
                    self._join_mesh(topic, peer)
                    grafts.setdefault(peer, []).append(topic)
            elif len(mesh) > MESH_HIGH:
                best = sorted(mesh, key=self.score, reverse=True)
                stay = best[:KEPT_BY_SCORE] + self._draw(best[KEPT_BY_SCORE:], MESH - KEPT_BY_SCORE)
                for peer in mesh.difference(stay):
                    self._prune(topic, peer, prunes)
        told = self._told()
        for peer in {*grafts, *prunes, *told}:
            pruned = tuple((topic, int(PRUNE_BACKOFF)) for topic in prunes.get(peer, ()))
            self._send(peer, Rpc(graft=tuple(grafts.get(peer, ())), prune=pruned, ihave=tuple(told.get(peer, ()))))
        self._cache.shift()

    def _prune(self, topic: str, peer: str, prunes: dict[str, list[str]]) -> None:
        self._leave_mesh(topic, peer)
        self._back_off(topic, peer, PRUNE_BACKOFF)
        prunes.setdefault(peer, []).append(topic)

    def _candidates(self, topic: str) -> list[str]:
        return [peer for peer in self.peers_of(topic) if self._may_be_grafted(topic, peer)]

    def _may_be_grafted(self, topic: str, peer: str) -> bool:
        return (
            self._peers[peer].reachable
            and peer not in self.mesh[topic]
            and (topic, peer) not in self._backoff
            and self.score(peer) >= 0
        )

    def _told(self) -> dict[str, list[tuple[str, tuple[bytes, ...]]]]:
        told: dict[str, list[tuple[str, tuple[bytes, ...]]]] = {}
        for topic, mesh in self.mesh.items():
            ids = tuple(self._cache.recent(topic))
            if not ids:
                continue
            others = [
                peer for peer in self.peers_of(topic) if peer not in mesh and self.score(peer) >= GOSSIP_THRESHOLD
            ]
            for peer in self._draw(others, max(LAZY, int(GOSSIP_SHARE * len(others)))):
                told.setdefault(peer, []).append((topic, ids))
        return told

    def _draw(self, peers: list[str], count: int) -> list[str]:
        return self._random.sample(peers, min(count, len(peers)))

    def _forget(self, now: float) -> None:
        while self._seen and next(iter(self._seen.values()))[0] <= now:
            self._seen.popitem(last=False)
        self._backoff = {key: until for key, until in self._backoff.items() if until > now}
        for name, (peer, until) in list(self._promises.items()):
            if until <= now:
                del self._promises[name]
                if peer in self._scores:
                    self._scores[peer].misbehaved()
        for state in self._peers.values():
            state.ihaves = state.asked = 0
            state.sent = {name: times for name, times in state.sent.items() if self._cache.get(name) is not None}
        while self._gone and next(iter(self._gone.values())) <= now:
            self._scores.pop(self._gone.popitem(last=False)[0], None)
        while self._decay_at <= now:
            self._decay_at += self._slot
            for score in self._scores.values():
                score.decay()

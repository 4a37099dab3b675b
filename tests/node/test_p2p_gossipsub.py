"""Gossipsub without a network: who gets what, who is asked, who loses standing. Clock and peers are the tests'."""

from collections import defaultdict
from random import Random

import cramjam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.p2p.frames import Judgement
from node.p2p.gossipsub import (
    HEARTBEAT_SECONDS,
    MAX_JUDGED,
    MESH,
    MESH_HIGH,
    PROMISE_SECONDS,
    PRUNE_BACKOFF,
    SEEN_SECONDS,
    Gossipsub,
)
from node.p2p.message_cache import MessageCache
from node.p2p.message_id import message_id
from node.p2p.pubsub_wire import Message, Rpc
from node.p2p.rate_limit import PEER_BURST, RequestLimit
from node.p2p.score import GRAYLIST_THRESHOLD

TOPIC, OTHER = "/optimism/901/3/blocks", "/optimism/901/2/blocks"


class World:
    """A router, the time, and what it has sent to whom."""

    def __init__(self, peers: int = 0) -> None:
        self.now = 1000.0
        self.sent: dict[str, list[Rpc]] = defaultdict(list)
        self.router = Gossipsub(
            [TOPIC, OTHER], 2.0, lambda peer, rpc: self.sent[peer].append(rpc), lambda: self.now, Random(1)
        )
        for index in range(peers):
            self.join(f"p{index}")

    def join(self, peer: str) -> None:
        self.router.add_peer(peer)
        self.router.receive(peer, Rpc(subscriptions=((TOPIC, True),)))

    def beat(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += HEARTBEAT_SECONDS
            self.router.heartbeat()

    def bring(self, peer: str, *messages: Message) -> list[bytes]:
        return [incoming.message_id for incoming in self.router.receive(peer, Rpc(messages=messages))]

    def messages(self, peer: str) -> list[bytes]:
        return [message.data for rpc in self.sent[peer] for message in rpc.messages]


def block(number: int, topic: str = TOPIC) -> Message:
    return Message(topic, bytes(cramjam.snappy.compress_raw(b"block %d" % number)))


def test_a_new_peer_is_told_of_all_topics_and_grafted_to_those_that_it_listens_to() -> None:
    world = World(peers=1)
    assert world.sent["p0"] == [Rpc(subscriptions=((TOPIC, True), (OTHER, True))), Rpc(graft=(TOPIC,))]
    assert world.router.mesh == {TOPIC: {"p0"}, OTHER: set()}


def test_a_peer_that_is_heard_before_it_can_be_talked_to_is_grafted_when_it_can_be() -> None:
    world = World()
    world.router.receive("p0", Rpc(subscriptions=((TOPIC, True),)))
    assert not world.router.mesh[TOPIC]
    world.router.add_peer("p0")
    assert world.sent["p0"][-1].graft == (TOPIC,) and world.router.mesh[TOPIC] == {"p0"}


def test_a_peer_that_cannot_be_talked_to_for_a_while_is_still_known_to_listen() -> None:
    world = World(peers=1)
    world.router.mute_peer("p0")
    world.beat()
    assert not world.router.mesh[TOPIC] and world.router.peers_of(TOPIC) == ["p0"]
    world.router.add_peer("p0")
    assert world.router.mesh[TOPIC] == {"p0"}


def test_an_accepted_message_goes_on_to_the_mesh_but_not_back() -> None:
    world = World(peers=3)
    world.beat()
    [name] = world.bring("p0", block(1))
    assert world.messages("p1") == []
    world.bring("p1", block(1))
    world.router.settle(name, Judgement.ACCEPT)
    assert world.messages("p0") == world.messages("p1") == []
    assert world.messages("p2") == [block(1).data]


@pytest.mark.parametrize("judgement", [Judgement.REJECT, Judgement.IGNORE])
def test_a_message_that_is_not_accepted_is_not_passed_on_nor_told_of(judgement: Judgement) -> None:
    world = World(peers=15)
    world.beat()
    [name] = world.bring("p0", block(1))
    world.router.settle(name, judgement)
    world.beat(3)
    assert not any(world.messages(f"p{index}") for index in range(15))
    assert not any(rpc.ihave for rpcs in world.sent.values() for rpc in rpcs)


def test_a_rejected_message_costs_all_who_bring_it_an_ignored_one_nobody() -> None:
    world = World(peers=4)
    [name] = world.bring("p0", block(1))
    world.bring("p1", block(1))
    world.router.settle(name, Judgement.REJECT)
    assert world.bring("p2", block(1)) == []
    assert all(world.router.score(peer) < 0 for peer in ("p0", "p1", "p2"))
    [name] = world.bring("p3", block(2))
    world.router.settle(name, Judgement.IGNORE)
    assert world.router.score("p3") == 0


def test_a_message_is_judged_once_until_it_is_forgotten() -> None:
    world = World(peers=2)
    [name] = world.bring("p0", block(1))
    world.router.settle(name, Judgement.IGNORE)
    assert world.bring("p1", block(1)) == []
    world.now += SEEN_SECONDS
    world.beat()
    assert world.bring("p1", block(1)) == [name]


def test_a_message_with_an_author_is_never_taken() -> None:
    world = World(peers=1)
    assert world.bring("p0", Message(TOPIC, block(1).data, stamped=True)) == []
    assert world.router.score("p0") < 0


def test_messages_of_other_topics_are_not_looked_at() -> None:
    world = World(peers=1)
    assert world.bring("p0", Message("/optimism/902/3/blocks", block(1).data)) == []
    assert world.router.counters.received == 0 and world.router.score("p0") == 0


def test_a_peer_below_the_graylist_threshold_is_not_listened_to() -> None:
    world = World(peers=1)
    for number in range(3):
        for name in world.bring("p0", block(number)):
            world.router.settle(name, Judgement.REJECT)
    assert world.router.score("p0") < GRAYLIST_THRESHOLD
    assert world.bring("p0", block(9)) == [] and world.router.counters.received == 3
    world.router.remove_peer("p0")
    world.join("p0")
    assert world.bring("p0", block(10)) == [], "coming back clears nothing"


def test_a_score_that_was_lost_comes_back_with_time() -> None:
    world = World(peers=1)
    [name] = world.bring("p0", block(1))
    world.router.settle(name, Judgement.REJECT)
    world.beat()
    assert world.router.score("p0") < 0 and not world.router.mesh[TOPIC]
    world.now += 2 * 6 * 50 + 2.0
    world.beat()
    assert world.router.score("p0") >= 0 and world.router.mesh[TOPIC] == {"p0"}


def test_no_more_messages_are_judged_at_once_than_there_is_room_for() -> None:
    world = World(peers=1)
    taken = world.bring("p0", *(block(number) for number in range(MAX_JUDGED + 5)))
    assert len(taken) == MAX_JUDGED and world.router.counters.overload == 5


def test_our_own_message_goes_to_every_listener_once_also_before_there_is_a_mesh() -> None:
    world = World(peers=MESH_HIGH + 3)
    assert world.router.publish(TOPIC, block(1).data) == MESH_HIGH + 3
    assert world.router.publish(TOPIC, block(1).data) == 0
    assert all(world.messages(f"p{index}") == [block(1).data] for index in range(MESH_HIGH + 3))
    assert world.bring("p0", block(1)) == [], "nor is it judged when it comes back"


def test_the_mesh_is_filled_to_its_target_and_graft_beyond_the_limit_is_refused() -> None:
    world = World(peers=20)
    world.beat()
    assert len(world.router.mesh[TOPIC]) == MESH
    outside = [f"p{index}" for index in range(20) if f"p{index}" not in world.router.mesh[TOPIC]]
    for peer in outside:
        world.router.receive(peer, Rpc(graft=(TOPIC,)))
    assert len(world.router.mesh[TOPIC]) == MESH_HIGH
    refused = [peer for peer in outside if peer not in world.router.mesh[TOPIC]]
    assert all(world.sent[peer][-1].prune == ((TOPIC, 60),) for peer in refused)


def test_a_peer_that_prunes_is_not_grafted_before_its_time_is_over() -> None:
    world = World(peers=1)
    world.beat()
    world.router.receive("p0", Rpc(prune=((TOPIC, 30),)))
    world.now += 29 - HEARTBEAT_SECONDS
    world.beat()
    assert not world.router.mesh[TOPIC]
    world.now += 1
    world.beat()
    assert world.router.mesh[TOPIC] == {"p0"}


def test_grafting_within_the_back_off_is_misbehaviour() -> None:
    world = World(peers=1)
    world.beat()
    world.router.receive("p0", Rpc(prune=((TOPIC, 0),)))
    for _ in range(5):
        world.router.receive("p0", Rpc(graft=(TOPIC,)))
    assert world.router.score("p0") < 0 and not world.router.mesh[TOPIC]
    assert world.sent["p0"][-1].prune == ((TOPIC, int(PRUNE_BACKOFF)),)


def test_grafting_an_unknown_topic_is_not_answered() -> None:
    world = World(peers=1)
    before = len(world.sent["p0"])
    world.router.receive("p0", Rpc(graft=("/elsewhere",)))
    assert len(world.sent["p0"]) == before


def test_a_peer_with_a_negative_score_leaves_the_mesh() -> None:
    world = World(peers=2)
    world.beat()
    [name] = world.bring("p0", block(1))
    world.router.settle(name, Judgement.REJECT)
    world.beat()
    assert world.router.mesh[TOPIC] == {"p1"} and world.sent["p0"][-1].prune == ((TOPIC, 60),)


def test_who_is_not_in_the_mesh_is_told_of_messages_and_gets_them_for_asking_but_not_without_end() -> None:
    world = World(peers=MESH + 1)
    world.beat()
    [outside] = {f"p{index}" for index in range(MESH + 1)} - world.router.mesh[TOPIC]
    inside = next(iter(world.router.mesh[TOPIC]))
    [name] = world.bring(inside, block(1))
    world.router.settle(name, Judgement.ACCEPT)
    world.beat()
    assert world.sent[outside][-1].ihave == ((TOPIC, (name,)),)
    for _ in range(9):
        world.router.receive(outside, Rpc(iwant=(name, b"unknown")))
    assert world.messages(outside) == [block(1).data] * 3


def test_a_message_that_is_told_of_is_asked_for_once_and_a_broken_promise_counts() -> None:
    world = World(peers=2)
    world.router.receive("p0", Rpc(ihave=((TOPIC, (b"n" * 20,)),)))
    world.router.receive("p1", Rpc(ihave=((TOPIC, (b"n" * 20,)),)))
    assert world.sent["p0"][-1].iwant == (b"n" * 20,)
    assert not any(rpc.iwant for rpc in world.sent["p1"])
    world.now += PROMISE_SECONDS
    world.beat()
    assert world.router.describe("p0")["behaviour"] > 0 == world.router.describe("p1")["behaviour"]


def test_a_kept_promise_costs_nothing() -> None:
    world = World(peers=1)
    name = message_id(TOPIC, block(1).data)
    world.router.receive("p0", Rpc(ihave=((TOPIC, (name,)),)))
    assert world.bring("p0", block(1)) == [name]
    world.now += PROMISE_SECONDS
    world.beat()
    assert world.router.describe("p0")["behaviour"] == 0


NAMES = st.sampled_from(["p0", "p1", "p2", "p3"])
TOPICS = st.sampled_from([TOPIC, OTHER, "/elsewhere"])
MESSAGES = st.builds(block, st.integers(0, 5), TOPICS)
RPCS = st.builds(
    Rpc,
    subscriptions=st.lists(st.tuples(TOPICS, st.booleans()), max_size=2).map(tuple),
    messages=st.lists(MESSAGES, max_size=2).map(tuple),
    ihave=st.lists(
        st.tuples(TOPICS, st.lists(st.binary(min_size=20, max_size=20), max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    graft=st.lists(TOPICS, max_size=2).map(tuple),
    prune=st.lists(st.tuples(TOPICS, st.integers(0, 2**64 - 1)), max_size=2).map(tuple),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("rpc"), NAMES, RPCS),
        st.tuples(st.just("beat"), st.integers(1, 20)),
        st.tuples(st.just("gone"), NAMES),
        st.tuples(st.just("new"), NAMES),
        st.tuples(st.just("settle"), st.sampled_from(Judgement)),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=60)
def test_whatever_peers_do_the_mesh_is_of_listeners_and_nothing_unaccepted_leaves(
    steps: list[tuple[object, ...]],
) -> None:
    world = World(peers=2)
    waiting: list[bytes] = []
    accepted: set[bytes] = set()
    for step in steps:
        match step:
            case ("rpc", str(peer), Rpc() as rpc):
                waiting += [incoming.message_id for incoming in world.router.receive(peer, rpc)]
            case ("beat", int(times)):
                world.beat(times)
            case ("gone", str(peer)):
                world.router.remove_peer(peer)
            case ("new", str(peer)):
                world.join(peer)
            case ("settle", Judgement() as judgement) if waiting:
                name = waiting.pop(0)
                accepted |= {name} if judgement is Judgement.ACCEPT else set()
                world.router.settle(name, judgement)
        for topic, mesh in world.router.mesh.items():
            assert mesh <= set(world.router.peers_of(topic))
    for rpcs in world.sent.values():
        assert all(message_id(one.topic, one.data) in accepted for rpc in rpcs for one in rpc.messages)


def test_message_ids_are_of_the_contents_where_these_can_be_read_and_of_the_data_else() -> None:
    data = b"\x05\x10hello"
    assert message_id("t", data) == message_id("t", bytes(cramjam.snappy.compress_raw(b"hello")))
    assert message_id("t", data) != message_id("u", data)
    assert message_id("t", b"no snappy") != message_id("t", bytes(cramjam.snappy.compress_raw(b"no snappy")))
    assert len(message_id("t", b"")) == 20


def test_the_cache_forgets_after_its_windows_and_beyond_its_bytes() -> None:
    cache = MessageCache(length=2, gossiped=1, max_bytes=10)
    cache.put(b"a", Message("t", bytes(4)))
    assert cache.recent("t") == [b"a"]
    cache.shift()
    assert cache.recent("t") == [] and cache.get(b"a") is not None
    cache.put(b"b", Message("t", bytes(8)))
    assert cache.get(b"a") is None and cache.get(b"b") is not None
    cache.shift()
    cache.shift()
    assert cache.get(b"b") is None


def test_a_peer_may_ask_in_a_burst_and_then_four_times_a_second() -> None:
    limit = RequestLimit(0.0)
    assert [limit.admits("a", 0.0) for _ in range(17)].count(True) == PEER_BURST
    assert limit.admits("b", 0.0)
    assert [limit.admits("a", 1.0) for _ in range(6)].count(True) == 4

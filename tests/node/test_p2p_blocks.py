"""The node's side of gossip: what it makes of messages, what it answers, how it closes gaps, what it tells operators."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cramjam
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from config.errors import TemporaryError
from config.types import Address
from evm.execution_payload import ExecutionPayload
from evm.payload_message import SignedPayload
from evm.payload_ssz import encode_payload
from evm.types import Block
from node.p2p import transport as transport_module
from node.p2p.catch_up import LARGEST_GAP, CatchUp
from node.p2p.frames import Judgement
from node.p2p.gossip import Gossip
from node.p2p.metrics import GossipCollector
from node.p2p.payload_answer import INVALID, SUCCESS, UNAVAILABLE, PayloadAnswer, answer_with, read_answer
from node.p2p.rpc import OpP2p
from node.p2p.settings import P2pSettings
from node.rpc.errors import RpcError
from node.unsafe.signer import UnsafeBlockSigner
from tests.evm.engine_kit import ALICE, ALICE_KEY, BOB
from tests.node.unsafe_worlds import Worlds, unsafe


class Node:
    """A follower with gossip, whose libp2p process never runs."""

    def __init__(self, worlds: Worlds, datadir: Path, signer: Address | None = ALICE) -> None:
        self.worlds = worlds
        self.now = float(worlds.maker.chain.head.timestamp)
        self.gossip = Gossip(
            P2pSettings(datadir / "key"),
            worlds.maker.rollup,
            worlds.maker.chain,
            worlds.intake,
            cast(UnsafeBlockSigner, SimpleNamespace(address=signer, error=None if signer else "L1 is silent")),
            lambda: self.now,
        )

    def judge(self, block: Block, key: bytes = ALICE_KEY) -> Judgement:
        signed = self.signed(block, key)
        return self.gossip.judge("peer", signed.version - 1, signed.message())

    def signed(self, block: Block, key: bytes = ALICE_KEY) -> SignedPayload:
        return SignedPayload.sign(ExecutionPayload.of(block), key, self.worlds.maker.rollup.l2_chain_id)


@pytest.fixture
def worlds(monkeypatch: pytest.MonkeyPatch) -> Worlds:
    monkeypatch.setattr(transport_module, "libp2p_is_installed", lambda: True)
    return Worlds()


async def test_a_block_of_the_sequencer_is_accepted_and_becomes_the_head(worlds: Worlds, tmp_path: Path) -> None:
    (block,) = await worlds.made(1)
    node = Node(worlds, tmp_path)
    async with worlds.following():
        assert node.judge(block.block) is Judgement.ACCEPT
        await worlds.settled()
        assert worlds.head == block.block.hash
        assert node.judge(block.block) is Judgement.IGNORE, "the second time it is nothing new"


async def test_a_block_that_another_signed_is_rejected_and_operators_are_told(worlds: Worlds, tmp_path: Path) -> None:
    (block,) = await worlds.made(1)
    node = Node(worlds, tmp_path, signer=BOB)
    assert node.judge(block.block) is Judgement.REJECT
    assert node.gossip.refusing is not None and "is signed by" in node.gossip.refusing
    assert len(worlds.intake.queue) == 0


async def test_while_it_is_not_known_who_signs_nothing_is_held_against_anybody(worlds: Worlds, tmp_path: Path) -> None:
    (block,) = await worlds.made(1)
    node = Node(worlds, tmp_path, signer=None)
    assert node.judge(block.block) is Judgement.IGNORE
    assert node.gossip.error == "who signs unsafe blocks is not known yet (L1 is silent)"


async def test_a_block_is_gossiped_on_the_topic_of_its_version_and_not_judged_when_it_comes_back(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = await worlds.made(1)
    node = Node(worlds, tmp_path)
    sent: list[tuple[int, bytes]] = []
    monkeypatch.setattr(node.gossip.transport, "publish", lambda topic, data: sent.append((topic, data)))
    signed = node.signed(block.block)
    node.gossip.publish(signed)
    assert sent == [(signed.version - 1, signed.message())]
    assert node.judge(block.block) is Judgement.IGNORE


async def test_payloads_are_served_from_genesis_to_now(worlds: Worlds, tmp_path: Path) -> None:
    blocks = await worlds.made(2)
    node = Node(worlds, tmp_path)
    rollup = worlds.maker.rollup
    for made in blocks:
        answer = node.gossip.serve(made.block.number)
        read = read_answer(answer, made.block.number, rollup)
        assert read is not None and read.block == made.block and read.signed is None
    assert node.gossip.serve(3) == PayloadAnswer(INVALID), "no block can be there yet"
    node.now += 2 * rollup.block_time
    assert node.gossip.serve(3) == PayloadAnswer(UNAVAILABLE)
    assert read_answer(PayloadAnswer(UNAVAILABLE), 3, rollup) is None


async def test_an_answer_that_is_not_what_was_asked_for_is_refused(worlds: Worlds) -> None:
    first, second = (made.block for made in await worlds.made(2))
    rollup, good = worlds.maker.rollup, answer_with(first)
    encoded = encode_payload(ExecutionPayload.of(first))
    bomb = bytes(cramjam.snappy.compress(bytes(11 << 20)))
    wrong = bytearray(encoded)
    wrong[40] ^= 1
    for answer, words in (
        (answer_with(second), "block 1 was asked for"),
        (PayloadAnswer(INVALID), "the error 2"),
        (PayloadAnswer(SUCCESS, 0, good.body), "version 0"),
        (PayloadAnswer(SUCCESS, good.version, encoded), "framing"),
        (PayloadAnswer(SUCCESS, good.version, good.body[:-3]), ""),
        (PayloadAnswer(SUCCESS, good.version, bomb), "larger"),
        (PayloadAnswer(SUCCESS, good.version, bytes(cramjam.snappy.compress(bytes(wrong)))), "hash"),
    ):
        with pytest.raises(ValueError, match=words):
            read_answer(answer, 1, rollup)
    assert read_answer(PayloadAnswer(SUCCESS, 2, good.body), 1, rollup) is not None, "the spec's number for Isthmus"


class Peers:
    """What peers answer, by name; an exception is raised. `asked` has who was asked for what."""

    def __init__(self, worlds: Worlds, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int]] = []
        world = worlds.world
        self.catch_up = CatchUp(worlds.maker.rollup, world.chain, worlds.intake, lambda: list(answers), self._ask)

    async def _ask(self, peer: str, number: int) -> PayloadAnswer:
        self.asked.append((peer, number))
        answer = self.answers[peer]
        if isinstance(answer, Exception):
            raise answer
        return cast(PayloadAnswer, answer(number))


async def test_a_gap_is_closed_from_the_top_by_asking_peers(worlds: Worlds) -> None:
    blocks = [made.block for made in await worlds.made(5)]
    peers = Peers(worlds, honest=lambda number: answer_with(blocks[number - 1]))
    async with worlds.following():
        await worlds.take(unsafe(blocks[-1]))
        while await peers.catch_up.step():
            pass
        await worlds.settled()
        assert worlds.head == blocks[-1].hash
        assert peers.asked == [("honest", number) for number in (4, 3, 2, 1)]
        assert not await peers.catch_up.step(), "nothing is missing any more"


async def test_a_peer_that_gives_another_block_or_none_is_left_for_the_next_one(worlds: Worlds) -> None:
    blocks = [made.block for made in await worlds.made(2)]
    other = worlds.other_sequencer()
    (foreign,) = await other.sequence(1)
    peers = Peers(
        worlds,
        liar=lambda _: answer_with(foreign),
        poor=lambda _: PayloadAnswer(UNAVAILABLE),
        silent=TemporaryError("it did not answer in time"),
        honest=lambda number: answer_with(blocks[number - 1]),
    )
    async with worlds.following():
        await worlds.take(unsafe(blocks[-1]))
        reasons = []
        for _ in range(3):
            assert not await peers.catch_up.step()
            reasons.append(str(peers.catch_up.error))
        assert await peers.catch_up.step() and peers.catch_up.error is None
        await worlds.settled()
        assert worlds.head == blocks[-1].hash
    for reason, words in zip(reasons, ("another block", "does not have", "in time"), strict=True):
        assert words in reason
    assert (peers.catch_up.asked, peers.catch_up.found) == (4, 1)


async def test_nobody_is_asked_without_peers_for_a_gap_that_is_too_large_or_by_a_sequencer(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [made.block for made in await worlds.made(2)]
    peers = Peers(worlds, honest=lambda number: answer_with(blocks[number - 1]))
    async with worlds.following():
        await worlds.take(unsafe(blocks[-1]))
        assert not await Peers(worlds).catch_up.step()
        monkeypatch.setattr("node.p2p.catch_up.LARGEST_GAP", 0)
        assert not await peers.catch_up.step()
        monkeypatch.setattr("node.p2p.catch_up.LARGEST_GAP", LARGEST_GAP)
        monkeypatch.setattr(type(worlds.intake), "is_ignoring", True)
        assert not await peers.catch_up.step()
    assert peers.asked == []


PEER = {
    "peerID": "16Uiu2peer",
    "nodeID": "ab",
    "addresses": ["/ip4/127.0.0.1/tcp/1/p2p/16Uiu2peer"],
    "protocols": ["/meshsub/1.1.0"],
    "connectedness": 1,
    "direction": 2,
    "topics": [2, 3],
    "mesh": [3],
    "static": True,
    "dropped": 0,
    "score": 1.5,
    "blocks": {
        "timeInMesh": 9.0,
        "firstMessageDeliveries": 3.0,
        "meshMessageDeliveries": 0.0,
        "invalidMessageDeliveries": 0.0,
    },
    "behaviour": 0.0,
}
NETWORK = {"self": {**PEER, "peerID": "16Uiu2self"}, "peers": {"16Uiu2peer": PEER}, "counters": {"accepted": 3}}


async def test_peers_are_told_in_op_nodes_form(worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = Node(worlds, tmp_path).gossip.transport

    async def call(method: str, argument: str = "") -> Any:
        if method == "peers":
            return NETWORK
        if argument == "nobody":
            raise ValueError("nobody is no peer id")
        return None

    monkeypatch.setattr(transport, "call", call)
    rpc = OpP2p(transport, 901)
    dump = await rpc.peers(True)
    assert dump["totalConnected"] == 1 and dump["bannedPeers"] == []
    peer = dump["peers"]["16Uiu2peer"]
    assert (peer["peerID"], peer["chainID"], peer["gossipBlocks"], peer["protected"]) == ("16Uiu2peer", 901, True, True)
    assert peer["scores"]["gossip"]["total"] == 1.5 and peer["scores"]["gossip"]["blocks"]["timeInMesh"] == 9.0
    assert (await rpc.about_self())["peerID"] == "16Uiu2self"
    stats = await rpc.peer_stats()
    assert [stats[name] for name in ("connected", "blocksTopic", "blocksTopicV3", "blocksTopicV4")] == [1, 0, 1, 1]
    assert await rpc.peer_count() == {"connectedDiscovery": None, "connectedGossip": 1}
    with pytest.raises(RpcError, match="no peer id"):
        await rpc.disconnect_peer("nobody")
    assert transport.connected == ["16Uiu2peer"]


async def test_without_peers_opp2p_says_that_there_is_no_network() -> None:
    with pytest.raises(RpcError, match="p2p is disabled"):
        await OpP2p(None, 901).peer_stats()
    with pytest.raises(RpcError, match="discovery disabled"):
        OpP2p(None, 901).discovery_table()


def test_metrics_tell_of_peers_and_messages(worlds: Worlds, tmp_path: Path) -> None:
    gossip = Node(worlds, tmp_path).gossip
    registry = CollectorRegistry()
    registry.register(GossipCollector(gossip))
    assert b"lamina_p2p_running 0.0" in generate_latest(registry)
    gossip.transport.network = NETWORK
    page = generate_latest(registry).decode()
    for line in (
        "lamina_p2p_peers 1.0",
        "lamina_p2p_mesh_peers 1.0",
        'lamina_p2p_peer_score{peer="16Uiu2peer"} 1.5',
        'lamina_p2p_messages_total{outcome="accepted"} 3.0',
    ):
        assert line in page

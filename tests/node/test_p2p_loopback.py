"""libp2p for real, over loopback: processes that gossip, and a peer that does not keep to the rules. Needs lamina[p2p]."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import cramjam
import pytest

from evm.execution_payload import ExecutionPayload
from evm.payload_message import MAX_MESSAGE_BYTES, SignedPayload, decode_message
from evm.payload_ssz import PayloadVersion
from node.p2p.frames import Frame, FrameReader, Judgement, Kind
from node.p2p.payload_answer import UNAVAILABLE, PayloadAnswer
from node.p2p.peer_id import peer_id
from node.p2p.pubsub_wire import Message, Rpc, decode, encode, varint
from node.p2p.settings import Setup, request_protocol
from node.p2p.transport import Transport, libp2p_is_installed
from tests.evm.engine_kit import ALICE, ALICE_KEY, CHAIN_ID, ETHER, Funded, deposit, l2

pytestmark = pytest.mark.skipif(
    not libp2p_is_installed(), reason="libp2p is not installed: pip install 'lamina[p2p]' (needs the headers of GMP)"
)

TOPICS = [version.topic(CHAIN_ID) for version in PayloadVersion]
PROTOCOL = request_protocol(CHAIN_ID)


def setup_of(number: int, *static: str) -> Setup:
    return Setup(f"{number:02x}" * 32, "127.0.0.1", 0, None, list(static), TOPICS, PROTOCOL, 2)


def signed_payload() -> SignedPayload:
    builder = l2({ALICE: Funded(ETHER)}).start()
    builder.add(deposit())
    return SignedPayload.sign(ExecutionPayload.of(builder.seal().block), ALICE_KEY, CHAIN_ID)


class Peer:
    """A process, with what it was given to judge."""

    def __init__(
        self, number: int, *static: str, judge: Callable[[bytes], Judgement] = lambda _: Judgement.ACCEPT
    ) -> None:
        self.got: asyncio.Queue[tuple[str, int, bytes]] = asyncio.Queue()
        self._judge = judge
        self.pauses = 0
        self.transport = Transport(setup_of(number, *static), self._take, self._serve, sleep=self._sleep)

    def _take(self, peer: str, topic: int, data: bytes) -> Judgement:
        self.got.put_nowait((peer, topic, data))
        return self._judge(data)

    def _serve(self, number: int) -> PayloadAnswer:
        return PayloadAnswer(0, 1, b"payload %d" % number) if number < 10 else PayloadAnswer(UNAVAILABLE)

    async def _sleep(self, seconds: float) -> None:
        self.pauses += 1
        await asyncio.sleep(0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Peer"]:
        task = asyncio.create_task(self.transport.run())
        try:
            async with asyncio.timeout(60):
                await self.transport.ready.wait()
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def address(self) -> str:
        return self.transport.status.addresses[0]

    async def listeners(self, count: int) -> None:
        """Wait until so many peers listen to blocks."""
        async with asyncio.timeout(60):
            while sum(bool(peer["topics"]) for peer in (await self.transport.peers())["peers"].values()) < count:
                await asyncio.sleep(0.05)

    async def next(self) -> tuple[str, int, bytes]:
        async with asyncio.timeout(60):
            return await self.got.get()


@asynccontextmanager
async def line(*peers: Callable[..., Peer]) -> AsyncIterator[list[Peer]]:
    """Peers of which each dials the one before, all of them connected."""
    async with AsyncExitStack() as stack:
        found: list[Peer] = []
        for index, make in enumerate(peers):
            before = [found[-1].address] if found else []
            found.append(await stack.enter_async_context(make(index + 1, *before).running()))
        for index, peer in enumerate(found):
            await peer.listeners(1 if index in (0, len(found) - 1) else 2)
        yield found


def compressed(text: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(text))


@pytest.mark.slow
async def test_a_signed_payload_reaches_the_other_side_and_payloads_can_be_asked_for() -> None:
    async with line(Peer, Peer) as (alice, bob):
        payload = signed_payload()
        assert bob.transport.status.peer_id == peer_id(b"\x02" * 32)
        assert bob.transport.publish(payload.version - 1, payload.message())
        peer, topic, data = await alice.next()
        assert (peer, topic) == (bob.transport.status.peer_id, payload.version - 1)
        received = decode_message(data, payload.version)
        assert received.payload == payload.payload and received.signer(CHAIN_ID) == ALICE
        assert await bob.transport.ask(alice.transport.status.peer_id, 5) == PayloadAnswer(0, 1, b"payload 5")
        assert await alice.transport.ask(bob.transport.status.peer_id, 10) == PayloadAnswer(UNAVAILABLE)

        # Its death is a warning: it comes back, as the same peer, and is found again.
        process, me = bob.transport.process, bob.transport.status.peer_id
        assert process is not None
        process.kill()
        await process.wait()
        while bob.pauses == 0:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            await bob.transport.ready.wait()
        assert bob.transport.status.starts == 2 and bob.transport.status.peer_id == me
        await alice.listeners(1)
        assert alice.transport.publish(0, compressed(b"again"))
        assert (await bob.next())[2] == compressed(b"again")


@pytest.mark.slow
async def test_a_rejected_message_goes_no_further_and_an_accepted_one_does() -> None:
    def middle(*arguments: Any) -> Peer:
        return Peer(*arguments, judge=lambda data: Judgement.REJECT if data == compressed(b"bad") else Judgement.ACCEPT)

    async with line(Peer, middle, Peer) as (first, second, third):
        for text in (b"good", b"bad"):
            assert first.transport.publish(0, compressed(text))
            assert (await second.next())[2] == compressed(text)
        assert second.transport.publish(0, compressed(b"own"))
        me = second.transport.status.peer_id
        assert [await third.next() for _ in range(2)] == [(me, 0, compressed(b"good")), (me, 0, compressed(b"own"))]
        peers = (await second.transport.peers())["peers"]
        assert peers[first.transport.status.peer_id]["score"] < 0 <= peers[third.transport.status.peer_id]["score"]


def test_no_more_strangers_are_let_in_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import trio
    import trio.testing

    from node.p2p import process as process_module
    from node.p2p.host import Host

    monkeypatch.setattr(process_module, "MAX_PEERS", 1)

    async def main() -> None:
        ours, theirs = trio.testing.memory_stream_pair()
        process = process_module.P2pProcess(setup_of(1), theirs, theirs)
        gone = [trio.Event(), trio.Event()]
        strangers = [
            Host(setup_of(2), lambda _: None, lambda _: gone[0].set()),
            Host(setup_of(3), lambda _: None, lambda _: gone[1].set()),
        ]
        reader = FrameReader()
        frames: list[Frame] = []
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery, strangers[0].run(), strangers[1].run():
                nursery.start_soon(process.run, FrameReader(), [])
                while not any(frame.kind is Kind.READY for frame in frames):
                    frames += reader.feed(await ours.receive_some(1 << 16))
                for stranger in strangers:
                    await stranger.connect(process._host.addresses[0])
                await gone[1].wait()
                assert not gone[0].is_set()
                nursery.cancel_scope.cancel()

    trio.run(main)


def test_what_is_too_large_or_no_rpc_ends_the_stream_and_nothing_of_it_is_judged() -> None:
    import trio
    import trio.testing

    from node.p2p.host import STREAM_ERRORS, Host, StreamReader
    from node.p2p.process import MESHSUB, P2pProcess

    async def main() -> list[Frame]:
        ours, theirs = trio.testing.memory_stream_pair()
        process = P2pProcess(setup_of(1), theirs, theirs)
        stranger = Host(setup_of(2), lambda _: None, lambda _: None)
        said: list[bytes] = []

        async def listen(_peer: str, stream: Any) -> None:
            said.append(await StreamReader(stream).delimited(1 << 20))
            await trio.sleep_forever()

        stranger.handle(MESHSUB, listen)
        reader = FrameReader()
        frames: list[Frame] = []

        async def frame_of(kind: Kind) -> Frame:
            while True:
                for index, frame in enumerate(frames):
                    if frame.kind is kind:
                        return frames.pop(index)
                frames.extend(reader.feed(await ours.receive_some(1 << 16)))

        messages: list[Frame] = []
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery, stranger.run():
                nursery.start_soon(process.run, FrameReader(), [])
                ready = await frame_of(Kind.READY)
                await stranger.connect(process._host.addresses[0])
                good = Message(TOPICS[0], compressed(b"good"))
                hello = encode(Rpc(subscriptions=((TOPICS[0], True),)))
                for bad in (varint(MAX_MESSAGE_BYTES + 1), varint(5) + b"\xff" * 5, varint(1 << 40)):
                    stream = await stranger.open(ready.text, [MESHSUB])
                    await stream.write(varint(len(hello)) + hello + bad)
                    with pytest.raises(STREAM_ERRORS):
                        while True:
                            await stream.read(1)
                older = await stranger.open(ready.text, [MESHSUB])
                await older.write(varint(len(hello)) + hello)
                stream = await stranger.open(ready.text, [MESHSUB])
                with pytest.raises(STREAM_ERRORS):
                    await older.read(1)
                unreadable = Message(TOPICS[0], b"no snappy")
                rpc = encode(Rpc(messages=(Message("elsewhere", b"x"), unreadable, good)))
                await stream.write(varint(len(rpc)) + rpc)
                messages = [await frame_of(Kind.MESSAGE), await frame_of(Kind.MESSAGE)]
                assert [topic for topic, _ in decode(said[0]).subscriptions] == TOPICS
                await ours.send_all(Frame(Kind.CALL, 1, text="peers").encode())
                await frame_of(Kind.DONE)
                nursery.cancel_scope.cancel()
        return messages

    found = trio.run(main)
    # What no one can read is for the node to judge; what is no message of pubsub never gets there.
    assert [frame.body for frame in found] == [b"no snappy", compressed(b"good")]

"""The libp2p process: gossip and requests between peers and the node at the other end of the pipes.

It decides nothing about blocks. `python -m node.p2p.process` reads frames from its standard input and writes them to its standard
output; it ends when the node does.
"""

import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from random import SystemRandom
from typing import Any

import orjson
import trio
from libp2p.abc import INetStream

from evm.payload_message import MAX_MESSAGE_BYTES
from node.p2p.frames import NO_ANSWER, Frame, FrameReader, Judgement, Kind
from node.p2p.gossipsub import HEARTBEAT_SECONDS, Gossipsub
from node.p2p.host import STREAM_ERRORS, Host, StreamReader, check_peer, parse_address
from node.p2p.outbox import Outbox
from node.p2p.pubsub_wire import Rpc, decode
from node.p2p.rate_limit import RequestLimit
from node.p2p.settings import Setup

MESHSUB = "/meshsub/1.1.0"
MAX_RPC_BYTES = MAX_MESSAGE_BYTES
MAX_PEERS = 30
"""Others than static peers are not let in when so many are there: op-node's high tide."""
REQUEST_SECONDS = 10.0
STATIC_SECONDS = 5.0
"""Between looks at whether static peers are connected."""
STATUS_SECONDS = 2.0
_TO_NODE = 256
_REQUESTS_AT_ONCE = 64
_OPEN_ATTEMPTS = 5


class P2pProcess:
    """Everything of the process, between the two pipes."""

    def __init__(self, setup: Setup, pipe_in: trio.abc.ReceiveStream, pipe_out: trio.abc.SendStream) -> None:
        self._setup = setup
        self._in = pipe_in
        self._out = pipe_out
        self._host = Host(setup, self._on_connected, self._on_disconnected)
        self._to_node, self._from_us = trio.open_memory_channel[Frame](_TO_NODE)
        self._router = Gossipsub(setup.topics, setup.block_time, self._send, time.monotonic, SystemRandom())
        self._limit = RequestLimit(time.monotonic())
        self._outboxes: dict[str, Outbox] = {}
        self._talking: dict[str, trio.CancelScope] = {}
        self._hearing: dict[str, INetStream] = {}
        self._blocked = set(setup.blocked)
        self._tickets = 0
        self._judged: dict[int, bytes] = {}
        self._served: dict[int, trio.MemorySendChannel[Frame]] = {}
        self._static = {parse_address(address).peer_id.to_base58(): address for address in setup.static}
        self._unreachable: set[str] = set()
        self._nursery: trio.Nursery

    async def run(self, reader: FrameReader, first: list[Frame]) -> None:
        """Work until the node closes the pipe. `first` came together with the set-up."""
        self._host.handle(MESHSUB, self._hear)
        self._host.handle(self._setup.request_protocol, self._serve)
        async with self._host.run(), trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._write)
            nursery.start_soon(self._beat)
            for peer, address in self._static.items():
                if peer != self._host.id:
                    nursery.start_soon(self._keep, address, peer)
            await self._tell(Frame(Kind.READY, text=self._host.id, body=orjson.dumps(self._host.addresses)))
            nursery.start_soon(self._report)
            for frame in first:
                self._obey(frame)
            while data := await self._in.receive_some(1 << 16):
                for frame in reader.feed(data):
                    self._obey(frame)
            nursery.cancel_scope.cancel()

    # --- the node ---

    async def _write(self) -> None:
        async for frame in self._from_us:
            await self._out.send_all(frame.encode())

    async def _tell(self, frame: Frame) -> None:
        await self._to_node.send(frame)

    def _log(self, level: int, text: str) -> None:
        try:
            self._to_node.send_nowait(Frame(Kind.LOG, code=level, text=text))
        except trio.WouldBlock:
            return  # Words about what happens are worth less than what happens.

    def _obey(self, frame: Frame) -> None:
        if frame.kind is Kind.PUBLISH:
            sent = self._router.publish(self._setup.topics[frame.code], frame.body)
            self._log(logging.DEBUG, f"a message of {len(frame.body)} bytes goes to {sent} peers")
        elif frame.kind is Kind.VERDICT:
            name = self._judged.pop(frame.ticket, None)
            if name is not None:
                self._router.settle(name, Judgement(frame.code))
        elif frame.kind is Kind.SERVE:
            waiting = self._served.pop(frame.ticket, None)
            if waiting is not None:
                waiting.send_nowait(frame)
        elif frame.kind is Kind.ASK:
            self._nursery.start_soon(self._ask, frame)
        elif frame.kind is Kind.CALL:
            self._nursery.start_soon(self._call, frame)

    async def _call(self, frame: Frame) -> None:
        try:
            result = await self._do(frame.text, frame.body.decode())
        except (ValueError, *STREAM_ERRORS) as error:
            await self._tell(Frame(Kind.DONE, frame.ticket, code=1, text=_words(error)))
        else:
            await self._tell(Frame(Kind.DONE, frame.ticket, body=orjson.dumps(result)))

    async def _do(self, method: str, argument: str) -> Any:
        if method == "peers":
            return self._peers()
        if method == "connect":
            peer = parse_address(argument).peer_id.to_base58()
            if peer in self._blocked:
                raise ValueError(f"peer {peer} is blocked")
            await self._host.connect(argument)
        elif method == "disconnect":
            await self._host.disconnect(check_peer(argument))
        elif method == "block":
            self._blocked.add(check_peer(argument))
            await self._host.disconnect(argument)
        elif method == "unblock":
            self._blocked.discard(check_peer(argument))
        else:
            raise ValueError(f"there is nothing called {method} to do")
        return None

    def _peers(self) -> dict[str, Any]:
        peers = {}
        for peer in self._host.peers:
            topics = [index for index, topic in enumerate(self._setup.topics) if peer in self._router.peers_of(topic)]
            peers[peer] = {
                **self._host.describe(peer),
                "topics": topics,
                "mesh": [index for index in topics if peer in self._router.mesh[self._setup.topics[index]]],
                "static": peer in self._static,
                **self._router.describe(peer),
                "dropped": self._outboxes[peer].dropped if peer in self._outboxes else 0,
            }
        return {
            "self": {**self._host.describe(self._host.id), "addresses": self._host.addresses},
            "peers": peers,
            "counters": asdict(self._router.counters),
        }

    # --- connections ---

    def _on_connected(self, peer: str) -> None:
        if peer in self._blocked:
            self._nursery.start_soon(self._host.disconnect, peer)
        elif len(self._talking) >= MAX_PEERS and peer not in self._static:
            self._log(logging.DEBUG, f"peer {peer} is let go: {MAX_PEERS} are connected already")
            self._nursery.start_soon(self._host.disconnect, peer)
        elif peer not in self._talking:
            self._talking[peer] = trio.CancelScope()
            self._nursery.start_soon(self._talk, peer, self._talking[peer])

    def _on_disconnected(self, peer: str) -> None:
        scope = self._talking.pop(peer, None)
        if scope is not None:
            scope.cancel()
        self._router.remove_peer(peer)
        self._log(logging.INFO, f"peer {peer} is gone")

    async def _keep(self, address: str, peer: str) -> None:
        """Keep a static peer connected."""
        while True:
            if not self._host.is_connected(peer) and peer not in self._blocked:
                try:
                    await self._host.connect(address)
                except STREAM_ERRORS as error:
                    if address not in self._unreachable:
                        self._unreachable.add(address)
                        self._log(
                            logging.WARNING,
                            f"the static peer {address} cannot be reached: {_words(error)}; it is tried again",
                        )
                else:
                    self._unreachable.discard(address)
            await trio.sleep(STATIC_SECONDS)

    # --- gossip ---

    async def _beat(self) -> None:
        while True:
            await trio.sleep(HEARTBEAT_SECONDS)
            self._router.heartbeat()

    async def _report(self) -> None:
        while True:
            await self._tell(Frame(Kind.STATUS, body=orjson.dumps(self._peers())))
            await trio.sleep(STATUS_SECONDS)

    def _send(self, peer: str, rpc: Rpc) -> None:
        outbox = self._outboxes.get(peer)
        if outbox is not None:
            outbox.put(rpc)

    async def _talk(self, peer: str, scope: trio.CancelScope) -> None:
        """Send a peer what the router has for it, as long as it is connected."""
        with scope:
            for _ in range(_OPEN_ATTEMPTS):
                try:
                    stream = await self._host.open(peer, [MESHSUB])
                except STREAM_ERRORS as error:
                    self._log(logging.DEBUG, f"peer {peer} takes no gossip: {_words(error)}")
                    await trio.sleep(1.0)
                    continue
                outbox = self._outboxes[peer] = Outbox()
                self._router.add_peer(peer)
                self._log(logging.INFO, f"peer {peer} is connected")
                try:
                    while True:
                        await stream.write(await outbox.take())
                except STREAM_ERRORS as error:
                    self._log(logging.DEBUG, f"the stream to peer {peer} has ended: {_words(error)}")
                finally:
                    del self._outboxes[peer]
                    self._router.mute_peer(peer)
            self._log(logging.WARNING, f"peer {peer} is connected but takes no gossip; it is let go")
            await self._host.disconnect(peer)

    async def _hear(self, peer: str, stream: INetStream) -> None:
        """Read what a peer gossips."""
        reader = StreamReader(stream)
        # One at a time, so that what a peer can have us keep in memory is bounded.
        before, self._hearing[peer] = self._hearing.get(peer), stream
        if before is not None:
            await before.reset()
        try:
            while peer not in self._blocked:
                rpc = decode(await reader.delimited(MAX_RPC_BYTES))
                for incoming in self._router.receive(peer, rpc):
                    self._have_judged(incoming.message_id, peer, incoming.message.topic, incoming.message.data)
        except ValueError as error:
            self._router.misbehaved(peer)
            self._log(logging.WARNING, f"peer {peer} sent what is no message of pubsub: {error}")
            await stream.reset()
        except STREAM_ERRORS:
            pass  # The end of the connection says the same.
        finally:
            if self._hearing.get(peer) is stream:
                del self._hearing[peer]

    def _have_judged(self, name: bytes, peer: str, topic: str, data: bytes) -> None:
        ticket = self._ticket()
        try:
            self._to_node.send_nowait(
                Frame(Kind.MESSAGE, ticket, code=self._setup.topics.index(topic), text=peer, body=data)
            )
        except trio.WouldBlock:
            self._router.counters.overload += 1
            self._router.settle(name, Judgement.IGNORE)
        else:
            self._judged[ticket] = name

    def _ticket(self) -> int:
        self._tickets += 1
        return self._tickets

    # --- payloads by number ---

    async def _serve(self, peer: str, stream: INetStream) -> None:
        """Answer a peer that asks for a payload. Spec: op rollup-node-p2p, "payload_by_number"."""
        allowed = self._limit.admits(peer, time.monotonic()) and len(self._served) < _REQUESTS_AT_ONCE
        if not allowed or peer in self._blocked:
            await stream.reset()
            return
        ticket = self._ticket()
        answer_to, answer_from = trio.open_memory_channel[Frame](1)
        try:
            with trio.move_on_after(REQUEST_SECONDS):
                number = int.from_bytes(await StreamReader(stream).exactly(8), "little")
                self._served[ticket] = answer_to
                await self._tell(Frame(Kind.WANTED, ticket, number, text=peer))
                answer = await answer_from.receive()
                version = answer.number.to_bytes(4, "little") if answer.code == 0 else b""
                await stream.write(bytes([answer.code]) + version + answer.body)
                await stream.close()
                return
            await stream.reset()
        except STREAM_ERRORS as error:
            self._log(logging.DEBUG, f"peer {peer} could not be given a payload: {_words(error)}")
        finally:
            self._served.pop(ticket, None)

    async def _ask(self, frame: Frame) -> None:
        """Ask a peer for a payload."""
        answer = Frame(Kind.ANSWER, frame.ticket, code=NO_ANSWER, text="it did not answer in time")
        try:
            check_peer(frame.text)
            with trio.move_on_after(REQUEST_SECONDS):
                stream = await self._host.open(frame.text, [self._setup.request_protocol])
                await stream.write(frame.number.to_bytes(8, "little"))
                await stream.close_write()
                data = await StreamReader(stream).rest(MAX_MESSAGE_BYTES)
                await stream.reset()
                answer = _answer(frame.ticket, data)
        except (ValueError, *STREAM_ERRORS) as error:
            answer = Frame(Kind.ANSWER, frame.ticket, code=NO_ANSWER, text=_words(error))
        await self._tell(answer)


def _answer(ticket: int, data: bytes) -> Frame:
    if not data:
        raise ValueError("the answer is empty")
    if data[0] != 0:
        return Frame(Kind.ANSWER, ticket, code=data[0])
    if len(data) < 5:
        raise ValueError(f"the answer has {len(data)} bytes, and no version")
    return Frame(Kind.ANSWER, ticket, int.from_bytes(data[1:5], "little"), body=data[5:])


def _words(error: BaseException) -> str:
    """What an error of libp2p says; many say nothing but their name."""
    return str(error) or type(error).__name__


async def _main(pipe_in: trio.abc.ReceiveStream, pipe_out: trio.abc.SendStream) -> None:
    reader = FrameReader()
    frames: list[Frame] = []
    while not frames:
        data = await pipe_in.receive_some(1 << 16)
        if not data:
            return
        frames = reader.feed(data)
    await P2pProcess(Setup.decode(frames[0].body), pipe_in, pipe_out).run(reader, frames[1:])


def _start(run: Callable[..., Any]) -> None:
    # libp2p logs an error for every peer that goes away; what an operator needs comes as LOG frames.
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    into, out = os.dup(0), os.dup(1)
    # Whatever a library prints must not get into the pipe.
    os.dup2(2, 1)

    async def main() -> None:
        await run(trio.lowlevel.FdStream(into), trio.lowlevel.FdStream(out))

    trio.run(main)


if __name__ == "__main__":
    _start(_main)

"""The node's end of the libp2p process: starts it, talks to it, starts it again when it dies."""

import asyncio
import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from config.errors import CriticalError, TemporaryError
from node.p2p.frames import NO_ANSWER, Frame, FrameReader, Judgement, Kind
from node.p2p.payload_answer import PayloadAnswer
from node.p2p.settings import Setup

log = logging.getLogger("lamina.p2p")

_MAX_WAITING = 256
_READ_BYTES = 1 << 16
_START_SECONDS = 60.0
_CALL_SECONDS = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

Judge = Callable[[str, int, bytes], Judgement]
"""Judges a message: who brought it, the place of its topic in the set-up, its data."""
Serve = Callable[[int], PayloadAnswer]
"""Answers a peer that asks for the payload of a block number."""


@dataclass
class TransportStatus:
    """How the process does."""

    running: bool = False
    starts: int = 0
    error: str | None = None
    """Why it does not run, or did not the last time."""
    dropped: int = 0
    """Messages of our own that could not be given to it."""
    peer_id: str = ""
    addresses: tuple[str, ...] = ()


def libp2p_is_installed() -> bool:
    """Whether the optional part of the installation is there."""
    return all(importlib.util.find_spec(name) is not None for name in ("libp2p", "trio"))


class Transport:
    """Runs the process. What peers bring is given to `judge`, what they ask for to `serve`, one after the other."""

    def __init__(
        self,
        setup: Setup,
        judge: Judge,
        serve: Serve,
        *,
        command: tuple[str, ...] = (sys.executable, "-P", "-m", "node.p2p.process"),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Raises CriticalError when libp2p is not installed."""
        if not libp2p_is_installed():
            raise CriticalError(
                "peer-to-peer needs libp2p, which is not installed: pip install 'lamina[p2p]', in a checkout make gossip (it "
                "compiles one package: a C compiler and the headers of GMP, Debian's libgmp-dev, must be there), or leave the "
                "--p2p flags out"
            )
        self._setup = setup
        self._judge = judge
        self._serve = serve
        self._command = command
        self._sleep = sleep
        self.status = TransportStatus()
        self.ready = asyncio.Event()
        """Set while the process listens."""
        self._blocked: set[str] = set(setup.blocked)
        self._outgoing: asyncio.Queue[Frame] = asyncio.Queue(_MAX_WAITING)
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._tickets = 0
        self.network: dict[str, Any] = {}
        """What `peers` answered last; the process tells of it every other second."""
        self.process: asyncio.subprocess.Process | None = None

    # --- for the node ---

    def publish(self, topic: int, data: bytes) -> bool:
        """Gossip a message. False when it had to be dropped: the process is not there, or does not keep up."""
        if self.ready.is_set() and self._put(Frame(Kind.PUBLISH, code=topic, body=data)):
            return True
        self.status.dropped += 1
        return False

    async def ask(self, peer: str, number: int) -> PayloadAnswer:
        """Ask a peer for the payload of a block.

        Raises TemporaryError when it does not answer.
        """
        answer = await self._request(Frame(Kind.ASK, number=number, text=peer))
        if answer.code == NO_ANSWER:
            raise TemporaryError(f"peer {peer} was asked for block {number}: {answer.text}")
        return PayloadAnswer(answer.code, answer.number, answer.body)

    async def peers(self) -> dict[str, Any]:
        """The node itself, its peers and the counters, as `P2pProcess` has them now. Raises TemporaryError as `call`."""
        self.network = await self.call("peers")
        return self.network

    @property
    def connected(self) -> list[str]:
        """The peers that were connected a moment ago."""
        return list(self.network.get("peers", ()))

    async def call(self, method: str, argument: str = "") -> Any:
        """Have something done with peers (`Kind.CALL`). Raises ValueError with the reason when it cannot be done,
        TemporaryError when the process is not there."""
        answer = await self._request(Frame(Kind.CALL, text=method, body=argument.encode()))
        if answer.code:
            raise ValueError(answer.text)
        if method == "block":
            self._blocked.add(argument)
        elif method == "unblock":
            self._blocked.discard(argument)
        return orjson.loads(answer.body)

    @property
    def blocked(self) -> list[str]:
        """The peers that are blocked. They stay so when the process is started again, not when the node is."""
        return sorted(self._blocked)

    async def _request(self, frame: Frame) -> Frame:
        if not self.ready.is_set():
            raise TemporaryError(f"the libp2p process does not run: {self.status.error or 'it is being started'}")
        self._tickets += 1
        ticket = self._tickets
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answers[ticket] = answer
        try:
            if not self._put(replace(frame, ticket=ticket)):
                raise TemporaryError("the libp2p process does not keep up with what it is asked")
            async with asyncio.timeout(_CALL_SECONDS):
                return await answer
        except TimeoutError:
            raise TemporaryError(f"the libp2p process has not answered within {_CALL_SECONDS:.0f} s") from None
        finally:
            self._answers.pop(ticket, None)

    def _put(self, frame: Frame) -> bool:
        try:
            self._outgoing.put_nowait(frame)
        except asyncio.QueueFull:
            return False
        return True

    # --- the process ---

    async def run(self) -> None:
        """Keep the process running until cancelled. Its death is never more than a warning."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._run_once()
            except (TemporaryError, ValueError, OSError) as error:
                self.status.error = str(error)
            if self.ready.is_set():
                pause = _FIRST_PAUSE
            self.status.running = False
            self.ready.clear()
            self._fail_all()
            self.network = {}
            log.warning("gossip has stopped: %s", self.status.error, extra={"retry_in": f"{pause:.0f}s"})
            await self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _run_once(self) -> None:
        """One life of the process. Always ends with an error that says why, or with cancellation."""
        self.status.starts += 1
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = self.process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        last_words = asyncio.create_task(_last_lines(process))
        writing: asyncio.Task[None] | None = None
        try:
            assert process.stdin is not None and process.stdout is not None
            setup = replace(self._setup, blocked=self.blocked)
            process.stdin.write(Frame(Kind.SETUP, body=setup.encode()).encode())
            writing = asyncio.create_task(self._write(process.stdin))
            await self._read(process.stdout)
            words = await asyncio.wait_for(last_words, 5)
            raise TemporaryError(f"the libp2p process has ended{': ' + words if words else ''}")
        finally:
            if writing is not None:
                writing.cancel()
            last_words.cancel()
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await process.wait()
            await asyncio.gather(last_words, *([writing] if writing else []), return_exceptions=True)
            while not self._outgoing.empty():
                self._outgoing.get_nowait()

    async def _write(self, pipe: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # The reader learns of the end as well, and says so.
            while True:
                frame = await self._outgoing.get()
                pipe.write(frame.encode())
                await pipe.drain()

    async def _read(self, pipe: asyncio.StreamReader) -> None:
        reader = FrameReader()
        while True:
            async with asyncio.timeout(None if self.ready.is_set() else _START_SECONDS):
                data = await pipe.read(_READ_BYTES)
            if not data:
                return
            for frame in reader.feed(data):
                self._take(frame)
                await asyncio.sleep(0)  # Judging takes its time, and others have work to do.

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.READY:
            self.status.running, self.status.error = True, None
            self.status.peer_id, self.status.addresses = frame.text, tuple(orjson.loads(frame.body))
            self.ready.set()
            log.info("gossip listens", extra={"addresses": " ".join(self.status.addresses)})
        elif frame.kind is Kind.MESSAGE:
            judgement = self._judge(frame.text, frame.code, frame.body)
            self._put(Frame(Kind.VERDICT, frame.ticket, code=judgement))
        elif frame.kind is Kind.WANTED:
            answer = self._serve(frame.number)
            self._put(Frame(Kind.SERVE, frame.ticket, answer.version, answer.result, body=answer.body))
        elif frame.kind in (Kind.ANSWER, Kind.DONE):
            asked = self._answers.pop(frame.ticket, None)
            if asked is not None and not asked.done():
                asked.set_result(frame)
        elif frame.kind is Kind.STATUS:
            self.network = orjson.loads(frame.body)
        elif frame.kind is Kind.LOG:
            log.log(frame.code, "%s", frame.text)

    def _fail_all(self) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(TemporaryError("the libp2p process has ended"))
        self._answers.clear()


async def _last_lines(process: asyncio.subprocess.Process) -> str:
    """The last line that the process writes to its standard error: the reason, when a traceback ends there."""
    assert process.stderr is not None
    last = ""
    while line := await process.stderr.readline():
        last = line.decode(errors="replace").strip() or last
    return last[:500]

"""The node's end of the libp2p process, with a process in its place that speaks frames and no libp2p."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer

from config.errors import CriticalError, TemporaryError
from node.cli.p2p_flags import p2p_settings
from node.p2p import transport as transport_module
from node.p2p.frames import Judgement
from node.p2p.payload_answer import UNAVAILABLE, PayloadAnswer
from node.p2p.peer_id import peer_id
from node.p2p.settings import KEY_FILE, P2pSettings, Setup, network_key, request_protocol
from node.p2p.transport import Transport

SETUP = Setup("11" * 32, "127.0.0.1", 0, None, [], ["t0", "t1"], request_protocol(901), 2)

BEGIN = """
import os, sys
from node.p2p.frames import *
reader = FrameReader()
def say(*args, **kw): os.write(1, Frame(*args, **kw).encode())
def hear():
    while True:
        for frame in reader.feed(os.read(0, 65536) or sys.exit(0)): yield frame
heard = hear(); setup = next(heard); assert setup.kind is Kind.SETUP
"""
READY = BEGIN + 'say(Kind.READY, text="me", body=b\'["/ip4/127.0.0.1/tcp/1/p2p/me"]\')\n'
ECHO = (
    READY
    + """
for frame in heard:
    if frame.kind is Kind.PUBLISH: say(Kind.MESSAGE, 7, code=frame.code, text="peer", body=frame.body)
    elif frame.kind is Kind.VERDICT: say(Kind.WANTED, 8, 100 + frame.code, text="peer")
    elif frame.kind is Kind.SERVE: say(Kind.LOG, code=20, text=f"served {frame.code} {frame.number} {frame.body}")
    elif frame.kind is Kind.ASK: say(Kind.ANSWER, frame.ticket, frame.number, body=b"payload")
    elif frame.kind is Kind.CALL and frame.text == "connect": say(Kind.DONE, frame.ticket, code=1, text="no such peer")
    elif frame.kind is Kind.CALL: say(Kind.DONE, frame.ticket, body=b"{}")
"""
)


@pytest.fixture(autouse=True)
def _as_if_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "libp2p_is_installed", lambda: True)


@asynccontextmanager
async def running(
    script: str,
    judge: Callable[[str, int, bytes], Judgement] = lambda *_: Judgement.ACCEPT,
    serve: Callable[[int], PayloadAnswer] = lambda _: PayloadAnswer(UNAVAILABLE),
) -> AsyncIterator[tuple[Transport, "asyncio.Queue[float]"]]:
    """A transport over a process that runs a script; the queue has the pauses before it is started again."""
    pauses: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        await pauses.put(seconds)

    transport = Transport(SETUP, judge, serve, command=(sys.executable, "-c", script), sleep=sleep)
    task = asyncio.create_task(transport.run())
    try:
        yield transport, pauses
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert transport.process is None or transport.process.returncode is not None, "no process is left behind"


async def test_a_message_is_judged_and_a_request_is_served(caplog: pytest.LogCaptureFixture) -> None:
    judged: list[tuple[str, int, bytes]] = []

    def judge(peer: str, topic: int, data: bytes) -> Judgement:
        judged.append((peer, topic, data))
        return Judgement.REJECT

    served = asyncio.Event()

    def serve(number: int) -> PayloadAnswer:
        served.set()
        return PayloadAnswer(0, 1, str(number).encode())

    caplog.set_level("INFO", "lamina.p2p")
    async with running(ECHO, judge, serve) as (transport, _):
        await transport.ready.wait()
        assert transport.status.peer_id == "me" and transport.status.addresses == ("/ip4/127.0.0.1/tcp/1/p2p/me",)
        assert transport.publish(1, b"block")
        await served.wait()
        assert judged == [("peer", 1, b"block")]
        assert await transport.ask("peer", 5) == PayloadAnswer(0, 5, b"payload")
    assert "served 0 1 b'102'" in caplog.text, "2 is the number of REJECT"


async def test_what_cannot_be_done_with_a_peer_is_said() -> None:
    async with running(ECHO) as (transport, _):
        await transport.ready.wait()
        with pytest.raises(ValueError, match="no such peer"):
            await transport.call("connect", "somebody")
        await transport.call("block", "them")
        assert transport.blocked == ["them"]
        await transport.call("unblock", "them")
        assert transport.blocked == []


async def test_a_process_that_dies_is_started_again_with_longer_and_longer_pauses_and_its_last_words_are_kept() -> None:
    async with running(BEGIN + "sys.exit('the port is taken')") as (transport, pauses):
        assert [await pauses.get() for _ in range(3)] == [1.0, 2.0, 4.0]
        assert transport.status.error == "the libp2p process has ended: the port is taken"
        assert not transport.status.running and transport.status.starts >= 3
        assert not transport.publish(0, b"lost") and transport.status.dropped == 1
        with pytest.raises(TemporaryError, match="the port is taken"):
            await transport.call("peers")


async def test_the_pauses_begin_anew_once_it_has_worked() -> None:
    async with running(READY + "sys.exit(1)") as (_, pauses):
        assert [await pauses.get() for _ in range(3)] == [1.0, 1.0, 1.0]


async def test_a_question_ends_with_the_process_that_was_to_answer_it() -> None:
    async with running(READY + "next(heard)") as (transport, _):
        await transport.ready.wait()
        with pytest.raises(TemporaryError, match="has ended"):
            await transport.call("peers")


async def test_a_process_that_writes_what_is_no_frame_is_ended_and_started_again() -> None:
    async with running(READY + "os.write(1, b'\\xff' * 100); next(heard)") as (transport, pauses):
        await pauses.get()
        assert transport.status.error is not None and "a frame says" in transport.status.error


async def test_blocked_peers_stay_blocked_when_the_process_is_started_again() -> None:
    script = ECHO.replace(
        'elif frame.kind is Kind.CALL: say(Kind.DONE, frame.ticket, body=b"{}")',
        'elif frame.text == "peers": say(Kind.DONE, frame.ticket, body=setup.body)\n'
        '    elif frame.text == "die": sys.exit(1)\n'
        "    else: say(Kind.DONE, frame.ticket, body=b'{}')",
    )
    async with running(script) as (transport, pauses):
        await transport.ready.wait()
        await transport.call("block", "them")
        with pytest.raises(TemporaryError):
            await transport.call("die")
        await pauses.get()
        await transport.ready.wait()
        assert (await transport.peers())["blocked"] == ["them"]


def test_without_libp2p_the_operator_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "libp2p_is_installed", lambda: False)
    with pytest.raises(CriticalError, match=r"pip install 'lamina\[p2p\]'"):
        Transport(SETUP, lambda *_: Judgement.IGNORE, lambda _: PayloadAnswer(UNAVAILABLE))


def test_a_network_key_is_made_once_and_only_for_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key.txt"
    key = network_key(path)
    assert len(key) == 32 and network_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("0x" + key.hex())
    assert network_key(path) == key


@pytest.mark.parametrize("text", ["", "zz", "11" * 31, "00" * 32])
def test_a_file_without_a_key_is_an_error_and_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.txt"
    path.write_text(text)
    with pytest.raises(CriticalError, match="no secp256k1 key"):
        network_key(path)
    assert path.read_text() == text


def test_a_static_peer_needs_its_id() -> None:
    with pytest.raises(ValueError, match="has no peer id"):
        P2pSettings(Path("key"), static=("/ip4/127.0.0.1/tcp/9222",))


def test_a_peer_id_is_the_one_that_libp2p_makes_of_the_key() -> None:
    assert peer_id(b"\x11" * 32) == "16Uiu2HAmHzBkRq62mG95vsjKMuYQBezZCtjPXYWUoyVxMxi71aB3"


def test_flags_ask_for_peers_or_do_not(tmp_path: Path) -> None:
    def flags(port: int | None = None, static: list[str] | None = None, key: Path | None = None) -> P2pSettings | None:
        return p2p_settings(tmp_path, port, "0.0.0.0", None, static, key)

    assert flags() is None
    assert flags(port=0) == P2pSettings(tmp_path / KEY_FILE, port=0)
    one, two = "/ip4/10.0.0.1/tcp/1/p2p/16Uiu2a", "/dns4/host/tcp/2/p2p/16Uiu2b"
    assert (
        flags(static=[f"{one},{two}"])
        == flags(static=[one, two])
        == P2pSettings(tmp_path / KEY_FILE, static=(one, two))
    )
    assert flags(port=1, key=tmp_path / "other") == P2pSettings(tmp_path / "other", port=1)
    with pytest.raises(typer.BadParameter, match="no peer id"):
        flags(static=["/ip4/10.0.0.1/tcp/1"])


def test_the_setup_comes_out_as_it_went_in() -> None:
    assert Setup.decode(SETUP.encode()) == SETUP

"""Processes of a devnet's roles."""

import asyncio
import multiprocessing
import os
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from node.devnet.role_process import ForkedCommand
from node.devnet.supervisor import Role, Supervisor


async def test_a_start_that_is_given_up_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start, forked = BaseProcess.start, threading.Event()

    def start_slowly(process: BaseProcess) -> None:
        start(process)
        forked.set()
        time.sleep(0.5)

    monkeypatch.setattr(BaseProcess, "start", start_slowly)
    arguments = ["da-server", "--file.path", str(tmp_path), "--port", "0"]
    starting = asyncio.ensure_future(ForkedCommand.start("given up", arguments, dict(os.environ)))
    await asyncio.to_thread(forked.wait, 60)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    left = [child for child in multiprocessing.active_children() if child.name == "given up"]
    for child in left:
        await asyncio.to_thread(child.join, 30)
    still_running = [child for child in left if child.exitcode is None]
    for child in still_running:
        child.kill()
    assert still_running == []


async def test_how_a_role_ended_is_told_with_its_code_or_the_signal() -> None:
    async def up() -> bool:
        return True

    for script, told in (
        ("exit 3", "the part ended by itself with code 3: its log above says why"),
        ("kill -KILL $$", "the part was ended by SIGKILL"),
    ):
        supervisor = Supervisor([], {})
        await supervisor.start(Role("part", ["-c", script], up, program="/bin/sh"))
        assert await supervisor.wait_for_end() == told

"""A devnet as a user starts it: the real command in a process of its own, spoken to over sockets only."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

START_SECONDS = 90.0
STOP_SECONDS = 40.0
PATIENCE_SECONDS = 120.0

PORT_FLAGS = (
    "--http.port",
    "--ws.port",
    "--rollup.port",
    "--verifier.http.port",
    "--verifier.rollup.port",
    "--l1.port",
    "--l1.beacon.port",
    "--batcher.port",
    "--proposer.port",
    "--challenger.port",
    "--dashboard.port",
)

FREE_PORT_FLAGS = tuple(word for flag in PORT_FLAGS for word in (flag, "0"))
"""The flags with which every part takes a free port."""


class RpcFailure(AssertionError):
    """A JSON-RPC call was answered with an error object."""

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        super().__init__(f"{method}: {error}")
        self.error = error


def rpc(url: str, method: str, *params: Any) -> Any:
    """The result of a JSON-RPC call. Raises RpcFailure when the answer is an error."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.load(response)
    if "error" in answer:
        raise RpcFailure(method, answer["error"])
    return answer["result"]


def get_json(url: str) -> Any:
    """The JSON document behind a URL."""
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)


def wait_until(what: str, holds: Callable[[], bool], patience: float = PATIENCE_SECONDS) -> None:
    """Poll until `holds` answers True; fails the test with `what` when it does not in `patience` seconds."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"after {patience:.0f} s still not so: {what}"
        time.sleep(0.2)


@dataclass(frozen=True)
class RunningDevnet:
    """A devnet that is up."""

    process: subprocess.Popen[bytes]
    directory: Path
    info: dict[str, Any]
    """What the info file says."""
    log: Path
    """Everything that the command and its roles wrote."""

    @property
    def l2_url(self) -> str:
        """The sequencer's JSON-RPC over HTTP."""
        return str(self.info["l2"]["http"])

    @property
    def l1_url(self) -> str:
        """L1's JSON-RPC over HTTP."""
        return str(self.info["l1"]["http"])

    def l2(self, method: str, *params: Any) -> Any:
        """Call the sequencer."""
        return rpc(self.l2_url, method, *params)

    def rollup(self, method: str, *params: Any) -> Any:
        """Call the sequencer's rollup port (`optimism_`, `admin_`)."""
        return rpc(self.info["l2"]["rollup"], method, *params)

    def verifier(self, method: str, *params: Any) -> Any:
        """Call the verifier's JSON-RPC."""
        return rpc(self.info["verifier"]["http"], method, *params)

    def l1(self, method: str, *params: Any) -> Any:
        """Call L1."""
        return rpc(self.l1_url, method, *params)

    def key(self, index: int) -> str:
        """The private key of a funded account."""
        return str(self.info["accounts"][index]["privateKey"])

    def contract(self, name: str) -> str:
        """The address of an L1 contract, as the info file has it."""
        return str(self.info["contracts"][name])


def log_tail(path: Path, lines: int = 60) -> str:
    """The last lines of a log file."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "(no log)"


def lamina(*arguments: str) -> list[str]:
    """The command line of `lamina` with these arguments."""
    return [sys.executable, "-m", "node.cli.main", *arguments]


def launch(directory: Path, *flags: str) -> RunningDevnet:
    """Start `lamina devnet` on free ports in `directory` and wait until it has written its info file.

    `flags` come last and so win. Fails the test, with the log, when it ends or is not up in START_SECONDS.
    """
    directory.mkdir(parents=True, exist_ok=True)
    info_file, log = directory / "info.json", directory / "devnet.log"
    info_file.unlink(missing_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            lamina("devnet", "--datadir", str(directory / "data"), "--info", str(info_file), *FREE_PORT_FLAGS, *flags),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        info = None
        while info is None:
            assert process.poll() is None, f"the devnet ended with code {process.returncode}:\n{log_tail(log)}"
            assert time.monotonic() < deadline, f"the devnet is not up after {START_SECONDS:.0f} s:\n{log_tail(log)}"
            time.sleep(0.05)
            info = _complete_json(info_file)
    except BaseException:
        stop(process)
        raise
    return RunningDevnet(process, directory, info, log)


def _complete_json(path: Path) -> dict[str, Any] | None:
    """The document in a file that another process writes; None until all of it is there."""
    try:
        document = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    assert isinstance(document, dict)
    return document


def stop(process: subprocess.Popen[bytes]) -> int:
    """End a devnet and everything it started; answers its exit code."""
    # Each role is in a session of its own, so that no signal to the command's group reaches it.
    descendants = descendants_of(process.pid)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    finally:
        for pid in descendants:
            _kill_leftover(pid)


def descendants_of(pid: int) -> list[int]:
    """The processes that a process started, and what those started, as far as they still run."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except FileNotFoundError:
        return []
    return [each for child in children for each in (child, *descendants_of(child))]


def still_running(processes: Iterable[int]) -> list[int]:
    """Those of the processes that have not ended."""
    return [pid for pid in processes if Path(f"/proc/{pid}/cmdline").exists()]


def _kill_leftover(pid: int) -> None:
    """Does nothing when the process has ended, or when its number belongs to something else by now."""
    try:
        if b"multiprocessing" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return

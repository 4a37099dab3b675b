"""A devnet of its own for a benchmark, in its own processes, deleted afterwards."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PORTS = (
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
_START_SECONDS = 90


@dataclass(frozen=True)
class RunningDevnet:
    """What the devnet says of itself (its info file), the seconds it took to come up, and its process id."""

    info: dict[str, Any]
    start_seconds: float
    pid: int


@contextmanager
def running_devnet(*flags: str) -> Iterator[RunningDevnet]:
    """A devnet that has sequenced its first block, all roles up. Raises RuntimeError when it does not start."""
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        info_file = Path(directory) / "info.json"
        log = (Path(directory) / "log").open("wb")
        command = [sys.executable, "-m", "node.cli.main", "--log.level", "warning", "devnet", "--json"]
        command += ["--datadir", f"{directory}/devnet", "--info", str(info_file)]
        for port in _PORTS:
            command += [port, "0"]
        started = time.monotonic()
        process = subprocess.Popen([*command, *flags], stdout=log, stderr=log, start_new_session=True)
        try:
            while not info_file.exists() or not info_file.read_text().endswith("\n"):
                if process.poll() is not None or time.monotonic() - started > _START_SECONDS:
                    raise RuntimeError(f"the devnet did not start: {(Path(directory) / 'log').read_text()[-3000:]}")
                time.sleep(0.01)
            yield RunningDevnet(json.loads(info_file.read_text()), time.monotonic() - started, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            log.close()

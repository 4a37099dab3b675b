"""Anvil as the peer of the throughput figures: a development chain in Rust, started for one benchmark."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGED = "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
_START_SECONDS = 30


def anvil_binary() -> Path | None:
    """The binary named by LAMINA_ANVIL, or the one that `npm ci` puts below contracts/; None when there is none."""
    path = Path(os.environ.get("LAMINA_ANVIL") or Path(__file__).parent.parent / _PACKAGED)
    return path if path.is_file() else None


@contextmanager
def running_anvil(
    binary: Path, chain_id: int, block_time: int, accounts: int, gas_limit: int
) -> Iterator[tuple[str, int]]:
    """The JSON-RPC URL and process id of a running anvil with the usual mnemonic's accounts. Stopped and gone afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [str(binary), "--port", str(port), "--chain-id", str(chain_id), "--block-time", str(block_time)]
    command += ["--accounts", str(accounts), "--gas-limit", str(gas_limit), "--silent"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_open(port, process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    started = time.monotonic()
    while process.poll() is None and time.monotonic() - started < _START_SECONDS:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"anvil does not listen (exit code {process.poll()})")

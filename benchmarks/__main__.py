"""`python -m benchmarks [NAME ...]`: all benchmarks, or the named ones, each in a process of its own.

Prints one JSON line per figure. A benchmark that fails is reported in a line of its own, the others still run, and the
exit code is 1.
"""

import argparse
import json
import signal
import subprocess
import sys

BENCHMARKS = {
    "startup": "time from `lamina devnet` to the first sequenced block",
    "execution": "transactions and gas per second of the engine, against stock py-evm",
    "native": "the native engine against py-evm's and against revm: transfers, ERC-20 transfers, loops, derived and stored",
    "state_size": "transactions per second on a state of a million accounts, against an almost empty one",
    "derivation": "L2 blocks per second out of blobs",
    "l1_reading": "L1 blocks read per second from an endpoint with latency, ahead and in batches, against one by one",
    "sync_memory": "memory of a verifier while it syncs from L1",
    "vm": "instructions per second of the fault-proof VM, against unicorn, and the time of a bisection",
    "disputes": "a dispute at full depth: processor time of its trace, gas by kind of step and of the whole game, rounds",
    "guest": "instructions of the programs in the fault-proof VM: a block, and a whole claim with its parts",
    "posted_bytes": "bytes on L1 per L2 transaction",
    "devnet_engines": "transactions per second over JSON-RPC on a devnet with the native engine, against py-evm's",
    "throughput": "transactions per second over JSON-RPC on a whole devnet, against anvil where it is installed",
}
_LIMIT_SECONDS = 900


def main() -> int:
    """Run what the command line names; 1 when one of them failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Prints one JSON line per figure. Names: "
        + "; ".join(f"{name} ({what})" for name, what in BENCHMARKS.items()),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="the benchmarks to run (default: all)")
    names: list[str] = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    failed = [name for name in names if not _run(name)]
    return 1 if failed else 0


def _run(name: str) -> bool:
    command = ["python", "-m", f"benchmarks.{name}"]
    process = subprocess.Popen([sys.executable, *command[1:]])
    try:
        code = process.wait(_LIMIT_SECONDS)
        why = f"exit code {code}, its error is above"
    except subprocess.TimeoutExpired:
        code, why = 1, f"not done after {_LIMIT_SECONDS} s"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # so that it stops the devnet that it may have started
            process.wait()
    if code:
        print(json.dumps({"failed": name, "why": why, "command": " ".join(command)}), flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main())

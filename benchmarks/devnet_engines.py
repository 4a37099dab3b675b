"""Transactions per second over JSON-RPC on a devnet with `--engine native`, beside one with `pyevm` and one with `both`.

As `throughput`, whose rules and workload it has: 1-second blocks, all roles and the sender on this machine, a steady
rate first and then rising ones until one is not sustained. `capacity` is what the processor time of a transaction
allows: of all roles together on this machine's cores, and of the sequencer's process alone. What checks the native
engine behind the head (`node/recheck`, of low priority) is among the workers of its node.
"""

import asyncio
import os
import sys

from benchmarks.report import Figure, report
from benchmarks.throughput import STEADY_RATE, Speeds, on_devnet, rate_of
from benchmarks.transactions import transfer
from config.engine_mode import EngineMode

_RATES = (400, 500, 600, 800, 1000, 1200, 1600, 2000)


def _per_transaction(speeds: Speeds) -> dict[str, float]:
    """Processor time of each role in milliseconds per transaction, less what it takes with nothing to do."""
    idle = speeds.idle_cores
    seconds = speeds.steady.sending_seconds
    return {
        role: round(1000 * max(used - idle.get(role, 0.0) * seconds, 0.0) / speeds.steady.sent, 3)
        for role, used in speeds.steady_cpu.items()
    }


def _capacity(cost: dict[str, float]) -> dict[str, float]:
    everything = sum(cost.values())
    cores = os.cpu_count() or 1
    return {
        "allRoles": round(1000 * cores / everything) if everything else 0,
        "sequencer": round(1000 / cost["sequencer"]) if cost.get("sequencer") else 0,
    }


async def _run(modes: list[EngineMode]) -> None:
    measured = {mode: await on_devnet(transfer, "--engine", mode.value, rates=_RATES) for mode in modes}
    peer = measured.get(EngineMode.PYEVM)
    for mode, ours in measured.items():
        if mode is EngineMode.PYEVM:
            continue
        cost = _per_transaction(ours)
        detail = {"cpuMsPerTransaction": cost, "capacity": _capacity(cost)}
        if ours.first_failed is not None:
            detail["notSustained"] = ours.first_failed.detail()
        if peer is not None:
            theirs = _per_transaction(peer)
            detail |= {"peerCpuMsPerTransaction": theirs, "peerCapacity": _capacity(theirs)}
        name = f"devnet_{mode.value}_transfers_highest_sustained"
        other = None if peer is None else rate_of(peer.highest)
        report(Figure(name, rate_of(ours.highest), "tx/s", "devnet --engine pyevm", other, detail))
        p99 = f"devnet_{mode.value}_transfers_at_{STEADY_RATE}_per_second_p99_latency"
        theirs_p99 = None if peer is None else peer.steady.percentile(99)
        report(Figure(p99, ours.steady.percentile(99), "s", "devnet --engine pyevm", theirs_p99, ours.steady.detail()))


def main(*names: str) -> None:
    """Run the benchmark for the named engines, or for all: pyevm, native, both."""
    asyncio.run(_run([EngineMode(name) for name in names] or [EngineMode.PYEVM, EngineMode.NATIVE, EngineMode.BOTH]))


if __name__ == "__main__":
    main(*sys.argv[1:])

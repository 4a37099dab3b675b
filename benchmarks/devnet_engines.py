"""Transactions per second over JSON-RPC that a devnet takes with `--engine native`, beside one with `pyevm` and one with `both`.

1-second blocks of up to 500 M gas, the most that a devnet has; all roles and the sender share this machine. More is offered
than any of them takes: batches of 25 calls over four connections, from 100 accounts, signed before the clock runs, and as
many transactions on their way or waiting as `_Workload.window` says. What counts is how many come into blocks per second,
after a warm-up, and how much processor time each role used for one. `transfers` are to new accounts, `erc20_transfers` of
WETH to new holders; `withdrawals` call the standard bridge, 120,000 gas each; `calls` make seven of them in one
transaction, 580,000 gas: user transactions in the real blocks of `../shared/vectors/exec` (OP Sepolia and Unichain) use
590,000 on average. `mixed` is all of them in such parts that a transaction uses 304,000, as in recorded blocks of OP Mainnet.
`unsafeAhead` says how many blocks the verifier's safe head was behind at the end: it comes through batcher and L1.
What checks the native engine behind the head (`node/recheck`, of low priority) is among the workers.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.load import Saturation
from benchmarks.processor_time import processor_seconds
from benchmarks.report import Figure, report
from benchmarks.throughput import Maker, Wallets, devnet_load, include_all, token_deposits
from benchmarks.transactions import as_on_op_mainnet, token_transfer, transfer, withdrawal, withdrawals_at_once
from config.engine_mode import EngineMode

_SEQUENCER = "sequence"
"""The sequencer's short name, as the kernel cuts it."""

_GAS_LIMIT = 500_000_000
"""Of L2 blocks: in a second 860 of the dearest transactions, `calls`."""

_SLOT_SECONDS = 1
"""Of L1, whose blobs then have room for 7,800 transfers a second: the sequencer makes no more than can be posted."""

_WARM_UP_SECONDS = 8
_SECONDS = 30
_IDLE_SECONDS = 8


@dataclass(frozen=True)
class _Workload:
    """How its transactions are made, how many are on their way or waiting, and for how many a second they are signed.

    `window`: twice what is taken in a second, since it takes one and a half until what is in a block is replaced; and not
    much more: blocks of a sequencer that has caught up take all that waits at once, so that the rate is only known to a
    window in the measured time. `most`: a devnet that takes more ends its run early and could do better than its rate says
    (`ranOut`). `tokens`: the senders need some of the ERC-20 first.
    """

    make: Maker
    window: int
    most: int
    tokens: bool = False


_WORKLOADS = {
    "transfers": _Workload(transfer, 8_000, 6_000),
    "erc20_transfers": _Workload(token_transfer, 8_000, 6_000, tokens=True),
    "withdrawals": _Workload(withdrawal, 8_000, 6_000),
    "calls": _Workload(withdrawals_at_once, 2_000, 1_500),
    "mixed": _Workload(as_on_op_mainnet, 4_000, 2_500, tokens=True),
}


@dataclass(frozen=True)
class _Speed:
    """What a devnet took, and the milliseconds of processor time by role that it used for each transaction."""

    taken: Saturation
    ran_out: bool
    cost: dict[str, float]
    behind: int

    def detail(self) -> dict[str, Any]:
        """For the report. `capacity` is what processor time allows: of all roles on all cores, of the sequencer's process."""
        everything, sequencer = sum(self.cost.values()), self.cost.get(_SEQUENCER, 0.0)
        return {
            "cpuMsPerTransaction": self.cost,
            "capacity": {
                "allRoles": round(1000 * (os.cpu_count() or 1) / everything) if everything else 0,
                "sequencer": round(1000 / sequencer) if sequencer else 0,
            },
            "included": self.taken.included,
            "mgasPerSecond": round(self.taken.gas_rate / 1e6, 1),
            "ranOut": self.ran_out,
            "refused": len(self.taken.refused),
            "unsafeAhead": self.behind,
        }


async def _speed(mode: EngineMode, deposits: Sequence[bytes], raws: Sequence[bytes], window: int) -> _Speed:
    flags = ("--engine", mode.value, "--gas-limit", str(_GAS_LIMIT), "--l1.slot-time", str(_SLOT_SECONDS))
    async with devnet_load(*flags) as (load, devnet, verifier):
        await include_all(load, deposits)
        idle_before = processor_seconds(devnet.pid)
        await asyncio.sleep(_IDLE_SECONDS)
        before, started = processor_seconds(devnet.pid), time.monotonic()
        taken = await load.saturate(raws, window, _WARM_UP_SECONDS, _SECONDS)
        after, lasted = processor_seconds(devnet.pid), time.monotonic() - started
        ahead = int(await load.client.call("eth_blockNumber"), 16)
        safe = int((await verifier.client.call("eth_getBlockByNumber", ["safe", False]))["number"], 16)
    cost = {}
    for role, seconds in after.items():
        idle = (before.get(role, 0.0) - idle_before.get(role, 0.0)) / _IDLE_SECONDS
        used = max(seconds - before.get(role, 0.0) - idle * lasted, 0.0)
        cost[role] = round(1000 * used / max(taken.included, 1), 3)
    return _Speed(taken, taken.sent == len(raws), cost, ahead - safe)


async def _run(workload: str, modes: list[EngineMode]) -> None:
    load, wallets = _WORKLOADS[workload], Wallets()
    deposits = token_deposits(wallets) if load.tokens else []
    raws = wallets.next(load.most * (_WARM_UP_SECONDS + _SECONDS) + load.window, load.make)
    measured = {mode: await _speed(mode, deposits, raws, load.window) for mode in modes}
    peer = measured.get(EngineMode.PYEVM)
    for mode, ours in measured.items():
        name, detail = f"devnet_{mode.value}_{workload}_taken", ours.detail()
        if peer is None or mode is EngineMode.PYEVM:
            report(Figure(name, ours.taken.rate, "tx/s", detail=detail))
        else:
            detail |= {"peerCpuMsPerTransaction": peer.cost}
            report(Figure(name, ours.taken.rate, "tx/s", "devnet --engine pyevm", peer.taken.rate, detail))


def main(*names: str) -> None:
    """Run the benchmark for the named engines (pyevm, native, both) and workloads; for all where none is named."""
    modes = [mode for mode in (EngineMode.PYEVM, EngineMode.NATIVE, EngineMode.BOTH) if mode.value in names]
    workloads = [workload for workload in _WORKLOADS if workload in names]
    for workload in workloads or _WORKLOADS:
        asyncio.run(_run(workload, modes or [EngineMode.PYEVM, EngineMode.NATIVE, EngineMode.BOTH]))


if __name__ == "__main__":
    main(*sys.argv[1:])

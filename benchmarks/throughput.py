"""Transactions per second from `eth_sendRawTransaction` to the sealed block, over HTTP, on a whole devnet.

1-second blocks; L1, sequencer, verifier, batcher, proposer and the sender share this machine. The sender offers a
steady rate; it is sustained when the sending kept to it, nothing was refused, and the last transaction was in a block
within two block times of being sent. First 300/s for 20 s, then ever higher rates for 8 s until one is not sustained.

The peer, where it is installed, is anvil with `--block-time 1`, given the same bytes. It is a development chain in
Rust with its state in memory: it derives nothing, posts nothing, charges no L1 fee, has no second node that checks it,
and writes nothing to disk. It is there to show what the machine and the sender can do at all.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.load import Load, Outcome
from benchmarks.processor_time import processor_seconds
from benchmarks.report import Figure, report
from benchmarks.running_anvil import anvil_binary, running_anvil
from benchmarks.running_devnet import RunningDevnet, running_devnet
from benchmarks.transactions import fresh_address, token_deposit, token_transfer, transfer
from config.constants import WETH
from config.types import Address, to_hex
from contracts.artifacts import load_artifact
from node.devnet.accounts import user_accounts

_CHAIN_ID = 901
_ACCOUNTS = 100
_BLOCK_TIME = 1
_GAS_LIMIT = 60_000_000
_STEADY_RATE = 300
_STEADY_SECONDS = 20
_IDLE_SECONDS = 8
_WARM_UP_SECONDS = 90
_SEARCH_SECONDS = 8
_RATES = (400, 500, 600, 700, 800, 900, 1000, 1200)
_PEER_RATES = (800, 1200, 1600, 2000)
_PEER = "anvil --block-time 1: no derivation, no batches, no second node, nothing on disk"

Maker = Callable[[bytes, int, int, Address], bytes]


class Wallets:
    """The funded accounts of one chain, and which nonce each uses next."""

    def __init__(self) -> None:
        self._accounts = [(item.address, item.private_key) for item in user_accounts(_ACCOUNTS)]
        self._sent = 0

    def next(self, count: int, make: Maker) -> list[bytes]:
        """Signed transactions to accounts that do not exist, from all accounts in turn."""
        raws = []
        for index in range(self._sent, self._sent + count):
            nonce, turn = divmod(index, _ACCOUNTS)
            address, key = self._accounts[turn]
            raws.append(make(key, _CHAIN_ID, nonce, fresh_address(address + nonce.to_bytes(4, "big"))))
        self._sent += count
        return raws


@dataclass(frozen=True)
class Speeds:
    """What one chain did: at the steady rate, and the highest rate that it sustained (None: not even the steady one).

    Processor seconds by role: `idle_cpu` in the seconds before, `steady_cpu` while the steady rate was offered.
    """

    steady: Outcome
    idle_cpu: dict[str, float]
    steady_cpu: dict[str, float]
    highest: Outcome | None
    first_failed: Outcome | None

    @property
    def idle_cores(self) -> dict[str, float]:
        """How much of a core each role used with nothing to do."""
        return {role: used / _IDLE_SECONDS for role, used in self.idle_cpu.items()}


async def _speeds(load: Load, make: Maker, rates: Sequence[int], devnet_pid: int) -> Speeds:
    wallets = Wallets()
    if make is token_transfer:
        await include_all(load, token_deposits(wallets))
    raws = wallets.next(_STEADY_RATE * _STEADY_SECONDS, make)
    idle_before = processor_seconds(devnet_pid)
    await asyncio.sleep(_IDLE_SECONDS)
    before, own = processor_seconds(devnet_pid), time.process_time()
    steady = await load.offer(raws, _STEADY_RATE)
    after = processor_seconds(devnet_pid)
    idle, cpu = _difference(idle_before, before), _difference(before, after)
    cpu["sender"] = time.process_time() - own
    highest = steady if steady.sustained(_BLOCK_TIME) else None
    for rate in rates:
        outcome = await _offer(load, wallets, make, rate, _SEARCH_SECONDS)
        if not outcome.sustained(_BLOCK_TIME) and outcome.included == outcome.sent:
            outcome = await _offer(load, wallets, make, rate, _SEARCH_SECONDS)  # another process can spoil one try
        if not outcome.sustained(_BLOCK_TIME):
            return Speeds(steady, idle, cpu, highest, outcome)
        highest = outcome
    return Speeds(steady, idle, cpu, highest, None)


def token_deposits(wallets: Wallets) -> list[bytes]:
    """What gives every account tokens."""
    return wallets.next(_ACCOUNTS, lambda key, chain_id, nonce, to: token_deposit(key, chain_id, nonce))


async def include_all(load: Load, raws: Sequence[bytes]) -> None:
    """Send transactions and wait for them. Raises RuntimeError when one does not come into a block."""
    if raws and (await load.offer(raws, 100)).included != len(raws):
        raise RuntimeError("what the accounts need first is not in a block")


def _difference(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {role: seconds - before.get(role, 0.0) for role, seconds in after.items()}


async def _offer(load: Load, wallets: Wallets, make: Maker, rate: int, seconds: int) -> Outcome:
    return await load.offer(wallets.next(rate * seconds, make), rate)


async def _until_safe(url: str) -> None:
    """Wait until a block has come back from L1: by then every role has loaded its KZG setup, 2 s of processor time."""
    async with _client(url) as load, asyncio.timeout(_WARM_UP_SECONDS):
        while int((await load.client.call("eth_getBlockByNumber", ["safe", False]))["number"], 16) == 0:
            await asyncio.sleep(0.2)


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[Load]:
    load = Load(url)
    try:
        yield load
    finally:
        await load.close()


@asynccontextmanager
async def devnet_load(*flags: str) -> AsyncIterator[tuple[Load, RunningDevnet, Load]]:
    """A devnet with these flags besides, once blocks have come back from L1: its sequencer, itself, its verifier."""
    with running_devnet("--block-time", str(_BLOCK_TIME), "--accounts", str(_ACCOUNTS), *flags) as devnet:
        urls = [devnet.info[role]["http"] for role in ("l2", "verifier")]
        for url in urls:
            await _until_safe(url)
        async with _client(urls[0]) as load, _client(urls[1]) as verifier:
            yield load, devnet, verifier


async def _on_devnet(make: Maker) -> Speeds:
    async with devnet_load() as (load, devnet, _):
        return await _speeds(load, make, _RATES, devnet.pid)


async def _on_anvil(make: Maker) -> Speeds | None:
    binary = anvil_binary()
    if binary is None:
        return None
    with running_anvil(binary, _CHAIN_ID, _BLOCK_TIME, _ACCOUNTS, _GAS_LIMIT) as (url, pid):
        async with _client(url) as load:
            code = to_hex(load_artifact("WETH").deployed_bytecode)
            await load.client.call("anvil_setCode", [to_hex(WETH), code])
            return await _speeds(load, make, _PEER_RATES, pid)


def _rate_of(outcome: Outcome | None) -> float:
    """The rate that was offered, 0 where none was sustained."""
    return 0.0 if outcome is None else outcome.offered_rate


def _report(name: str, ours: Speeds, theirs: Speeds | None) -> None:
    peer = None if theirs is None else _PEER
    steady = theirs and theirs.steady
    per_transaction = {role: round(1000 * used / ours.steady.sent, 3) for role, used in ours.steady_cpu.items()}
    detail = {
        **ours.steady.detail(),
        "sustained": ours.steady.sustained(_BLOCK_TIME),
        "cpuMsPerTransaction": per_transaction,
        "idleCores": {role: round(cores, 3) for role, cores in ours.idle_cores.items()},
    }
    value, peer_value = ours.steady.percentile(99), steady.percentile(99) if steady else None
    report(Figure(f"{name}_at_{_STEADY_RATE}_per_second_p99_latency", value, "s", peer, peer_value, detail))
    detail = {"seconds": _SEARCH_SECONDS}
    if ours.highest is not None:
        detail |= ours.highest.detail()
    if ours.first_failed is not None:
        detail["notSustained"] = ours.first_failed.detail()
    if theirs is not None and theirs.first_failed is None:
        detail["peerIsAtLeast"] = True  # the search ended before the peer's limit
    peer_rate = None if theirs is None else _rate_of(theirs.highest)
    report(Figure(f"{name}_highest_sustained", _rate_of(ours.highest), "tx/s", peer, peer_rate, detail))


async def _run(names: Sequence[str]) -> None:
    workloads: dict[str, Maker] = {"transfers": transfer, "erc20_transfers": token_transfer}
    for name in names or workloads:
        make = workloads[name]
        _report(name, await _on_devnet(make), await _on_anvil(make))


def main(*names: str) -> None:
    """Run the benchmark for `transfers`, `erc20_transfers` or both."""
    asyncio.run(_run(names))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Where the time goes: `python -m benchmarks.profiling admission|sealing|derivation|execution`, 25 costliest functions.

`admission` is a JSON-RPC body with 25 `eth_sendRawTransaction` calls through dispatcher, checks and pool; `sealing` is
the pool's transactions going into a block on disk. Profiled code runs about twice as slow as it does otherwise.
"""

import asyncio
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from benchmarks.derivation import derive_and_execute, derive_only, posted_rollup
from benchmarks.local_rollup import CHAIN_ID, LocalRollup
from benchmarks.stopwatch import Stopwatch
from benchmarks.transactions import ETHER, account, fresh_address, transfer
from config.engine_mode import EngineMode
from config.types import to_hex
from evm.engine import OpenBlock
from node.execution import Execution, ExecutionOptions
from node.mempool import TransactionPool
from node.rpc import Dispatcher

_SENDERS = [account(f"sender {index}") for index in range(100)]
_PER_BODY = 25
_SHOWN = 25


def _bodies(first_nonce: int, rounds: int) -> list[bytes]:
    calls = [
        {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [to_hex(raw)]}
        for nonce in range(first_nonce, first_nonce + rounds)
        for address, key in _SENDERS
        for raw in [transfer(key, CHAIN_ID, nonce, fresh_address(address + nonce.to_bytes(4, "big")))]
    ]
    return [orjson.dumps(calls[start : start + _PER_BODY]) for start in range(0, len(calls), _PER_BODY)]


async def _admit(dispatcher: Dispatcher, bodies: list[bytes]) -> None:
    for body in bodies:
        answer = await dispatcher.handle(body)
        if b'"error"' in answer:
            raise RuntimeError(f"refused: {answer[:300].decode()}")


def _fill(builder: OpenBlock, pool: TransactionPool) -> None:
    for entry in pool.best(builder.base_fee):
        builder.add(entry.transaction)


def _sequencer(profile: cProfile.Profile, which: str, rounds: int = 10, per_round: int = 4) -> None:
    """400 transactions are admitted, then sealed, ten times."""
    world = LocalRollup(accounts={address: 1000 * ETHER for address, _ in _SENDERS})
    admitting, sealing = Stopwatch(), Stopwatch()
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        local = world.open(Path(directory) / "chain")
        local.sequence()
        kv = local.chain.kv
        execution = Execution(kv, local.chain.rules, ExecutionOptions(datadir=Path(directory), journal=True))
        local.chain = execution.chain
        dispatcher = Dispatcher(execution.namespaces)
        for number in range(rounds):
            bodies = _bodies(number * per_round, per_round)
            with admitting, _profiled(profile, which == "admission"):
                asyncio.run(_admit(dispatcher, bodies))
            builder = local.start()
            with sealing, _profiled(profile, which == "sealing"):
                _fill(builder, execution.pool)
                execution.chain.insert(builder.seal())
        execution.close()
    count = per_round * len(_SENDERS)
    print(f"{which}: admission {admitting.median_rate(count):.0f} tx/s, sealing {sealing.median_rate(count):.0f} tx/s")


def _derivation(profile: cProfile.Profile, which: str) -> None:
    """1,000 blocks without user transactions and then 100 blocks of 20: only derived, or executed and stored too."""
    for count, per_block in ((1000, 0), (100, 20)):
        posted = posted_rollup(count, per_block, [EngineMode.PYEVM])
        with posted as (sequencer, verifiers, blocks, _), _profiled(profile, True):
            if which == "derivation":
                derive_only(sequencer, blocks)
            else:
                derive_and_execute(verifiers[0], blocks[-1])


@contextmanager
def _profiled(profile: cProfile.Profile, wanted: bool) -> Iterator[None]:
    if wanted:
        profile.enable()
    yield
    profile.disable()


def main(which: str = "admission", order: str = "tottime") -> None:
    """Profile one path and print its costliest functions; `order` may also be cumtime."""
    profile = cProfile.Profile(time.process_time)
    if which in ("admission", "sealing"):
        _sequencer(profile, which)
    elif which in ("derivation", "execution"):
        _derivation(profile, which)
    else:
        raise SystemExit(f"no path is called {which}: admission, sealing, derivation, execution")
    pstats.Stats(profile).strip_dirs().sort_stats(order).print_stats(_SHOWN)


if __name__ == "__main__":
    main(*sys.argv[1:])

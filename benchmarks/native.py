"""The native engine beside py-evm's and, where it is installed, revm (`pip install pyrevm==0.3.7`), in one run.

Three chains on LevelDB make the same blocks, with the engines `pyevm`, `native` and `both`, and must agree about each; they take
turns every two blocks. Every other block is made from decoded transactions whose senders are known, as a sequencer does; the
next one is derived from raw bytes, senders recovered, as a verifier does. revm executes the same transactions as messages in
memory: no decoding, no L1 fee, no receipts and no state root.
"""

import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.execution import require_success, workload
from benchmarks.local_rollup import CHAIN_ID, LocalChain, LocalRollup
from benchmarks.loops import LOOPS, Loop
from benchmarks.report import Figure, report
from benchmarks.stopwatch import Stopwatch
from benchmarks.transactions import ETHER, account, signed, token_deposit, token_transfer, transfer
from config.constants import WETH
from config.engine_mode import EngineMode
from config.frame_stack import with_frame_room
from config.genesis.account import GenesisAccount
from config.types import Address, Hash32
from contracts.artifacts import load_artifact
from evm.engine import ExecutedBlock, OpenBlock
from evm.engine.choice import make_engine
from evm.engine.native_block import NativeBuilder
from evm.types import PayloadAttributes, Transaction, decode_transaction
from tests.core.toolchain import ensure_native_library

_MODES = (EngineMode.PYEVM, EngineMode.NATIVE, EngineMode.BOTH)
_PYEVM = "the py-evm engine"
_REVM = "pyrevm 0.3.7: messages in memory, no state root"
_ROUND = 2
"""Blocks that an engine makes before it is the next one's turn: one of each kind."""
_STATISTIC = "median block, per second of processor time of all threads, and by the clock"
_HAS_REVM = importlib.util.find_spec("pyrevm") is not None

Accounts = Sequence[tuple[Address, bytes]]


class _Laps:
    """What the clock said of each mode, and of revm, for the steps of one workload."""

    def __init__(self) -> None:
        self.known = {mode: Stopwatch() for mode in _MODES}
        self.raw = {mode: Stopwatch() for mode in _MODES}
        self.commit = {mode: Stopwatch() for mode in _MODES}
        self.derive_and_commit = {mode: Stopwatch() for mode in _MODES}
        self.revm = Stopwatch()


class Revm:
    """revm over accounts in memory."""

    def __init__(self, balances: dict[Address, int], codes: dict[Address, bytes]) -> None:
        import pyrevm

        self._evm = pyrevm.EVM(gas_limit=1 << 40, spec_id="PRAGUE")
        for address, balance in balances.items():
            self._evm.set_balance(_checksum(address), balance)
        for address, code in codes.items():
            self._evm.insert_account_info(_checksum(address), pyrevm.AccountInfo(code=code))

    def run(self, calls: Sequence[tuple[str, str, bytes, int, int]]) -> None:
        """Messages: sender, receiver, data, value and gas limit. Raises RuntimeError when one fails."""
        for sender, to, data, value, gas in calls:
            self._evm.message_call(sender, to, calldata=data, value=value, gas=gas)


def _checksum(address: Address) -> str:
    from eth_utils.address import to_checksum_address

    return to_checksum_address(address)


def _as_call(transaction: Transaction, sender: Address) -> tuple[str, str, bytes, int, int]:
    assert transaction.to is not None
    return (
        _checksum(sender),
        _checksum(transaction.to),
        transaction.data,
        transaction.value,
        transaction.gas_limit,
    )


def _open(world: LocalRollup, directory: Path, mode: EngineMode) -> LocalChain:
    local = world.open(directory / mode.value)
    chain = local.chain
    chain.engine = make_engine(mode, world.rules, chain.state, chain, directory / "reproducers")
    return local


def _decoded(raws: Sequence[bytes]) -> list[Transaction]:
    """Decoded, with the senders recovered."""
    transactions = [decode_transaction(raw) for raw in raws]
    for transaction in transactions:
        assert transaction.sender
    return transactions


def _fill(block: OpenBlock, transactions: Sequence[Transaction]) -> None:
    if isinstance(block, NativeBuilder):
        block.add_all(transactions)
    else:
        for transaction in transactions:
            block.add(transaction)


def _make(local: LocalChain, attributes: PayloadAttributes, transactions: Sequence[Transaction]) -> ExecutedBlock:
    block = local.chain.engine.start_payload(local.chain.head, attributes)
    _fill(block, transactions)
    return block.seal()


def _measure_block(local: LocalChain, mode: EngineMode, raws: list[bytes], from_raw: bool, laps: _Laps) -> Hash32:
    """The next block on one chain; its hash."""
    attributes, chain = local.next_attributes(), local.chain
    whole = laps.derive_and_commit[mode] if from_raw else ExitStack()
    with whole:
        if from_raw:
            wanted = replace(attributes, transactions=(*attributes.transactions, *raws))
            with laps.raw[mode]:
                executed = chain.engine.derive(chain.head, wanted)
        else:
            transactions = _decoded(raws)
            with laps.known[mode]:
                executed = _make(local, attributes, transactions)
        with laps.commit[mode]:
            chain.insert(executed)
    require_success(executed.receipts)
    return executed.block.hash


def _measure_round(
    chains: dict[EngineMode, LocalChain], blocks: Sequence[list[bytes]], laps: _Laps, only_known: bool = False
) -> None:
    """The same next blocks on each chain, one chain after the other: every other block from raw bytes."""
    made = {
        tuple(
            _measure_block(local, mode, raws, index % 2 == 1 and not only_known, laps)
            for index, raws in enumerate(blocks)
        )
        for mode, local in chains.items()
    }
    if len(made) != 1:
        raise RuntimeError("the engines made different blocks")


def _measure_workload(
    name: str, senders: Accounts, per_block: int, preparation: list[list[bytes]], blocks: list[list[bytes]]
) -> None:
    balances = {address: 1000 * ETHER for address, _ in senders}
    addresses = {key: address for address, key in senders}
    assert len(addresses) == len(senders)
    world, laps = LocalRollup(accounts=balances), _Laps()
    revm = Revm(balances, {WETH: load_artifact("WETH").deployed_bytecode}) if _HAS_REVM else None
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory, ExitStack() as open_chains:
        chains = {mode: _open(world, Path(directory), mode) for mode in _MODES}
        for local in chains.values():
            open_chains.callback(local.close)
        _measure_round(chains, preparation, _Laps(), only_known=True)
        for index, raws in enumerate([*preparation, *blocks]):
            if revm is not None:
                calls = [_as_call(each, each.sender) for each in _decoded(raws)]
                watch = laps.revm if index >= len(preparation) else Stopwatch()
                with watch:
                    revm.run(calls)
        for start in range(0, len(blocks), _ROUND):
            _measure_round(chains, blocks[start : start + _ROUND], laps)
    _report(name, per_block, len(blocks) // 2, laps)


def _report(name: str, per_block: int, blocks: int, laps: _Laps) -> None:
    native, pyevm, both = EngineMode.NATIVE, EngineMode.PYEVM, EngineMode.BOTH
    detail = {"blocks": blocks, "perBlock": per_block, "statistic": _STATISTIC}

    def compare(figure: str, ours: Stopwatch, peer: str, theirs: Stopwatch, *, milliseconds: bool = False) -> None:
        def value(rate: float) -> float:
            return 1000 * per_block / rate if milliseconds else rate

        mine, other = (value(watch.median_rate(per_block)) for watch in (ours, theirs))
        by_clock, peer_by_clock = (value(watch.median_clock_rate(per_block)) for watch in (ours, theirs))
        clock = {
            "byClock": round(by_clock, 1),
            "peerByClock": round(peer_by_clock, 1),
            "ratioByClock": round(by_clock / peer_by_clock, 3),
        }
        report(Figure(figure, mine, "ms" if milliseconds else "tx/s", peer, other, {**detail, **clock}))

    known = f"native_{name}_per_second"
    compare(known, laps.known[native], _PYEVM, laps.known[pyevm])
    if _HAS_REVM:
        compare(known, laps.known[native], _REVM, laps.revm)
    compare(f"native_{name}_from_raw_bytes_per_second", laps.raw[native], _PYEVM, laps.raw[pyevm])
    whole = laps.derive_and_commit
    compare(f"native_{name}_derived_and_stored_per_second", whole[native], _PYEVM, whole[pyevm])
    compare(f"both_{name}_sealed_block_milliseconds", laps.known[both], _PYEVM, laps.known[pyevm], milliseconds=True)
    compare(f"both_{name}_block_milliseconds", whole[both], _PYEVM, whole[pyevm], milliseconds=True)


def _measure_loop(loop: Loop, runs: int = 3) -> None:
    """A transaction of one kind of instruction, the best of several; revm and py-evm in the same run."""
    address, key = account("loop")
    contract = Address(b"\xc0" * 20)
    balance = 10**6 * ETHER
    world = LocalRollup(alloc={contract: GenesisAccount(code=loop.code)}, accounts={address: balance})
    revm = Revm({address: balance}, {contract: loop.code}) if _HAS_REVM else None
    watches, theirs, gas = {mode: Stopwatch() for mode in _MODES}, Stopwatch(), 0
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory, ExitStack() as open_chains:
        chains = {mode: _open(world, Path(directory), mode) for mode in _MODES[:2]}
        for local in chains.values():
            open_chains.callback(local.close)
        for nonce in range(runs):
            transaction = signed(key, CHAIN_ID, nonce, contract, gas=loop.gas_limit)
            attributes = chains[EngineMode.PYEVM].next_attributes()
            for mode, local in chains.items():
                with watches[mode]:
                    executed = _make(local, attributes, _decoded([transaction.raw]))
                local.chain.insert(executed)
                require_success(executed.receipts)
                deposit, receipt = executed.receipts
                gas = receipt.cumulative_gas_used - deposit.cumulative_gas_used
            if revm is not None:
                call = _as_call(transaction, address)
                with theirs:
                    revm.run([call])
    ours = watches[EngineMode.NATIVE]
    figure, speed = f"native_loop_{loop.name}_mgas_per_second", ours.best_rate(gas / 1e6)
    detail = {"gas": gas, "loop": loop.what, "statistic": f"best of {runs} blocks, per second of processor time"}
    report(Figure(figure, speed, "Mgas/s", _PYEVM, watches[EngineMode.PYEVM].best_rate(gas / 1e6), detail))
    if revm is not None:
        report(Figure(figure, speed, "Mgas/s", _REVM, theirs.best_rate(gas / 1e6), detail))


def main(blocks: int = 20, transfers: int = 1000, tokens: int = 400) -> int:
    """Run the benchmark with that many blocks of so many transfers and ERC-20 transfers; 1 without the native library."""
    if ensure_native_library() is None:
        print("native: the native library is not built, and ziglang is not installed", file=sys.stderr)
        return 1
    if not _HAS_REVM:
        print(
            "native: pyrevm is not installed, so nothing is compared with it: pip install pyrevm==0.3.7",
            file=sys.stderr,
        )
    senders = [account(f"sender {index}") for index in range(max(transfers, tokens))]
    some = senders[:transfers]
    _measure_workload("transfers", some, transfers, [], workload(some, blocks, 0, transfer, transfers))
    some = senders[:tokens]
    deposits = [[token_deposit(key, CHAIN_ID, 0) for _, key in some]]
    sent = workload(some, blocks, 1, token_transfer, tokens)
    _measure_workload("erc20_transfers", some, tokens, deposits, sent)
    for loop in LOOPS:
        _measure_loop(loop)
    return 0


if __name__ == "__main__":
    sys.exit(with_frame_room(main, *(int(value) for value in sys.argv[1:])))

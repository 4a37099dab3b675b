"""How fast blocks are made, without RPC and pool: our engine against stock py-evm, same transactions, same run.

Ours goes from raw bytes to a sealed block that is synced to LevelDB, under rollup rules (L1 fee, vaults, L1 attributes
deposit, own validity checks). The peer, `MiningChain.mine_all` on Prague rules, decodes the same bytes and keeps its
state in memory; it charges no L1 fee and checks less.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.local_rollup import CHAIN_ID, LocalRollup
from benchmarks.loops import LOOPS, Loop
from benchmarks.report import Figure, report
from benchmarks.stock_pyevm import StockChain
from benchmarks.stopwatch import Stopwatch
from benchmarks.transactions import ETHER, account, fresh_address, signed, token_deposit, token_transfer, transfer
from config.constants import WETH
from config.frame_stack import with_frame_room
from config.genesis.account import GenesisAccount
from config.types import Address
from contracts.artifacts import load_artifact
from evm.types import Block, Receipt
from node.chain import Chain

_PEER = "py-evm 0.12.1b1 MiningChain.mine_all, in memory"
_PER_BLOCK = 200
_STATISTIC = "median block, per second of processor time"

Blocks = list[list[bytes]]


def _cut(raws: list[bytes], per_block: int = _PER_BLOCK) -> Blocks:
    return [raws[start : start + per_block] for start in range(0, len(raws), per_block)]


def _target(senders: list[tuple[Address, bytes]], nonce: int, index: int) -> Address:
    """Every other target is an account that does not exist yet."""
    seed = nonce.to_bytes(4, "big") + index.to_bytes(4, "big")
    return fresh_address(seed) if (nonce + index) % 2 else senders[(index * 7 + 1) % len(senders)][0]


def workload(
    senders: list[tuple[Address, bytes]],
    rounds: int,
    first_nonce: int,
    make: Callable[[bytes, int, int, Address], bytes],
    per_block: int = _PER_BLOCK,
) -> Blocks:
    """Blocks of transactions: so many of each sender."""
    return _cut(
        [
            make(key, CHAIN_ID, first_nonce + nonce, _target(senders, nonce, index))
            for nonce in range(rounds)
            for index, (_, key) in enumerate(senders)
        ],
        per_block,
    )


def _measure_blocks(name: str, senders: list[tuple[Address, bytes]], preparation: Blocks, blocks: Blocks) -> None:
    """Ours and the peer take turns block by block, so that whatever else the machine does hits both alike."""
    balances = {address: 1000 * ETHER for address, _ in senders}
    world = LocalRollup(accounts=balances)
    weth = load_artifact("WETH").deployed_bytecode
    peer = StockChain({**{address: (balance, b"") for address, balance in balances.items()}, WETH: (0, weth)})
    building, stock, importing = Stopwatch(), Stopwatch(), Stopwatch()
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        builder, importer = world.open(Path(directory) / "builder"), world.open(Path(directory) / "importer")
        for raws in preparation:
            _import(importer.chain, builder.sequence(raws).block.encode())
            peer.mine(raws)
        for raws in blocks:
            with building:
                executed = builder.sequence(raws)
            with stock:
                peer.mine(raws)
            require_success(executed.receipts)
            raw = executed.block.encode()
            with importing:
                _import(importer.chain, raw)
        builder.close()
        importer.close()
    detail = {"blocks": len(blocks), "perBlock": _PER_BLOCK, "statistic": _STATISTIC}
    ours = building.median_rate(_PER_BLOCK)
    clock = {
        "byClock": round(building.clock_rate(_PER_BLOCK), 1),
        "peerByClock": round(stock.clock_rate(_PER_BLOCK), 1),
    }
    report(Figure(f"build_{name}_per_second", ours, "tx/s", _PEER, stock.median_rate(_PER_BLOCK), {**detail, **clock}))
    clock = {"byClock": round(importing.clock_rate(_PER_BLOCK), 1)}
    speed = importing.median_rate(_PER_BLOCK)
    report(Figure(f"import_{name}_per_second", speed, "tx/s", "building the same blocks", ours, {**detail, **clock}))


def _import(chain: Chain, raw: bytes) -> None:
    chain.insert(chain.engine.import_block(chain.head, Block.decode(raw)))


def require_success(receipts: Sequence[Receipt]) -> None:
    """Raises RuntimeError when a transaction has failed."""
    failed = sum(receipt.status != 1 for receipt in receipts)
    if failed:
        raise RuntimeError(f"{failed} transactions of a block failed: the figure would not mean what it says")


def _measure_loop(loop: Loop, runs: int = 3) -> None:
    """The best of several runs, ours and the peer's in turn."""
    address, key = account("loop")
    contract = Address(b"\xc0" * 20)
    balance = 10**6 * ETHER
    world = LocalRollup(alloc={contract: GenesisAccount(code=loop.code)}, accounts={address: balance})
    peer = StockChain({address: (balance, b""), contract: (0, loop.code)})
    ours, stock, gas = Stopwatch(), Stopwatch(), 0
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        chain = world.open(Path(directory))
        for nonce in range(runs):
            raw = signed(key, CHAIN_ID, nonce, contract, gas=loop.gas_limit).raw
            with ours:
                executed = chain.sequence([raw])
            with stock:
                peer_gas = peer.mine([raw])
            require_success(executed.receipts)
            deposit, receipt = executed.receipts
            gas = receipt.cumulative_gas_used - deposit.cumulative_gas_used
            if peer_gas != gas:
                raise RuntimeError(f"the {loop.name} loop used {gas} gas here and {peer_gas} in the peer")
        chain.close()
    detail = {"gas": gas, "loop": loop.what, "statistic": f"best of {runs} blocks, per second of processor time"}
    speed, theirs = ours.best_rate(gas / 1e6), stock.best_rate(gas / 1e6)
    report(Figure(f"loop_{loop.name}_mgas_per_second", speed, "Mgas/s", _PEER, theirs, detail))


def main(blocks: int = 10) -> None:
    """Run the benchmark with that many timed blocks of 200 transactions."""
    senders = [account(f"sender {index}") for index in range(_PER_BLOCK)]
    _measure_blocks("transfers", senders, [], workload(senders, blocks, 0, transfer))
    deposits = _cut([token_deposit(key, CHAIN_ID, 0) for _, key in senders])
    _measure_blocks("erc20_transfers", senders, deposits, workload(senders, blocks, 1, token_transfer))
    for loop in LOOPS:
        _measure_loop(loop)


if __name__ == "__main__":
    with_frame_room(main, *(int(value) for value in sys.argv[1:]))

"""How fast blocks are made and imported on a state of a million accounts, against an almost empty one, in the same run.

From raw bytes to a block that is synced to LevelDB, as in `benchmarks.execution`. The large state has a million more
accounts, each of which also holds WETH, so the token's storage trie is as large. Every block has other senders, and half
of the receivers are accounts that stand there already, drawn at random: on the large state hardly anything has been read
before. Large, small and stock py-evm (on the small state, in memory) take turns block by block.
"""

import gc
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.local_rollup import CHAIN_ID, LocalChain, LocalRollup
from benchmarks.report import Figure, report
from benchmarks.stock_pyevm import StockChain
from benchmarks.stopwatch import Stopwatch
from benchmarks.transactions import ETHER, account, fresh_address, token_transfer, transfer
from config.constants import WETH
from config.frame_stack import with_frame_room
from config.genesis.account import GenesisAccount
from config.types import Address, Hash32
from contracts.artifacts import load_artifact
from evm.types import Block, keccak256

_PER_BLOCK = 200
_STATISTIC = "median block, per second of processor time"
_PEER = "py-evm 0.12.1b1 MiningChain.mine_all, in memory, small state"
_CODE = load_artifact("WETH").deployed_bytecode

Make = Callable[[bytes, int, int, Address], bytes]


@dataclass
class _Side:
    """One state with two chains on it: one that makes the blocks and one that imports them."""

    builder: LocalChain
    importer: LocalChain
    receivers: Sequence[Address]
    building: Stopwatch
    importing: Stopwatch

    def run(self, raws: list[bytes]) -> None:
        with self.building:
            executed = self.builder.sequence(raws)
        failed = sum(receipt.status != 1 for receipt in executed.receipts)
        if failed:
            raise RuntimeError(f"{failed} transactions of a block failed: the figure would not mean what it says")
        raw = executed.block.encode()
        chain = self.importer.chain
        with self.importing:
            chain.insert(chain.engine.import_block(chain.head, Block.decode(raw)))

    def close(self) -> None:
        self.builder.close()
        self.importer.close()


def _holdings(holders: Sequence[Address]) -> dict[Hash32, Hash32]:
    """WETH's storage when each of them has one: a mapping in slot 0."""
    one = Hash32(ETHER.to_bytes(32, "big"))
    return {keccak256(bytes(12) + holder + bytes(32)): one for holder in holders}


def _open(directory: Path, senders: Sequence[Address], others: Sequence[Address]) -> _Side:
    everyone = [*senders, *others]
    world = LocalRollup(
        alloc={WETH: GenesisAccount(code=_CODE, balance=ETHER * len(everyone), storage=_holdings(everyone))},
        accounts=dict.fromkeys(everyone, 1000 * ETHER),
    )
    world.open(directory / "builder").close()
    shutil.copytree(directory / "builder", directory / "importer")
    builder, importer = world.open(directory / "builder"), world.open(directory / "importer")
    return _Side(builder, importer, others or senders, Stopwatch(), Stopwatch())


def _block(
    make: Make, keys: Sequence[bytes], nonce: int, receivers: Sequence[Address], source: random.Random
) -> list[bytes]:
    """A transaction of each key; every other one to an account that does not exist yet."""
    return [
        make(key, CHAIN_ID, nonce, fresh_address(source.randbytes(8)) if index % 2 else source.choice(receivers))
        for index, key in enumerate(keys)
    ]


def main(accounts: int = 1_000_000, blocks: int = 10) -> None:
    """Run the benchmark with so many more accounts and so many timed blocks of each kind."""
    people = [account(f"sender {index}") for index in range(_PER_BLOCK * blocks)]
    senders, keys = [address for address, _ in people], [key for _, key in people]
    others = [fresh_address(b"holder" + index.to_bytes(4, "big")) for index in range(accounts)]
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        # A collector that goes through millions of genesis accounts again and again would time itself.
        gc.disable()
        small = _open(Path(directory) / "small", senders, [])
        large = _open(Path(directory) / "large", senders, others)
        gc.collect()
        gc.freeze()
        gc.enable()
        for nonce, (name, make) in enumerate((("transfers", transfer), ("erc20_transfers", token_transfer))):
            _measure(name, make, nonce, keys, senders, (small, large), accounts, blocks)
        small.close()
        large.close()


def _measure(
    name: str,
    make: Make,
    nonce: int,
    keys: Sequence[bytes],
    senders: Sequence[Address],
    sides: tuple[_Side, _Side],
    accounts: int,
    blocks: int,
) -> None:
    source = random.Random(7)
    stock = Stopwatch()
    # py-evm's genesis cannot have WETH's holders within reasonable time, so they have deposited nothing there: it is
    # compared for plain transfers only.
    peer = StockChain(dict.fromkeys(senders, (1000 * ETHER, b""))) if make is transfer else None
    small, large = sides
    for side in sides:
        side.building, side.importing = Stopwatch(), Stopwatch()
    for number in range(blocks):
        own = keys[number * _PER_BLOCK : (number + 1) * _PER_BLOCK]
        raws = _block(make, own, nonce, small.receivers, source)
        small.run(raws)
        large.run(_block(make, own, nonce, large.receivers, source))
        if peer is not None:
            with stock:
                peer.mine(raws)
    detail = {"accounts": accounts, "blocks": blocks, "perBlock": _PER_BLOCK, "statistic": _STATISTIC}

    def figure(what: str, watch: Stopwatch, beside: str | None, other: Stopwatch | None) -> None:
        clock = {"byClock": round(watch.clock_rate(_PER_BLOCK), 1)}
        other_rate = None if other is None else other.median_rate(_PER_BLOCK)
        report(Figure(what, watch.median_rate(_PER_BLOCK), "tx/s", beside, other_rate, {**detail, **clock}))

    figure(f"small_state_{name}_per_second", small.building, _PEER if peer else None, stock if peer else None)
    figure(f"large_state_{name}_per_second", large.building, "the same on the small state", small.building)
    figure(f"small_state_import_{name}_per_second", small.importing, "building them", small.building)
    figure(f"large_state_import_{name}_per_second", large.importing, "building them", large.building)


if __name__ == "__main__":
    with_frame_room(main, *(int(value) for value in sys.argv[1:]))

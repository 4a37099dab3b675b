"""`lamina export` and `lamina import`: the blocks of a chain as a file."""

import gzip
import io
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from config.engine_mode import EngineMode
from node.cli.db import open_store
from node.cli.node import DataDir, Engine, L1ChainFile, RollupFileOrNone

if TYPE_CHECKING:
    from config.rollup import RollupConfig
    from node.chain import Chain
    from node.database.transfer import Imported

_STANDARD = "-"
AsJson = Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")]


def export(
    file: Annotated[str, typer.Argument(help="Where to: packed when it ends in .gz, standard output when it is -.")],
    datadir: DataDir,
    first: Annotated[int | None, typer.Argument(help="Number of the first block. Default: genesis.")] = None,
    last: Annotated[int | None, typer.Argument(help="Number of the last block. Default: the unsafe head.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the canonical blocks to a file that lamina and geth import: their RLP, one behind the other, without states.

    The node that uses the directory must be stopped. A file appears under its name when it is complete.
    Examples: lamina export chain.rlp.gz --datadir ./data; lamina export - 100 199 --datadir ./data | gzip > part.rlp.gz
    """
    from node.chain import ChainStore
    from node.cli.progress import counted
    from node.database.transfer import canonical_range, export_blocks

    if as_json and file == _STANDARD:
        raise ValueError("standard output is where the blocks go: leave out --json, or name a file")
    kv = open_store(datadir)
    try:
        store = ChainStore(kv)
        numbers = canonical_range(store, first, last)
        with _writing(file) as out, counted("blocks", len(numbers)) as progress:
            export_blocks(store, numbers, out, progress.done)
    finally:
        kv.close()
    if as_json:
        facts = {"file": file, "first": numbers.start, "last": numbers.stop - 1, "bytes": Path(file).stat().st_size}
        print(json.dumps(facts))
    else:
        said = sys.stderr if file == _STANDARD else sys.stdout
        print(f"exported blocks {numbers.start} to {numbers.stop - 1} to {file}", file=said)


def import_blocks(
    files: Annotated[
        list[str], typer.Argument(help="Files in their order: packed when they end in .gz, standard input is -.")
    ],
    datadir: DataDir,
    rollup_config: RollupFileOrNone = None,
    l1_chain_config: L1ChainFile = None,
    engine: Engine = EngineMode.BOTH,
    cache: Annotated[
        int, typer.Option("--cache", help="Megabytes for the caches of state and database together.", min=16)
    ] = 128,
    as_json: AsJson = False,
) -> None:
    """Execute the blocks of files that lamina or geth have exported, on top of what the directory has.

    Known blocks are passed over. It stops at the first block that is wrong; everything before it stays. Ctrl-C ends it
    after the block in the making, and the same command goes on from there. Only the unsafe head moves: a node checks it
    against L1 when it starts, derives the chain and calls safe what L1 confirms, without executing it again. With
    --l1.chain-config instead of --rollup.config the chain is one of Ethereum's rules.
    Examples: lamina import chain.rlp.gz --rollup.config rollup.json --datadir ./data;
    gunzip -c chain.rlp.gz | lamina import - --rollup.config rollup.json --datadir ./data
    """
    from config.rollup import RollupConfig
    from node.chain.block_file import BlockFileError, read_blocks
    from node.cli.progress import described
    from node.database.transfer import Imported
    from node.database.transfer import import_blocks as import_into

    rollup = None if rollup_config is None else RollupConfig.load(rollup_config)
    chain = _open_chain(datadir, rollup, l1_chain_config, engine, cache)
    result = Imported()
    try:
        with described() as show, _asked_to_stop() as stop:
            tell = _teller(chain, result, show)
            for file in files:
                try:
                    with _reading(file) as stream:
                        import_into(chain, read_blocks(stream), result, tell, stop, rollup)
                except BlockFileError as error:
                    raise ValueError(f"{file}: {error}; the head is {chain.head}") from error
                if result.interrupted:
                    break
    finally:
        chain.kv.close()
    _report(chain, result, as_json)
    if result.interrupted:
        raise typer.Exit(130)


def _open_chain(
    datadir: Path, rollup: "RollupConfig | None", l1_chain_config: Path | None, engine: EngineMode, cache: int
) -> "Chain":
    from config.l1_chain import L1ChainConfig
    from evm.engine.choice import make_engine
    from evm.rules import L1Rules, L2Rules
    from evm.store.memory import CacheSizes
    from evm.store.state import StateStore
    from node.chain import Chain

    if (rollup is None) == (l1_chain_config is None):
        raise ValueError(
            "say by whose rules the blocks are: --rollup.config, or --l1.chain-config for a chain of Ethereum's"
        )
    caches = CacheSizes.of(cache << 20)
    l1_rules = None if l1_chain_config is None else L1Rules(L1ChainConfig.load(l1_chain_config))
    kv = open_store(datadir, caches)
    try:
        state = StateStore(kv, caches)
        if rollup is None:
            assert l1_rules is not None
            return Chain(kv, l1_rules, state)
        rules = L2Rules(rollup)
        chain = Chain(kv, rules, state)
        if chain.genesis.hash != rollup.genesis.l2.hash:
            raise ValueError(
                f"the chain in {datadir} starts at {chain.genesis}, the rollup config at {rollup.genesis.l2}: "
                "use the directory or the file that belongs to the other"
            )
        chain.engine = make_engine(engine, rules, state, chain, datadir / "disagreements", caches.native)
        return chain
    except BaseException:
        kv.close()
        raise


def _teller(chain: "Chain", result: "Imported", show: Callable[[str], None]) -> Callable[[], None]:
    began = time.monotonic()

    def tell() -> None:
        seconds = max(time.monotonic() - began, 0.001)
        show(
            f"{result.executed} blocks executed, {result.known} known, head {chain.head.number}, "
            f"{result.executed / seconds:.1f} blocks/s, {result.gas / seconds / 1e6:.1f} Mgas/s"
        )

    return tell


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM has asked to end after the block in the making. A second one does not wait for it."""
    asked = False

    def note(number: int, _frame: Any) -> None:
        nonlocal asked
        asked = True
        signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(chain: "Chain", result: "Imported", as_json: bool) -> None:
    from config.types import to_hex

    head = chain.head
    if as_json:
        facts = {
            "executed": result.executed,
            "known": result.known,
            "interrupted": result.interrupted,
            "head": {"number": head.number, "hash": to_hex(head.hash), "stateRoot": to_hex(head.state_root)},
        }
        print(json.dumps(facts))
        return
    end = "interrupted, the same command goes on from here: " if result.interrupted else ""
    print(
        f"{end}{result.executed} blocks executed, {result.known} known; the unsafe head is block {head.number} "
        f"({to_hex(head.hash)}), state root {to_hex(head.state_root)}"
    )


@contextmanager
def _writing(file: str) -> Iterator[BinaryIO]:
    """A file under a name of its own until it is complete, or standard output."""
    if file == _STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    partial = path.with_name(path.name + ".part")
    try:
        with gzip.open(partial, "wb") if path.suffix == ".gz" else partial.open("wb") as out:
            yield cast("BinaryIO", out)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _reading(file: str) -> Iterator[BinaryIO]:
    if file == _STANDARD:
        yield sys.stdin.buffer
    elif Path(file).suffix == ".gz":
        with io.BufferedReader(gzip.open(file, "rb")) as unpacked:
            yield cast("BinaryIO", unpacked)
    else:
        with open(file, "rb") as stream:
            yield stream


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(export)
    app.command("import")(import_blocks)

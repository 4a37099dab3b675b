"""`lamina db`: looks into a data directory while no node runs on it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.node import DataDir

if TYPE_CHECKING:
    from evm.store.kv import LevelDbStore
    from evm.store.memory import CacheSizes

db = typer.Typer(help="Look into a data directory (stop the node that uses it first).", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def open_store(datadir: Path, caches: "CacheSizes | None" = None) -> "LevelDbStore":
    """The database of a node's data directory, or of the embedded L1's. Raises ValueError when there is none."""
    from evm.store.kv import LevelDbStore

    path = datadir / "chaindata" if (datadir / "chaindata").is_dir() else datadir
    if not (path / "CURRENT").is_file():
        raise ValueError(f"there is no database in {datadir}: give the node's --datadir")
    return LevelDbStore(path, caches)


@db.command()
def verify(datadir: DataDir, as_json: AsJson = False) -> None:
    """Check that chain and state are whole; exit 1 when they are not.

    Example: lamina db verify --datadir ./data
    """
    from dataclasses import asdict

    from rich.console import Console

    from node.database.verify import verify_store

    kv = open_store(datadir)
    try:
        with Console(stderr=True).status("checking") as status:
            report = verify_store(
                kv, lambda what, done, total: status.update(f"checking {what}: {done}{f' of {total}' if total else ''}")
            )
    finally:
        kv.close()
    if as_json:
        print(json.dumps(asdict(report)))
    else:
        state = report.state
        for problem in report.problems:
            print(f"problem: {problem}")
        print(
            f"{report.blocks} blocks, {report.transactions} transactions, {state.states} states from block {state.base} "
            f"on, {state.accounts} accounts, {state.slots} storage slots, {state.codes} codes, {state.nodes} trie nodes: "
            + (f"{len(report.problems)} problems" if report.problems else "sound")
        )
    if report.problems:
        raise typer.Exit(1)


@db.command()
def inspect(datadir: DataDir, as_json: AsJson = False) -> None:
    """Count entries and bytes by kind.

    Example: lamina db inspect --datadir ./data
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from node.database.contents import contents

    kv = open_store(datadir)
    try:
        sizes = contents(kv)
    finally:
        kv.close()
    if as_json:
        print(json.dumps([asdict(size) for size in sizes]))
        return
    table = Table(box=None)
    for column in ("kind", "entries", "key bytes", "value bytes"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for size in sizes:
        table.add_row(size.kind, f"{size.entries:,}", f"{size.key_bytes:,}", f"{size.value_bytes:,}")
    Console(highlight=False).print(table)


@db.command()
def get(datadir: DataDir, key: Annotated[str, typer.Argument(help="The key in hex.")]) -> None:
    """Print the value under a key, in hex; exit 1 when there is none.

    Example: lamina db get --datadir ./data 0x4d67656e65736973
    """
    from config.types import from_hex, to_hex

    kv = open_store(datadir)
    try:
        value = kv.get(from_hex(key))
    finally:
        kv.close()
    if value is None:
        raise ValueError(f"there is nothing under {key}")
    print(to_hex(value))


@db.command()
def stats(datadir: DataDir) -> None:
    """Print LevelDB's own statistics: files and bytes per level, compactions.

    Example: lamina db stats --datadir ./data
    """
    kv = open_store(datadir)
    try:
        print(kv.statistics())
    finally:
        kv.close()


@db.command()
def compact(datadir: DataDir) -> None:
    """Rewrite the database so that deleted entries take no space.

    Example: lamina db compact --datadir ./data
    """
    kv = open_store(datadir)
    try:
        kv.compact()
    finally:
        kv.close()
    print(f"compacted {datadir}")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(db, name="db")

"""Data directories for tests of commands: what a node in memory holds, put on disk, and the commands run on it."""

import json
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from config.rollup import RollupConfig
from evm.store.kv import KeyValueStore, LevelDbStore, WriteBatch
from node.cli import account, attach, db, node, posting, transfer, unwind

# Not the whole command line: that sets up logging, which pytest has done.
_APP = typer.Typer()
for _module in (account, attach, db, node, posting, transfer, unwind):
    _module.register(_APP)


def write_directory(kv: KeyValueStore, directory: Path) -> Path:
    """A node's data directory with what is in the store."""
    batch = WriteBatch()
    for key, value in kv.scan(b""):
        batch.put(key, value)
    disk = LevelDbStore(directory / "chaindata")
    disk.write(batch)
    disk.close()
    return directory


def write_rollup(rollup: RollupConfig, directory: Path) -> Path:
    """A rollup.json."""
    path = directory / "rollup.json"
    path.write_text(json.dumps(rollup.to_json()))
    return path


def lamina(*arguments: object, code: int = 0, stdin: bytes | str | None = None) -> str:
    """Standard output of a command, which must end with `code`. What it fails with is raised."""
    result = CliRunner().invoke(_APP, [str(argument) for argument in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def lamina_json(*arguments: object, code: int = 0, stdin: bytes | str | None = None) -> Any:
    """What a command prints as JSON."""
    return json.loads(lamina(*arguments, "--json", code=code, stdin=stdin))

"""`lamina db` on a directory that a node has written, pruned states and all."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evm.store.kv import LevelDbStore, WriteBatch
from node.chain.pruning import Pruner
from node.cli.db import db
from tests.node.writing_chain import open_chain, run


@pytest.fixture(scope="module")
def datadir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("db")
    kv = LevelDbStore(directory / "chaindata")
    chain = open_chain(kv)
    run(chain, seed=4, steps=20, pruner=Pruner(chain, 4))
    assert chain.history.base.number > 5
    kv.close()
    return directory


def invoke(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(db, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def test_verify_finds_a_pruned_directory_sound_and_says_what_it_has_checked(datadir: Path) -> None:
    report = json.loads(invoke("verify", "--datadir", datadir, "--json"))
    assert report["problems"] == []
    assert report["state"]["base"] > 5
    assert report["state"]["states"] >= 5
    assert report["state"]["slots"] > 0
    assert "sound" in invoke("verify", "--datadir", datadir)


def test_inspect_knows_every_kind_of_entry(datadir: Path) -> None:
    kinds = {entry["kind"] for entry in json.loads(invoke("inspect", "--datadir", datadir, "--json"))}
    assert {"flat accounts", "flat slots", "trie nodes", "codes", "state journals", "state markers"} <= kinds
    assert "of no known kind" not in kinds


def test_get_stats_and_compact_work_on_it(datadir: Path) -> None:
    assert invoke("get", "--datadir", datadir, "0x" + b"smflat".hex()).startswith("0x")
    assert "Level" in invoke("stats", "--datadir", datadir)
    assert "compacted" in invoke("compact", "--datadir", datadir)


def test_verify_exits_with_one_when_a_flat_entry_is_wrong(datadir: Path) -> None:
    kv = LevelDbStore(datadir / "chaindata")
    key, value = next(kv.scan(b"sa"))
    batch = WriteBatch()
    batch.delete(key)
    kv.write(batch)
    kv.close()
    assert "missing in the flat state" in invoke("verify", "--datadir", datadir, code=1)
    kv = LevelDbStore(datadir / "chaindata")
    batch = WriteBatch()
    batch.put(key, value)
    kv.write(batch)
    kv.close()

"""`lamina evm` and `lamina genesis` as a user runs them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from node.cli.main import _register, app
from tests.evm.test_stateless_files import older_form, with_rules
from tests.evm.test_statetest_runner import AFTER, BEFORE, state_test

_register()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def block_file(folder: Path, name: str = "block.json", **changes: Any) -> str:
    from config.forks import Fork

    path = folder / name
    path.write_text(json.dumps({**with_rules(older_form(), Fork.ECOTONE), **changes}))
    return str(path)


def test_stateless_prints_one_line_per_block_and_ends_well_when_all_match(tmp_path: Path) -> None:
    files = [block_file(tmp_path, "a.json"), block_file(tmp_path, "b.json")]
    result = run("evm", "stateless", *files, "--engine", "pyevm")
    assert result.exit_code == 0
    printed = lines(result)
    assert [line["file"] for line in printed] == files
    for line in printed:
        assert list(line) == ["file", "block", "hash", "expected", "match", "gasUsed", "seconds"]
        assert line["block"] == 1
        assert line["match"] is True
        assert line["hash"] == line["expected"]
        assert line["gasUsed"] > 42_000


def test_stateless_runs_the_block_in_a_directory_about_a_disagreement(tmp_path: Path) -> None:
    block = Path(block_file(tmp_path))
    directory = tmp_path / "1-abcdef01"
    directory.mkdir()
    (directory / "block.json.gz").write_bytes(gzip.compress(block.read_bytes()))
    result = run("evm", "stateless", str(directory))
    assert result.exit_code == 0
    assert lines(result)[0]["match"] is True
    (directory / "block.json.gz").unlink()
    assert "block.json.gz" in lines(run("evm", "stateless", str(directory)))[0]["error"]


def test_stateless_ends_with_1_when_a_hash_does_not_match(tmp_path: Path) -> None:
    data = json.loads(Path(block_file(tmp_path)).read_text())
    short = block_file(tmp_path, "short.json", transactions=data["transactions"][:1])
    result = run("evm", "stateless", short)
    assert result.exit_code == 1
    (line,) = lines(result)
    assert line["match"] is False
    assert line["hash"] != line["expected"]


def test_stateless_names_a_missing_node_and_goes_on_with_the_next_file(tmp_path: Path) -> None:
    from evm.types import Header, from_hex, to_hex

    data = json.loads(Path(block_file(tmp_path)).read_text())
    root = to_hex(Header.decode(from_hex(data["parent_header"])).state_root)
    witness = {key: value for key, value in data["witness"].items() if key != root}
    bad, good = block_file(tmp_path, "bad.json", witness=witness), block_file(tmp_path, "good.json")
    result = run("evm", "stateless", bad, good)
    assert result.exit_code == 1
    first, second = lines(result)
    assert first["match"] is False
    assert first["hash"] is None
    assert root[2:10] in first["error"]
    assert second["match"] is True


@pytest.mark.parametrize("name", ["130-10211000-holocene", "130-10215000-holocene"])
def test_stateless_runs_real_blocks(vectors: Path, name: str) -> None:
    result = run("evm", "stateless", str(vectors / "exec" / f"{name}.json.gz"))
    assert result.exit_code == 0
    assert lines(result)[0]["block"] == int(name.split("-")[1])


def test_statetest_prints_failing_cases_and_counts_last(tmp_path: Path) -> None:
    bodies = {"good": state_test({"hash": AFTER}), "bad": state_test({"hash": BEFORE})}
    bodies["unknown"] = state_test({"hash": AFTER}, fork="Atlantis")
    path = tmp_path / "tests.json"
    path.write_text(json.dumps(bodies))
    result = run("evm", "statetest", str(path), "--jobs", "1")
    assert result.exit_code == 1
    failing, counts = lines(result)
    assert (failing["name"], failing["fork"], failing["result"]) == ("bad", "Cancun", "failed")
    assert counts == {"passed": 1, "failed": 1, "skipped": 1}
    assert lines(run("evm", "statetest", str(path), "--jobs", "1", "--fork", "Osaka")) == [
        {"passed": 0, "failed": 0, "skipped": 0}
    ]


@pytest.mark.parametrize(("name", "folder"), [("ink", "mainnet"), ("op", "sepolia")])
def test_genesis_hash_gives_the_registrys_hash(vectors: Path, name: str, folder: str) -> None:
    from config.rollup import load_registry_chain
    from evm.types import to_hex

    registry = vectors / "config" / "registry" / folder / f"{name}.toml"
    genesis = vectors / "config" / "genesis"
    result = run(
        *("genesis", "hash", "--registry", str(registry), "--alloc", str(genesis / f"{name}-{folder}.json.zst")),
        *("--dictionary", str(genesis / "zstd-dictionary.bin")),
    )
    assert result.exit_code == 0
    (line,) = lines(result)
    assert set(line) == {"hash", "stateRoot"}
    assert line["hash"] == to_hex(load_registry_chain(registry).genesis.l2.hash)


def test_genesis_hash_refuses_the_genesis_of_another_chain(vectors: Path) -> None:
    result = run(
        *("genesis", "hash", "--registry", str(vectors / "config" / "registry" / "mainnet" / "ink.toml")),
        *("--alloc", str(vectors / "config" / "genesis" / "op-sepolia.json.zst")),
    )
    assert result.exit_code == 1
    assert "the registry says 0x" in str(result.exception)

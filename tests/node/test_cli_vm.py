"""`lamina vm` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from config.errors import CriticalError
from evm.types import keccak256
from faultproof.preimage import DirectorySource
from faultproof.vm.elf import read_elf
from faultproof.vm.reference import PreimageReader
from faultproof.vm.snapshot import save
from faultproof.vm.witness import step_from_witness
from node.cli.main import _register, app
from tests.faultproof.conftest import native_library, selftest_elf
from tests.faultproof.selftest_run import preimages, reference

__all__ = ["native_library", "selftest_elf"]

_register()

DATA = bytes(range(200))
FIELDS = ["step", "pc", "stateHash", "exited", "exitCode"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in ("vm", *arguments)])


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The program's preimages."""
    source = DirectorySource(tmp_path / "preimages")
    for key, preimage in preimages(DATA).items():
        source.store(key, preimage)
    return source.directory


def test_a_program_runs_to_its_end_on_both_engines(selftest_elf: Path, directory: Path) -> None:
    results = [
        document(run("run", selftest_elf, "--preimages", directory, "--engine", engine)) for engine in ("zig", "python")
    ]
    assert results[0] == results[1]
    result = results[0]
    assert list(result) == [*FIELDS, "output"]
    assert (result["exited"], result["exitCode"]) == (True, 0)
    assert result["stateHash"].startswith("0x00")
    assert result["output"] == "0x" + keccak256(DATA).hex()


@pytest.mark.parametrize("engine", ["zig", "python"])
def test_a_run_stops_before_the_step_that_is_named(selftest_elf: Path, directory: Path, engine: str) -> None:
    result = document(run("run", selftest_elf, "--preimages", directory, "--stop-at", 1234, "--engine", engine))
    assert list(result) == FIELDS
    assert (result["step"], result["exited"], result["stateHash"][:4]) == (1234, False, "0x03")
    machine = reference(read_elf(selftest_elf.read_bytes()), preimages(DATA))
    machine.run(1234)
    assert result["stateHash"] == "0x" + machine.state().hash().hex()
    assert result["pc"] == hex(machine.moment.pc)


def test_a_proof_proves_the_step_that_is_named(selftest_elf: Path, directory: Path) -> None:
    machine = reference(read_elf(selftest_elf.read_bytes()), preimages(DATA))
    before_reads = []
    while len(before_reads) < 3:
        offset, step = machine.moment.preimage_offset, machine.moment.step
        machine.run(step + 1)
        if machine.moment.preimage_offset > offset:
            before_reads.append(step)
    reads = 0
    for step in [0, 7, *before_reads]:
        result = document(run("run", selftest_elf, "--preimages", directory, "--proof-at", step))
        assert result["step"] == step
        state_data, proof_data = (bytes.fromhex(result[name][2:]) for name in ("stateData", "proofData"))
        assert keccak256(state_data)[1:].hex() == result["stateHash"][4:]
        after = step_from_witness(state_data, proof_data, PreimageReader(DirectorySource(directory)))
        assert result["postStateHash"] == "0x" + after.hash().hex()
        if "oracleKey" in result:
            reads += 1
            key, value = (bytes.fromhex(result[name][2:]) for name in ("oracleKey", "oracleValue"))
            preimage = (directory / key.hex()).read_bytes()
            assert value == len(preimage).to_bytes(8, "big") + preimage
            assert result["oracleOffset"] < len(value)
    assert reads == len(before_reads)


def test_a_run_can_go_on_behind_its_proof(selftest_elf: Path, directory: Path) -> None:
    result = document(run("run", selftest_elf, "--preimages", directory, "--proof-at", 5, "--stop-at", 9))
    assert result["step"] == 9
    assert int.from_bytes(bytes.fromhex(result["stateData"][2:])[80:88], "big") == 5
    assert run("run", selftest_elf, "--proof-at", 9, "--stop-at", 5).exit_code != 0


def test_the_proof_of_a_step_after_the_end_is_empty(selftest_elf: Path, directory: Path) -> None:
    result = document(run("run", selftest_elf, "--preimages", directory, "--proof-at", 10**12))
    assert result["exited"] is True
    assert result["proofData"] == "0x"
    assert result["postStateHash"] == result["stateHash"]


def test_progress_goes_to_stderr(selftest_elf: Path, directory: Path) -> None:
    result = run("run", selftest_elf, "--preimages", directory, "--stop-at", 1000, "--info-at", 400)
    assert [json.loads(line)["step"] for line in result.stderr.splitlines()] == [400, 800, 1000]
    assert json.loads(result.stdout)["step"] == 1000


def test_a_snapshot_runs_on(selftest_elf: Path, directory: Path, tmp_path: Path) -> None:
    machine = reference(read_elf(selftest_elf.read_bytes()), preimages(DATA))
    machine.run(2000)
    save(tmp_path / "state", machine)
    whole = document(run("run", selftest_elf, "--preimages", directory))
    assert document(run("run", tmp_path / "state", "--preimages", directory)) == whole


def test_load_writes_the_first_state_with_the_chain_in_it(selftest_elf: Path, tmp_path: Path, vectors: Path) -> None:
    rollup = vectors / "config" / "registry" / "sepolia" / "op.toml"
    out = tmp_path / "state"
    loaded = document(run("load", selftest_elf, "--rollup.config", rollup, "--out", out))
    assert list(loaded) == FIELDS
    plain = document(run("run", selftest_elf, "--stop-at", 0))
    assert document(run("run", out, "--stop-at", 0)) == loaded
    assert loaded["stateHash"] != plain["stateHash"]
    assert loaded["pc"] == plain["pc"]


def test_a_missing_preimage_stops_the_run_and_names_the_key(selftest_elf: Path, directory: Path) -> None:
    key = next(iter(preimages(DATA)))
    (directory / key.hex()).unlink()
    result = run("run", selftest_elf, "--preimages", directory)
    assert isinstance(result.exception, CriticalError)
    assert key.hex() in str(result.exception)


def test_a_file_that_is_no_program_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    result = run("run", tmp_path / "text")
    assert isinstance(result.exception, ValueError)
    assert "text" in str(result.exception)
    assert "ELF" in str(result.exception)


def test_failures_are_one_line_and_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    command = [sys.executable, "-m", "node.cli.main", "vm", "run", str(tmp_path / "text")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("lamina: ")

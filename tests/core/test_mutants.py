"""Bugs put into the native engine are found: by comparing blocks, to the opcode, and by the tests that compare the engines.

`make test` builds one such library; `make adversary` sets `LAMINA_MUTANTS` to 1 and builds one for each mutation.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.engine_mode import EngineMode
from evm.engine.disagreement import EngineDisagreement
from evm.engine.stateless import execute_stateless
from evm.engine.stateless_file import load_stateless_case
from tests.core import toolchain
from tests.core.mutants import MUTATIONS, build_mutant, native_library_at
from tests.core.test_engines import attributes, bench, engine, some_transactions
from tests.core.toolchain import ROOT

pytestmark = [
    pytest.mark.usefixtures("native_library"),
    pytest.mark.skipif(not toolchain.have_compiler(), reason="ziglang is not installed, which builds the mutants"),
]

DIFFERENTIAL_TESTS = (
    "tests/core/test_engines.py",
    "tests/core/test_evm_against_py_evm.py",
    "tests/core/test_blocks_both_ways.py",
)


def test_a_bug_in_an_opcode_of_the_native_engine_is_named(tmp_path: Path) -> None:
    world = bench()
    with native_library_at(build_mutant(MUTATIONS["ADD is one too much"], tmp_path / "mutant")):
        chosen = engine(world, EngineMode.BOTH, tmp_path / "disagreements")
        with pytest.raises(EngineDisagreement, match=r"they part at its step 3, ADD at pc 4 \(stack\)"):
            chosen.derive(world.head, attributes(world, *some_transactions()))
    (directory,) = (tmp_path / "disagreements").iterdir()
    found = json.loads((directory / "difference.json").read_text())["firstDifferentOpcode"]
    assert (found["transaction"], found["step"], found["pc"], found["opcode"]) == (2, 3, 4, "ADD")
    assert found["before"]["stack"] == ["0x0", "0x1"]
    assert (found["pyevm"]["stack"], found["native"]["stack"]) == (["0x1"], ["0x2"])
    case = load_stateless_case(directory)
    assert execute_stateless(case).block.hash == case.expected_hash


@pytest.mark.skipif(
    not os.environ.get("LAMINA_MUTANTS"), reason="each takes a build: LAMINA_MUTANTS=1, or make adversary"
)
@pytest.mark.parametrize("name", list(MUTATIONS))
def test_the_tests_that_compare_the_engines_find_the_bug(name: str, tmp_path: Path) -> None:
    mutant = build_mutant(MUTATIONS[name], tmp_path / "mutant")
    command = ["-m", "pytest", "-q", "-x", "-p", "tests.core.mutant_plugin", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, *command, "--hypothesis-seed=1", *DIFFERENTIAL_TESTS],
        env={**os.environ, "LAMINA_MUTANT": str(mutant)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout[-2000:] + run.stderr[-2000:]

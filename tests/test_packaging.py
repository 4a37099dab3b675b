"""The wheel: what is in it, and that it works where nothing else of the project is."""

import configparser
import importlib.util
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from contracts import artifact_names
from tests.core import toolchain

ROOT = Path(__file__).resolve().parent.parent
_OURS = ("--cached", "--others", "--exclude-standard")
"""Files that are committed, or would be."""

pytestmark = pytest.mark.slow

_COLLISIONS = """
import importlib.metadata as metadata, json
owners = {}
for distribution in metadata.distributions():
    for file in distribution.files or ():
        if "__pycache__" not in file.parts:
            place = str(distribution.locate_file(file).resolve())
            owners.setdefault(place, set()).add(distribution.metadata["Name"])
print(json.dumps([[place, sorted(names)] for place, names in owners.items() if len(names) > 1 and "lamina" in names]))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command. Fails with all it said when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what git does not ignore (so that no stray file of this checkout gets in).

    The library is not compiled once more, which takes a minute: installing this checkout has done that the same way.
    """
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(["git", "ls-files", "-z", *_OURS], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: the files that belong to the project are not known")
    for name in filter(None, listed.stdout.split("\0")):
        origin = ROOT / name
        if origin.is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(origin.read_bytes())
    library = toolchain.ensure_native_library()
    if library is not None:
        shutil.copyfile(library, source / library.relative_to(ROOT))
    output = tmp_path_factory.mktemp("dist")
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", output, source),
        cwd=source,
    )
    (built,) = output.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_rooms_and_nothing_beside_them(contents: set[str]) -> None:
    rooms = {"config", "evm", "l1", "derivation", "batcher", "proposer", "faultproof", "node", "contracts"}
    tops = {name.partition("/")[0] for name in contents}
    (metadata,) = tops - rooms
    assert rooms <= tops
    assert metadata.startswith("lamina-")
    assert metadata.endswith(".dist-info")
    assert {f"{room}/py.typed" for room in rooms} <= contents


@pytest.mark.parametrize("ending", [".sol", ".mjs", "package.json", "package-lock.json", ".npmrc", ".pyc", ".md"])
def test_sources_that_only_developers_need_are_not_in_the_wheel(contents: set[str], ending: str) -> None:
    assert [name for name in contents if name.endswith(ending)] == []


def test_tests_docs_and_benchmarks_are_not_in_the_wheel(contents: set[str]) -> None:
    parts = {part for name in contents for part in Path(name).parts}
    assert not {"tests", "docs", "benchmarks", "src", "node_modules", ".ci"} & parts


def test_the_data_that_the_node_reads_is_in_the_wheel(contents: set[str]) -> None:
    data = {str(path.relative_to(ROOT)) for path in (ROOT / "config" / "data").rglob("*") if path.is_file()}
    static = {str(path.relative_to(ROOT)) for path in (ROOT / "node" / "dashboard" / "static").iterdir()}
    artifacts = {f"contracts/artifacts/{name}.json" for name in artifact_names()}
    assert data
    assert static
    assert artifacts
    assert data | static | artifacts <= contents


def test_every_module_of_the_rooms_is_in_the_wheel(contents: set[str]) -> None:
    listed = run("git", "ls-files", *_OURS, "*.py", cwd=ROOT).split()
    rooms = {name.partition("/")[0] for name in contents}
    ours = {name for name in listed if name.partition("/")[0] in rooms and (ROOT / name).is_file()}
    assert ours == {name for name in contents if name.endswith(".py")}


def test_the_native_library_makes_it_a_wheel_of_this_platform_for_every_python(wheel: Path, contents: set[str]) -> None:
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed, so there is no native library to hold")
    assert any(name.startswith("evm/native/liblamina.") for name in contents)
    tag = wheel.stem.split("-", 2)[2]
    assert tag.startswith("py3-none-")
    assert tag != "py3-none-any"


def test_the_command_is_declared(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        parser = configparser.ConfigParser()
        parser.read_string(archive.read(name).decode())
    assert dict(parser["console_scripts"]) == {"lamina": "node.cli.main:main"}


def test_it_installs_beside_its_dependencies_without_collisions_and_runs_elsewhere(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    installed = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode != 0 and "No matching distribution found" in installed.stderr:
        index = subprocess.run(
            [str(python), "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(tmp_path), "rlp==5.0.0"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        if index.returncode != 0:
            pytest.skip("no package index can be reached from here")
    assert installed.returncode == 0, installed.stderr
    run(python, "-m", "pip", "check", cwd=tmp_path)
    collisions = json.loads(run(python, "-c", _COLLISIONS, cwd=tmp_path))
    assert collisions == []
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    versions = json.loads(run(environment / "bin" / "lamina", "version", "--json", cwd=elsewhere))
    assert versions["lamina"]
    assert versions["py-evm"] == "0.12.1b1"
    reads_data = (
        "from config.genesis.canonical_code import canonical_code, MULTICALL3\n"
        "from contracts import load_artifact\n"
        "from importlib import resources\n"
        "assert canonical_code(MULTICALL3).code and load_artifact('L1Block').abi\n"
        "assert resources.files('node.dashboard').joinpath('static/index.html').is_file()\n"
        "print('read')"
    )
    assert run(python, "-c", reads_data, cwd=elsewhere).strip() == "read"

"""What holds for the source tree as a whole: which room may import which, how long a file may be, what is declared."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

ROOMS: dict[str, dict[str, tuple[str, ...]]] = {
    # room: {room it may import: the modules there, all when empty}
    "contracts": {},
    "config": {"contracts": ("contracts.artifacts",)},
    "evm": {"config": ()},
    "l1": {"config": (), "evm": ("evm.types", "evm.trie", "evm.receipts"), "contracts": ()},
    "derivation": {"config": (), "evm": ("evm.types", "evm.l1_attributes")},
    "batcher": {
        "config": (),
        "evm": ("evm.types", "evm.l1_attributes"),
        "derivation": ("derivation.codec", "derivation.types"),
        "l1": (),
    },
    "proposer": {"config": (), "evm": ("evm.types", "evm.trie"), "l1": ()},
    "faultproof": {"config": (), "evm": (), "derivation": (), "l1": ()},
    "node": dict.fromkeys(("config", "evm", "l1", "derivation", "batcher", "proposer", "faultproof", "contracts"), ()),
}
TOP_LEVEL = {*ROOMS, "tests", "benchmarks", "docs"}

PURE_ROOMS_MAY_NOT_IMPORT = {"asyncio", "aiohttp", "socket", "time", "random", "threading", "subprocess", "urllib"}

# Declared although no module of ours imports them, and why.
NOT_IMPORTED = {
    "blake2b-py": "py-evm takes it for the BLAKE2F precompile where it is installed, else a slow one of its own",
    "trie": "py-evm runs on it; its behaviour is part of ours, so its version is pinned",
    "eth-hash": "py-evm hashes through it; the backend is chosen by environment variable",
}
# Extras that need not be installed where tests run.
OPTIONAL = ("bench", "p2p")
# Tools of the developer, run and not imported.
TOOLS = {"pytest-asyncio", "pytest-timeout", "pytest-xdist", "mypy", "ruff", "build", "setuptools", "ziglang"}


@dataclass(frozen=True)
class Module:
    """A Python file with its syntax tree."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def room(self) -> str:
        return self.path.relative_to(ROOT).parts[0]

    @property
    def tree(self) -> ast.Module:
        return _parse(self.path)

    def imports(self) -> Iterator[str]:
        """Absolute module names, those inside functions included; `from a import b` also as `a.b`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name} has a relative import"
                yield node.module or ""


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@cache
def modules() -> tuple[Module, ...]:
    """All Python files of the project."""
    found = [
        path
        for room in sorted(TOP_LEVEL)
        for path in sorted((ROOT / room).rglob("*.py"))
        if not {"node_modules", "__pycache__"} & set(path.parts)
    ]
    return tuple(Module(path, path.read_text()) for path in found)


def of_room(room: str) -> list[Module]:
    return [module for module in modules() if module.room == room]


def _within(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_behind_it(room: str) -> None:
    assert of_room(room), f"the room {room} has no files"
    offences = []
    for module in of_room(room):
        for name in module.imports():
            other = name.partition(".")[0]
            if other not in TOP_LEVEL or other == room:
                continue
            allowed = ROOMS[room].get(other)
            if allowed is None or (allowed and not any(_within(name, part) for part in allowed)):
                offences.append(f"{module.name} imports {name}")
    assert offences == []


def test_derivation_has_no_network_no_clock_and_no_chance() -> None:
    offences = [
        f"{module.name} imports {name}"
        for module in of_room("derivation")
        for name in module.imports()
        if name.partition(".")[0] in PURE_ROOMS_MAY_NOT_IMPORT
    ]
    assert offences == []


def test_no_file_is_longer_than_700_lines() -> None:
    assert [module.name for module in modules() if module.text.count("\n") > 700] == []


def test_no_error_is_swallowed_unseen() -> None:
    offences = []
    for module in modules():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "BaseException")
            general = isinstance(node.type, ast.Name) and node.type.id == "Exception"
            empty = all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            # What is kept is raised later, where it can be: no exception may cross a call from native code.
            kept = any(
                isinstance(step, ast.Assign) and isinstance(step.value, ast.Name) and step.value.id == node.name
                for step in node.body
            )
            if (broad and not raises and not kept) or (general and empty):
                offences.append(f"{module.name}:{node.lineno}")
    assert offences == []


def _asserting_names(module: Module) -> set[str]:
    """Functions and methods of a file that assert something, directly or by calling one of the file that does."""
    functions = [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    asserting: set[str] = set()
    while True:
        more = {function.name for function in functions if _asserts(function, asserting)} - asserting
        if not more:
            return asserting
        asserting |= more


def _asserts(function: ast.FunctionDef | ast.AsyncFunctionDef, asserting: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert | ast.Raise):
            return True
        if isinstance(node, ast.Call):
            called = node.func
            name = (
                called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            )
            if name in asserting or name in {"raises", "fail"}:
                return True
    return False


def test_every_test_asserts_something() -> None:
    helpers = set().union(*(_asserting_names(module) for module in of_room("tests")))
    offences = [
        f"{module.name}: {node.name}"
        for module in of_room("tests")
        if module.path.name.startswith("test_")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not _asserts(node, helpers)
    ]
    assert offences == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        module.name
        for module in modules()
        if module.room in ROOMS and module.text.strip() and ast.get_docstring(module.tree) is None
    ]
    assert silent == []


def test_nothing_is_left_for_later() -> None:
    mark = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    here = Path(__file__)
    left = [module.name for module in modules() if module.path != here and mark.search(module.text)]
    assert left == []


# --- dependencies ---


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared(requirements: list[str]) -> set[str]:
    return {_normal(re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]) for requirement in requirements}


def _project() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"run": project["dependencies"], **project["optional-dependencies"]}


def _distributions_of(rooms: set[str]) -> dict[str, set[str]]:
    """Distribution -> files of these rooms that import it. A declared extra need not be installed."""
    owners = importlib.metadata.packages_distributions()
    extras = _declared([each for name in OPTIONAL for each in _project().get(name, [])])
    used: dict[str, set[str]] = {}
    for module in modules():
        if module.room not in rooms:
            continue
        for name in module.imports():
            top = name.partition(".")[0]
            if top in sys.stdlib_module_names or top in TOP_LEVEL:
                continue
            unknown = top if _normal(top) in extras else f"(nothing installed provides {top})"
            for owner in owners.get(top, [unknown]):
                used.setdefault(_normal(owner), set()).add(module.name)
    return used


def test_what_the_node_imports_is_declared() -> None:
    project = _project()
    declared = _declared([*project["run"], *project["p2p"]])
    undeclared = {name: files for name, files in _distributions_of(set(ROOMS)).items() if name not in declared}
    assert undeclared == {}


def test_what_tests_and_benchmarks_import_is_declared() -> None:
    project = _project()
    declared = _declared([each for requirements in project.values() for each in requirements])
    undeclared = {name: files for name, files in _distributions_of(TOP_LEVEL).items() if name not in declared}
    assert undeclared == {}


def test_what_is_declared_is_imported() -> None:
    project = _project()
    run, everything = set(_distributions_of(set(ROOMS))), set(_distributions_of(TOP_LEVEL))
    assert _declared(project["run"]) - run - set(NOT_IMPORTED) == set()
    assert _declared(project["dev"]) - everything - TOOLS == set()
    assert set(NOT_IMPORTED) <= _declared(project["run"])


def test_everything_declared_is_in_the_lock_file_with_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    locked = {_normal(name) for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)==\S+ \\\n    --hash=sha256:", text)}
    project = _project()
    assert (_declared(project["run"]) | _declared(project["dev"])) - locked == set()
    assert "lamina" not in locked

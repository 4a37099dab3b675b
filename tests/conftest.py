"""Fixtures that every test folder shares."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

# A busy machine is no defect: nothing in a test may depend on how fast it goes.
settings.register_profile("lamina", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lamina")

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

ROOT = Path(__file__).resolve().parent.parent


EXAMPLES = int(os.environ.get("LAMINA_EXAMPLES", "1"))
"""How many times as many examples as it asks for each property is tried with: `make adversary` sets it."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Try properties with more examples where that is asked for, new ones each time, and as long as it takes."""
    function = getattr(item, "obj", None)
    if EXAMPLES == 1 or not is_hypothesis_test(function):
        return
    test = getattr(function, "__func__", function)
    assert test is not None
    asked: settings = test._hypothesis_internal_use_settings
    more = settings(
        asked,
        max_examples=asked.max_examples * EXAMPLES,
        derandomize=False,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    test._hypothesis_internal_use_settings = more


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First what is about the whole project and takes long alone, then all folders, the end-to-end tests spread among them.

    Those mostly wait for chains to grow, so they should not all run side by side, nor be what is left at the end.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [path for path in files if path.is_relative_to(ROOT / "tests" / "e2e")]
    others = sorted((path for path in files if path not in waiting), key=lambda path: path.parent != ROOT / "tests")
    if not waiting or not others:
        return
    pace = 0.8 * len(others) / len(waiting)
    place = {path: index for index, path in enumerate(others)} | {path: n * pace for n, path in enumerate(waiting)}
    items[:] = [item for path in sorted(files, key=place.__getitem__) for item in files[path]]


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of public test vectors; skips the test where it is not there."""
    path = Path(os.environ.get("LAMINA_VECTORS", ROOT.parent / "shared" / "vectors"))
    if not path.is_dir():
        pytest.skip(f"public test vectors are not at {path} (set LAMINA_VECTORS)")
    return path


@pytest.fixture(scope="session")
def node_js() -> str:
    """The path of Node.js; skips the test where it is not installed."""
    path = shutil.which("node")
    if path is None:
        pytest.skip("Node.js is not installed")
    return path

"""Fixtures that every test folder shares."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no defect: nothing in a test may depend on how fast it goes.
settings.register_profile("lamina", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lamina")

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

ROOT = Path(__file__).resolve().parent.parent


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

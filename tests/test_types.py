"""The types are right. As one of the tests, since checking them anew takes a minute of one core."""

import subprocess
import sys

from tests.conftest import ROOT


def test_mypy_finds_nothing() -> None:
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

"""The core's outputs, built once per session."""

from pathlib import Path

import pytest

from tests.core import toolchain


@pytest.fixture(scope="session")
def native_library() -> Path:
    """The native library, as new as its sources."""
    path = toolchain.ensure_native_library()
    if path is None:
        pytest.skip(
            f"the native library is not up to date and ziglang=={toolchain.builder.ZIG_VERSION} is not installed"
        )
    return path


@pytest.fixture(scope="session")
def zkvm_test_program() -> Path:
    """The zkVM program linked with what stands for a zkVM; the two objects lie beside it. As new as its sources."""
    path = toolchain.ensure("zkvm-test")
    if path is None:
        pytest.skip(
            f"guest-zkvm-test.elf is not up to date and ziglang=={toolchain.builder.ZIG_VERSION} is not installed"
        )
    return path

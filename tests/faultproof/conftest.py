"""What the VM's tests share: the native library, built where it is old, and a program from the core's own compiler."""

from pathlib import Path

import pytest

from faultproof.vm.elf import Program, read_elf
from tests.core.toolchain import ROOT, builder, ensure_native_library, have_compiler


@pytest.fixture(scope="session", autouse=True)
def native_library() -> Path:
    """The native library; skips the tests where it is not there and cannot be built."""
    path = ensure_native_library()
    if path is None:
        pytest.skip("the native library is not built, and ziglang is not installed")
    return path


@pytest.fixture(scope="session")
def selftest_elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`core/src/guest_selftest.zig`, compiled as the programs are; skips the test where it cannot be."""
    if not have_compiler():
        pytest.skip("ziglang is not installed")
    arguments = (*builder.GUEST_ARGUMENTS, "--script", str(ROOT / "core" / "guest.ld"))
    target = tmp_path_factory.mktemp("programs") / "selftest.elf"
    built: Path = builder.compile_output(builder.Output("guest_selftest.zig", target, arguments), target)
    return built


@pytest.fixture(scope="session")
def selftest(selftest_elf: Path) -> Program:
    """The program in it."""
    return read_elf(selftest_elf.read_bytes())

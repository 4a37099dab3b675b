"""Builds what the tests of the core need: the native library where it is older than its sources, and guest programs."""

import fcntl
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def _load_builder() -> ModuleType:
    specification = importlib.util.spec_from_file_location("lamina_core_build", ROOT / "core" / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


builder = _load_builder()


def have_compiler() -> bool:
    """Whether the Zig compiler is installed."""
    return importlib.util.find_spec("ziglang") is not None


def ensure_native_library() -> Path | None:
    """The native library, newer than its sources; None where it is missing or older and there is no compiler."""
    return ensure("native")


def ensure(name: str) -> Path | None:
    """An output, newer than its sources; None where it is missing or older and there is no compiler."""
    path: Path = builder.OUTPUTS[name].path
    # Several test processes may get here at once: one builds, the others wait and find it done.
    with open(ROOT / "core" / "build.py") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if builder.is_current(name):
            return path
        if not have_compiler():
            return None
        built: Path = builder.build(name)
        built.touch()
        return built


def build_guest(root: str, directory: Path) -> Path:
    """A program for the bare machine from a source file below `core/src`, without a linker script."""
    target = directory / f"{Path(root).stem}.elf"
    output = builder.Output(root, target, builder.GUEST_ARGUMENTS)
    built: Path = builder.compile_output(output, target)
    return built


def build_for_zkvm(root: str, directory: Path, shim: Path) -> Path:
    """A program from a source file below `core/src`, linked like the zkVM program with the object that stands for a zkVM."""
    part = directory / f"{Path(root).stem}.o"
    builder.compile_output(builder.Output(root, part, builder.OBJECT_ARGUMENTS), part)
    return link([part, shim], directory / f"{Path(root).stem}.elf")


def link(objects: list[Path], target: Path) -> Path:
    """A program of the fault-proof VM from objects alone."""
    built: Path = builder.compile_output(builder.Output("", target, builder.LINK_ARGUMENTS), target, objects)
    return built

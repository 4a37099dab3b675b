#!/usr/bin/env python3
"""Builds the core with the Zig compiler that PyPI's `ziglang` carries: `python core/build.py [NAME ...]`, names as in `OUTPUTS`.

Imported by path from `setup.py`, so it needs nothing but the standard library and `ziglang`.
"""

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ZIG_VERSION = "0.17.0"
CORE = Path(__file__).resolve().parent
PROJECT = CORE.parent

_BARE_MACHINE = (
    "-target", "riscv64-freestanding-none", "-mcpu=generic_rv64+m-c-a-f-d",
    "-O", "ReleaseSafe", "-fstrip", "-fomit-frame-pointer", "-fsingle-threaded",
)  # fmt: skip
GUEST_ARGUMENTS = ("build-exe", *_BARE_MACHINE)
"""How every program for the bare RV64IM machine is compiled."""

OBJECT_ARGUMENTS = ("build-obj", *_BARE_MACHINE, "-mcmodel=medium", "-fcompiler-rt", "-ffunction-sections")
"""How an object is compiled that a zkVM's linker script puts wherever it likes.

It brings the compiler's own library, of which the linker's `--gc-sections` leaves what is used.
"""

LINKER_SCRIPT = ("--script", str(CORE / "guest.ld"))
"""Makes a program of the fault-proof VM."""

LINK_ARGUMENTS = (*GUEST_ARGUMENTS, "-fno-compiler-rt", "--gc-sections", *LINKER_SCRIPT)
"""How a program of the fault-proof VM is made of such objects."""


class BuildError(RuntimeError):
    """The core could not be built; the message says what is missing or what the compiler said."""


@dataclass(frozen=True)
class Output:
    """One of the builds: the root source file below `src`, where the result goes, and the compiler's arguments.

    A build without a root links the objects of other outputs.
    """

    root: str
    path: Path
    arguments: tuple[str, ...]
    objects: tuple[str, ...] = ()


def library_name() -> str:
    """The file name of the native library on this system."""
    return "liblamina.dylib" if sys.platform == "darwin" else "liblamina.so"


def _native_cpu() -> str:
    # A fixed feature level, not the builder's own processor: the same source gives the same bytes on every machine of a kind.
    return "x86_64_v3" if platform.machine().lower() in ("x86_64", "amd64") else "baseline"


def _guest(root: str, name: str) -> Output:
    return Output(
        root,
        PROJECT / "faultproof" / "programs" / name,
        (*GUEST_ARGUMENTS, *LINKER_SCRIPT),
    )


def _object(root: str, name: str) -> Output:
    return Output(root, PROJECT / "faultproof" / "programs" / name, OBJECT_ARGUMENTS)


def _linked(name: str, *objects: str) -> Output:
    return Output("", PROJECT / "faultproof" / "programs" / name, LINK_ARGUMENTS, objects)


OUTPUTS = {
    "native": Output(
        "native.zig",
        PROJECT / "evm" / "native" / library_name(),
        ("build-lib", "-dynamic", "-O", "ReleaseSafe", "-fstrip", "-fomit-frame-pointer", f"-mcpu={_native_cpu()}"),
    ),
    "fpvm": _guest("guest_fpvm.zig", "guest-fpvm.elf"),
    "exec": _guest("guest_exec.zig", "guest-exec.elf"),
    "zkvm": _object("guest_zkvm.zig", "guest-zkvm.o"),
    "zkvm-shim": _object("zkvm_shim.zig", "zkvm-shim.o"),
    "zkvm-test": _linked("guest-zkvm-test.elf", "zkvm", "zkvm-shim"),
}


def debug_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments, but with symbols and debug information in what they make."""
    return tuple("-fno-strip" if word == "-fstrip" else word for word in arguments)


def with_debug_information(name: str, destination: Path) -> Path:
    """Build a program with symbols and line tables; its code is nearly the same. Raises BuildError."""
    output = OUTPUTS[name]
    arguments = debug_arguments(output.arguments)
    return compile_output(Output(output.root, destination, arguments), destination)


def is_current(name: str) -> bool:
    """Whether an output is there and newer than every source."""
    path = OUTPUTS[name].path
    sources = [CORE / "build.py", *(source for source in (CORE / "src").rglob("*") if source.is_file())]
    return path.exists() and path.stat().st_mtime >= max(source.stat().st_mtime for source in sources)


def build(name: str, destination: Path | None = None) -> Path:
    """Build one output and return where it is. Raises BuildError."""
    output = OUTPUTS[name]
    target = destination or output.path
    objects = [build(part, target.parent / OUTPUTS[part].path.name) for part in output.objects]
    target = compile_output(output, target, objects)
    os.chmod(target, 0o755 if name == "native" else 0o644)
    return target


def compile_output(output: Output, target: Path, objects: Iterable[Path] = ()) -> Path:
    """Compile `output` to `target`, linked with `objects`. Raises BuildError.

    The compiler works in a directory of its own and the result is moved into place whole, so a reader never sees half of it.
    """
    if importlib.util.find_spec("ziglang") is None:
        raise BuildError(f"the Python package ziglang=={ZIG_VERSION} is not installed")
    sources = [CORE / "src" / output.root] if output.root else []
    sources += [path.resolve() for path in objects]
    for source in sources:
        if not source.exists():
            raise BuildError(f"{source} is missing")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as scratch:
        result = Path(scratch) / target.name
        command = [sys.executable, "-m", "ziglang", output.arguments[0], *map(str, sources), *output.arguments[1:]]
        command += [f"-femit-bin={result}", "--cache-dir", str(Path(scratch) / "cache")]
        run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CORE)
        if run.returncode or not result.exists():
            raise BuildError(f"building {target.name} failed:\n{run.stderr.strip() or run.stdout.strip()}")
        shutil.move(result, target)
    return target


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to build, of {', '.join(OUTPUTS)} (default: all)"
    )
    parser.add_argument("--out", type=Path, help="another directory for the results")
    options = parser.parse_args()
    unknown = set(options.names) - set(OUTPUTS)
    if unknown:
        parser.error(f"there is no output {', '.join(sorted(unknown))}")
    parts = {part for output in OUTPUTS.values() for part in output.objects}
    existing = [name for name, output in OUTPUTS.items() if name not in parts and (CORE / "src" / output.root).exists()]
    for name in options.names or existing:
        destination = options.out / OUTPUTS[name].path.name if options.out else None
        try:
            print(build(name, destination))
        except BuildError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

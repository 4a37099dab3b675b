#!/usr/bin/env python3
"""Builds the core with the Zig compiler that PyPI's `ziglang` carries: `python core/build.py [native] [fpvm] [exec] [zkvm]`.

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
from dataclasses import dataclass
from pathlib import Path

ZIG_VERSION = "0.17.0"
CORE = Path(__file__).resolve().parent
PROJECT = CORE.parent

GUEST_ARGUMENTS = (
    "build-exe", "-target", "riscv64-freestanding-none", "-mcpu=generic_rv64+m-c-a-f-d",
    "-O", "ReleaseSafe", "-fstrip", "-fomit-frame-pointer", "-fsingle-threaded",
)  # fmt: skip
"""How every program for the bare RV64IM machine is compiled."""


class BuildError(RuntimeError):
    """The core could not be built; the message says what is missing or what the compiler said."""


@dataclass(frozen=True)
class Output:
    """One of the builds: the root source file below `src`, where the result goes, and the compiler's arguments."""

    root: str
    path: Path
    arguments: tuple[str, ...]


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
        (*GUEST_ARGUMENTS, "--script", str(CORE / "guest.ld")),
    )


OUTPUTS = {
    "native": Output(
        "native.zig",
        PROJECT / "evm" / "native" / library_name(),
        ("build-lib", "-dynamic", "-O", "ReleaseSafe", "-fstrip", "-fomit-frame-pointer", f"-mcpu={_native_cpu()}"),
    ),
    "fpvm": _guest("guest_fpvm.zig", "guest-fpvm.elf"),
    "exec": _guest("guest_exec.zig", "guest-exec.elf"),
    "zkvm": _guest("guest_zkvm.zig", "guest-zkvm.elf"),
}


def build(name: str, destination: Path | None = None) -> Path:
    """Build one output and return where it is. Raises BuildError."""
    output = OUTPUTS[name]
    target = compile_output(output, destination or output.path)
    os.chmod(target, 0o755 if name == "native" else 0o644)
    return target


def compile_output(output: Output, target: Path) -> Path:
    """Compile `output` to `target`. Raises BuildError.

    The compiler works in a directory of its own and the result is moved into place whole, so a reader never sees half of it.
    """
    if importlib.util.find_spec("ziglang") is None:
        raise BuildError(f"the Python package ziglang=={ZIG_VERSION} is not installed")
    source = CORE / "src" / output.root
    if not source.exists():
        raise BuildError(f"{source} is missing")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as scratch:
        result = Path(scratch) / target.name
        command = [sys.executable, "-m", "ziglang", output.arguments[0], str(source), *output.arguments[1:]]
        command += [f"-femit-bin={result}", "--cache-dir", str(Path(scratch) / "cache")]
        run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CORE)
        if run.returncode or not result.exists():
            raise BuildError(f"building {target.name} failed:\n{run.stderr.strip() or run.stdout.strip()}")
        shutil.move(result, target)
    return target


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to build, of {', '.join(OUTPUTS)} (default: all)")
    parser.add_argument("--out", type=Path, help="another directory for the results")
    options = parser.parse_args()
    unknown = set(options.names) - set(OUTPUTS)
    if unknown:
        parser.error(f"there is no output {', '.join(sorted(unknown))}")
    existing = [name for name, output in OUTPUTS.items() if (CORE / "src" / output.root).exists()]
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

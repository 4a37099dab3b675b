"""The programs that ship with Lamina, and what their source makes of them now.

`programs/programs.json` records the sha-256 of every program and the absolute prestates of the built-in chains;
`make programs` (`python -m faultproof.shipped`) builds the programs and writes it.
"""

import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from config.errors import CriticalError
from config.l1_chain import L1ChainConfig, l1_chain_config
from config.program import check_provable, program_config
from config.registry import builtin_chain_ids, builtin_rollup_config
from config.rollup import RollupConfig
from config.types import Hash32, from_hex, to_hex
from faultproof.vm.elf import Program, read_elf

FOLDER = Path(__file__).resolve().parent / "programs"
FAULT_PROOF_PROGRAM = FOLDER / "guest-fpvm.elf"
"""The program that disputes are about."""
RECORD = FOLDER / "programs.json"
GUESTS = ("fpvm", "exec", "zkvm")
"""Outputs of `core/build.py` that are recorded. The first two are committed."""

_BUILDER = Path(__file__).resolve().parent.parent / "core" / "build.py"


def configured_program(path: Path, rollup: RollupConfig, l1_chain: L1ChainConfig) -> Program:
    """A program with a chain's configuration in it; its first state's hash is the absolute prestate.

    Raises CriticalError when there is no such file, ValueError when file or configuration is not fit for it.
    """
    try:
        image = path.read_bytes()
    except FileNotFoundError:
        raise CriticalError(
            f"there is no program {path}: `python core/build.py fpvm` makes the one that disputes need"
        ) from None
    try:
        check_provable(rollup)
        return read_elf(image).configured(program_config(rollup, l1_chain))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


@dataclass(frozen=True)
class Rebuilt:
    """A program by its sha-256: as it was recorded, and as its source gives it."""

    name: str
    recorded: str
    rebuilt: str

    @property
    def matches(self) -> bool:
        """Whether they are the same bytes."""
        return self.recorded == self.rebuilt


def recorded_digests() -> dict[str, str]:
    """The recorded sha-256 of every program, by file name."""
    digests: dict[str, str] = json.loads(RECORD.read_text())["programs"]
    return digests


def recorded_prestates() -> dict[int, Hash32]:
    """The recorded absolute prestates of the built-in chains, by chain id."""
    prestates: dict[str, str] = json.loads(RECORD.read_text())["prestates"]
    return {int(chain): Hash32(from_hex(value, 32)) for chain, value in prestates.items()}


def shipped_digest() -> str:
    """The sha-256 of the committed program."""
    return _digest(FAULT_PROOF_PROGRAM)


def prestates() -> dict[int, Hash32]:
    """The absolute prestates of the built-in chains with the committed program."""
    result = {}
    for chain in builtin_chain_ids():
        rollup = builtin_rollup_config(chain)
        state, _ = configured_program(FAULT_PROOF_PROGRAM, rollup, l1_chain_config(rollup.l1_chain_id)).state()
        result[chain] = state.hash()
    return result


def rebuild(names: Sequence[str] | None = None) -> Iterator[Rebuilt]:
    """Builds programs from source, all unless some are named, and compares. Raises CriticalError where that cannot be done."""
    recorded = recorded_digests()
    with tempfile.TemporaryDirectory() as folder:
        for path in _build(GUESTS if names is None else names, Path(folder)):
            yield Rebuilt(path.name, recorded[path.name], _digest(path))


def build_with_symbols(destination: Path) -> None:
    """Build the fault-proof program with symbols and lines of source, for the debugger.

    It is not the shipped program to the byte, but has nearly the same code. Raises CriticalError where it cannot be built.
    """
    builder = _builder()
    try:
        builder.with_debug_information(GUESTS[0], destination)
    except builder.BuildError as error:
        raise CriticalError(str(error)) from error


def record() -> None:
    """Build all programs, put those that are committed in their places, and write the record anew."""
    with tempfile.TemporaryDirectory() as folder:
        built = list(_build(GUESTS, Path(folder)))
        for path in built[:2]:
            shutil.copyfile(path, FOLDER / path.name)
        document = {
            "programs": {path.name: _digest(path) for path in built},
            "prestates": {str(chain): to_hex(value) for chain, value in prestates().items()},
        }
    RECORD.write_text(json.dumps(document, indent=2) + "\n")


def _build(names: Sequence[str], folder: Path) -> Iterator[Path]:
    builder = _builder()
    for name in names:
        try:
            path: Path = builder.build(name, folder / builder.OUTPUTS[name].path.name)
        except builder.BuildError as error:
            raise CriticalError(str(error)) from error
        yield path


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _builder() -> ModuleType:
    """`core/build.py`, which is there in a checkout of the source only."""
    specification = importlib.util.spec_from_file_location("lamina_core_build", _BUILDER)
    if not _BUILDER.exists() or specification is None or specification.loader is None:
        raise CriticalError("the programs' source is not here: rebuild them in a checkout of the repository")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


if __name__ == "__main__":
    record()

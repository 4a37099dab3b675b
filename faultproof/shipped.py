"""The programs that ship with Lamina, and what their source makes of them now."""

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from config.errors import CriticalError
from config.l1_chain import L1ChainConfig
from config.program import program_config
from config.rollup import RollupConfig
from faultproof.vm.elf import Program, read_elf

FOLDER = Path(__file__).resolve().parent / "programs"
FAULT_PROOF_PROGRAM = FOLDER / "guest-fpvm.elf"
"""The program that disputes are about."""

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
        return read_elf(image).configured(program_config(rollup, l1_chain))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


@dataclass(frozen=True)
class Rebuilt:
    """A program that ships, by its sha-256, and what its source gives."""

    name: str
    shipped: str
    rebuilt: str

    @property
    def matches(self) -> bool:
        """Whether they are the same bytes."""
        return self.shipped == self.rebuilt


def rebuild() -> Iterator[Rebuilt]:
    """Builds the programs that ship from source and compares. Raises CriticalError where that cannot be done."""
    builder = _builder()
    with tempfile.TemporaryDirectory() as folder:
        for name, output in builder.OUTPUTS.items():
            shipped = FOLDER / output.path.name
            if output.path.parent != FOLDER or not shipped.exists():
                continue
            try:
                built: Path = builder.build(name, Path(folder) / shipped.name)
            except builder.BuildError as error:
                raise CriticalError(str(error)) from error
            yield Rebuilt(shipped.name, _digest(shipped), _digest(built))


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

"""What people want to know of a step besides registers: function, line of source, L2 block and transaction."""

from dataclasses import dataclass, field

from faultproof.vm.elf import read_elf
from faultproof.vm.landmarks import Landmarks, find_landmarks
from faultproof.vm.machine import Machine, NativeMachine
from faultproof.vm.source_lines import SourceLines, read_source_lines
from faultproof.vm.state import State
from faultproof.vm.symbols import Symbols, read_symbols


@dataclass(frozen=True)
class Guide:
    """As much of it as is known."""

    symbols: Symbols = field(default_factory=Symbols)
    lines: SourceLines = field(default_factory=SourceLines)
    landmarks: Landmarks = field(default_factory=Landmarks)

    def to_json(self, moment: State) -> dict[str, str]:
        """About a machine's next step, with names as `lamina vm run` prints them."""
        known = {
            "function": self.symbols.describe(moment.pc),
            "source": self.lines.describe(moment.pc),
            "belongsTo": self.landmarks.describe(moment.step),
        }
        return {name: text for name, text in known.items() if text}

    def origin(self, moment: State) -> str:
        """Line of source, L2 block and transaction on one line."""
        return "  ".join(filter(None, (self.lines.describe(moment.pc), self.landmarks.describe(moment.step))))


def read_guide(image: bytes, machine: Machine) -> Guide:
    """From an ELF file, for a machine at its first state; the program is run once for what its steps belong to.

    Raises ValueError when the file is damaged or its code is not what the machine has in memory, MissingPreimage.
    """
    symbols, lines = read_symbols(image), read_source_lines(image)
    if not symbols.starts:
        return Guide()
    _check_same(image, machine, symbols)
    at_start = isinstance(machine, NativeMachine) and not machine.moment.step
    landmarks = find_landmarks(machine, symbols) if at_start and isinstance(machine, NativeMachine) else Landmarks()
    return Guide(symbols, lines, landmarks)


def _check_same(image: bytes, machine: Machine, symbols: Symbols) -> None:
    for segment in read_elf(image).segments:
        holds_code = segment.address <= symbols.starts[0] < segment.address + segment.size
        if holds_code and machine.read(segment.address, len(segment.data)) != segment.data:
            raise ValueError("its code is not that of the program that runs: its names and lines would be wrong")

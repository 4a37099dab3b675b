"""What people want to know of a step besides registers: function, line of source, L2 block and transaction."""

from dataclasses import dataclass, field

from faultproof.vm.alignment import Alignment, align
from faultproof.vm.elf import Segment, read_elf
from faultproof.vm.landmarks import BLOCK_BEGINS, TRANSACTION_ENDS, Landmarks, find_landmarks
from faultproof.vm.machine import Machine, NativeMachine
from faultproof.vm.source_lines import SourceLines, read_source_lines
from faultproof.vm.state import State
from faultproof.vm.symbols import Symbols, read_symbols

_LEAST_SHARED = 0.98
"""Of the code; another program shares far less."""


@dataclass(frozen=True)
class Guide:
    """As much of it as is known. Symbols and lines are of a build whose addresses `alignment` gives."""

    symbols: Symbols = field(default_factory=Symbols)
    lines: SourceLines = field(default_factory=SourceLines)
    landmarks: Landmarks = field(default_factory=Landmarks)
    alignment: Alignment | None = None

    def function(self, address: int) -> str:
        """`name+offset` of the function that an instruction is in; empty when that is not known."""
        there = self._there(address)
        return "" if there is None else self.symbols.describe(there)

    def line(self, address: int) -> str:
        """`file:line` of an instruction; empty when that is not known."""
        there = self._there(address)
        return "" if there is None else self.lines.describe(there)

    def address(self, function: str) -> int | None:
        """Where a function starts."""
        there = self.symbols.address(function)
        return there if there is None or self.alignment is None else self.alignment.to_ours(there)

    def _there(self, address: int) -> int | None:
        return address if self.alignment is None else self.alignment.to_theirs(address)

    def to_json(self, moment: State) -> dict[str, str]:
        """About a machine's next step, with names as `lamina vm run` prints them."""
        known = {
            "function": self.function(moment.pc),
            "source": self.line(moment.pc),
            "belongsTo": self.landmarks.describe(moment.step),
        }
        return {name: text for name, text in known.items() if text}

    def origin(self, moment: State) -> str:
        """Line of source, L2 block and transaction on one line."""
        return "  ".join(filter(None, (self.line(moment.pc), self.landmarks.describe(moment.step))))


def read_guide(image: bytes, machine: Machine) -> Guide:
    """From an ELF file, for a machine at its first state; the program is run once for what its steps belong to.

    Raises ValueError when the file is damaged or its code is not that of the program in the machine, MissingPreimage.
    """
    symbols = read_symbols(image)
    if not symbols.starts:
        return Guide()
    guide = Guide(symbols, read_source_lines(image), alignment=_alignment(image, machine, symbols))
    begins, ends = guide.address(BLOCK_BEGINS), guide.address(TRANSACTION_ENDS)
    if begins is None or ends is None or machine.moment.step or not isinstance(machine, NativeMachine):
        return guide
    return Guide(symbols, guide.lines, find_landmarks(machine, begins, ends), guide.alignment)


def _alignment(image: bytes, machine: Machine, symbols: Symbols) -> Alignment:
    code = code_segment(image, symbols)
    # The build in the machine begins at the same address and has about the same size.
    ours = machine.read(code.address, len(code.data) + len(code.data) // 50)
    alignment = align(ours, code.address, code.data, code.address)
    if alignment.shared < _LEAST_SHARED * len(code.data):
        raise ValueError("its code is not that of the program that runs: its names and lines would be wrong")
    return alignment


def code_segment(image: bytes, symbols: Symbols) -> Segment:
    """The segment with the functions. Raises ValueError when there is none."""
    for segment in read_elf(image).segments:
        if segment.address <= symbols.starts[0] < segment.address + segment.size:
            return segment
    raise ValueError("its functions are in none of its segments")

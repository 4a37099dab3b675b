"""Runs of the fault-proof program in the VM, and what each part of them takes.

Instructions are told apart by the preimages that the program asks for: what it does until the next request belongs to
the last one, and from the last of L1 to the first of L2 it decompresses and derives.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from faultproof.preimage import MemorySource, PreimageSource
from faultproof.shipped import FAULT_PROOF_PROGRAM
from faultproof.vm.elf import read_elf
from faultproof.vm.machine import NativeMachine
from faultproof.vm.memory import PAGE_SIZE
from faultproof.vm.reference import program_output

LONGEST_TRACE = (1 << 43) - 1
"""Steps that a dispute can be about."""

_PARTS = {
    "local": "start",
    "l2-output": "start",
    "l2-block-header": "start",
    "l2-transactions": "start",
    "l1-block-header": "l1Walk",
    "l1-receipts": "l1Receipts",
    "l1-transactions": "l1Transactions",
    "l1-blob": "blobs",
    "l2-state-node": "execution",
    "l2-code": "execution",
}
_L1 = {"l1Walk", "l1Receipts", "l1Transactions", "blobs"}


@dataclass
class TimedSource:
    """Serves preimages, and notes at which step each was asked for and what the hint said that it belongs to."""

    behind: PreimageSource
    machine: NativeMachine | None = None
    asked: list[tuple[int, str]] = field(default_factory=list)
    _kind: str = ""

    def hint(self, hint: bytes) -> None:
        """See `PreimageSource`."""
        self._kind = hint.decode().partition(" ")[0]
        self.behind.hint(hint)

    def preimage(self, key: bytes) -> bytes:
        """See `PreimageSource`."""
        assert self.machine is not None
        self.asked.append((self.machine.moment.step, "local" if key[0] == 1 else self._kind))
        return self.behind.preimage(key)

    def parts(self, end: int) -> Counter[str]:
        """Instructions by part."""
        counts: Counter[str] = Counter()
        for (step, kind), (following, next_kind) in pairwise([*self.asked, (end, "")]):
            part, after = _PARTS[kind], _PARTS.get(next_kind, "execution")
            counts["derivation" if part in _L1 and after not in _L1 else part] += following - step
        return counts


@dataclass(frozen=True)
class Proof:
    """How a run of the fault-proof program ended. `heap`: bytes from the program's end to the last that was used."""

    exit_code: int
    output: bytes
    steps: int
    heap: int
    parts: Counter[str]
    requests: Counter[str]


def prove(config: bytes, values: dict[bytes, bytes], max_steps: int = LONGEST_TRACE) -> Proof:
    """Run `guest-fpvm.elf` over these preimages."""
    state, memory = read_elf(FAULT_PROOF_PROGRAM.read_bytes()).configured(config).state()
    pages = list(memory.pages())
    source = TimedSource(MemorySource(values))
    machine = source.machine = NativeMachine.load(state, iter(pages), source)
    machine.run(max_steps)
    source.machine = None
    end = machine.moment
    last = max(number for number, _ in machine.pages())
    heap = (last - max(number for number, _ in pages)) * PAGE_SIZE
    requests = Counter(_PARTS[kind] for _, kind in source.asked)
    return Proof(end.exit_code, program_output(machine), end.step, heap, source.parts(end.step), requests)

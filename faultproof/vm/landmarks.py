"""Which L2 block and transaction the steps of a fault-proof program belong to.

The program executes each block in one function and ends each transaction in another: where a run comes to their first
instructions tells them apart. The number of the first block follows from the header that the program reads before.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from evm.types import Header
from faultproof.preimage import PreimageSource
from faultproof.vm.breakpoints import stops
from faultproof.vm.machine import NativeMachine

BLOCK_BEGINS = "block.pipeline.execute"
TRANSACTION_ENDS = "block.pipeline.BlockBuilder.record"
_HEADER_HINT = b"l2-block-header"


@dataclass(frozen=True)
class Landmarks:
    """Steps at which blocks begin, with their numbers, and steps at which transactions end, both in order."""

    block_steps: tuple[int, ...] = ()
    block_numbers: tuple[int, ...] = ()
    transaction_ends: tuple[int, ...] = ()

    def describe(self, step: int) -> str:
        """Where a step is among blocks and transactions; empty where that is not known."""
        if not self.block_steps:
            return ""
        place = bisect_right(self.block_steps, step) - 1
        if place < 0:
            return f"before L2 block {self.block_numbers[0]}"
        begins, ends = self.block_steps[place], None
        if place + 1 < len(self.block_steps):
            ends = self.block_steps[place + 1]
        inside = [end for end in self.transaction_ends if begins <= end and (ends is None or end < ends)]
        # The step at which a transaction ends still belongs to it.
        done = bisect_left(inside, step)
        number = self.block_numbers[place]
        if done < len(inside):
            return f"L2 block {number}, transaction {done} of {len(inside)}"
        return f"L2 block {number}, after its {len(inside)} transactions"


class _Watched:
    """A source that notes the number of the first L2 header that the program asks for: that of the agreed block."""

    def __init__(self, source: PreimageSource) -> None:
        self._source = source
        self._hinted = False
        self.number: int | None = None

    def hint(self, text: bytes) -> None:
        self._hinted = text.startswith(_HEADER_HINT)
        self._source.hint(text)

    def preimage(self, key: bytes) -> bytes:
        value = self._source.preimage(key)
        if self._hinted and self.number is None:
            self.number = Header.decode(value).number
        return value


def find_landmarks(machine: NativeMachine, begins: int, ends: int) -> Landmarks:
    """Runs a copy of a machine, which is at its first state, to its end. `begins`, `ends`: addresses of the two functions.

    Raises MissingPreimage.
    """
    watched = _Watched(machine.source)
    run = NativeMachine.load(machine.state(), machine.pages(), watched)
    blocks: list[int] = []
    transactions: list[int] = []
    for step, address in stops(run, (begins, ends), (1 << 64) - 1):
        (blocks if address == begins else transactions).append(step)
    first = 0 if watched.number is None else watched.number + 1
    return Landmarks(tuple(blocks), tuple(range(first, first + len(blocks))), tuple(transactions))

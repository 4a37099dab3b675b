"""Where py-evm and the native engine part within a transaction: both run it step by step, side by side, from a witness."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from evm.engine.engine import Engine
from evm.engine.stateless import StatelessCase, Witness
from evm.native.steps import MAX_HASHED_MEMORY, Step, native_steps
from evm.rules import L2Rules
from evm.store.state import StateStore
from evm.tracing.opcodes import name_of
from evm.tracing.trace import trace_next
from evm.tracing.tracer import Tracer
from evm.types import decode_transaction
from evm.types.transaction import TransactionDecodingError
from evm.validity import InvalidTransaction

MOST_STEPS = 300_000
"""So many are compared at most: about five seconds."""


@dataclass(frozen=True)
class Parting:
    """The first opcode of a transaction that the engines do not run alike.

    `number` counts the transaction's opcodes from 0. `last` is that opcode as both began it, None when they differ before
    the first; `pyevm` and `native` are where each went from there, None where the transaction ended.
    """

    transaction: int
    number: int
    last: Step | None
    pyevm: Step | None
    native: Step | None

    @property
    def differs(self) -> tuple[str, ...]:
        """What differs behind the opcode."""
        one, other = self.pyevm, self.native
        if one is None or other is None:
            return ("end",)
        pairs = {
            "pc": (one.pc, other.pc),
            "opcode": (one.opcode, other.opcode),
            "gas": (one.gas_left, other.gas_left),
            "depth": (one.depth, other.depth),
            "stack": (one.stack, other.stack),
            "memory": ((one.memory_size, one.memory_crc), (other.memory_size, other.memory_crc)),
        }
        return tuple(name for name, (mine, theirs) in pairs.items() if mine != theirs)

    def __str__(self) -> str:
        what = ", ".join(self.differs)
        if self.last is None:
            return f"they differ before its first opcode ({what})"
        return f"they part at its step {self.number}, {name_of(self.last.opcode)} at pc {self.last.pc} ({what})"

    def to_json(self) -> dict[str, Any]:
        """For `difference.json`."""
        last = self.last
        return {
            "transaction": self.transaction,
            "step": self.number,
            "pc": None if last is None else last.pc,
            "opcode": None if last is None else name_of(last.opcode),
            "depth": None if last is None else last.depth,
            "differs": list(self.differs),
            "before": _step_json(last),
            "pyevm": _step_json(self.pyevm),
            "native": _step_json(self.native),
        }


def _step_json(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "pc": step.pc,
        "opcode": name_of(step.opcode),
        "gas": step.gas_left,
        "depth": step.depth,
        "stack": [hex(word) for word in step.stack],
        "memorySize": step.memory_size,
        "memoryCrc32": f"0x{step.memory_crc:08x}",
    }


def find_parting(case: StatelessCase, indices: Sequence[int], most_steps: int = MOST_STEPS) -> Parting | None:
    """Where the engines part in the first of these transactions of the block in which they do.

    For each of them both run the block from its beginning. None when they run the same opcodes to the same ends (then
    the difference lies around them: validity, fees, refunds, roots). Raises TooManySteps when they do so for
    `most_steps`, ValueError or what execution raises when one cannot get that far.
    """
    for each in indices:
        comparison = _Comparison(each, native_steps(case, each), most_steps)
        try:
            _trace_with_pyevm(case, each, comparison)
            comparison.ended()
        except _Parted as parted:
            return parted.parting
        most_steps -= comparison.number
    return None


def _trace_with_pyevm(case: StatelessCase, index: int, tracer: Tracer) -> None:
    witness = Witness(case.witness)
    engine = Engine(L2Rules(case.rollup), StateStore(witness), witness)
    builder = engine.start(case.parent, engine.inputs(case.attributes))
    raws = case.attributes.transactions
    for raw in raws[:index]:
        builder.add(decode_transaction(raw))
    try:
        trace_next(builder, decode_transaction(raws[index]), tracer)
    except (TransactionDecodingError, InvalidTransaction):
        return  # refused: it has no steps


class _Parted(Exception):
    def __init__(self, parting: Parting) -> None:
        self.parting = parting
        super().__init__()


class TooManySteps(Exception):
    """All that may be compared has been."""


class _Comparison(Tracer):
    """Holds each step of py-evm against the next one of the other engine, and leaves where they differ."""

    wants_steps = True

    def __init__(self, transaction: int, native: Iterator[Step], most_steps: int) -> None:
        self._transaction = transaction
        self._native = native
        self._most_steps = most_steps
        self._last: Step | None = None
        self.number = 0
        """Steps that were the same."""

    def step(self, computation: Any, position: int, opcode: int, gas: int) -> Any:
        """Compare."""
        memory = computation._memory._bytes
        crc = zlib.crc32(memoryview(memory)[:MAX_HASHED_MEMORY])
        stack = tuple(computation._stack.values)
        self._compare(Step(position, opcode, gas, computation.msg.depth, stack, len(memory), crc))

    def ended(self) -> None:
        """Of py-evm there is no more."""
        self._compare(None)

    def _compare(self, mine: Step | None) -> None:
        theirs = next(self._native, None)
        if mine != theirs:
            number = max(self.number - 1, 0)
            raise _Parted(Parting(self._transaction, number, self._last, mine, theirs))
        self._last = mine
        self.number += mine is not None
        if self.number >= self._most_steps:
            raise TooManySteps(f"the first {self.number} are the same in both, the rest was not looked at")

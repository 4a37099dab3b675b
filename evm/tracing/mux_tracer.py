"""geth's muxTracer: several tracers in one run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evm.tracing.frames import Frame, FrameEnd, TransactionFacts
from evm.tracing.tracer import Tracer
from evm.types import Log

if TYPE_CHECKING:
    from evm.engine.state import EvmState
    from evm.forks import ForkRules


_UNTOLD = object()


class MuxTracer(Tracer):
    """Tells each of the tracers, and gives their results by name."""

    def __init__(self, tracers: Mapping[str, Tracer]) -> None:
        self._tracers = dict(tracers)
        self._all = list(self._tracers.values())
        self._steppers = [tracer for tracer in self._all if tracer.wants_steps]
        self.wants_steps = bool(self._steppers)

    def start(self, facts: TransactionFacts, state: "EvmState", fork: "ForkRules") -> None:
        """Tell all."""
        for tracer in self._all:
            tracer.start(facts, state, fork)

    def enter(self, frame: Frame) -> None:
        """Tell all."""
        for tracer in self._all:
            tracer.enter(frame)

    def exit(self, end: FrameEnd) -> None:
        """Tell all."""
        for tracer in self._all:
            tracer.exit(end)

    def log(self, log: Log) -> None:
        """Tell all."""
        for tracer in self._all:
            tracer.log(log)

    def step(self, computation: Any, position: int, opcode: int, gas: int) -> Any:
        """Tell those that want steps."""
        return [
            tracer.step(computation, position, opcode, gas)
            if tracer.step_opcodes is None or opcode in tracer.step_opcodes
            else _UNTOLD
            for tracer in self._steppers
        ]

    def stepped(self, token: Any, cost: int, error: str) -> None:
        """Tell those that want steps."""
        for tracer, own in zip(self._steppers, token, strict=True):
            if own is not _UNTOLD:
                tracer.stepped(own, cost, error)

    def end(self, state: "EvmState", gas_used: int) -> None:
        """Tell all."""
        for tracer in self._all:
            tracer.end(state, gas_used)

    def result(self) -> Any:
        """Each one's result by its name."""
        return {name: tracer.result() for name, tracer in self._tracers.items()}

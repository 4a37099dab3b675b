"""What a tracer is: it is told what happens, in order, and has a result in the end."""

from typing import TYPE_CHECKING, Any

from evm.tracing.frames import Frame, FrameEnd, TransactionFacts
from evm.types import Log

if TYPE_CHECKING:
    from evm.engine.state import EvmState
    from evm.forks import ForkRules


class InvalidTracerConfig(ValueError):
    """A tracer that does not exist, or a setting of one that is malformed; the message says which."""


class TraceTooLarge(Exception):
    """A trace would take more memory than it may; the message says how to ask for less."""


class Tracer:
    """Told of one transaction: `start`, then per message `enter` ... `exit`, nested as the messages are, then `end`.

    With `wants_steps` it is also told of every instruction, which costs several times as much as running them.
    What a tracer reads from the state it must not change. Every method here does nothing.
    """

    wants_steps: bool = False
    step_opcodes: frozenset[int] | None = None
    """The instructions that it wants to be told of; None for all."""

    def start(self, facts: TransactionFacts, state: "EvmState", fork: "ForkRules") -> None:
        """A transaction is about to run; `state` is as it finds it, before it pays for gas."""

    def enter(self, frame: Frame) -> None:
        """A message begins, or a contract destroys itself."""

    def exit(self, end: FrameEnd) -> None:
        """The message entered last ends."""

    def log(self, log: Log) -> None:
        """The running message emits a log; it may still be undone."""

    def step(self, computation: Any, position: int, opcode: int, gas: int) -> Any:
        """An instruction is about to run; `computation` is py-evm's, in the state before it, its stack all integers.

        `position` in the code; `gas` left before the instruction. What is returned is given to `stepped`.
        """

    def stepped(self, token: Any, cost: int, error: str) -> None:
        """The instruction ran and cost so much gas, gas passed to a call included and to a creation not.

        `error`: why it could not be paid for, or did not find its operands; otherwise empty, also when it failed later.
        """

    def end(self, state: "EvmState", gas_used: int) -> None:
        """The transaction is over, fees included; `state` is as it leaves it."""

    def result(self) -> Any:
        """The trace, ready for orjson."""
        return {}


class NoopTracer(Tracer):
    """geth's noopTracer: measures what tracing as such costs."""

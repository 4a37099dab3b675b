"""The instruction loop for tracers that want every step. All opcodes are py-evm's own functions."""

from typing import Any

from eth.exceptions import FullStack, Halt, InsufficientStack, OutOfGas, VMError
from eth.vm.logic.invalid import InvalidOpcode

from evm.tracing.failures import STACK_BOUNDS, raise_stack_error

_TICKS = 128
"""Instructions between two looks at the budget."""


def run_steps(computation: Any) -> None:
    """Run a computation's code to its end, telling `state.tracer` before and after the instructions it wants.

    It is told, too, of one that lacks operands or gas. Raises VMError when the code fails, Revert included.
    """
    stream = computation.code
    code = stream._raw_code_bytes
    if not code:
        return
    size = len(code)
    opcodes = computation.opcodes
    values = computation._stack.values
    meter = computation._gas_meter
    tracer = computation.state.tracer
    wanted = tracer.step_opcodes
    budget = computation.state.budget
    ticks = _TICKS
    while True:
        position = stream.program_counter
        opcode = code[position] if position < size else 0
        stream.program_counter = position + 1
        tell = wanted is None or opcode in wanted
        if tell:
            charged = meter.charged
            computation.forwarded = 0
            token = tracer.step(computation, position, opcode, meter.gas_remaining)
        function = opcodes.get(opcode)
        try:
            if function is None:
                InvalidOpcode(opcode)(computation)
            taken, most = STACK_BOUNDS[opcode]
            if not taken <= len(values) <= most:
                raise_stack_error(opcode, len(values))
            function(computation=computation)
        except Halt:
            if tell:
                tracer.stepped(token, meter.charged - charged, "")
            return
        except VMError as error:
            if tell:
                tracer.stepped(token, meter.charged - charged - computation.forwarded, _not_started(error))
            raise
        if tell:
            tracer.stepped(token, meter.charged - charged - computation.forwarded, "")
        if values and type(values[-1]) is not int:
            values[-1] = int.from_bytes(values[-1], "big")
        ticks -= 1
        if not ticks:
            ticks = _TICKS
            if budget is not None:
                budget()


def _not_started(error: VMError) -> str:
    """The error of an instruction that could not begin; those that fail in the middle have none, as in geth."""
    if isinstance(error, OutOfGas):
        return "out of gas"
    return str(error) if isinstance(error, InsufficientStack | FullStack) else ""

"""Why a message or an instruction failed, in geth's words."""

from typing import Any, NoReturn

from eth.exceptions import FullStack, InsufficientStack, InvalidInstruction, OutOfGas, Revert

from evm.tracing.opcodes import STACK_EFFECTS, name_of

STACK_LIMIT = 1024
_MAX_CODE_BYTES = 24_576

STACK_BOUNDS = {opcode: (taken, STACK_LIMIT + taken - put) for opcode, (taken, put) in STACK_EFFECTS.items()}
"""The least and the most words on the stack with which each opcode can run."""

_TEXTS = {
    "OutOfGas": "out of gas",
    "InvalidJumpDestination": "invalid jump destination",
    "InsufficientStack": "stack underflow",
    "FullStack": "stack limit reached 1024 (1023)",
    "WriteProtection": "write protection",
    "OutOfBoundsRead": "return data out of bounds",
    "StackDepthLimit": "max call depth exceeded",
    "InsufficientFunds": "insufficient balance for transfer",
    "ReservedBytesInCode": "invalid code: must not begin with 0xef",
}


def failure(computation: Any) -> str:
    """The error of a computation that failed."""
    error = computation.error
    if isinstance(error, Revert):
        return "execution reverted"
    if computation.code_ran and isinstance(error, OutOfGas):
        # The initcode succeeded: what it returned could not be stored.
        too_long = len(computation._output) > _MAX_CODE_BYTES
        return "max code size exceeded" if too_long else "contract creation code storage out of gas"
    if isinstance(error, InvalidInstruction):
        return f"invalid opcode: {name_of(running_opcode(computation))}"
    if isinstance(error, InsufficientStack | FullStack) and error.args and str(error.args[0]).startswith("stack "):
        return str(error.args[0])
    text = str(error)
    if text.startswith("Blake2b input parameter validation failure: input length"):
        return "invalid input length"
    return _TEXTS.get(type(error).__name__) or text or type(error).__name__


def running_opcode(computation: Any) -> int:
    """The opcode that runs, or that ended the code. STOP behind the code's end."""
    code = computation.code._raw_code_bytes
    position = computation.code.program_counter - 1
    return code[position] if 0 <= position < len(code) else 0


def raise_stack_error(opcode: int, size: int) -> NoReturn:
    """Raises InsufficientStack or FullStack, in geth's words, for an opcode that cannot run on a stack this large."""
    least, most = STACK_BOUNDS[opcode]
    if size < least:
        raise InsufficientStack(f"stack underflow ({size} <=> {least})")
    raise FullStack(f"stack limit reached {size} ({most})")

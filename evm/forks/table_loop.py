"""The plain instruction loop: every opcode is py-evm's own function, looked up in the fork's table."""

from typing import Any

from eth.exceptions import Halt
from eth.vm.logic.invalid import InvalidOpcode

_TICKS = 128
"""Instructions between two looks at the budget."""


def run_table(computation: Any) -> None:
    """Run a computation's code to its end. Raises VMError when it fails, Revert included."""
    opcodes = computation.opcodes
    budget = computation.state.budget
    ticks = _TICKS
    for opcode in computation.code:
        function = opcodes.get(opcode)
        try:
            if function is None:
                InvalidOpcode(opcode)(computation)
            function(computation=computation)
        except Halt:
            return
        ticks -= 1
        if not ticks:
            ticks = _TICKS
            if budget is not None:
                budget()

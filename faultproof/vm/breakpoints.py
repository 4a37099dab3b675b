"""Stops of a machine at addresses, at the speed of the machine: a word that faults stands there instead of the program's."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from faultproof.vm.machine import NativeMachine
from faultproof.vm.step import BREAKPOINT, EBREAK_WORD

_WORD = 4


def stops(machine: NativeMachine, addresses: Collection[int], end: int) -> Iterator[tuple[int, int]]:
    """Step and address, each time that the run comes to one of the addresses before the step `end`.

    Takes a copy of the machine, whose memory is not the program's while it runs: what the program reads of its own code
    there is wrong. Raises MissingPreimage.
    """
    run = machine.fork()
    words = {address: run.read(address, _WORD) for address in addresses}
    trap = EBREAK_WORD.to_bytes(_WORD, "little")
    for address in words:
        run.write(address, trap)
    while True:
        run.run(end)
        moment = run.moment
        if not moment.exited or moment.exit_code != BREAKPOINT or moment.pc not in words or moment.step > end:
            return
        step, address = moment.step - 1, moment.pc
        yield step, address
        # The fault is taken back, and the step made as the program has it.
        run.set_state(replace(moment, step=step, exited=False, exit_code=0))
        run.write(address, words[address])
        run.run(step + 1)
        run.write(address, trap)

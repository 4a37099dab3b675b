"""Runs `guest-exec.elf`: the core's state transition on the fault-proof VM, for one block and its witness.

For tests and measurements; a dispute runs the whole fault-proof program. `core/src/guest_exec.zig` is the other side.
"""

from dataclasses import dataclass
from pathlib import Path

from config.errors import CriticalError
from evm.engine.errors import InvalidPayload
from evm.engine.stateless import StatelessCase
from evm.native.task import encode_task
from evm.types import Hash32
from faultproof.preimage import MemorySource, keccak256_key, local_key
from faultproof.vm.elf import read_elf
from faultproof.vm.machine import NativeMachine
from faultproof.vm.reference import program_output

PROGRAM_PATH = Path(__file__).resolve().parent / "programs" / "guest-exec.elf"
MAX_STEPS = 1 << 40
_TASK = 1
_VALID, _INVALID = 0, 1
_RESULT_BYTES = 40


@dataclass(frozen=True)
class GuestResult:
    """What the program came to, and how many instructions it took."""

    hash: Hash32
    gas_used: int
    steps: int


def execute_in_guest(case: StatelessCase) -> GuestResult:
    """The block.

    Raises MissingPreimage when the witness lacks something, InvalidPayload when no block has these attributes and
    transactions, CriticalError when the program fails or is not there.
    """
    if not PROGRAM_PATH.exists():
        raise CriticalError(f"{PROGRAM_PATH} is not there: build it with `python core/build.py exec` (or `make core`)")
    values: dict[bytes, bytes] = {keccak256_key(key): value for key, value in case.witness.items()}
    values[local_key(_TASK)] = encode_task(case)
    state, memory = read_elf(PROGRAM_PATH.read_bytes()).state()
    machine = NativeMachine.load(state, memory.pages(), MemorySource(values))
    machine.run(MAX_STEPS)
    end = machine.moment
    output = program_output(machine)
    if end.exit_code in (_VALID, _INVALID) and len(output) == _RESULT_BYTES:
        return GuestResult(Hash32(output[:32]), int.from_bytes(output[32:], "big"), end.step)
    message = output.decode(errors="replace")
    if end.exit_code == _INVALID:
        raise InvalidPayload(f"block {case.number}: {message}")
    raise CriticalError(
        f"block {case.number}: guest-exec.elf ended with code {end.exit_code} at step {end.step}: {message}"
    )

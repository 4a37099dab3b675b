"""The state of the fault-proof VM: 338 bytes and a hash whose first byte says how the program ended."""

from dataclasses import dataclass, field
from enum import IntEnum

from evm.types import Hash32, keccak256

ENCODED_SIZE = 338
REGISTERS_AT = 90
U64 = (1 << 64) - 1


class InvalidState(ValueError):
    """Bytes that encode no state; the message says why."""


class VMStatus(IntEnum):
    """How a program ended: the first byte of a state hash. Spec: docs/fpvm.md, section 1"""

    VALID = 0
    INVALID = 1
    PANIC = 2
    UNFINISHED = 3


@dataclass
class State:
    """All there is to a moment of a run, memory by its root. `registers[0]` is x0 and stays 0.

    Spec: docs/fpvm.md, section 1
    """

    memory_root: Hash32
    preimage_key: bytes = bytes(32)
    preimage_offset: int = 0
    pc: int = 0
    step: int = 0
    exit_code: int = 0
    exited: bool = False
    registers: list[int] = field(default_factory=lambda: [0] * 32)

    @property
    def status(self) -> VMStatus:
        """How the program ended, if it has."""
        return VMStatus(min(self.exit_code, VMStatus.PANIC)) if self.exited else VMStatus.UNFINISHED

    def encode(self) -> bytes:
        """The 338 bytes."""
        words = (self.preimage_offset, self.pc, self.step)
        return b"".join(
            (
                self.memory_root,
                self.preimage_key,
                *(word.to_bytes(8, "big") for word in words),
                bytes((self.exit_code, self.exited)),
                *(register.to_bytes(8, "big") for register in self.registers[1:]),
            )
        )

    @classmethod
    def decode(cls, encoded: bytes) -> "State":
        """The state that these bytes encode. Raises InvalidState."""
        if len(encoded) != ENCODED_SIZE:
            raise InvalidState(f"a VM state has {ENCODED_SIZE} bytes, these are {len(encoded)}")
        exit_code, exited = encoded[88], encoded[89]
        if exited > 1:
            raise InvalidState(f"the byte that says whether the program has ended is {exited}, neither 0 nor 1")
        if exit_code and not exited:
            raise InvalidState(f"exit code {exit_code} in a state that has not ended")
        return cls(
            memory_root=Hash32(encoded[:32]),
            preimage_key=encoded[32:64],
            preimage_offset=int.from_bytes(encoded[64:72], "big"),
            pc=int.from_bytes(encoded[72:80], "big"),
            step=int.from_bytes(encoded[80:88], "big"),
            exit_code=exit_code,
            exited=bool(exited),
            registers=[0]
            + [int.from_bytes(encoded[at : at + 8], "big") for at in range(REGISTERS_AT, ENCODED_SIZE, 8)],
        )

    def hash(self) -> Hash32:
        """The commitment that claims are made of."""
        return Hash32(bytes((self.status,)) + keccak256(self.encode())[1:])

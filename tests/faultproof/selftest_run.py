"""Runs of the self-test program: its preimages, and machines that run it."""

from evm.types import keccak256
from faultproof.preimage import MemorySource, PreimageSource, keccak256_key, local_key
from faultproof.vm.elf import Program
from faultproof.vm.machine import NativeMachine
from faultproof.vm.reference import ReferenceMachine


def preimages(data: bytes, claim: bytes | None = None, rounds: int = 0) -> dict[bytes, bytes]:
    """What the program asks for; the claim is right unless another one is given."""
    digest = keccak256(data)
    right = digest
    for _ in range(rounds):
        right = keccak256(right)
    key = keccak256_key(digest)
    return {local_key(1): key, key: data, local_key(2): right if claim is None else claim}


def native(program: Program, source: PreimageSource | dict[bytes, bytes]) -> NativeMachine:
    """The fast machine at the program's start."""
    state, memory = program.state()
    return NativeMachine.load(state, memory.pages(), MemorySource(source) if isinstance(source, dict) else source)


def reference(program: Program, source: dict[bytes, bytes]) -> ReferenceMachine:
    """The slow machine at the program's start."""
    return ReferenceMachine(*program.state(), MemorySource(source))

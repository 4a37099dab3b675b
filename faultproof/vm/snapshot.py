"""A machine's state in a file: `lamina vm load` writes one, `lamina vm run` starts from one.

Eight bytes that name the format, the 338 bytes of the state, then every page that is not zero throughout: number (4 bytes,
big-endian) and 4096 bytes, in order. Spec: docs/fpvm.md, section 11
"""

from pathlib import Path

from faultproof.vm.machine import Machine
from faultproof.vm.memory import PAGE_COUNT, PAGE_SIZE, SparseMemory
from faultproof.vm.state import ENCODED_SIZE, State

MAGIC = b"LAMINAVM"
_RECORD = 4 + PAGE_SIZE


class InvalidSnapshot(ValueError):
    """A file that is no snapshot, or a damaged one; the message says which."""


def save(path: Path, machine: Machine) -> State:
    """Writes a machine's state to a file and returns it."""
    state = machine.state()
    with path.open("wb") as out:
        out.write(MAGIC + state.encode())
        for number, page in machine.pages():
            out.write(number.to_bytes(4, "big") + page)
    return state


def is_snapshot(content: bytes) -> bool:
    """Whether bytes are meant to be a snapshot."""
    return content.startswith(MAGIC)


def read_snapshot(content: bytes) -> tuple[State, SparseMemory]:
    """State and memory. Raises InvalidSnapshot, also when the memory is not the one that the state commits to."""
    body = len(MAGIC) + ENCODED_SIZE
    if not is_snapshot(content) or len(content) < body or (len(content) - body) % _RECORD:
        raise InvalidSnapshot("not a whole snapshot of the VM")
    state = State.decode(content[len(MAGIC) : body])
    memory = SparseMemory()
    for at in range(body, len(content), _RECORD):
        number = int.from_bytes(content[at : at + 4], "big")
        if number >= PAGE_COUNT:
            raise InvalidSnapshot(f"page {number} lies outside of memory")
        memory.write(number * PAGE_SIZE, content[at + 4 : at + _RECORD])
    if memory.root() != state.memory_root:
        raise InvalidSnapshot("the snapshot's pages are not the memory that its state commits to")
    return state, memory

"""States as bytes, memories as trees, programs as ELF files, snapshots."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.types import Hash32
from evm.types import keccak256
from faultproof.preimage import MemorySource
from faultproof.vm.elf import CONFIGURATION_ADDRESS, CONFIGURATION_SIZE, InvalidProgram, Program, Segment, read_elf
from faultproof.vm.machine import NativeMachine
from faultproof.vm.memory import DEPTH, LEAF_SIZE, MEMORY_SIZE, PROOF_SIZE, SparseMemory, climb
from faultproof.vm.snapshot import InvalidSnapshot, read_snapshot, save
from faultproof.vm.state import ENCODED_SIZE, InvalidState, State, VMStatus
from tests.faultproof.vm.elf_files import elf
from tests.faultproof.vm.selftest_run import native, preimages, reference

words = st.integers(0, (1 << 64) - 1)
states = st.builds(
    State,
    st.binary(min_size=32, max_size=32).map(Hash32),
    st.binary(min_size=32, max_size=32),
    words,
    words,
    words,
    st.just(0),
    st.just(False),
    st.lists(words, min_size=31, max_size=31).map(lambda registers: [0, *registers]),
)


@given(states, st.booleans(), st.integers(0, 255))
def test_a_state_comes_back_from_its_encoding(state: State, exited: bool, exit_code: int) -> None:
    state.exited, state.exit_code = exited, exit_code if exited else 0
    encoded = state.encode()
    assert len(encoded) == ENCODED_SIZE
    assert State.decode(encoded) == state
    assert state.hash()[1:] == keccak256(encoded)[1:]
    assert state.hash()[0] == (min(exit_code, 2) if exited else 3)


@given(states)
def test_the_fast_machine_takes_and_gives_the_same_encoding(state: State) -> None:
    machine = NativeMachine.load(state, iter(()), MemorySource({}))
    state.memory_root = SparseMemory().root()
    assert machine.state() == state


@pytest.mark.parametrize("size", [0, 1, 337, 339])
def test_other_lengths_are_no_state(size: int) -> None:
    with pytest.raises(InvalidState, match="338 bytes"):
        State.decode(bytes(size))


def test_the_fields_are_where_the_documentation_says() -> None:
    registers = [0, *range(101, 132)]
    state = State(Hash32(b"\x01" * 32), b"\x02" * 32, 3, 4, 5, 6, True, registers)
    expected = b"\x01" * 32 + b"\x02" * 32 + struct.pack(">QQQBB31Q", 3, 4, 5, 6, 1, *range(101, 132))
    assert state.encode() == expected
    assert state.status == VMStatus.PANIC


# --- memory -----------------------------------------------------------------------------------------------------------

places = st.one_of(
    st.integers(0, MEMORY_SIZE - 64),
    st.sampled_from([0, 4064, 4096, MEMORY_SIZE // 2 - 32, MEMORY_SIZE // 2, MEMORY_SIZE - 64]),
)
writes = st.lists(st.tuples(places, st.binary(min_size=1, max_size=64)), max_size=8)


def slow_root(memory: SparseMemory) -> bytes:
    """The root by definition, over the leaves that are not zero."""
    level = {
        number * 128 + leaf: page[32 * leaf : 32 * leaf + 32] for number, page in memory.pages() for leaf in range(128)
    }
    zero = bytes(32)
    for _ in range(DEPTH):
        level = {
            index // 2: keccak256(level.get(index & ~1, zero) + level.get(index | 1, zero)) for index in list(level)
        }
        zero = keccak256(zero * 2)
    return level.get(0, zero)


@settings(max_examples=25, deadline=None)
@given(writes, writes)
def test_roots_and_proofs_after_any_writes(first: list[tuple[int, bytes]], second: list[tuple[int, bytes]]) -> None:
    memory = SparseMemory()
    machine = NativeMachine.load(State(Hash32(bytes(32))), iter(()), MemorySource({}))
    for batch in (first, second):
        for address, content in batch:
            memory.write(address, content)
            machine.write(address, content)
        root = memory.root()
        assert machine.state().memory_root == root == slow_root(memory)
        for address, content in [*batch, (0x1234_5678, b"")]:
            proof = machine.leaf_proof(address)
            assert len(proof) == PROOF_SIZE
            assert proof == memory.leaf_proof(address)
            assert climb(proof[:LEAF_SIZE], address // LEAF_SIZE, proof[LEAF_SIZE:]) == root
            assert machine.read(address, len(content)) == memory.read(address, len(content))
    assert list(machine.pages()) == list(memory.pages())
    assert machine.fork().state() == machine.state()


@pytest.mark.parametrize(("address", "size"), [(MEMORY_SIZE, 1), (MEMORY_SIZE - 1, 2), (-1, 1)])
def test_a_range_outside_of_memory_is_an_error(address: int, size: int) -> None:
    machine = NativeMachine.load(State(Hash32(bytes(32))), iter(()), MemorySource({}))
    for memory in (SparseMemory(), machine):
        with pytest.raises(ValueError, match="not within"):
            memory.read(address, size)
        with pytest.raises(ValueError, match="not within"):
            memory.write(address, bytes(size))


# --- programs ---------------------------------------------------------------------------------------------------------


def test_segments_lie_where_the_file_says_and_the_rest_is_zero() -> None:
    program = read_elf(
        elf([(1, 0x1000, b"code", 4), (7, 5, b"tls", 3), (1, 0x3000, b"data", 100), (1, 0x9000, b"", 0)])
    )
    assert program == Program(0x1000, (Segment(0x1000, b"code", 4), Segment(0x3000, b"data", 100)))
    state, memory = program.state()
    assert (memory.read(0x1000, 8), memory.read(0x3000, 8)) == (b"code\0\0\0\0", b"data\0\0\0\0")
    assert (state.pc, state.step, state.registers) == (0x1000, 0, [0] * 32)
    assert state.memory_root == memory.root()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"", "not a 64-bit"),
        (b"\x7fELF\x01\x01\x01" + bytes(100), "not a 64-bit"),
        (b"\x7fELF\x02\x01\x01" + bytes(20), "middle of a header"),
        (elf([], machine=62), "machine 62"),
        (elf([], kind=3), "type 3"),
        (elf([], flags=1), "compressed"),
        (elf([], flags=4), "floating point"),
        (elf([], entry=2), "entry point"),
        (elf([], entry=1 << 32), "entry point"),
        (elf([(1, 0, b"a", 1)], entry_size=32), "program headers"),
        (elf([], count=3), "middle of a header"),
        (elf([(2, 0, b"", 0)]), "dynamically"),
        (elf([(3, 0, b"", 0)]), "dynamically"),
        (elf([(1, MEMORY_SIZE - 1, b"a", 2)]), "does not fit"),
        (elf([(1, 1 << 63, b"a", 2)]), "does not fit"),
        (elf([(1, 0, b"abc", 2)]), "does not fit"),
        (elf([(1, 0, b"abc", 3)])[:-1], "does not fit"),
        (elf([(1, 0, b"abc", 3), (1, 2, b"c", 1)]), "overlap"),
    ],
)
def test_a_file_that_is_no_program_is_refused(image: bytes, message: str) -> None:
    with pytest.raises(InvalidProgram, match=message):
        read_elf(image)


def test_the_last_byte_of_memory_can_be_loaded() -> None:
    _, memory = read_elf(elf([(1, MEMORY_SIZE - 2, b"ab", 2)])).state()
    assert memory.read(MEMORY_SIZE - 2, 2) == b"ab"


def configurable(content: bytes = bytes(CONFIGURATION_SIZE)) -> Program:
    return read_elf(elf([(1, CONFIGURATION_ADDRESS, content, len(content))]))


def test_a_configuration_is_written_behind_its_length() -> None:
    _, memory = configurable().configured(b"chain").state()
    assert memory.read(CONFIGURATION_ADDRESS, 16) == bytes(7) + b"\x05chain\0\0\0"
    largest = bytes(range(1, 9)) * (CONFIGURATION_SIZE // 8 - 1)
    _, memory = configurable().configured(largest).state()
    assert memory.read(CONFIGURATION_ADDRESS + 8, len(largest)) == largest


def test_different_configurations_are_different_prestates() -> None:
    hashes = {configurable().configured(bytes(size)).state()[0].hash() for size in (0, 1, 2)}
    # No configuration and an empty one are the same bytes.
    assert len(hashes | {configurable().state()[0].hash()}) == 3


@pytest.mark.parametrize(
    ("program", "size", "message"),
    [
        (configurable(), CONFIGURATION_SIZE - 7, "longer than"),
        (configurable(b"\x01" + bytes(CONFIGURATION_SIZE - 1)), 1, "filled in already"),
        (configurable(bytes(100)), 1, "no configuration section"),
        (read_elf(elf([])), 1, "no configuration section"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(program: Program, size: int, message: str) -> None:
    with pytest.raises(InvalidProgram, match=message):
        program.configured(bytes(size))


# --- snapshots --------------------------------------------------------------------------------------------------------


def test_a_snapshot_is_the_same_from_either_machine_and_goes_on(selftest: Program, tmp_path: Path) -> None:
    source = preimages(b"some data" * 30)
    fast, slow = native(selftest, source), reference(selftest, source)
    for machine, name in ((fast, "fast"), (slow, "slow")):
        machine.run(3000)
        save(tmp_path / name, machine)
    content = (tmp_path / "fast").read_bytes()
    assert content == (tmp_path / "slow").read_bytes()
    state, memory = read_snapshot(content)
    assert state == fast.state()
    again = NativeMachine.load(state, memory.pages(), MemorySource(source))
    assert again.state() == state
    for machine in (fast, again):
        machine.run(1 << 40)
    assert again.state() == fast.state()
    assert again.state().status == VMStatus.VALID


def test_a_damaged_snapshot_is_refused(selftest: Program, tmp_path: Path) -> None:
    save(tmp_path / "snapshot", native(selftest, {}))
    content = (tmp_path / "snapshot").read_bytes()
    flipped = bytearray(content)
    flipped[-5] ^= 1
    outside = bytearray(content)
    outside[8 + ENCODED_SIZE] = 0xFF
    for wrong in (content[:-1], content[:100], b"", bytes(flipped), bytes(outside)):
        with pytest.raises((InvalidSnapshot, InvalidState)):
            read_snapshot(wrong)

"""SET_KEY and READ: every length of a preimage, every offset, every count, every key type that the oracle takes."""

from hashlib import sha256

import pytest

from evm.types import keccak256
from faultproof.preimage import MissingPreimage, keccak256_key, local_key, sha256_key
from faultproof.vm.machine import NativeMachine
from faultproof.vm.reference import ReferenceMachine
from tests.contracts.harness import Reverted
from tests.faultproof import assembler as asm
from tests.faultproof.opinions import Case, agreed_step, agreed_steps, judge

BUFFER = 0x4000
OLD = bytes(range(0xC0, 0xE0))
READ = {17: 2, 10: BUFFER}


def data_of(size: int) -> bytes:
    return bytes((7 * index + 1) & 0xFF for index in range(size))


def read_case(preimage: bytes, offset: int, wanted: int) -> Case:
    key = keccak256_key(keccak256(preimage))
    registers = {**READ, 11: wanted}
    return Case(
        [asm.ECALL], registers, {BUFFER: OLD}, preimages={key: preimage}, preimage_key=key, preimage_offset=offset
    )


def check_read(preimage: bytes, offset: int, wanted: int, on_chain: bool) -> None:
    case = read_case(preimage, offset, wanted)
    value = len(preimage).to_bytes(8, "big") + preimage
    part = value[offset : offset + wanted]
    state = agreed_step(case, on_chain=on_chain)
    expected, _ = Case([asm.ECALL], data={BUFFER: part + OLD[len(part) :]}).start()
    assert state.memory_root == expected.memory_root
    assert (state.registers[10], state.preimage_offset) == (len(part), offset + len(part))
    assert (state.registers[11], state.registers[17], state.preimage_key) == (wanted, 2, case.preimage_key)


@pytest.mark.parametrize("size", [*range(42), 63, 64, 65, 100])
def test_a_preimage_of_every_length_is_read_at_every_offset(size: int) -> None:
    preimage = data_of(size)
    for offset in range(size + 8):
        check_read(preimage, offset, 32, on_chain=offset in (0, 1, 7, 8, 9) or offset == size + 7)


@pytest.mark.parametrize("wanted", range(1, 33))
def test_a_read_of_every_count_is_cut_at_the_end(wanted: int) -> None:
    for offset in (0, 3, 8, 20, 27):
        check_read(data_of(20), offset, wanted, on_chain=offset in (0, 20))


@pytest.mark.parametrize(
    ("key", "preimage"),
    [
        (local_key(1), data_of(32)),
        (local_key(4), data_of(8)),
        (keccak256_key(keccak256(data_of(200))), data_of(200)),
        (sha256_key(sha256(data_of(70)).digest()), data_of(70)),
    ],
    ids=["local word", "local number", "keccak256", "sha256"],
)
def test_a_program_reads_a_preimage_from_beginning_to_end(key: bytes, preimage: bytes) -> None:
    # SET_KEY, then reads of 32 bytes into the same leaf until all is read.
    set_key = [asm.immediate("addi", 17, 0, 1), asm.immediate("addi", 10, 8, 0), asm.ECALL]
    read = [
        asm.immediate("addi", 17, 0, 2),
        asm.immediate("addi", 10, 9, 0),
        asm.immediate("addi", 11, 0, 32),
        asm.ECALL,
    ]
    reads = -(-(8 + len(preimage)) // 32)
    case = Case(set_key + read * reads, {8: 0x5000, 9: BUFFER}, {0x5000: key}, preimages={key: preimage})
    states = agreed_steps(case, 3 + 4 * reads)
    assert states[2].preimage_key == key
    assert states[-1].preimage_offset == 8 + len(preimage)
    assert sum(state.registers[10] for state in states[6::4]) == 8 + len(preimage)


def test_setting_a_key_zeroes_the_offset() -> None:
    key = local_key(2)
    case = Case([asm.ECALL], {17: 1, 10: 0x5000}, {0x5000: key}, preimage_key=local_key(1), preimage_offset=40)
    state = agreed_step(case)
    assert (state.preimage_key, state.preimage_offset) == (key, 0)


def test_the_same_key_set_again_starts_again() -> None:
    key = keccak256_key(keccak256(data_of(3)))
    words = [
        asm.ECALL,
        *[asm.immediate("addi", 17, 0, 2), asm.immediate("addi", 10, 9, 0), asm.ECALL],
        *[asm.immediate("addi", 17, 0, 1), asm.immediate("addi", 10, 8, 0), asm.ECALL],
        *[asm.immediate("addi", 17, 0, 2), asm.immediate("addi", 10, 9, 0), asm.ECALL],
    ]
    case = Case(words, {17: 1, 10: 0x5000, 8: 0x5000, 9: BUFFER, 11: 11}, {0x5000: key}, preimages={key: data_of(3)})
    states = agreed_steps(case, len(words))
    assert [state.preimage_offset for state in states] == [0, 0, 0, 11, 11, 11, 0, 0, 0, 11]


def test_a_read_can_overwrite_the_ecall_itself() -> None:
    key = keccak256_key(keccak256(data_of(40)))
    case = Case([asm.ECALL], {17: 2, 10: 0x5000, 11: 32}, pc=0x5000, preimages={key: data_of(40)}, preimage_key=key)
    # What is read starts with the length, 40, so the next word is 0x28000000.
    states = agreed_steps(case, 2)
    assert (states[0].pc, states[0].exited) == (0x5004, False)
    assert states[1].exit_code == 0xF0


@pytest.mark.parametrize("offset", [20 + 8, 20 + 9, 1 << 63])
def test_a_read_past_the_end_stops_the_host_and_has_no_proof(offset: int) -> None:
    case = read_case(data_of(20), offset, 32)
    for machine in (case.native(), case.reference()):
        before = machine.state()
        with pytest.raises(MissingPreimage, match="past its end"):
            machine.run(1)
        assert machine.state() == before
    state, memory = case.start()
    proof = memory.leaf_proof(case.pc) + memory.leaf_proof(BUFFER)
    with pytest.raises(Reverted):
        judge().step(state.encode(), proof)


def test_a_key_that_nobody_knows_stops_the_host_and_has_no_proof() -> None:
    key = keccak256_key(keccak256(b"unknown"))
    case = Case([asm.ECALL], {**READ, 11: 32}, preimage_key=key)
    for machine in (case.native(), case.reference()):
        with pytest.raises(MissingPreimage, match=key.hex()):
            machine.run(1)
        assert machine.moment.step == 0
    state, memory = case.start()
    with pytest.raises(Reverted, match="pre-image must exist"):
        judge().step(state.encode(), memory.leaf_proof(case.pc) + memory.leaf_proof(BUFFER))


def test_each_preimage_is_asked_for_once_however_often_it_is_read() -> None:
    key = keccak256_key(keccak256(data_of(100)))
    asked: list[bytes] = []

    class Counting:
        def preimage(self, wanted: bytes) -> bytes:
            asked.append(wanted)
            return data_of(100)

        def hint(self, text: bytes) -> None:
            asked.append(text)

    words = [asm.ECALL, asm.immediate("addi", 10, 9, 0), asm.jal(0, -8)]
    case = Case(words, {**READ, 9: BUFFER, 11: 5}, preimage_key=key)
    state, memory = case.start()
    for machine in (
        NativeMachine.load(state, memory.pages(), Counting()),
        ReferenceMachine(*case.start(), Counting()),
    ):
        asked.clear()
        machine.run(60)
        assert machine.moment.preimage_offset == 100
        assert asked == [key]

"""Whatever a program does, there is a next state: faults are exit codes, and after the end nothing changes."""

from dataclasses import replace

import pytest

from faultproof.vm.memory import MEMORY_SIZE
from faultproof.vm.state import U64, State, VMStatus
from faultproof.vm.step import (
    ADDRESS_OUT_OF_RANGE,
    BAD_ARGUMENT,
    BAD_PC,
    BREAKPOINT,
    ILLEGAL_INSTRUCTION,
    UNKNOWN_ECALL,
)
from tests.faultproof import assembler as asm
from tests.faultproof.opinions import CODE, Case, agreed_step, agreed_steps

ILLEGAL = {
    "zeros": 0,
    "ones": 0xFFFF_FFFF,
    "compressed": 0x0000_0001,
    "unimp": 0xC000_1073,
    "unknown opcode": 0x0000_007F,
    "floating point load": 0x0000_3007,
    "atomic": 0x0000_302F,
    "fused multiply": 0x0000_0043,
    "jalr with another function": 0x0000_1067,
    "branch 2": 0x0000_2063,
    "branch 3": 0x0000_3063,
    "load 7": 0x0000_7003,
    "store 4": 0x0000_4023,
    "store 7": 0x0000_7023,
    "slli with a bit above": 0x0400_1013,
    "slli arithmetic": 0x4000_1013,
    "srli with a bit above": 0x8000_5013,
    "srai with a bit above": 0x4400_5013,
    "slliw by 32": 0x0200_101B,
    "srliw by 32": 0x0200_501B,
    "sraiw by 32": 0x4200_501B,
    "slliw arithmetic": 0x4000_101B,
    "word immediate 2": 0x0000_201B,
    "word immediate 4": 0x0000_401B,
    "word immediate 7": 0x0000_701B,
    "sub with another function": 0x4000_1033,
    "and arithmetic": 0x4000_7033,
    "third function": 0x0400_0033,
    "word and": 0x0000_703B,
    "word mulh": 0x0200_103B,
    "word mulhu": 0x0200_303B,
    "sllw arithmetic": 0x4000_103B,
    "fence.i": 0x0000_100F,
    "fence 2": 0x0000_200F,
    "ecall with rd": 0x0000_00F3,
    "ecall with rs1": 0x0000_8073,
    "ebreak with rd": 0x0010_00F3,
    "uret": 0x0020_0073,
    "wfi": 0x1050_0073,
    "csrrw": 0x3400_1073,
}


def faulted(case: Case, fault: int) -> State:
    """The state after a fault on which all agree; nothing but step and end has changed."""
    before, _ = case.start()
    after = agreed_step(case)
    assert after == replace(before, step=1, exited=True, exit_code=fault)
    assert after.status == VMStatus.PANIC
    return after


@pytest.mark.parametrize("word", ILLEGAL.values(), ids=list(ILLEGAL))
def test_an_illegal_word_ends_the_program(word: int) -> None:
    faulted(Case([word], {1: 5, 10: 0, 17: 93}), ILLEGAL_INSTRUCTION)


def test_words_of_every_opcode_and_function_are_judged_alike() -> None:
    registers = {1: 0x2000, 2: 3, 10: 7, 17: 93}
    for opcode in range(3, 128, 4):
        for function in range(8):
            for above in (0, 1, 0x20, 0x21, 2, 0x40):
                word = above << 25 | 2 << 20 | 1 << 15 | function << 12 | 4 << 7 | opcode
                agreed_step(Case([word], registers), on_chain=above in (0, 1, 0x20) and opcode & 0xF in (3, 0xB))


@pytest.mark.parametrize("pc", [1, 2, 3, CODE + 2, MEMORY_SIZE, MEMORY_SIZE + 4, 1 << 63, U64 - 3, U64])
def test_a_bad_pc_ends_the_program(pc: int) -> None:
    faulted(Case(pc=pc), BAD_PC)


def test_running_off_the_end_of_memory_is_a_bad_pc() -> None:
    states = agreed_steps(Case([asm.FENCE], pc=MEMORY_SIZE - 4), 2)
    assert (states[0].pc, states[0].exited) == (MEMORY_SIZE, False)
    assert states[1].exit_code == BAD_PC


@pytest.mark.parametrize(
    ("word", "registers", "target"),
    [
        (asm.jal(1, 6), {}, CODE + 6),
        (asm.jalr(1, 5, 2), {5: 0x2000}, 0x2002),
        (asm.jalr(1, 5, 0), {5: MEMORY_SIZE}, MEMORY_SIZE),
        (asm.jalr(1, 5, -4), {5: 0}, U64 - 3),
        (asm.branch("beq", 0, 0, 2), {}, CODE + 2),
        (asm.branch("beq", 0, 0, -4096), {}, CODE - 4096),
    ],
)
def test_a_jump_is_made_and_its_bad_target_is_the_next_step(word: int, registers: dict[int, int], target: int) -> None:
    states = agreed_steps(Case([word], registers), 2)
    assert (states[0].pc, states[0].exited) == (target, False)
    assert states[1].exit_code == (BAD_PC if target % 4 or target >= MEMORY_SIZE else ILLEGAL_INSTRUCTION)


def test_jumps_out_of_either_end_of_memory() -> None:
    for pc, word in ((0, asm.jal(1, -4)), (MEMORY_SIZE - 4, asm.jal(1, 8)), (0, asm.branch("bne", 1, 0, -8))):
        assert agreed_steps(Case([word], {1: 1}, pc=pc), 2)[1].exit_code == BAD_PC


@pytest.mark.parametrize("name", [*asm.LOAD, *asm.STORE])
def test_an_access_past_the_end_of_memory_is_a_fault_whatever_its_register(name: str) -> None:
    make = asm.load if name in asm.LOAD else asm.store
    size = asm.ACCESS_SIZE[name]
    for address in (MEMORY_SIZE - size + 1, MEMORY_SIZE - 1 if size > 1 else MEMORY_SIZE, MEMORY_SIZE, 1 << 63, U64):
        for other in (0, 5):
            faulted(Case([make(name, other, 6, 0)], {5: 1, 6: address}), ADDRESS_OUT_OF_RANGE)


def test_a_breakpoint_ends_the_program() -> None:
    faulted(Case([asm.EBREAK]), BREAKPOINT)


@pytest.mark.parametrize("number", [0, 3, 64, 92, 94, 93 + (1 << 32), 1 + (1 << 32), 2 + (1 << 63), U64])
def test_an_unknown_ecall_ends_the_program(number: int) -> None:
    faulted(Case([asm.ECALL], {17: number}), UNKNOWN_ECALL)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("pointer", [1, 0x2010, 0x201F, MEMORY_SIZE - 31, MEMORY_SIZE, MEMORY_SIZE + 32, 1 << 63])
def test_an_ecall_needs_the_address_of_a_leaf(number: int, pointer: int) -> None:
    faulted(Case([asm.ECALL], {17: number, 10: pointer, 11: 32}), BAD_ARGUMENT)


@pytest.mark.parametrize("wanted", [0, 33, 64, 1 << 32, (1 << 32) + 1, U64])
def test_a_read_is_of_one_to_32_bytes(wanted: int) -> None:
    faulted(Case([asm.ECALL], {17: 2, 10: 0x2000, 11: wanted}), BAD_ARGUMENT)


@pytest.mark.parametrize(
    ("argument", "code", "status"),
    [
        (0, 0, VMStatus.VALID),
        (1, 1, VMStatus.INVALID),
        (2, 2, VMStatus.PANIC),
        (255, 255, VMStatus.PANIC),
        (256, 255, VMStatus.PANIC),
        (1 << 32, 255, VMStatus.PANIC),
        (U64, 255, VMStatus.PANIC),
    ],
)
def test_exit_takes_its_code_and_never_wraps_it_to_valid(argument: int, code: int, status: VMStatus) -> None:
    case = Case([asm.ECALL], {17: 93, 10: argument})
    before, _ = case.start()
    after = agreed_step(case)
    assert after == replace(before, step=1, exited=True, exit_code=code)
    assert after.status == status
    assert after.hash()[0] == status


@pytest.mark.parametrize("word", [asm.ECALL, asm.EBREAK, 0])
def test_after_the_end_no_step_changes_anything(word: int) -> None:
    states = agreed_steps(Case([word], {17: 93, 10: 1}), 3)
    assert states[0].exited
    assert states[0] == states[1] == states[2]
    assert states[0].step == 1


def test_the_step_counter_of_a_started_run_goes_on() -> None:
    states = agreed_steps(Case([asm.FENCE] * 5), 5)
    assert [state.step for state in states] == [1, 2, 3, 4, 5]
    assert {state.status for state in states} == {VMStatus.UNFINISHED}

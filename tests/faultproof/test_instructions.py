"""Every instruction, at the edges of its operands, in all implementations and in unicorn."""

from itertools import product

import pytest
import unicorn
from unicorn import riscv_const

from faultproof.vm.state import U64, State
from tests.faultproof import assembler as asm
from tests.faultproof.opinions import CODE, Case, agreed_step, agreed_steps

MIN64, MIN32 = 1 << 63, 1 << 31
EDGES = (0, 1, 2, 0x1F, 0x20, 0x3F, 0x40, MIN32 - 1, MIN32, (1 << 32) - 1, 1 << 32, MIN64 - 1, MIN64, U64 - 1, U64)
FEW = ((0, 0), (1, U64), (MIN64, U64), (MIN32, U64), (U64, 0), (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3225))
IMMEDIATES = (0, 1, 5, 31, 0x7FF, -1, -2048)


def emulate(case: Case, count: int) -> list[int]:
    """The registers and pc that unicorn has after some instructions."""
    state, memory = case.start()
    machine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    for number, page in memory.pages():
        machine.mem_map(number * 4096, 4096)
        machine.mem_write(number * 4096, page)
    machine.hook_add(unicorn.UC_HOOK_MEM_UNMAPPED, _map_page)
    for index in range(1, 32):
        machine.reg_write(riscv_const.UC_RISCV_REG_X0 + index, state.registers[index])
    machine.emu_start(state.pc, 1 << 62, count=count)
    registers = [machine.reg_read(riscv_const.UC_RISCV_REG_X0 + index) for index in range(32)]
    return [*registers, machine.reg_read(riscv_const.UC_RISCV_REG_PC)]


def _map_page(machine: unicorn.Uc, _access: int, address: int, *_: object) -> bool:
    machine.mem_map(address // 4096 * 4096, 4096)
    return True


def everything(state: State) -> list[int]:
    """Registers and pc."""
    return [*state.registers, state.pc]


@pytest.mark.parametrize("name", asm.REGISTER)
def test_an_instruction_on_two_registers_at_the_edges(name: str) -> None:
    pairs = list(product(EDGES, EDGES))
    # One long program: the operands of each pair come from memory.
    words, table = [], b""
    for position, (a, b) in enumerate(pairs):
        table += a.to_bytes(8, "little") + b.to_bytes(8, "little")
        words += [asm.load("ld", 1, 9, 16 * (position % 64)), asm.load("ld", 2, 9, 16 * (position % 64) + 8)]
        words += [asm.register(name, 3, 1, 2), asm.register("xor", 4, 4, 3), asm.immediate("slli", 5, 4, 1)]
        words += [asm.register("add", 4, 4, 5), asm.immediate("addi", 9, 9, 1024 if position % 64 == 63 else 0)]
    case = Case(words, {9: 0x2000}, {0x2000: table})
    native, reference = case.native(), case.reference()
    for position in range(len(pairs)):
        native.run(7 * position + 3)
        reference.run(7 * position + 3)
        assert native.moment.registers == reference.moment.registers, [hex(value) for value in pairs[position]]
    native.run(len(words))
    reference.run(len(words))
    assert native.state() == reference.state()
    assert everything(native.moment) == emulate(case, len(words))


@pytest.mark.parametrize("name", asm.REGISTER)
def test_an_instruction_on_two_registers_on_chain(name: str) -> None:
    for a, b in FEW:
        case = Case([asm.register(name, 3, 1, 2)], {1: a, 2: b, 3: 77})
        assert everything(agreed_step(case)) == emulate(case, 1)


@pytest.mark.parametrize("name", [*asm.IMMEDIATE, *asm.SHIFT])
def test_an_instruction_with_an_immediate(name: str) -> None:
    amounts = (0, 1, 31) if name in ("slliw", "srliw", "sraiw") else (0, 1, 31, 32, 63)
    immediates = amounts if name in asm.SHIFT else IMMEDIATES
    for value, (position, a) in product(immediates, enumerate(EDGES)):
        case = Case([asm.immediate(name, 3, 1, value)], {1: a})
        assert everything(agreed_step(case, on_chain=position % 5 == 1)) == emulate(case, 1)


@pytest.mark.parametrize("value", [0, 0x1000, 0x7FFF_F000, 0x8000_0000, 0xFFFF_F000])
@pytest.mark.parametrize("pc", [CODE, 0, 0xFFFF_F000])
def test_lui_and_auipc(value: int, pc: int) -> None:
    case = Case([asm.lui(1, value), asm.auipc(2, value)], pc=pc)
    assert everything(agreed_steps(case, 2)[-1]) == emulate(case, 2)


@pytest.mark.parametrize("name", asm.BRANCH)
def test_a_branch_goes_where_its_comparison_says(name: str) -> None:
    pairs = [(0, 0), (1, 2), (2, 1), (U64, 1), (1, U64), (MIN64, MIN64 - 1), (MIN64 - 1, MIN64)]
    for (a, b), offset in product(pairs, (8, 4092, -4096, -4)):
        case = Case([asm.branch(name, 1, 2, offset)], {1: a, 2: b}, pc=CODE + 4096)
        assert everything(agreed_step(case, on_chain=offset in (8, -4096))) == emulate(case, 1)


@pytest.mark.parametrize("offset", [4, 0x7FC, 0x800, 0xFFFFC, -4, -0x100000])
@pytest.mark.parametrize("rd", [0, 1, 31])
def test_jal_links_and_jumps(rd: int, offset: int) -> None:
    case = Case([asm.jal(rd, offset)])
    assert everything(agreed_step(case)) == emulate(case, 1)


@pytest.mark.parametrize(("target", "offset"), [(0x2000, 0), (0x2001, 0), (0x2000, 2047), (0x2000, -2048), (3, -3)])
@pytest.mark.parametrize("rd", [0, 1, 5])
def test_jalr_reads_its_target_before_it_links(target: int, offset: int, rd: int) -> None:
    state = agreed_step(Case([asm.jalr(rd, 5, offset)], {5: target}))
    assert state.pc == (target + offset) & ~1 & U64
    assert rd == 0 or state.registers[rd] == CODE + 4


@pytest.mark.parametrize("word", [asm.FENCE, 0x0000_000F, 0x8330_000F, 0xFFF0_8F8F])
def test_a_fence_does_nothing(word: int) -> None:
    state = agreed_step(Case([word], {1: 5}))
    assert everything(state) == [0, 5, *[0] * 30, CODE + 4]


@pytest.mark.parametrize(
    "word",
    [
        asm.register("add", 0, 1, 2),
        asm.immediate("addi", 0, 1, 5),
        asm.load("ld", 0, 3),
        asm.lui(0, 0x5000),
        asm.auipc(0, 0x5000),
        asm.jal(0, 8),
        asm.jalr(0, 1),
    ],
)
def test_x0_stays_zero(word: int) -> None:
    case = Case([word, asm.register("add", 4, 0, 0)], {1: 0x2000, 2: 7, 3: CODE})
    assert agreed_step(case).registers[0] == 0
    follow_up = Case([asm.register("add", 4, 0, 0)], {4: 9})
    assert agreed_step(follow_up).registers[4] == 0

"""Loads and stores at every place within and across leaves and pages, and code that writes code."""

import pytest

from faultproof.vm.memory import MEMORY_SIZE
from faultproof.vm.state import U64
from tests.faultproof import assembler as asm
from tests.faultproof.opinions import CODE, Case, agreed_step, agreed_steps

DATA = 0x2000
PATTERN = bytes(range(0x71, 0x71 + 96))
VALUE = 0x8182_8384_8586_8788


def little(data: bytes, is_signed: bool) -> int:
    return int.from_bytes(data, "little", signed=is_signed) & U64


@pytest.mark.parametrize("name", asm.LOAD)
def test_a_load_at_every_place_of_a_leaf(name: str) -> None:
    size = asm.ACCESS_SIZE[name]
    for place in range(32, 65):
        case = Case([asm.load(name, 5, 6, place - 40)], {6: DATA + 40}, {DATA: PATTERN})
        state = agreed_step(case, on_chain=place % 4 == 1 or 32 - place % 32 < size)
        assert state.registers[5] == little(PATTERN[place : place + size], not name.endswith("u"))


@pytest.mark.parametrize("name", asm.STORE)
def test_a_store_at_every_place_of_a_leaf(name: str) -> None:
    size = asm.ACCESS_SIZE[name]
    for place in range(32, 65):
        words = [asm.store(name, 5, 6, place - 40)]
        case = Case(words, {5: VALUE, 6: DATA + 40}, {DATA: PATTERN})
        state = agreed_step(case, on_chain=place % 4 == 1 or 32 - place % 32 < size)
        stored = (VALUE & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        expected = Case(words, data={DATA: PATTERN[:place] + stored + PATTERN[place + size :]}).start()[0]
        assert state.memory_root == expected.memory_root


@pytest.mark.parametrize("address", [0x2FFC, 0x2FF9, 0x2FFF, 0x7FFF_FFFC, 0xFFFF_EFFC])
def test_accesses_across_pages_and_high_subtrees(address: int) -> None:
    words = [asm.store("sd", 5, 6, 0), asm.load("ld", 7, 6, 0), asm.load("lhu", 8, 6, 3)]
    states = agreed_steps(Case(words, {5: VALUE, 6: address}), 3)
    assert states[-1].registers[7] == VALUE
    assert states[-1].registers[8] == VALUE >> 24 & 0xFFFF


@pytest.mark.parametrize("name", [*asm.LOAD, *asm.STORE])
def test_the_last_bytes_of_memory_can_be_accessed(name: str) -> None:
    make = asm.load if name in asm.LOAD else asm.store
    case = Case([make(name, 5, 6, 0)], {5: VALUE, 6: MEMORY_SIZE - asm.ACCESS_SIZE[name]})
    assert not agreed_step(case).exited


@pytest.mark.parametrize(("base", "offset"), [(8, -4), (U64, 9), (U64 - 2047, 2047 - 2047 + 0)])
def test_addresses_are_computed_modulo_two_to_the_64(base: int, offset: int) -> None:
    address = (base + offset) & U64
    state = agreed_step(Case([asm.load("ld", 5, 6, offset)], {6: base}, {0: PATTERN}))
    assert state.exited == (address > MEMORY_SIZE - 8)
    assert state.exited or state.registers[5] == little(PATTERN[address : address + 8], False)


def test_an_instruction_that_was_just_written_is_executed() -> None:
    new = asm.immediate("addi", 7, 0, 42)
    old = asm.immediate("addi", 7, 0, 1)
    case = Case([asm.store("sw", 5, 6, 4), old], {5: new, 6: CODE})
    assert agreed_steps(case, 2)[-1].registers[7] == 42


def test_a_loop_that_rewrites_itself_is_decoded_anew() -> None:
    # Each round adds one to the immediate of the addi at the loop's start.
    words = [
        asm.immediate("addi", 7, 7, 0),
        asm.load("lwu", 5, 6, 0),
        asm.register("add", 5, 5, 8),
        asm.store("sw", 5, 6, 0),
        asm.jal(0, -16),
    ]
    case = Case(words, {6: CODE, 8: 1 << 20})
    assert agreed_steps(case, 51, on_chain=False)[-1].registers[7] == sum(range(11))


def test_half_an_instruction_can_be_rewritten_across_a_page() -> None:
    # The store covers the last half of the page's last word and the first half of the next page's first one.
    pc = 0x3FF8
    target = asm.immediate("addi", 7, 0, 0x123)
    words = [asm.store("sw", 5, 6, 0), 0x0000_0393, asm.FENCE]
    value = (target >> 16) | (asm.FENCE & 0xFFFF) << 16
    states = agreed_steps(Case(words, {5: value, 6: pc + 6}, pc=pc), 3)
    assert states[-1].registers[7] == 0x123


def test_a_store_over_itself_changes_what_runs_next_not_what_runs_now() -> None:
    case = Case([asm.store("sd", 5, 6, 0), 0], {5: asm.EBREAK << 32 | asm.EBREAK, 6: CODE})
    states = agreed_steps(case, 2)
    assert not states[0].exited
    assert states[1].exit_code == 0xF3


def test_data_that_lies_beside_decoded_code_can_be_written() -> None:
    words = [asm.store("sb", 5, 6, 64), asm.load("lbu", 7, 6, 64), asm.jal(0, -8)]
    states = agreed_steps(Case(words, {5: 0xAB, 6: CODE}), 6, on_chain=False)
    assert states[-1].registers[7] == 0xAB

"""Programs by chance: all implementations agree on every state hash on the way."""

import pytest
import unicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unicorn import riscv_const

from evm.types import keccak256
from faultproof.preimage import MissingPreimage, keccak256_key
from faultproof.vm.memory import MEMORY_SIZE
from faultproof.vm.state import U64
from tests.faultproof import assembler as asm
from tests.faultproof.opinions import CODE, Case, agreed_steps

PREIMAGE = bytes(range(50))
KEY = keccak256_key(keccak256(PREIMAGE))
DATA = 0x6000

# Addresses near a leaf's and a page's border, near the ends of memory, and into the code.
ADDRESSES = (DATA, DATA + 29, DATA + 4090, CODE, CODE + 30, 0, MEMORY_SIZE - 4, MEMORY_SIZE, U64)

registers = st.integers(0, 31)
values = st.one_of(st.sampled_from([0, 1, 2, 32, U64, 1 << 63, 1 << 31, *ADDRESSES]), st.integers(0, U64))
offsets = st.integers(-64, 64)

words = st.one_of(
    st.builds(asm.register, st.sampled_from(sorted(asm.REGISTER)), registers, registers, registers),
    st.builds(asm.immediate, st.sampled_from(sorted(asm.IMMEDIATE)), registers, registers, st.integers(-2048, 2047)),
    st.builds(asm.immediate, st.sampled_from(sorted(asm.SHIFT)), registers, registers, st.integers(0, 31)),
    st.builds(asm.load, st.sampled_from(sorted(asm.LOAD)), registers, registers, offsets),
    st.builds(asm.store, st.sampled_from(sorted(asm.STORE)), registers, registers, offsets),
    st.builds(
        asm.branch, st.sampled_from(sorted(asm.BRANCH)), registers, registers, st.integers(-8, 8).map(lambda n: 4 * n)
    ),
    st.builds(asm.jal, registers, st.integers(1, 8).map(lambda n: 4 * n)),
    st.builds(asm.lui, registers, st.integers(0, (1 << 32) - 1)),
    st.builds(asm.auipc, registers, st.integers(0, (1 << 32) - 1)),
    st.just(asm.ECALL),
    st.integers(0, (1 << 32) - 1),
)


@st.composite
def programs(draw: st.DrawFn) -> Case:
    """Code, registers of which some are addresses and ecall numbers, data."""
    start = {number: draw(values) for number in range(1, 32)}
    start[17] = draw(st.sampled_from([1, 2, 93, 5]))
    start[10] = draw(st.sampled_from([DATA, DATA + 32, CODE, 7]))
    start[11] = draw(st.integers(0, 34))
    return Case(
        draw(st.lists(words, min_size=1, max_size=24)),
        start,
        {DATA: draw(st.binary(min_size=64, max_size=64)) + KEY},
        preimages={KEY: PREIMAGE},
        preimage_key=KEY,
    )


def agreed_until_unprovable(case: Case, count: int, *, on_chain: bool) -> int:
    """How many steps were made and agreed upon; a read that no oracle can serve ends them, on all machines at the same step."""
    try:
        return len(agreed_steps(case, count, on_chain=on_chain))
    except MissingPreimage:
        reference = case.reference()
        with pytest.raises(MissingPreimage):
            reference.run(count)
        made = reference.moment.step
        return len(agreed_steps(case, made, on_chain=on_chain))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.integers(1, 20))
def test_every_state_of_a_random_program_is_the_same_on_all_machines(case: Case, count: int) -> None:
    assert agreed_until_unprovable(case, count, on_chain=False) <= count


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_a_random_program_runs_alike_on_chain(case: Case) -> None:
    assert agreed_until_unprovable(case, 6, on_chain=True) <= 6


computations = st.one_of(
    st.builds(asm.register, st.sampled_from(sorted(asm.REGISTER)), registers, registers, registers),
    st.builds(asm.immediate, st.sampled_from(sorted(asm.IMMEDIATE)), registers, registers, st.integers(-2048, 2047)),
    st.builds(asm.lui, registers, st.integers(0, (1 << 32) - 1)),
    # x31 stays the address of the data: nothing else writes above x30 here.
    st.builds(asm.load, st.sampled_from(sorted(asm.LOAD)), st.integers(0, 30), st.just(31), st.integers(0, 120)),
    st.builds(asm.store, st.sampled_from(sorted(asm.STORE)), registers, st.just(31), st.integers(0, 120)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(computations, min_size=1, max_size=60), st.lists(values, min_size=30, max_size=30), st.binary(max_size=128)
)
def test_unicorn_ends_with_the_same_registers_and_memory(code: list[int], start: list[int], data: bytes) -> None:
    kept = [word for word in code if word >> 7 & 31 != 31 or word & 0x7F == 0x23]
    case = Case(kept, {**dict(enumerate(start, 1)), 31: DATA}, {DATA: data} if data else {})
    machine = case.native()
    machine.run(len(kept))

    emulator = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    emulator.mem_map(CODE, 4096)
    emulator.mem_map(DATA, 4096)
    emulator.mem_write(CODE, asm.code(kept) or bytes(4))
    emulator.mem_write(DATA, data)
    for number in range(1, 32):
        emulator.reg_write(riscv_const.UC_RISCV_REG_X0 + number, case.registers[number])
    if kept:
        emulator.emu_start(CODE, CODE + 4 * len(kept), count=len(kept))
    found = [emulator.reg_read(riscv_const.UC_RISCV_REG_X0 + number) for number in range(32)]
    assert machine.moment.registers == found
    assert machine.read(DATA, 4096) == bytes(emulator.mem_read(DATA, 4096))

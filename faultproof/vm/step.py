"""One step of the fault-proof VM, written to be read next to the RISC-V manual.

Spec: docs/fpvm.md, sections 3 to 5; RISC-V unprivileged ISA, RV64I and M
"""

from collections.abc import Callable
from typing import Protocol

from faultproof.vm.memory import LEAF_SIZE, MEMORY_SIZE, LeafMemory
from faultproof.vm.state import U64, State

ILLEGAL_INSTRUCTION = 0xF0
BAD_PC = 0xF1
ADDRESS_OUT_OF_RANGE = 0xF2
BREAKPOINT = 0xF3
UNKNOWN_ECALL = 0xF4
BAD_ARGUMENT = 0xF5

SET_KEY = 1
READ = 2
EXIT = 93

ECALL_WORD = 0x0000_0073
EBREAK_WORD = 0x0010_0073

A0, A1, A7 = 10, 11, 17


class Oracle(Protocol):
    """Answers READ."""

    def read(self, key: bytes, offset: int) -> bytes:
        """Up to 32 bytes of the value of a key (the preimage behind its 8-byte length) from an offset on, never none.

        Raises MissingPreimage when there is no such preimage or no byte at the offset.
        """


class _Fault(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


def step(state: State, memory: LeafMemory, oracle: Oracle) -> None:
    """Executes the next instruction: changes `state`, its memory root excepted, and `memory`.

    Raises what the oracle raises; nothing is changed then.
    """
    if state.exited:
        return
    try:
        if state.pc % 4 or state.pc >= MEMORY_SIZE:
            raise _Fault(BAD_PC)
        word = int.from_bytes(_load(memory, state.pc, 4), "little")
        execute(word, state, memory, oracle)
    except _Fault as fault:
        state.exited = True
        state.exit_code = fault.code
    state.step = (state.step + 1) & U64


# --- operands ---------------------------------------------------------------------------------------------------------


def signed(value: int, bits: int = 64) -> int:
    """The low bits as a two's complement number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def sx32(value: int) -> int:
    """The low 32 bits, sign-extended."""
    return signed(value, 32)


def _bits(word: int, high: int, low: int) -> int:
    return (word >> low) & ((1 << (high - low + 1)) - 1)


def _immediate_i(word: int) -> int:
    return signed(_bits(word, 31, 20), 12)


def _immediate_s(word: int) -> int:
    return signed(_bits(word, 31, 25) << 5 | _bits(word, 11, 7), 12)


def _immediate_b(word: int) -> int:
    parts = _bits(word, 31, 31) << 12 | _bits(word, 7, 7) << 11 | _bits(word, 30, 25) << 5 | _bits(word, 11, 8) << 1
    return signed(parts, 13)


def _immediate_u(word: int) -> int:
    return signed(word & 0xFFFF_F000, 32)


def _immediate_j(word: int) -> int:
    parts = _bits(word, 31, 31) << 20 | _bits(word, 19, 12) << 12 | _bits(word, 20, 20) << 11 | _bits(word, 30, 21) << 1
    return signed(parts, 21)


# --- arithmetic -------------------------------------------------------------------------------------------------------


def _quotient(a: int, b: int) -> int:
    if b == 0:
        return -1
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _remainder(a: int, b: int) -> int:
    return a if b == 0 else a - b * _quotient(a, b)


def _unsigned32(value: int) -> int:
    return value & 0xFFFF_FFFF


Operation = Callable[[int, int], int]

# Operands are 64-bit unsigned numbers; results are reduced to 64 bits by whoever writes them to a register.
REGISTER_OPERATIONS: dict[tuple[int, int, int], Operation] = {
    # opcode, funct7, funct3
    (0x33, 0x00, 0): lambda a, b: a + b,  # add
    (0x33, 0x20, 0): lambda a, b: a - b,  # sub
    (0x33, 0x00, 1): lambda a, b: a << (b & 63),  # sll
    (0x33, 0x00, 2): lambda a, b: int(signed(a) < signed(b)),  # slt
    (0x33, 0x00, 3): lambda a, b: int(a < b),  # sltu
    (0x33, 0x00, 4): lambda a, b: a ^ b,  # xor
    (0x33, 0x00, 5): lambda a, b: a >> (b & 63),  # srl
    (0x33, 0x20, 5): lambda a, b: signed(a) >> (b & 63),  # sra
    (0x33, 0x00, 6): lambda a, b: a | b,  # or
    (0x33, 0x00, 7): lambda a, b: a & b,  # and
    (0x33, 0x01, 0): lambda a, b: a * b,  # mul
    (0x33, 0x01, 1): lambda a, b: signed(a) * signed(b) >> 64,  # mulh
    (0x33, 0x01, 2): lambda a, b: signed(a) * b >> 64,  # mulhsu
    (0x33, 0x01, 3): lambda a, b: a * b >> 64,  # mulhu
    (0x33, 0x01, 4): lambda a, b: _quotient(signed(a), signed(b)),  # div
    (0x33, 0x01, 5): lambda a, b: _quotient(a, b),  # divu
    (0x33, 0x01, 6): lambda a, b: _remainder(signed(a), signed(b)),  # rem
    (0x33, 0x01, 7): lambda a, b: _remainder(a, b),  # remu
    (0x3B, 0x00, 0): lambda a, b: sx32(a + b),  # addw
    (0x3B, 0x20, 0): lambda a, b: sx32(a - b),  # subw
    (0x3B, 0x00, 1): lambda a, b: sx32(a << (b & 31)),  # sllw
    (0x3B, 0x00, 5): lambda a, b: sx32(_unsigned32(a) >> (b & 31)),  # srlw
    (0x3B, 0x20, 5): lambda a, b: sx32(a) >> (b & 31),  # sraw
    (0x3B, 0x01, 0): lambda a, b: sx32(a * b),  # mulw
    (0x3B, 0x01, 4): lambda a, b: sx32(_quotient(sx32(a), sx32(b))),  # divw
    (0x3B, 0x01, 5): lambda a, b: sx32(_quotient(_unsigned32(a), _unsigned32(b))),  # divuw
    (0x3B, 0x01, 6): lambda a, b: sx32(_remainder(sx32(a), sx32(b))),  # remw
    (0x3B, 0x01, 7): lambda a, b: sx32(_remainder(_unsigned32(a), _unsigned32(b))),  # remuw
}

# With an immediate: the register operation of the same funct3. Shifts have their amount, and what is above it, checked apart.
IMMEDIATE_OPCODES = {0x13: (0x33, 6), 0x1B: (0x3B, 5)}  # opcode: that of the register form, bits of a shift amount
SHIFTS = (1, 5)

BRANCHES: dict[int, Callable[[int, int], bool]] = {
    0: lambda a, b: a == b,  # beq
    1: lambda a, b: a != b,  # bne
    4: lambda a, b: signed(a) < signed(b),  # blt
    5: lambda a, b: signed(a) >= signed(b),  # bge
    6: lambda a, b: a < b,  # bltu
    7: lambda a, b: a >= b,  # bgeu
}

LOADS = {0: (1, True), 1: (2, True), 2: (4, True), 3: (8, True), 4: (1, False), 5: (2, False), 6: (4, False)}
STORES = {0: 1, 1: 2, 2: 4, 3: 8}


# --- instructions -----------------------------------------------------------------------------------------------------


def execute(word: int, state: State, memory: LeafMemory, oracle: Oracle) -> None:
    """Executes an instruction word. Raises _Fault before anything is changed."""
    opcode, rd, funct3, funct7 = word & 0x7F, _bits(word, 11, 7), _bits(word, 14, 12), _bits(word, 31, 25)
    rs1, rs2 = state.registers[_bits(word, 19, 15)], state.registers[_bits(word, 24, 20)]
    pc = state.pc
    next_pc = pc + 4
    result: int | None = None  # what goes to rd

    if (opcode, funct7, funct3) in REGISTER_OPERATIONS:
        result = REGISTER_OPERATIONS[opcode, funct7, funct3](rs1, rs2)
    elif opcode in IMMEDIATE_OPCODES:
        result = _with_immediate(word)(rs1)
    elif opcode == 0x37:  # lui
        result = _immediate_u(word)
    elif opcode == 0x17:  # auipc
        result = pc + _immediate_u(word)
    elif opcode == 0x6F:  # jal
        result = next_pc
        next_pc = pc + _immediate_j(word)
    elif opcode == 0x67 and funct3 == 0:  # jalr
        result = next_pc
        next_pc = (rs1 + _immediate_i(word)) & ~1
    elif opcode == 0x63 and funct3 in BRANCHES:
        if BRANCHES[funct3](rs1, rs2):
            next_pc = pc + _immediate_b(word)
    elif opcode == 0x03 and funct3 in LOADS:
        size, is_signed = LOADS[funct3]
        data = _load(memory, (rs1 + _immediate_i(word)) & U64, size)
        result = int.from_bytes(data, "little", signed=is_signed)
    elif opcode == 0x23 and funct3 in STORES:
        size = STORES[funct3]
        data = (rs2 & ((1 << (8 * size)) - 1)).to_bytes(size, "little")
        _store(memory, (rs1 + _immediate_s(word)) & U64, data)
    elif opcode == 0x0F and funct3 == 0:  # fence
        pass
    elif word == ECALL_WORD:
        if _ecall(state, memory, oracle):
            return
    elif word == EBREAK_WORD:
        raise _Fault(BREAKPOINT)
    else:
        raise _Fault(ILLEGAL_INSTRUCTION)

    if result is not None and rd:
        state.registers[rd] = result & U64
    state.pc = next_pc & U64


def _with_immediate(word: int) -> Callable[[int], int]:
    """addi, slti, sltiu, xori, ori, andi, slli, srli, srai and addiw, slliw, srliw, sraiw. Raises _Fault."""
    opcode, funct3 = word & 0x7F, _bits(word, 14, 12)
    register_opcode, shift_bits = IMMEDIATE_OPCODES[opcode]
    funct7 = 0
    operand = _immediate_i(word) & U64
    if funct3 in SHIFTS:
        operand = _bits(word, 19 + shift_bits, 20)
        funct7 = _bits(word, 31, 20 + shift_bits) << (shift_bits - 5)
    operation = REGISTER_OPERATIONS.get((register_opcode, funct7, funct3))
    if operation is None or funct7 not in (0, 0x20):  # multiplications have no immediate
        raise _Fault(ILLEGAL_INSTRUCTION)
    return lambda value: operation(value, operand)


def _check_address(address: int, size: int) -> None:
    if address > MEMORY_SIZE - size:
        raise _Fault(ADDRESS_OUT_OF_RANGE)


def _load(memory: LeafMemory, address: int, size: int) -> bytes:
    _check_address(address, size)
    first, last = address // LEAF_SIZE, (address + size - 1) // LEAF_SIZE
    data = b"".join(memory.read_leaf(index) for index in range(first, last + 1))
    return data[address % LEAF_SIZE :][:size]


def _store(memory: LeafMemory, address: int, data: bytes) -> None:
    _check_address(address, len(data))
    at = address % LEAF_SIZE
    here = data[: LEAF_SIZE - at]
    leaf = memory.read_leaf(address // LEAF_SIZE)
    memory.write_leaf(address // LEAF_SIZE, leaf[:at] + here + leaf[at + len(here) :])
    if len(here) < len(data):
        _store(memory, address + len(here), data[len(here) :])


def _ecall(state: State, memory: LeafMemory, oracle: Oracle) -> bool:
    """SET_KEY, READ or EXIT; whether it was EXIT. Spec: docs/fpvm.md, section 5"""
    number, pointer, wanted = state.registers[A7], state.registers[A0], state.registers[A1]
    if number == EXIT:
        state.exited = True
        state.exit_code = min(pointer, 255)
        return True
    if number not in (SET_KEY, READ):
        raise _Fault(UNKNOWN_ECALL)
    if pointer % LEAF_SIZE or pointer >= MEMORY_SIZE or (number == READ and not 1 <= wanted <= LEAF_SIZE):
        raise _Fault(BAD_ARGUMENT)
    index = pointer // LEAF_SIZE
    if number == SET_KEY:
        state.preimage_key = memory.read_leaf(index)
        state.preimage_offset = 0
    else:
        data = oracle.read(state.preimage_key, state.preimage_offset)[:wanted]
        memory.write_leaf(index, data + memory.read_leaf(index)[len(data) :])
        state.preimage_offset += len(data)
        state.registers[A0] = len(data)
    return False

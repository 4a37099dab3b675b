"""Instruction words from mnemonics, for the VM's tests."""

from collections.abc import Iterable

# mnemonic: opcode, funct3, funct7
REGISTER = {
    "add": (0x33, 0, 0x00),
    "sub": (0x33, 0, 0x20),
    "sll": (0x33, 1, 0x00),
    "slt": (0x33, 2, 0x00),
    "sltu": (0x33, 3, 0x00),
    "xor": (0x33, 4, 0x00),
    "srl": (0x33, 5, 0x00),
    "sra": (0x33, 5, 0x20),
    "or": (0x33, 6, 0x00),
    "and": (0x33, 7, 0x00),
    "mul": (0x33, 0, 0x01),
    "mulh": (0x33, 1, 0x01),
    "mulhsu": (0x33, 2, 0x01),
    "mulhu": (0x33, 3, 0x01),
    "div": (0x33, 4, 0x01),
    "divu": (0x33, 5, 0x01),
    "rem": (0x33, 6, 0x01),
    "remu": (0x33, 7, 0x01),
    "addw": (0x3B, 0, 0x00),
    "subw": (0x3B, 0, 0x20),
    "sllw": (0x3B, 1, 0x00),
    "srlw": (0x3B, 5, 0x00),
    "sraw": (0x3B, 5, 0x20),
    "mulw": (0x3B, 0, 0x01),
    "divw": (0x3B, 4, 0x01),
    "divuw": (0x3B, 5, 0x01),
    "remw": (0x3B, 6, 0x01),
    "remuw": (0x3B, 7, 0x01),
}
IMMEDIATE = {
    "addi": (0x13, 0),
    "slti": (0x13, 2),
    "sltiu": (0x13, 3),
    "xori": (0x13, 4),
    "ori": (0x13, 6),
    "andi": (0x13, 7),
    "addiw": (0x1B, 0),
}
SHIFT = {
    # opcode, funct3, bits above the amount
    "slli": (0x13, 1, 0x000),
    "srli": (0x13, 5, 0x000),
    "srai": (0x13, 5, 0x400),
    "slliw": (0x1B, 1, 0x000),
    "srliw": (0x1B, 5, 0x000),
    "sraiw": (0x1B, 5, 0x400),
}
LOAD = {"lb": 0, "lh": 1, "lw": 2, "ld": 3, "lbu": 4, "lhu": 5, "lwu": 6}
STORE = {"sb": 0, "sh": 1, "sw": 2, "sd": 3}
BRANCH = {"beq": 0, "bne": 1, "blt": 4, "bge": 5, "bltu": 6, "bgeu": 7}

ECALL = 0x0000_0073
EBREAK = 0x0010_0073
FENCE = 0x0FF0_000F

ACCESS_SIZE = {**{name: 1 << (code & 3) for name, code in LOAD.items()}, **{name: 1 << c for name, c in STORE.items()}}


def register(name: str, rd: int, rs1: int, rs2: int) -> int:
    """Two registers to one."""
    opcode, funct3, funct7 = REGISTER[name]
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def _format_i(opcode: int, funct3: int, rd: int, rs1: int, immediate: int) -> int:
    return (immediate & 0xFFF) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def immediate(name: str, rd: int, rs1: int, value: int) -> int:
    """A register and an immediate; the shifts too."""
    if name in SHIFT:
        opcode, funct3, above = SHIFT[name]
        return _format_i(opcode, funct3, rd, rs1, above | value)
    opcode, funct3 = IMMEDIATE[name]
    return _format_i(opcode, funct3, rd, rs1, value)


def load(name: str, rd: int, rs1: int, offset: int = 0) -> int:
    """From memory."""
    return _format_i(0x03, LOAD[name], rd, rs1, offset)


def store(name: str, rs2: int, rs1: int, offset: int = 0) -> int:
    """To memory."""
    offset &= 0xFFF
    return (offset >> 5) << 25 | rs2 << 20 | rs1 << 15 | STORE[name] << 12 | (offset & 31) << 7 | 0x23


def branch(name: str, rs1: int, rs2: int, offset: int) -> int:
    """Relative to the instruction."""
    offset &= 0x1FFF
    high = (offset >> 12) << 31 | (offset >> 5 & 0x3F) << 25
    low = (offset >> 1 & 0xF) << 8 | (offset >> 11 & 1) << 7
    return high | rs2 << 20 | rs1 << 15 | BRANCH[name] << 12 | low | 0x63


def lui(rd: int, value: int) -> int:
    """`value` is what the register gets, its low 12 bits zero."""
    return value & 0xFFFF_F000 | rd << 7 | 0x37


def auipc(rd: int, value: int) -> int:
    """`value` is what is added to pc, its low 12 bits zero."""
    return value & 0xFFFF_F000 | rd << 7 | 0x17


def jal(rd: int, offset: int) -> int:
    """Relative to the instruction."""
    offset &= 0x1F_FFFF
    parts = (offset >> 20) << 31 | (offset >> 1 & 0x3FF) << 21 | (offset >> 11 & 1) << 20 | (offset >> 12 & 0xFF) << 12
    return parts | rd << 7 | 0x6F


def jalr(rd: int, rs1: int, offset: int = 0) -> int:
    """To where a register says."""
    return _format_i(0x67, 0, rd, rs1, offset)


def code(words: Iterable[int]) -> bytes:
    """Words as they lie in memory."""
    return b"".join(word.to_bytes(4, "little") for word in words)

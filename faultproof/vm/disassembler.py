"""Instruction words as people read them."""

from faultproof.vm.step import EBREAK_WORD, ECALL_WORD, sx32

_NAMES = (
    *("zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5"),
    *("a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"),
)

_REGISTER = {
    (0x33, 0x00): "add sll slt sltu xor srl or and",
    (0x33, 0x20): "sub - - - - sra - -",
    (0x33, 0x01): "mul mulh mulhsu mulhu div divu rem remu",
    (0x3B, 0x00): "addw sllw - - - srlw - -",
    (0x3B, 0x20): "subw - - - - sraw - -",
    (0x3B, 0x01): "mulw - - - divw divuw remw remuw",
}
_IMMEDIATE = {0x13: "addi - slti sltiu xori - ori andi", 0x1B: "addiw - - - - - - -"}
_SHIFTS = {
    # opcode: bits above the amount: names by funct3
    (0x13, 0x00): {1: "slli", 5: "srli"},
    (0x13, 0x10): {5: "srai"},
    (0x1B, 0x00): {1: "slliw", 5: "srliw"},
    (0x1B, 0x20): {5: "sraiw"},
}
_LOADS = "lb lh lw ld lbu lhu lwu -"
_STORES = "sb sh sw sd - - - -"
_BRANCHES = "beq bne - - blt bge bltu bgeu"


def register_name(number: int) -> str:
    """The name by the calling convention, e.g. `a0`."""
    return _NAMES[number]


def disassemble(word: int, pc: int) -> str:
    """The instruction with its operands; targets are absolute. `illegal` when the word is none."""
    opcode, funct3 = word & 0x7F, word >> 12 & 7
    rd, rs1, rs2 = (_NAMES[word >> at & 31] for at in (7, 15, 20))
    signed = sx32(word)
    if opcode in (0x33, 0x3B):
        name = _pick(_REGISTER.get((opcode, word >> 25), ""), funct3)
        return f"{name} {rd}, {rs1}, {rs2}" if name else "illegal"
    if opcode in (0x13, 0x1B):
        return _with_immediate(word, opcode, funct3)
    if opcode == 0x03 and (name := _pick(_LOADS, funct3)):
        return f"{name} {rd}, {signed >> 20}({rs1})"
    if opcode == 0x23 and (name := _pick(_STORES, funct3)):
        return f"{name} {rs2}, {(signed >> 25) << 5 | word >> 7 & 31}({rs1})"
    if opcode == 0x63 and (name := _pick(_BRANCHES, funct3)):
        offset = (signed >> 31) << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 0xF) << 1
        return f"{name} {rs1}, {rs2}, {pc + offset:#x}"
    if opcode == 0x6F:
        offset = (signed >> 31) << 20 | word & 0xFF000 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
        return f"jal {rd}, {pc + offset:#x}"
    if opcode == 0x67 and funct3 == 0:
        return f"jalr {rd}, {signed >> 20}({rs1})"
    if opcode in (0x37, 0x17):
        return f"{'lui' if opcode == 0x37 else 'auipc'} {rd}, {word >> 12:#x}"
    if opcode == 0x0F and funct3 == 0:
        return "fence"
    return {ECALL_WORD: "ecall", EBREAK_WORD: "ebreak"}.get(word, "illegal")


def _with_immediate(word: int, opcode: int, funct3: int) -> str:
    rd, rs1 = _NAMES[word >> 7 & 31], _NAMES[word >> 15 & 31]
    if name := _pick(_IMMEDIATE[opcode], funct3):
        return f"{name} {rd}, {rs1}, {sx32(word) >> 20}"
    amount_bits = 6 if opcode == 0x13 else 5
    shift = _SHIFTS.get((opcode, word >> (20 + amount_bits)), {}).get(funct3)
    return f"{shift} {rd}, {rs1}, {word >> 20 & ((1 << amount_bits) - 1)}" if shift else "illegal"


def _pick(names: str, funct3: int) -> str:
    """The name of a function, empty when there is none."""
    name = names.split()[funct3] if names else "-"
    return "" if name == "-" else name

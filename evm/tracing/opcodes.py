"""The names of opcodes as geth writes them, and how many words each takes from the stack and puts there."""

STOP, KECCAK256, SLOAD, SSTORE = 0x00, 0x20, 0x54, 0x55
BALANCE, EXTCODESIZE, EXTCODECOPY, EXTCODEHASH = 0x31, 0x3B, 0x3C, 0x3F
CREATE, CALL, CALLCODE, DELEGATECALL, CREATE2, STATICCALL, SELFDESTRUCT = 0xF0, 0xF1, 0xF2, 0xF4, 0xF5, 0xFA, 0xFF

_TABLE = """
00 STOP 0 0|01 ADD 2 1|02 MUL 2 1|03 SUB 2 1|04 DIV 2 1|05 SDIV 2 1|06 MOD 2 1|07 SMOD 2 1|08 ADDMOD 3 1
09 MULMOD 3 1|0a EXP 2 1|0b SIGNEXTEND 2 1|10 LT 2 1|11 GT 2 1|12 SLT 2 1|13 SGT 2 1|14 EQ 2 1|15 ISZERO 1 1
16 AND 2 1|17 OR 2 1|18 XOR 2 1|19 NOT 1 1|1a BYTE 2 1|1b SHL 2 1|1c SHR 2 1|1d SAR 2 1|1e CLZ 1 1|20 KECCAK256 2 1
30 ADDRESS 0 1|31 BALANCE 1 1|32 ORIGIN 0 1|33 CALLER 0 1|34 CALLVALUE 0 1|35 CALLDATALOAD 1 1|36 CALLDATASIZE 0 1
37 CALLDATACOPY 3 0|38 CODESIZE 0 1|39 CODECOPY 3 0|3a GASPRICE 0 1|3b EXTCODESIZE 1 1|3c EXTCODECOPY 4 0
3d RETURNDATASIZE 0 1|3e RETURNDATACOPY 3 0|3f EXTCODEHASH 1 1|40 BLOCKHASH 1 1|41 COINBASE 0 1|42 TIMESTAMP 0 1
43 NUMBER 0 1|44 DIFFICULTY 0 1|45 GASLIMIT 0 1|46 CHAINID 0 1|47 SELFBALANCE 0 1|48 BASEFEE 0 1|49 BLOBHASH 1 1
4a BLOBBASEFEE 0 1|50 POP 1 0|51 MLOAD 1 1|52 MSTORE 2 0|53 MSTORE8 2 0|54 SLOAD 1 1|55 SSTORE 2 0|56 JUMP 1 0
57 JUMPI 2 0|58 PC 0 1|59 MSIZE 0 1|5a GAS 0 1|5b JUMPDEST 0 0|5c TLOAD 1 1|5d TSTORE 2 0|5e MCOPY 3 0|5f PUSH0 0 1
f0 CREATE 3 1|f1 CALL 7 1|f2 CALLCODE 7 1|f3 RETURN 2 0|f4 DELEGATECALL 6 1|f5 CREATE2 4 1|fa STATICCALL 6 1
fd REVERT 2 0|fe INVALID 0 0|ff SELFDESTRUCT 1 0
"""


def _read_table() -> tuple[dict[int, str], dict[int, tuple[int, int]]]:
    names, effects = {}, {}
    for entry in _TABLE.replace("\n", "|").split("|"):
        if entry:
            code, name, taken, put = entry.split()
            names[int(code, 16)], effects[int(code, 16)] = name, (int(taken), int(put))
    for index in range(1, 33):
        names[0x5F + index], effects[0x5F + index] = f"PUSH{index}", (0, 1)
    for index in range(1, 17):
        names[0x7F + index], effects[0x7F + index] = f"DUP{index}", (index, index + 1)
        names[0x8F + index], effects[0x8F + index] = f"SWAP{index}", (index + 1, index + 1)
    for index in range(5):
        names[0xA0 + index], effects[0xA0 + index] = f"LOG{index}", (2 + index, 0)
    return names, effects


_NAMES, STACK_EFFECTS = _read_table()
"""`STACK_EFFECTS`: (words taken, words put back) by opcode, of all opcodes of all forks."""


def name_of(opcode: int) -> str:
    """The mnemonic, or geth's words for a byte that is no opcode."""
    return _NAMES.get(opcode) or f"opcode {opcode:#x} not defined"

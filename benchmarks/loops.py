"""Small EVM programs that run one kind of instruction over and over."""

from dataclasses import dataclass

_JUMPDEST, _PUSH1, _PUSH4, _PUSH16 = b"\x5b", b"\x60", b"\x63", b"\x6f"
_ADD, _MUL, _SUB, _KECCAK256, _POP, _MSTORE = b"\x01", b"\x02", b"\x03", b"\x20", b"\x50", b"\x52"
_JUMPI, _DUP1, _SWAP1, _STOP = b"\x57", b"\x80", b"\x90", b"\x00"
_TARGET_GAS = 6_000_000


@dataclass(frozen=True)
class Loop:
    """A program; `body` runs `rounds` times. `gas_limit` suffices for a call of it."""

    name: str
    what: str
    body: bytes
    rounds: int

    @property
    def code(self) -> bytes:
        """PUSH4 rounds; JUMPDEST; body; PUSH1 1; SWAP1; SUB; DUP1; PUSH1 5; JUMPI; STOP."""
        head = _PUSH4 + self.rounds.to_bytes(4, "big") + _JUMPDEST
        return head + self.body + _PUSH1 + b"\x01" + _SWAP1 + _SUB + _DUP1 + _PUSH1 + b"\x05" + _JUMPI + _STOP

    @property
    def gas_limit(self) -> int:
        """A third more than the rounds are made for."""
        return _TARGET_GAS * 4 // 3


_COUNTER_GAS = 26
_ARITHMETIC = _PUSH16 + b"\xab" * 16 + _PUSH16 + b"\xcd" * 16 + _MUL + _PUSH16 + b"\xef" * 16 + _ADD + _POP
_ARITHMETIC_GAS = 3 + 3 + 5 + 3 + 3 + 2
_HASHING = _PUSH1 + b"\x40" + _PUSH1 + b"\x00" + _KECCAK256 + _PUSH1 + b"\x00" + _MSTORE
_HASHING_GAS = 3 + 3 + 30 + 2 * 6 + 3 + 3

LOOPS = (
    Loop("counter", "SUB, DUP, PUSH, JUMPI", b"", _TARGET_GAS // _COUNTER_GAS),
    Loop(
        "arithmetic",
        "PUSH16, MUL, ADD and the counter",
        _ARITHMETIC,
        _TARGET_GAS // (_COUNTER_GAS + _ARITHMETIC_GAS),
    ),
    Loop(
        "keccak",
        "KECCAK256 of 64 bytes, MSTORE and the counter",
        _HASHING,
        _TARGET_GAS // (_COUNTER_GAS + _HASHING_GAS),
    ),
)

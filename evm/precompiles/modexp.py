"""MODEXP: base ** exponent % modulus on numbers of any length, at the prices of Byzantium, Berlin and Osaka."""

from collections.abc import Callable
from typing import Any, NamedTuple

from eth.exceptions import VMError

OSAKA_LENGTH_LIMIT = 1024
"""Bytes of each operand at most. Spec: EIP-7823."""
_LENGTHS_BYTES = 96
_WORD = 32


class _Operands(NamedTuple):
    base_length: int
    exponent_length: int
    modulus_length: int
    exponent_head: int


def _slice(data: bytes, start: int, length: int) -> int:
    """`length` bytes from `start` as a number, as if the data went on with zeros."""
    if start >= len(data):
        return 0
    part = data[start : start + length]
    return int.from_bytes(part, "big") << (8 * (length - len(part)))


def _operands(data: bytes) -> _Operands:
    base, exponent, modulus = (_slice(data, start, _WORD) for start in (0, 32, 64))
    head = _slice(data, _LENGTHS_BYTES + base, min(exponent, _WORD)) if exponent else 0
    return _Operands(base, exponent, modulus, head)


def _iterations(operands: _Operands, per_byte: int) -> int:
    head_bits = max(operands.exponent_head.bit_length() - 1, 0)
    return max(head_bits + per_byte * max(operands.exponent_length - _WORD, 0), 1)


def byzantium_gas(data: bytes) -> int:
    """Gas of a call with this input. Spec: EIP-198."""
    operands = _operands(data)
    longest = max(operands.base_length, operands.modulus_length)
    if longest <= 64:
        complexity = longest**2
    elif longest <= 1024:
        complexity = longest**2 // 4 + 96 * longest - 3072
    else:
        complexity = longest**2 // 16 + 480 * longest - 199_680
    return complexity * _iterations(operands, 8) // 20


def berlin_gas(data: bytes) -> int:
    """Gas of a call with this input. Spec: EIP-2565."""
    operands = _operands(data)
    words = (max(operands.base_length, operands.modulus_length) + 7) // 8
    return max(200, words * words * _iterations(operands, 8) // 3)


def osaka_gas(data: bytes) -> int:
    """Gas of a call with this input. Spec: EIP-7883."""
    operands = _operands(data)
    longest = max(operands.base_length, operands.modulus_length)
    words = (longest + 7) // 8
    complexity = 16 if longest <= _WORD else 2 * words * words
    return max(500, complexity * _iterations(operands, 16))


def power(data: bytes) -> bytes:
    """The result for this input, as long as the modulus. Spec: EIP-198."""
    base_length, exponent_length, modulus_length, _ = _operands(data)
    if modulus_length == 0:
        return b""
    exponent_start = _LENGTHS_BYTES + base_length
    modulus = _slice(data, exponent_start + exponent_length, modulus_length)
    if modulus == 0:
        return bytes(modulus_length)
    base = _slice(data, _LENGTHS_BYTES, base_length)
    exponent = _slice(data, exponent_start, exponent_length)
    return pow(base, exponent, modulus).to_bytes(modulus_length, "big")


def modexp(gas_of: Callable[[bytes], int], length_limit: int | None = None) -> Callable[[Any], Any]:
    """The precompile with this price; operands longer than `length_limit` bytes make it fail."""

    def run(computation: Any) -> Any:
        data = computation.msg.data_as_bytes
        if length_limit is not None and max(_operands(data)[:3]) > length_limit:
            raise VMError(f"MODEXP operand longer than {length_limit} bytes")
        computation.consume_gas(gas_of(data), reason="MODEXP")
        computation.output = power(data)
        return computation

    return run

"""Addresses and memory that the operands of an opcode name."""

from collections.abc import Sequence
from typing import Any

from evm.engine.message import contract_address
from evm.tracing.opcodes import CREATE
from evm.types import Address, keccak256

_ADDRESS_MASK = (1 << 160) - 1
_MOST_BYTES = 1 << 20
"""More memory than this is never copied for a trace: nothing that long can be created or paid for."""


def address_of_word(word: int) -> Address:
    """The account that a stack word names."""
    return Address((word & _ADDRESS_MASK).to_bytes(20, "big"))


def memory_slice(memory: Any, start: int, size: int) -> bytes:
    """Bytes of a computation's memory, with zeros where it does not reach; empty when it is absurdly much."""
    if size > _MOST_BYTES:
        return b""
    return bytes(memory._bytes[start : start + size]).ljust(size, b"\x00")


def created_address(opcode: int, creator: Address, nonce: int, arguments: Sequence[int], memory: Any) -> Address:
    """Where CREATE or CREATE2 with these operands (topmost first) puts the contract. Spec: EIP-1014."""
    if opcode == CREATE:
        return contract_address(creator, nonce)
    initcode = memory_slice(memory, arguments[1], arguments[2])
    return Address(keccak256(b"\xff" + creator + arguments[3].to_bytes(32, "big") + keccak256(initcode))[12:])

"""Osaka: CLZ, P256VERIFY and a dearer, bounded MODEXP. Spec: EIP-7939, EIP-7951, EIP-7883, EIP-7823."""

from typing import Any

from eth.constants import GAS_LOW
from eth.vm.opcode import as_opcode

from evm.forks.byzantium import MODEXP
from evm.forks.prague import Prague
from evm.precompiles.modexp import OSAKA_LENGTH_LIMIT, modexp, osaka_gas
from evm.precompiles.p256 import P256_GAS_OSAKA, p256_verify
from evm.types import Address

CLZ = 0x1E
P256_VERIFY = Address(bytes(18) + b"\x01\x00")


def count_leading_zeros(computation: Any) -> None:
    """Leading zero bits of a word; 256 for zero. Spec: EIP-7939."""
    computation.stack_push_int(256 - computation.stack_pop1_int().bit_length())


class Osaka(Prague):
    """Adds CLZ and P256VERIFY; changes MODEXP."""

    opcodes = {**Prague.opcodes, CLZ: as_opcode(count_leading_zeros, "CLZ", GAS_LOW)}  # noqa: RUF012
    _precompiles = {  # noqa: RUF012
        **Prague._precompiles,
        MODEXP: modexp(osaka_gas, OSAKA_LENGTH_LIMIT),
        P256_VERIFY: p256_verify(P256_GAS_OSAKA),
    }

"""Addresses with a checksum in the case of their letters, where geth prints them so."""

from evm.types import Address, keccak256


def checksum(address: Address) -> str:
    """The address with letters in upper case where the hash of its digits says so. Spec: EIP-55."""
    digits = address.hex()
    marks = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit for digit, mark in zip(digits, marks, strict=False)
    )

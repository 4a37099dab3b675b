"""Modular powers of the core, against Python's integers."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evm.native.primitives import modexp

pytestmark = pytest.mark.usefixtures("native_library")


def _expected(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    number = int.from_bytes(modulus, "big")
    if number == 0:
        return bytes(len(modulus))
    return pow(int.from_bytes(base, "big"), int.from_bytes(exponent, "big"), number).to_bytes(len(modulus), "big")


def _numbers(length: int) -> st.SearchStrategy[bytes]:
    """Big-endian numbers: any bytes, all bits set, powers of two, many trailing zeros, leading zeros."""
    bits = 8 * length
    return st.one_of(
        st.binary(max_size=length),
        st.integers(0, length).map(lambda size: b"\xff" * size),
        st.integers(0, bits - 1).map(lambda bit: (1 << bit).to_bytes(length, "big")),
        st.builds(lambda n, zeros: (n >> zeros << zeros).to_bytes(length, "big"), st.integers(0, (1 << bits) - 1),
                  st.integers(0, bits)),
        st.binary(max_size=length).map(lambda digits: bytes(9) + digits),
    )  # fmt: skip


@settings(max_examples=2000, deadline=None)
@given(base=_numbers(100), exponent=_numbers(12), modulus=_numbers(72))
def test_powers_agree_with_integers(base: bytes, exponent: bytes, modulus: bytes) -> None:
    assert modexp(base, exponent, modulus) == _expected(base, exponent, modulus)


@settings(max_examples=60, deadline=None)
@given(base=_numbers(40), exponent=_numbers(140), modulus=_numbers(33))
def test_long_exponents_agree_with_integers(base: bytes, exponent: bytes, modulus: bytes) -> None:
    assert modexp(base, exponent, modulus) == _expected(base, exponent, modulus)


@pytest.mark.parametrize("zeros", [0, 1, 63, 64, 65, 4095, 4096, 8191])
def test_the_longest_operands_of_osaka_agree(zeros: int) -> None:
    base, exponent, modulus = (hashlib.shake_128(name).digest(1024) for name in (b"base", b"exponent", b"modulus"))
    shifted = int.from_bytes(modulus, "big") | 1 << 8191 | 1 << zeros
    modulus = (shifted >> zeros << zeros).to_bytes(1024, "big")
    assert modexp(base, exponent[:64], modulus) == _expected(base, exponent[:64], modulus)


def test_the_empty_modulus_gives_nothing() -> None:
    assert modexp(b"\x02", b"\x03", b"") == b""


def test_zero_to_the_power_of_zero_is_one_unless_the_modulus_is() -> None:
    assert modexp(b"", b"", b"\x00\x02") == b"\x00\x01"
    assert modexp(b"\x00", b"\x00", b"\x00\x01") == b"\x00\x00"

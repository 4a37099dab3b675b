"""The EVM's arithmetic on 256-bit words, against Python's integers."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evm.native.primitives import word_operation
from tests.core.words import MODULUS, WORDS

pytestmark = pytest.mark.usefixtures("native_library")


def _signed(word: int) -> int:
    return word - MODULUS if word >> 255 else word


def _divide(a: int, b: int) -> int:
    return a // b if b else 0


def _signed_divide(a: int, b: int) -> int:
    a, b = _signed(a), _signed(b)
    quotient = _divide(abs(a), abs(b))
    return (-quotient if (a < 0) != (b < 0) else quotient) % MODULUS


def _signed_remainder(a: int, b: int) -> int:
    a, b = _signed(a), _signed(b)
    rest = abs(a) % abs(b) if b else 0
    return (-rest if a < 0 else rest) % MODULUS


def _sign_extend(index: int, value: int) -> int:
    if index >= 31:
        return value
    bits = 8 * (index + 1)
    value %= 1 << bits
    return (value - (1 << bits) if value >> (bits - 1) else value) % MODULUS


TWO_WORDS: dict[int, Callable[[int, int], int]] = {
    0x04: _divide,
    0x05: _signed_divide,
    0x06: lambda a, b: a % b if b else 0,
    0x07: _signed_remainder,
    0x0A: lambda a, b: pow(a, b, MODULUS),
    0x12: lambda a, b: int(_signed(a) < _signed(b)),
    0x1E: lambda a, _: 256 - a.bit_length(),
}
PLACE_AND_WORD: dict[int, Callable[[int, int], int]] = {
    0x0B: _sign_extend,
    0x1A: lambda index, value: value >> 8 * (31 - index) & 0xFF if index < 32 else 0,
    0x1B: lambda shift, value: (value << shift) % MODULUS if shift < 256 else 0,
    0x1C: lambda shift, value: value >> shift if shift < 256 else 0,
    0x1D: lambda shift, value: (_signed(value) >> min(shift, 256)) % MODULUS,
}


@pytest.mark.parametrize("opcode", TWO_WORDS, ids=hex)
@settings(max_examples=400, deadline=None)
@given(a=WORDS, b=WORDS)
def test_an_operation_on_two_words_agrees_with_integers(opcode: int, a: int, b: int) -> None:
    assert word_operation(opcode, a, b) == TWO_WORDS[opcode](a, b)


@pytest.mark.parametrize("opcode", PLACE_AND_WORD, ids=hex)
@settings(max_examples=400, deadline=None)
@given(place=st.one_of(st.integers(0, 300), WORDS), value=WORDS)
def test_an_operation_at_a_place_agrees_with_integers(opcode: int, place: int, value: int) -> None:
    assert word_operation(opcode, place, value) == PLACE_AND_WORD[opcode](place, value)


@settings(max_examples=1000, deadline=None)
@given(a=WORDS, b=WORDS, n=WORDS)
def test_sums_and_products_are_reduced_from_their_full_width(a: int, b: int, n: int) -> None:
    assert word_operation(0x08, a, b, n) == ((a + b) % n if n else 0)
    assert word_operation(0x09, a, b, n) == (a * b % n if n else 0)


@settings(max_examples=1000, deadline=None)
@given(quotient=WORDS, divisor=WORDS, offset=st.integers(-2, 2))
def test_division_is_exact_next_to_a_multiple_of_the_divisor(quotient: int, divisor: int, offset: int) -> None:
    dividend = (quotient * divisor + offset) % MODULUS
    if divisor:
        assert word_operation(0x04, dividend, divisor) == dividend // divisor
        assert word_operation(0x06, dividend, divisor) == dividend % divisor


def test_the_lowest_number_divided_by_minus_one_is_itself() -> None:
    assert word_operation(0x05, 1 << 255, MODULUS - 1) == 1 << 255


def test_an_opcode_that_is_no_arithmetic_is_refused() -> None:
    with pytest.raises(ValueError, match="0xfe is no arithmetic opcode"):
        word_operation(0xFE, 0, 0)

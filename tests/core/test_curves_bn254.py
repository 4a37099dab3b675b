"""The core's alt_bn128 against py_ecc, the Python precompiles and the laws of groups and pairings."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc.optimized_bn128 import FQ2, G1, G2, add, b2, curve_order, field_modulus, multiply, neg, normalize

from evm.precompiles.bn254 import g2_point
from tests.core.curves_kit import FAILED, PYTHON_SIDE, NativeCurves, curves, number, of_python

__all__ = ["curves"]

P, R = field_modulus, curve_order
X = 4965661367192848881
TRUE, FALSE = number(1, 32), number(0, 32)
INFINITY1, INFINITY2 = bytes(64), bytes(128)

EDGES = [
    0,
    1,
    2,
    3,
    R - 2,
    R - 1,
    R,
    R + 1,
    2 * R,
    5 * R,
    2**128 - 1,
    2**128,
    2**255,
    2**256 - 1,
    P,
    X,
    6 * X * X,
    R // 2,
]
SCALARS = st.one_of(st.sampled_from(EDGES), st.integers(0, 2**256 - 1))
ORDINARY = st.integers(1, R - 1)


def g1(scalar: int) -> bytes:
    """A multiple of the generator of G1 as the precompiles write it."""
    if scalar % R == 0:
        return INFINITY1
    return b"".join(number(int(c), 32) for c in normalize(multiply(G1, scalar % R)))


def g2_bytes(point: Any) -> bytes:
    return b"".join(number(int(c.coeffs[i]), 32) for c in normalize(point) for i in (1, 0))


def g2(scalar: int) -> bytes:
    return INFINITY2 if scalar % R == 0 else g2_bytes(multiply(G2, scalar % R))


def of_both(curves: NativeCurves, door: str, data: bytes) -> bytes | None:
    """The native result, which has to be the Python one."""
    result: bytes | None = getattr(curves, door)(data)
    assert result == of_python(PYTHON_SIDE[door], data), data.hex()
    return result


@settings(max_examples=60, deadline=None)
@given(a=SCALARS, b=SCALARS)
def test_sums_of_multiples_of_the_generator_are_those_of_py_ecc(curves: NativeCurves, a: int, b: int) -> None:
    assert of_both(curves, "bn254_add", g1(a) + g1(b)) == g1(a + b)


@settings(max_examples=20, deadline=None)
@given(a=SCALARS)
def test_sums_with_itself_its_opposite_and_infinity(curves: NativeCurves, a: int) -> None:
    point = g1(a)
    assert of_both(curves, "bn254_add", point + point) == g1(2 * a)
    assert of_both(curves, "bn254_add", point + g1(-a)) == INFINITY1
    assert of_both(curves, "bn254_add", point + INFINITY1) == point
    assert of_both(curves, "bn254_add", INFINITY1 + point) == point


@settings(max_examples=80, deadline=None)
@given(a=ORDINARY, k=SCALARS)
def test_multiples_are_those_of_py_ecc(curves: NativeCurves, a: int, k: int) -> None:
    assert of_both(curves, "bn254_mul", g1(a) + number(k, 32)) == g1(a * k)


@pytest.mark.parametrize("k", EDGES)
def test_edge_scalars_multiply_every_kind_of_point(curves: NativeCurves, k: int) -> None:
    assert of_both(curves, "bn254_mul", g1(1) + number(k, 32)) == g1(k)
    assert of_both(curves, "bn254_mul", INFINITY1 + number(k, 32)) == INFINITY1


@settings(max_examples=40, deadline=None)
@given(a=ORDINARY, k=SCALARS, m=SCALARS)
def test_multiplication_distributes_over_addition_of_scalars(curves: NativeCurves, a: int, k: int, m: int) -> None:
    point = g1(a)
    one, other = curves.bn254_mul(point + number(k, 32)), curves.bn254_mul(point + number(m, 32))
    assert one is not None
    assert other is not None
    assert curves.bn254_add(one + other) == curves.bn254_mul(point + number((k + m) % R, 32))


BAD_POINTS = {
    "x is p": number(P, 32) + number(2, 32),
    "x is p + 1, which is 1": number(P + 1, 32) + number(2, 32),
    "y is p + 2, which is 2": number(1, 32) + number(P + 2, 32),
    "infinity written with p": number(P, 32) + number(P, 32),
    "all bits": b"\xff" * 64,
    "off the curve": number(1, 32) + number(3, 32),
    "only x is zero": number(0, 32) + number(1, 32),
    "only y is zero": number(1, 32) + number(0, 32),
}


@pytest.mark.parametrize("bad", BAD_POINTS.values(), ids=BAD_POINTS.keys())
def test_what_is_no_point_of_g1_fails_in_every_position(curves: NativeCurves, bad: bytes) -> None:
    assert of_both(curves, "bn254_add", bad + g1(1)) is FAILED
    assert of_both(curves, "bn254_add", g1(1) + bad) is FAILED
    assert of_both(curves, "bn254_add", bad + INFINITY1) is FAILED
    assert of_both(curves, "bn254_mul", bad + number(0, 32)) is FAILED
    assert of_both(curves, "bn254_pairing", bad + g2(1)) is FAILED
    assert of_both(curves, "bn254_pairing", bad + INFINITY2) is FAILED
    assert of_both(curves, "bn254_pairing", g1(1) + g2(1) + bad + g2(1)) is FAILED


def twist_point(start: int) -> Any:
    """A point of the twist, almost surely of an order other than r."""
    x = FQ2([start, 1])
    while True:
        square = x * x * x + b2
        root = square ** ((P * P + 15) // 32)
        for eighth in range(16):
            candidate = root * FQ2([9, 1]) ** ((P * P - 1) // 16 * eighth)
            if candidate * candidate == square:
                return (x, candidate, FQ2.one())
        x += FQ2.one()


OUTSIDE = twist_point(5)
G2_WORDS = [int.from_bytes(g2(1)[i : i + 32], "big") for i in range(0, 128, 32)]


def with_word(position: int, value: int) -> bytes:
    words = [*G2_WORDS]
    words[position] = value
    return b"".join(number(word, 32) for word in words)


BAD_G2 = {
    **{f"word {i} is not below p": with_word(i, G2_WORDS[i] + P) for i in range(4)},
    **{f"word {i} is off by one": with_word(i, G2_WORDS[i] + 1) for i in range(4)},
    "real and imaginary parts exchanged": b"".join(number(G2_WORDS[i], 32) for i in (1, 0, 3, 2)),
    "zero but for one word": bytes(127) + b"\x01",
    "on the curve, outside the group": g2_bytes(OUTSIDE),
    "r times a point outside, so of the cofactor's order": g2_bytes(multiply(OUTSIDE, R)),
    "a point of the group plus one of the cofactor's order": g2_bytes(add(G2, multiply(OUTSIDE, R))),
}


@pytest.mark.parametrize("bad", BAD_G2.values(), ids=BAD_G2.keys())
def test_what_is_no_point_of_g2_fails_in_every_position(curves: NativeCurves, bad: bytes) -> None:
    assert of_both(curves, "bn254_pairing", g1(1) + bad) is FAILED
    assert of_both(curves, "bn254_pairing", INFINITY1 + bad) is FAILED
    assert of_both(curves, "bn254_pairing", g1(1) + g2(1) + g1(1) + bad) is FAILED


def test_points_of_the_cofactors_prime_factors_are_outside_the_group(curves: NativeCurves) -> None:
    order = R * (2 * P - R)
    for prime in (10069, 5864401):
        assert (2 * P - R) % prime == 0
        small = multiply(OUTSIDE, order // prime)
        data = g1(1) + g2_bytes(small)
        assert g2_on_curve(small)
        assert curves.bn254_pairing(data) is FAILED


def g2_on_curve(point: Any) -> bool:
    x, y = normalize(point)
    return bool(y * y == x * x * x + b2)


def test_the_group_check_of_g2_is_complete() -> None:
    # f^2 - t f + p = 0 for the Frobenius map f. (x+1) + x f + x f^2 - 2x f^3 is u + v f modulo that, and what it annihilates
    # is annihilated by the norm of u + v f. Its common divisor with the order of the twist being r, only the group passes.
    from math import gcd

    trace = 6 * X * X + 1
    coefficients = [X + 1, X, X, -2 * X]
    while len(coefficients) > 2:
        top = coefficients.pop()
        coefficients[-1] += trace * top
        coefficients[-2] -= P * top
    u, v = coefficients
    order = R * (2 * P - R)
    assert gcd(u * u + u * v * trace + v * v * P, order) == R
    assert order % (R * R) != 0


@settings(max_examples=6, deadline=None)
@given(a=ORDINARY, b=ORDINARY)
def test_the_pairing_is_bilinear(curves: NativeCurves, a: int, b: int) -> None:
    data = g1(a) + g2(b) + g1(-a * b) + g2(1)
    assert of_both(curves, "bn254_pairing", data) == TRUE
    assert curves.bn254_pairing(g1(a) + g2(b) + g1(-1) + g2(a * b)) == TRUE
    assert of_both(curves, "bn254_pairing", g1(a) + g2(b) + g1(-a * b + 1) + g2(1)) == FALSE


def test_infinity_pairs_to_one_in_every_position(curves: NativeCurves) -> None:
    assert of_both(curves, "bn254_pairing", b"") == TRUE
    for pair in (INFINITY1 + g2(3), g1(3) + INFINITY2, INFINITY1 + INFINITY2):
        assert of_both(curves, "bn254_pairing", pair) == TRUE
        assert of_both(curves, "bn254_pairing", pair + g1(3) + g2(1)) == FALSE
        assert of_both(curves, "bn254_pairing", g1(3) + g2(1) + pair + g1(-1) + g2(3)) == TRUE


@pytest.mark.parametrize("length", [1, 63, 191, 193, 383])
def test_a_list_that_is_not_of_pairs_fails(curves: NativeCurves, length: int) -> None:
    assert of_both(curves, "bn254_pairing", bytes(length)) is FAILED


@pytest.mark.parametrize("count", [7, 8, 9, 16, 17, 33])
def test_lists_longer_than_one_batch_of_the_miller_loop(curves: NativeCurves, count: int) -> None:
    scalars = [(i + 2, 3 * i + 1) for i in range(count - 1)]
    data = b"".join(g1(a) + g2(b) for a, b in scalars)
    total = sum(a * b for a, b in scalars)
    assert curves.bn254_pairing(data + g1(-total) + g2(1)) == TRUE
    assert curves.bn254_pairing(data + g1(1 - total) + g2(1)) == FALSE


def test_a_failure_in_the_last_pair_of_a_long_list_is_noticed(curves: NativeCurves) -> None:
    data = (g1(1) + g2(1)) * 300
    assert curves.bn254_pairing(data + g1(1) + g2_bytes(OUTSIDE)) is FAILED


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_give_the_same_in_both(curves: NativeCurves, data: bytes) -> None:
    for door in ("bn254_add", "bn254_mul", "bn254_pairing"):
        of_both(curves, door, data)


def test_the_opposite_has_the_opposite_y() -> None:
    # Guards the helpers themselves: g1(-1) is what py_ecc calls the negative.
    assert g1(-1) == b"".join(number(int(c), 32) for c in normalize(neg(G1)))
    assert g2_point((G2_WORDS[1], G2_WORDS[0]), (G2_WORDS[3], G2_WORDS[2])) is not None

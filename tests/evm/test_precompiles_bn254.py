"""Our bn254 arithmetic against py_ecc's, and what it must refuse."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc import optimized_bn128 as reference

from evm.precompiles.bn254 import (
    ORDER,
    Fq2,
    G1Point,
    G2Point,
    NotOnCurve,
    P,
    add_g1,
    g1_point,
    g2_point,
    multiply_g1,
    pairing_product_is_one,
)

SCALARS = st.integers(1, ORDER - 1)


def reference_g1(scalar: int) -> G1Point:
    x, y = reference.normalize(reference.multiply(reference.G1, scalar))
    return int(x.n), int(y.n)


def reference_g2(scalar: int) -> G2Point:
    x, y = reference.normalize(reference.multiply(reference.G2, scalar))
    return _pair(x), _pair(y)


def _pair(value: reference.FQ2) -> Fq2:
    low, high = value.coeffs
    return int(low), int(high)


GENERATOR = reference_g1(1)


@settings(max_examples=6, deadline=None)
@given(SCALARS, SCALARS)
def test_sums_and_multiples_agree_with_py_ecc(a: int, b: int) -> None:
    assert multiply_g1(GENERATOR, a) == reference_g1(a)
    total = (a + b) % ORDER
    assert add_g1(multiply_g1(GENERATOR, a), multiply_g1(GENERATOR, b)) == (reference_g1(total) if total else None)


def test_edges_of_the_group_law() -> None:
    minus = (GENERATOR[0], P - GENERATOR[1])
    assert add_g1(GENERATOR, minus) is None
    assert add_g1(GENERATOR, GENERATOR) == reference_g1(2)
    assert add_g1(None, GENERATOR) == add_g1(GENERATOR, None) == GENERATOR
    assert multiply_g1(GENERATOR, ORDER) is None
    assert multiply_g1(GENERATOR, ORDER - 1) == minus
    assert multiply_g1(GENERATOR, (1 << 256) - 1) == reference_g1(((1 << 256) - 1) % ORDER)
    assert multiply_g1(None, 5) is None


@settings(max_examples=3, deadline=None)
@given(SCALARS, SCALARS)
def test_the_pairing_is_bilinear_and_tells_products_apart(a: int, b: int) -> None:
    product = a * b % ORDER
    left = (reference_g1(a), reference_g2(b))
    assert pairing_product_is_one([left, (reference_g1(ORDER - product), reference_g2(1))])
    assert not pairing_product_is_one([left, (reference_g1(ORDER - product % (ORDER - 1) - 1), reference_g2(1))])


def test_the_pairing_agrees_with_py_ecc_on_a_product_of_three() -> None:
    pairs = [(3, 5), (7, 11), (ORDER - 92, 1)]
    assert pairing_product_is_one([(reference_g1(a), reference_g2(b)) for a, b in pairs])
    value = reference.FQ12.one()
    for a, b in pairs:
        value *= reference.pairing(reference.multiply(reference.G2, b), reference.multiply(reference.G1, a))
    assert value == reference.FQ12.one()


def test_infinity_pairs_to_one() -> None:
    assert pairing_product_is_one([])
    assert pairing_product_is_one([(None, reference_g2(3)), (reference_g1(2), None)])


@pytest.mark.parametrize(("x", "y"), [(1, 3), (P, 0), (P + 1, 2), (0, 1)])
def test_coordinates_that_are_no_point_of_g1_are_refused(x: int, y: int) -> None:
    with pytest.raises(NotOnCurve):
        g1_point(x, y)


def test_points_are_read_back() -> None:
    assert g1_point(0, 0) is None
    assert g1_point(1, 2) == (1, 2)
    assert g2_point((0, 0), (0, 0)) is None
    q = reference_g2(12345)
    assert g2_point(*q) == q


def square_root(value: int) -> int | None:
    root = pow(value, (P + 1) // 4, P)
    return root if root * root % P == value % P else None


def twist_point() -> tuple[reference.FQ2, reference.FQ2, reference.FQ2]:
    """A point of the twist that is not in the group: the first x with a square root of x**3 + b in Fq2."""
    half = pow(2, -1, P)
    for first in range(1, 200):
        x = reference.FQ2([first, 1])
        a, b = _pair(x * x * x + reference.b2)
        norm = square_root(a * a + b * b)
        for candidate in () if norm is None else ((a + norm) * half % P, (a - norm) * half % P):
            real = square_root(candidate)
            if real:
                y = reference.FQ2([real, b * pow(2 * real, -1, P) % P])
                if y * y == x * x * x + reference.b2:
                    return x, y, reference.FQ2.one()
    raise AssertionError("no point found")


def test_points_of_the_twist_outside_the_group_are_refused() -> None:
    x, y, _ = twist_point()
    with pytest.raises(NotOnCurve, match="not in the group"):
        g2_point(_pair(x), _pair(y))
    off = _pair(y)
    with pytest.raises(NotOnCurve, match="not on the twist"):
        g2_point(_pair(x), ((off[0] + 1) % P, off[1]))


def test_points_of_small_order_are_refused() -> None:
    small = 10_069
    cofactor = 2 * P - ORDER
    assert cofactor % small == 0
    point = reference.multiply(twist_point(), cofactor // small * ORDER)
    x, y = reference.normalize(point)
    assert reference.is_inf(reference.multiply(point, small))
    with pytest.raises(NotOnCurve, match="not in the group"):
        g2_point(_pair(x), _pair(y))

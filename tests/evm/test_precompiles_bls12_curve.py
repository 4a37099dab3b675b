"""Our BLS12-381 against py-ecc's, which shares no code with it, and against the laws of groups and pairings."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc.bls.hash_to_curve import clear_cofactor_G2
from py_ecc.bls.point_compression import modular_squareroot_in_FQ2
from py_ecc.optimized_bls12_381 import FQ2, G1, G2, multiply, normalize

from evm.precompiles.bls12_381 import (
    ORDER,
    G1Point,
    G2Point,
    NotOnCurve,
    add_g1,
    add_g2,
    clear_cofactor2,
    g1_point,
    g2_point,
    in_group1,
    in_group2,
    pairing_product_is_one,
    sum_g1,
    sum_g2,
)
from evm.precompiles.bls12_381_field import Fq2, P, mul2, square2

SCALARS = st.integers(1, ORDER - 1)


def affine1(point: Any) -> G1Point:
    x, y = normalize(point)
    return int(x), int(y)


def affine2(point: Any) -> G2Point:
    x, y = normalize(point)
    return (int(x.coeffs[0]), int(x.coeffs[1])), (int(y.coeffs[0]), int(y.coeffs[1]))


ONE1, ONE2 = affine1(G1), affine2(G2)


def times1(scalar: int) -> G1Point | None:
    return sum_g1([(ONE1, scalar)])


def times2(scalar: int) -> G2Point | None:
    return sum_g2([(ONE2, scalar)])


@settings(max_examples=5, deadline=None)
@given(SCALARS)
def test_multiples_of_the_generators_are_those_of_py_ecc(scalar: int) -> None:
    assert times1(scalar) == affine1(multiply(G1, scalar))
    assert times2(scalar) == affine2(multiply(G2, scalar))


@settings(max_examples=5, deadline=None)
@given(SCALARS, SCALARS)
def test_sums_of_terms_are_linear(a: int, b: int) -> None:
    assert sum_g1([(times1(a), b), (ONE1, a)]) == times1(a * b + a)
    assert sum_g2([(times2(a), b), (ONE2, a)]) == times2(a * b + a)
    assert add_g1(times1(a), times1(b)) == times1(a + b)
    assert add_g2(times2(a), times2(b)) == times2(a + b)


def test_infinity_and_opposite_points_are_neutral() -> None:
    minus1, minus2 = (ONE1[0], P - ONE1[1]), (ONE2[0], (P - ONE2[1][0], P - ONE2[1][1]))
    assert add_g1(ONE1, minus1) is None
    assert add_g2(ONE2, minus2) is None
    assert add_g1(None, ONE1) == add_g1(ONE1, None) == ONE1
    assert add_g2(None, ONE2) == add_g2(ONE2, None) == ONE2
    assert add_g1(ONE1, ONE1) == times1(2)
    assert add_g2(ONE2, ONE2) == times2(2)
    assert times1(0) is times1(ORDER) is None
    assert sum_g2([]) is sum_g2([(None, 5)]) is sum_g2([(ONE2, 1), (minus2, 1)]) is None
    assert in_group1(None)
    assert in_group2(None)


@settings(max_examples=3, deadline=None)
@given(SCALARS, SCALARS)
def test_the_pairing_is_bilinear_and_not_trivial(a: int, b: int) -> None:
    assert pairing_product_is_one([(times1(a), times2(b)), (times1(-a * b), ONE2)])
    assert not pairing_product_is_one([(times1(a), times2(b)), (times1(1 - a * b), ONE2)])
    assert not pairing_product_is_one([(times1(a), ONE2)])


def test_pairs_with_infinity_do_not_count() -> None:
    assert pairing_product_is_one([])
    assert pairing_product_is_one([(None, ONE2), (ONE1, None)])


def test_coordinates_off_the_curve_or_out_of_the_field_are_refused() -> None:
    assert g1_point(0, 0) is None
    assert g2_point((0, 0), (0, 0)) is None
    assert g1_point(*ONE1) == ONE1
    assert g2_point(*ONE2) == ONE2
    for x, y in ((1, 1), (ONE1[0] + P, ONE1[1]), (ONE1[0], ONE1[1] + P)):
        with pytest.raises(NotOnCurve):
            g1_point(x, y)
    for x2, y2 in (((1, 1), (1, 1)), ((ONE2[0][0] + P, ONE2[0][1]), ONE2[1])):
        with pytest.raises(NotOnCurve):
            g2_point(x2, y2)


def twist_points(count: int) -> list[G2Point]:
    """Points of the twist with small x; hardly any point of the twist is of the group."""
    found: list[G2Point] = []
    first = 0
    while len(found) < count:
        first += 1
        x: Fq2 = (first, 1)
        cube = mul2(square2(x), x)
        root = modular_squareroot_in_FQ2(FQ2(((cube[0] + 4) % P, (cube[1] + 4) % P)))
        if root is not None:
            point = g2_point(x, (int(root.coeffs[0]), int(root.coeffs[1])))
            assert point is not None
            found.append(point)
    return found


def test_clearing_the_cofactor_agrees_with_py_ecc_and_leads_into_the_group() -> None:
    for point in twist_points(2):
        cleared = clear_cofactor2(point)
        assert cleared == affine2(clear_cofactor_G2((FQ2(point[0]), FQ2(point[1]), FQ2.one())))
        assert in_group2(cleared)


def test_points_outside_the_groups_are_told_from_those_inside() -> None:
    assert in_group2(times2(12345))
    assert not any(in_group2(point) for point in twist_points(3))
    assert in_group1(times1(12345))
    small = next((x, y) for x in range(1, 50) if (y := pow(x**3 + 4, (P + 1) // 4, P)) ** 2 % P == (x**3 + 4) % P)
    assert g1_point(*small) == small
    assert not in_group1(small)

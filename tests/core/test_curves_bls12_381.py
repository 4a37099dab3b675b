"""The core's BLS12-381 against py_ecc, the Python precompiles and the laws of groups and pairings."""

from math import gcd
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc.bls.hash_to_curve import clear_cofactor_G1, clear_cofactor_G2, map_to_curve_G1, map_to_curve_G2
from py_ecc.bls.point_compression import modular_squareroot_in_FQ2
from py_ecc.optimized_bls12_381 import FQ, FQ2, G1, G2, add, b2, curve_order, field_modulus, multiply, normalize

from tests.core.curves_kit import FAILED, PYTHON_SIDE, NativeCurves, curves, number, of_python

__all__ = ["curves"]

P, R = field_modulus, curve_order
X = -0xD201000000010000
COFACTOR1 = (X - 1) ** 2 // 3
ORDER2 = R * ((X**8 - 4 * X**7 + 5 * X**6 - 4 * X**4 + 6 * X**3 - 4 * X**2 - 4 * X + 13) // 9)
TRUE, FALSE = number(1, 32), number(0, 32)
INFINITY1, INFINITY2 = bytes(128), bytes(256)

EDGES = [
    0,
    1,
    2,
    R - 1,
    R,
    R + 1,
    2 * R,
    2**256 - 1,
    -X,
    -X - 1,
    -X + 1,
    X * X,
    X * X - 1,
    (-X) ** 3,
    (-X) ** 3 - 1,
    2**255,
    2**128,
]
SCALARS = st.one_of(st.sampled_from(EDGES), st.integers(0, 2**256 - 1))
ORDINARY = st.integers(1, R - 1)


def g1_bytes(point: Any) -> bytes:
    return b"".join(number(int(c), 64) for c in normalize(point))


def g2_bytes(point: Any) -> bytes:
    return b"".join(number(int(part), 64) for c in normalize(point) for part in c.coeffs)


def g1(scalar: int) -> bytes:
    return INFINITY1 if scalar % R == 0 else g1_bytes(multiply(G1, scalar % R))


def g2(scalar: int) -> bytes:
    return INFINITY2 if scalar % R == 0 else g2_bytes(multiply(G2, scalar % R))


def scalar_bytes(value: int) -> bytes:
    return number(value, 32)


def of_both(curves: NativeCurves, door: str, data: bytes) -> bytes | None:
    """The native result, which has to be the Python one."""
    result: bytes | None = getattr(curves, door)(data)
    assert result == of_python(PYTHON_SIDE[door], data), data.hex()
    return result


def curve_point1(start: int) -> Any:
    """A point of the curve, almost surely outside the group."""
    x = start
    while True:
        square = (x**3 + 4) % P
        root = pow(square, (P + 1) // 4, P)
        if root * root % P == square:
            return (FQ(x), FQ(root), FQ(1))
        x += 1


def curve_point2(start: int) -> Any:
    x = FQ2([start, 1])
    while True:
        root = modular_squareroot_in_FQ2(x * x * x + b2)
        if root is not None:
            return (x, root, FQ2.one())
        x += FQ2.one()


OUTSIDE1, OUTSIDE2 = curve_point1(7), curve_point2(7)


@settings(max_examples=25, deadline=None)
@given(a=SCALARS, b=SCALARS)
def test_sums_are_those_of_py_ecc(curves: NativeCurves, a: int, b: int) -> None:
    assert of_both(curves, "g1_add", g1(a) + g1(b)) == g1(a + b)
    assert of_both(curves, "g2_add", g2(a) + g2(b)) == g2(a + b)


@settings(max_examples=8, deadline=None)
@given(a=ORDINARY)
def test_sums_with_itself_its_opposite_and_infinity(curves: NativeCurves, a: int) -> None:
    for door, point, infinity in (("g1_add", g1, INFINITY1), ("g2_add", g2, INFINITY2)):
        assert of_both(curves, door, point(a) + point(a)) == point(2 * a)
        assert of_both(curves, door, point(a) + point(-a)) == infinity
        assert of_both(curves, door, point(a) + infinity) == point(a)
        assert of_both(curves, door, infinity + point(a)) == point(a)
        assert of_both(curves, door, infinity + infinity) == infinity


def test_addition_takes_points_outside_the_group(curves: NativeCurves) -> None:
    expected = g1_bytes(add(OUTSIDE1, G1))
    assert of_both(curves, "g1_add", g1_bytes(OUTSIDE1) + g1(1)) == expected
    assert of_both(curves, "g1_add", g1_bytes(OUTSIDE1) * 2) == g1_bytes(multiply(OUTSIDE1, 2))
    assert of_both(curves, "g2_add", g2_bytes(OUTSIDE2) + g2(1)) == g2_bytes(add(OUTSIDE2, G2))


@settings(max_examples=25, deadline=None)
@given(a=ORDINARY, k=SCALARS)
def test_products_are_those_of_py_ecc(curves: NativeCurves, a: int, k: int) -> None:
    assert of_both(curves, "g1_msm", g1(a) + scalar_bytes(k)) == g1(a * k)
    assert of_both(curves, "g2_msm", g2(a) + scalar_bytes(k)) == g2(a * k)


@pytest.mark.parametrize("k", EDGES)
def test_edge_scalars(curves: NativeCurves, k: int) -> None:
    assert curves.g1_msm(g1(1) + scalar_bytes(k)) == g1(k)
    assert curves.g2_msm(g2(1) + scalar_bytes(k)) == g2(k)
    assert curves.g1_msm(INFINITY1 + scalar_bytes(k)) == INFINITY1
    assert curves.g2_msm(INFINITY2 + scalar_bytes(k)) == INFINITY2


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, R - 1), SCALARS), min_size=1, max_size=9))
def test_sums_of_products(curves: NativeCurves, terms: list[tuple[int, int]]) -> None:
    total = sum(a * k for a, k in terms)
    assert of_both(curves, "g1_msm", b"".join(g1(a) + scalar_bytes(k) for a, k in terms)) == g1(total)
    assert of_both(curves, "g2_msm", b"".join(g2(a) + scalar_bytes(k) for a, k in terms)) == g2(total)


def test_sums_of_hundreds_of_products(curves: NativeCurves) -> None:
    points = [multiply(G1, 3)]
    others = [multiply(G2, 3)]
    for _ in range(199):
        points.append(add(points[-1], G1))
        others.append(add(others[-1], G2))
    scalars = [pow(7, i, 2**256) for i in range(200)]
    total = sum((i + 3) * k for i, k in enumerate(scalars))
    in_bytes = [scalar_bytes(k) for k in scalars]
    assert curves.g1_msm(b"".join(g1_bytes(p) + k for p, k in zip(points, in_bytes, strict=True))) == g1(total)
    assert curves.g2_msm(b"".join(g2_bytes(p) + k for p, k in zip(others, in_bytes, strict=True))) == g2(total)


def test_the_same_point_many_times_and_terms_that_cancel(curves: NativeCurves) -> None:
    many = (g1(5) + scalar_bytes(R - 1)) * 64
    assert curves.g1_msm(many) == g1(-320)
    assert curves.g1_msm(many + (g1(5) + scalar_bytes(1)) * 64) == INFINITY1
    other = (g2(5) + scalar_bytes(2**255 + 3)) * 20
    assert curves.g2_msm(other) == g2(100 * (2**255 + 3))
    assert curves.g2_msm(g2(5) + scalar_bytes(9) + g2(-5) + scalar_bytes(9)) == INFINITY2


NUMBERS1 = [int.from_bytes(g1(1)[i : i + 64], "big") for i in range(0, 128, 64)]
NUMBERS2 = [int.from_bytes(g2(1)[i : i + 64], "big") for i in range(0, 256, 64)]


def replaced(numbers: list[int], position: int, value: int) -> bytes:
    return b"".join(number(value if i == position else n, 64) for i, n in enumerate(numbers))


NO_POINT1 = {
    **{f"number {i} is not below p": replaced(NUMBERS1, i, NUMBERS1[i] + P) for i in range(2)},
    **{f"padding of number {i} is not zero": replaced(NUMBERS1, i, NUMBERS1[i] + 2**384) for i in range(2)},
    **{f"first byte of number {i} is not zero": replaced(NUMBERS1, i, NUMBERS1[i] + 2**504) for i in range(2)},
    **{f"number {i} is off by one": replaced(NUMBERS1, i, NUMBERS1[i] + 1) for i in range(2)},
    "infinity written with p": number(P, 64) * 2,
    "only x is zero": number(0, 64) + number(1, 64),
}
NO_POINT2 = {
    **{f"number {i} is not below p": replaced(NUMBERS2, i, NUMBERS2[i] + P) for i in range(4)},
    **{f"padding of number {i} is not zero": replaced(NUMBERS2, i, NUMBERS2[i] + 2**384) for i in range(4)},
    **{f"number {i} is off by one": replaced(NUMBERS2, i, NUMBERS2[i] + 1) for i in range(4)},
    "imaginary part first": b"".join(number(NUMBERS2[i], 64) for i in (1, 0, 3, 2)),
    "infinity but for one bit": bytes(255) + b"\x01",
}
NOT_OF_GROUP1 = {
    "any point of the curve": g1_bytes(OUTSIDE1),
    "order divides the cofactor": g1_bytes(multiply(OUTSIDE1, R)),
    "of the group but for a point of the cofactor's": g1_bytes(add(G1, multiply(OUTSIDE1, R))),
    "order 3": g1_bytes((FQ(0), FQ(2), FQ(1))),
    "order 11": g1_bytes(multiply(OUTSIDE1, R * COFACTOR1 // 11**2)),
}
NOT_OF_GROUP2 = {
    "any point of the curve": g2_bytes(OUTSIDE2),
    "order divides the cofactor": g2_bytes(multiply(OUTSIDE2, R)),
    "of the group but for a point of the cofactor's": g2_bytes(add(G2, multiply(OUTSIDE2, R))),
    "order 13": g2_bytes(multiply(OUTSIDE2, ORDER2 // 13**2)),
}


@pytest.mark.parametrize("bad", NO_POINT1.values(), ids=NO_POINT1.keys())
def test_what_is_no_point_of_the_curve_fails_everywhere(curves: NativeCurves, bad: bytes) -> None:
    k = scalar_bytes(0)
    for door, data in (
        ("g1_add", bad + g1(1)),
        ("g1_add", g1(1) + bad),
        ("g1_msm", bad + k),
        ("g1_msm", g1(1) + k + bad + k),
        ("bls12_pairing", bad + g2(1)),
        ("bls12_pairing", bad + INFINITY2),
        ("bls12_pairing", g1(1) + g2(1) + bad + g2(1)),
    ):
        assert of_both(curves, door, data) is FAILED, door


@pytest.mark.parametrize("bad", NO_POINT2.values(), ids=NO_POINT2.keys())
def test_what_is_no_point_of_the_twist_fails_everywhere(curves: NativeCurves, bad: bytes) -> None:
    k = scalar_bytes(0)
    for door, data in (
        ("g2_add", bad + g2(1)),
        ("g2_add", g2(1) + bad),
        ("g2_msm", bad + k),
        ("g2_msm", g2(1) + k + bad + k),
        ("bls12_pairing", g1(1) + bad),
        ("bls12_pairing", INFINITY1 + bad),
        ("bls12_pairing", g1(1) + g2(1) + g1(1) + bad),
    ):
        assert of_both(curves, door, data) is FAILED, door


@pytest.mark.parametrize("bad", NOT_OF_GROUP1.values(), ids=NOT_OF_GROUP1.keys())
def test_a_point_outside_the_group_of_the_curve_is_refused_where_the_group_counts(
    curves: NativeCurves, bad: bytes
) -> None:
    k = scalar_bytes(0)
    for door, data in (
        ("g1_msm", bad + k),
        ("g1_msm", g1(1) + k + bad + k),
        ("bls12_pairing", bad + g2(1)),
        ("bls12_pairing", bad + INFINITY2),
        ("bls12_pairing", g1(1) + g2(1) + bad + g2(1)),
    ):
        assert of_both(curves, door, data) is FAILED, door
    assert of_both(curves, "g1_add", bad + INFINITY1) == bad


@pytest.mark.parametrize("bad", NOT_OF_GROUP2.values(), ids=NOT_OF_GROUP2.keys())
def test_a_point_outside_the_group_of_the_twist_is_refused_where_the_group_counts(
    curves: NativeCurves, bad: bytes
) -> None:
    k = scalar_bytes(0)
    for door, data in (
        ("g2_msm", bad + k),
        ("g2_msm", g2(1) + k + bad + k),
        ("bls12_pairing", g1(1) + bad),
        ("bls12_pairing", INFINITY1 + bad),
        ("bls12_pairing", g1(1) + g2(1) + g1(1) + bad),
    ):
        assert of_both(curves, door, data) is FAILED, door
    assert of_both(curves, "g2_add", bad + INFINITY2) == bad


def test_the_group_checks_are_complete() -> None:
    # With e^2 + e + 1 = 0 for the endomorphism of the curve, what e + x^2 annihilates is annihilated by its norm;
    # with f^2 - t f + p = 0 for the Frobenius map of the twist the same goes for f - x. The common divisors with the
    # orders of the groups of points are r.
    order1 = R * COFACTOR1
    assert order1 == P + 1 - (X + 1)
    assert gcd(X**4 - X**2 + 1, order1) == R
    trace = X + 1
    assert gcd(X * X - X * trace + P, ORDER2) == R
    assert multiply(OUTSIDE2, ORDER2)[2] == FQ2.zero()
    assert order1 % (R * R) != 0
    assert ORDER2 % (R * R) != 0


@pytest.mark.parametrize(
    ("door", "lengths"),
    [
        ("g1_add", [0, 128, 255, 257, 384]),
        ("g2_add", [0, 256, 511, 513, 768]),
        ("g1_msm", [0, 1, 128, 159, 161, 300]),
        ("g2_msm", [0, 1, 256, 287, 289, 500]),
        ("bls12_pairing", [0, 1, 383, 385, 500]),
        ("map_fp_to_g1", [0, 48, 63, 65, 128]),
        ("map_fp2_to_g2", [0, 64, 127, 129, 256]),
    ],
)
def test_inputs_of_a_wrong_length_fail(curves: NativeCurves, door: str, lengths: list[int]) -> None:
    for length in lengths:
        assert getattr(curves, door)(bytes(length)) is FAILED
        assert of_python(PYTHON_SIDE[door], bytes(length)) is FAILED


@settings(max_examples=3, deadline=None)
@given(a=ORDINARY, b=ORDINARY)
def test_the_pairing_is_bilinear(curves: NativeCurves, a: int, b: int) -> None:
    assert of_both(curves, "bls12_pairing", g1(a) + g2(b) + g1(-a * b) + g2(1)) == TRUE
    assert curves.bls12_pairing(g1(a) + g2(b) + g1(-1) + g2(a * b)) == TRUE
    assert of_both(curves, "bls12_pairing", g1(a) + g2(b) + g1(-a * b + 1) + g2(1)) == FALSE


def test_infinity_pairs_to_one_in_every_position(curves: NativeCurves) -> None:
    for pair in (INFINITY1 + g2(3), g1(3) + INFINITY2, INFINITY1 + INFINITY2):
        assert of_both(curves, "bls12_pairing", pair) == TRUE
        assert of_both(curves, "bls12_pairing", pair + g1(3) + g2(1)) == FALSE
        assert of_both(curves, "bls12_pairing", g1(3) + g2(1) + pair + g1(-1) + g2(3)) == TRUE


@pytest.mark.parametrize("count", [7, 8, 9, 16, 17])
def test_lists_longer_than_one_batch_of_the_miller_loop(curves: NativeCurves, count: int) -> None:
    scalars = [(i + 2, 3 * i + 1) for i in range(count - 1)]
    data = b"".join(g1(a) + g2(b) for a, b in scalars)
    total = sum(a * b for a, b in scalars)
    assert curves.bls12_pairing(data + g1(-total) + g2(1)) == TRUE
    assert curves.bls12_pairing(data + g1(1 - total) + g2(1)) == FALSE


FIELD = st.one_of(st.sampled_from([0, 1, 2, P - 1, P - 2, (P - 1) // 2, (P + 1) // 2]), st.integers(0, P - 1))


@settings(max_examples=40, deadline=None)
@given(u=FIELD)
def test_the_map_to_g1_is_that_of_py_ecc(curves: NativeCurves, u: int) -> None:
    expected = clear_cofactor_G1(map_to_curve_G1(FQ(u)))
    assert of_both(curves, "map_fp_to_g1", number(u, 64)) == g1_bytes(expected)


@settings(max_examples=20, deadline=None)
@given(u0=FIELD, u1=FIELD)
def test_the_map_to_g2_is_that_of_py_ecc(curves: NativeCurves, u0: int, u1: int) -> None:
    expected = clear_cofactor_G2(map_to_curve_G2(FQ2([u0, u1])))
    assert of_both(curves, "map_fp2_to_g2", number(u0, 64) + number(u1, 64)) == g2_bytes(expected)


@settings(max_examples=40, deadline=None)
@given(u=FIELD, u1=FIELD)
def test_mapped_points_are_of_the_groups(curves: NativeCurves, u: int, u1: int) -> None:
    one = curves.map_fp_to_g1(number(u, 64))
    two = curves.map_fp2_to_g2(number(u, 64) + number(u1, 64))
    assert one is not None
    assert two is not None
    assert curves.g1_msm(one + scalar_bytes(R)) == INFINITY1
    assert curves.g2_msm(two + scalar_bytes(R)) == INFINITY2


def test_exceptional_arguments_of_the_maps(curves: NativeCurves) -> None:
    # Z u^2 = -1 makes the denominator of the simplified SWU map zero, as u = 0 does.
    u = pow(-pow(11, -1, P), (P + 1) // 4, P)
    assert (11 * u * u + 1) % P == 0
    for value in (0, u, P - u):
        assert of_both(curves, "map_fp_to_g1", number(value, 64)) == g1_bytes(
            clear_cofactor_G1(map_to_curve_G1(FQ(value)))
        )
    root = modular_squareroot_in_FQ2(FQ2([-1, 0]) / FQ2([-2, -1]))
    candidates = [FQ2.zero()] if root is None else [FQ2.zero(), root, -root]
    for argument in candidates:
        data = b"".join(number(int(c), 64) for c in argument.coeffs)
        assert of_both(curves, "map_fp2_to_g2", data) == g2_bytes(clear_cofactor_G2(map_to_curve_G2(argument)))


@pytest.mark.parametrize("bad", [P, P + 1, 2**384 - 1, 2**384, 2**511])
def test_the_maps_refuse_numbers_that_are_no_field_elements(curves: NativeCurves, bad: int) -> None:
    assert of_both(curves, "map_fp_to_g1", number(bad, 64)) is FAILED
    assert of_both(curves, "map_fp2_to_g2", number(bad, 64) + number(1, 64)) is FAILED
    assert of_both(curves, "map_fp2_to_g2", number(1, 64) + number(bad, 64)) is FAILED


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=800))
def test_random_bytes_fail_in_both(curves: NativeCurves, data: bytes) -> None:
    for door in ("g1_add", "g1_msm", "g2_add", "g2_msm", "bls12_pairing"):
        of_both(curves, door, data)

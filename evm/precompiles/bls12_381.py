"""The curve BLS12-381: group operations and the pairing, in plain Python integers.

Points are affine, with None for the point at infinity; Jacobian coordinates (x / z**2, y / z**3) are used inside.
Spec: EIP-2537, "Curve parameters"; optimal ate pairing after Vercauteren, final exponentiation after Hayashida et al.,
subgroup checks after Scott.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from evm.precompiles.bls12_381_field import (
    FROBENIUS,
    ONE2,
    ONE12,
    ZERO2,
    Fq2,
    Fq12,
    P,
    conjugate12,
    frobenius12,
    inverse2,
    inverse12,
    is_one12,
    mul2,
    mul12,
    mul_line,
    square2,
    square12,
)

ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
_X = 0xD201000000010000
"""The curve's parameter is -_X: P and ORDER are polynomials in it."""
_X_BITS = bin(_X)[3:]
_B = 4
_H_EFF_G2 = int(
    "BC69F08F2EE75B3584C6A0EA91B352888E2A8E9145AD7689986FF031508FFE1329C2F178731DB956"
    "D82BF015D1212B02EC0EC69D7477C1AE954CBC06689F6A359894C0ADEBBF6B4E8020005AAA95551",
    16,
)
"""What brings any point of the twist into the group. Spec: RFC 9380, 8.8.2."""
_TWIST_B: Fq2 = (4, 4)

G1Point: TypeAlias = tuple[int, int]
G2Point: TypeAlias = tuple[Fq2, Fq2]
_Jacobian1: TypeAlias = tuple[int, int, int]
_Jacobian2: TypeAlias = tuple[Fq2, Fq2, Fq2]

_INFINITY1: _Jacobian1 = (1, 1, 0)
_INFINITY2: _Jacobian2 = (ONE2, ONE2, ZERO2)
_PSI_X, _PSI_Y = inverse2(FROBENIUS[1]), inverse2(FROBENIUS[2])


class NotOnCurve(ValueError):
    """Coordinates that are no point of the curve or of the group."""


# --- G1 ---


def g1_point(x: int, y: int) -> G1Point | None:
    """A point of the curve from its coordinates; (0, 0) is the point at infinity. Raises NotOnCurve."""
    if x >= P or y >= P:
        raise NotOnCurve("coordinate is not below the field's modulus")
    if not x and not y:
        return None
    if (y * y - x * x * x - _B) % P:
        raise NotOnCurve("point is not on the curve")
    return x, y


def _double1(point: _Jacobian1) -> _Jacobian1:
    x, y, z = point
    b = y * y % P
    c = b * b
    d = 2 * ((x + b) * (x + b) - x * x - c)
    e = 3 * x * x
    new_x = (e * e - 2 * d) % P
    return new_x, (e * (d - new_x) - 8 * c) % P, 2 * y * z % P


def _add1(point: _Jacobian1, q: G1Point) -> _Jacobian1:
    x, y, z = point
    if not z:
        return q[0], q[1], 1
    zz = z * z % P
    h = (q[0] * zz - x) % P
    r = (q[1] * zz * z - y) % P
    if not h:
        return _INFINITY1 if r else _double1(point)
    hh = h * h % P
    hhh = h * hh % P
    v = x * hh
    new_x = (r * r - hhh - 2 * v) % P
    return new_x, (r * (v - new_x) - y * hhh) % P, z * h % P


def _affine1(point: _Jacobian1) -> G1Point | None:
    x, y, z = point
    if not z:
        return None
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P


def add_g1(a: G1Point | None, b: G1Point | None) -> G1Point | None:
    """The sum of two points of the curve."""
    if a is None or b is None:
        return a or b
    return _affine1(_add1((a[0], a[1], 1), b))


def sum_g1(terms: Sequence[tuple[G1Point | None, int]]) -> G1Point | None:
    """The sum of points times scalars."""
    total = _INFINITY1
    finite = [(point, scalar % ORDER) for point, scalar in terms if point is not None]
    for bit in range(max((scalar.bit_length() for _, scalar in finite), default=0) - 1, -1, -1):
        total = _double1(total)
        for point, scalar in finite:
            if scalar >> bit & 1:
                total = _add1(total, point)
    return _affine1(total)


def in_group1(point: G1Point | None) -> bool:
    """Whether a point of the curve is one of the group of prime order."""
    if point is None:
        return True
    total: _Jacobian1 = (point[0], point[1], 1)
    for bit in bin(ORDER)[3:]:
        total = _double1(total)
        if bit == "1":
            total = _add1(total, point)
    return not total[2]


# --- G2 ---


def g2_point(x: Fq2, y: Fq2) -> G2Point | None:
    """A point of the twist from its coordinates; zeros are the point at infinity. Raises NotOnCurve."""
    if max(*x, *y) >= P:
        raise NotOnCurve("coordinate is not below the field's modulus")
    if not any(x) and not any(y):
        return None
    left, right = square2(y), mul2(square2(x), x)
    if (left[0] - right[0] - _TWIST_B[0]) % P or (left[1] - right[1] - _TWIST_B[1]) % P:
        raise NotOnCurve("point is not on the twist")
    return x, y


def _double2(point: _Jacobian2) -> _Jacobian2:
    x, y, z = point
    a = square2(x)
    b = square2(y)
    c = square2(b)
    d0, d1 = square2((x[0] + b[0], x[1] + b[1]))
    d = (2 * (d0 - a[0] - c[0]), 2 * (d1 - a[1] - c[1]))
    e = (3 * a[0], 3 * a[1])
    f = square2(e)
    new_x = ((f[0] - 2 * d[0]) % P, (f[1] - 2 * d[1]) % P)
    g = mul2(e, (d[0] - new_x[0], d[1] - new_x[1]))
    return new_x, ((g[0] - 8 * c[0]) % P, (g[1] - 8 * c[1]) % P), mul2((2 * y[0], 2 * y[1]), z)


def _add2(point: _Jacobian2, q: G2Point) -> _Jacobian2:
    x, y, z = point
    if z == ZERO2:
        return q[0], q[1], ONE2
    zz = square2(z)
    u = mul2(q[0], zz)
    s = mul2(q[1], mul2(zz, z))
    h = ((u[0] - x[0]) % P, (u[1] - x[1]) % P)
    r = ((s[0] - y[0]) % P, (s[1] - y[1]) % P)
    if h == ZERO2:
        return _double2(point) if r == ZERO2 else _INFINITY2
    hh = square2(h)
    hhh = mul2(h, hh)
    v = mul2(x, hh)
    rr = square2(r)
    new_x = ((rr[0] - hhh[0] - 2 * v[0]) % P, (rr[1] - hhh[1] - 2 * v[1]) % P)
    left = mul2(r, (v[0] - new_x[0], v[1] - new_x[1]))
    right = mul2(y, hhh)
    return new_x, ((left[0] - right[0]) % P, (left[1] - right[1]) % P), mul2(z, h)


def _affine2(point: _Jacobian2) -> G2Point | None:
    x, y, z = point
    if z == ZERO2:
        return None
    inverse = inverse2(z)
    square = square2(inverse)
    return mul2(x, square), mul2(y, mul2(square, inverse))


def add_g2(a: G2Point | None, b: G2Point | None) -> G2Point | None:
    """The sum of two points of the twist."""
    if a is None or b is None:
        return a or b
    return _affine2(_add2((a[0], a[1], ONE2), b))


def sum_g2(terms: Sequence[tuple[G2Point | None, int]]) -> G2Point | None:
    """The sum of points times scalars."""
    total = _INFINITY2
    finite = [(point, scalar % ORDER) for point, scalar in terms if point is not None]
    for bit in range(max((scalar.bit_length() for _, scalar in finite), default=0) - 1, -1, -1):
        total = _double2(total)
        for point, scalar in finite:
            if scalar >> bit & 1:
                total = _add2(total, point)
    return _affine2(total)


def clear_cofactor2(point: G2Point) -> G2Point | None:
    """The point of the group that a point of the twist is mapped to. Spec: RFC 9380, "Clearing the cofactor"."""
    total: _Jacobian2 = (point[0], point[1], ONE2)
    for bit in bin(_H_EFF_G2)[3:]:
        total = _double2(total)
        if bit == "1":
            total = _add2(total, point)
    return _affine2(total)


def in_group2(point: G2Point | None) -> bool:
    """Whether a point of the twist is one of the group of prime order: there the Frobenius map multiplies by -_X."""
    if point is None:
        return True
    x, y = point
    total: _Jacobian2 = (x, y, ONE2)
    for bit in _X_BITS:
        total = _double2(total)
        if bit == "1":
            total = _add2(total, point)
    image_x, image_y = mul2((x[0], -x[1]), _PSI_X), mul2((-y[0], y[1]), _PSI_Y)
    total_x, total_y, z = total
    square = square2(z)
    return z != ZERO2 and mul2(image_x, square) == total_x and mul2(image_y, mul2(square, z)) == total_y


# --- pairing ---


def _miller(pairs: Sequence[tuple[G1Point, G2Point]]) -> Fq12:
    f = ONE12
    points = [q for _, q in pairs]
    for bit in _X_BITS:
        f = square12(f)
        for index, (p, q) in enumerate(pairs):
            t = points[index]
            square = square2(t[0])
            slope = mul2((3 * square[0], 3 * square[1]), inverse2((2 * t[1][0], 2 * t[1][1])))
            f = _through(f, t, slope, p)
            t = _next(t, slope, t[0])
            if bit == "1":
                rise = (t[1][0] - q[1][0], t[1][1] - q[1][1])
                slope = mul2(rise, inverse2((t[0][0] - q[0][0], t[0][1] - q[0][1])))
                f = _through(f, t, slope, p)
                t = _next(t, slope, q[0])
            points[index] = t
    return f


def _through(f: Fq12, t: G2Point, slope: Fq2, p: G1Point) -> Fq12:
    """f times the line through t with this slope, at p."""
    offset = mul2(slope, t[0])
    x, y = p
    return mul_line(f, (offset[0] - t[1][0], offset[1] - t[1][1]), (-slope[0] * x % P, -slope[1] * x % P), y)


def _next(t: G2Point, slope: Fq2, other_x: Fq2) -> G2Point:
    """The third point of the line through t with this slope that also meets other_x, mirrored."""
    (x0, x1), (y0, y1) = t
    square = square2(slope)
    new_x = ((square[0] - x0 - other_x[0]) % P, (square[1] - x1 - other_x[1]) % P)
    rise = mul2(slope, (x0 - new_x[0], x1 - new_x[1]))
    return new_x, ((rise[0] - y0) % P, (rise[1] - y1) % P)


def _power_x(f: Fq12) -> Fq12:
    """f ** -_X, for f whose inverse is its conjugate."""
    result = f
    for bit in _X_BITS:
        result = square12(result)
        if bit == "1":
            result = mul12(result, f)
    return conjugate12(result)


def _final_exponentiation(f: Fq12) -> Fq12:
    """f ** (3 * (P**12 - 1) / ORDER): one exactly where the pairing is, since 3 does not divide ORDER."""
    f = mul12(conjugate12(f), inverse12(f))
    f = mul12(frobenius12(frobenius12(f)), f)
    a = mul12(_power_x(f), conjugate12(f))
    a = mul12(_power_x(a), conjugate12(a))
    b = mul12(_power_x(a), frobenius12(a))
    c = mul12(_power_x(_power_x(b)), mul12(frobenius12(frobenius12(b)), conjugate12(b)))
    return mul12(c, mul12(f, square12(f)))


def pairing_product_is_one(pairs: Iterable[tuple[G1Point | None, G2Point | None]]) -> bool:
    """Whether the product of the pairings is one. The points are of the groups of prime order."""
    finite = [(p, q) for p, q in pairs if p is not None and q is not None]
    return not finite or is_one12(_final_exponentiation(_miller(finite)))

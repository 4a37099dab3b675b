"""The pairing on the curve bn254 (alt_bn128), in plain Python integers.

A number of Fq2 is a pair (a, b) for a + b*u with u*u = -1, one of Fq6 three of those in v with v**3 = 9 + u, one of
Fq12 two of those in w with w*w = v. Products are reduced, sums are not.
Spec: EIP-197; optimal ate pairing after Vercauteren, final exponentiation after Scott et al.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

P = 21888242871839275222246405745257275088696311157297823662689037894645226208583
ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
_U = 4965661367192848881
"""The curve's parameter: P and ORDER are polynomials in it."""
_LOOP = bin(6 * _U + 2)[3:]
_U_BITS = bin(_U)[3:]

Fq2: TypeAlias = tuple[int, int]
Fq6: TypeAlias = tuple[Fq2, Fq2, Fq2]
Fq12: TypeAlias = tuple[Fq6, Fq6]
G1Point: TypeAlias = tuple[int, int]
G2Point: TypeAlias = tuple[Fq2, Fq2]

_ZERO2: Fq2 = (0, 0)
_ONE2: Fq2 = (1, 0)
_ONE: Fq12 = ((_ONE2, _ZERO2, _ZERO2), (_ZERO2, _ZERO2, _ZERO2))


class NotOnCurve(ValueError):
    """Coordinates that are no point of the group."""


def _mul2(a: Fq2, b: Fq2) -> Fq2:
    a0, a1 = a
    b0, b1 = b
    low = a0 * b0
    high = a1 * b1
    return (low - high) % P, ((a0 + a1) * (b0 + b1) - low - high) % P


def _square2(a: Fq2) -> Fq2:
    a0, a1 = a
    return (a0 + a1) * (a0 - a1) % P, 2 * a0 * a1 % P


def _inverse2(a: Fq2) -> Fq2:
    a0, a1 = a
    norm = pow(a0 * a0 + a1 * a1, -1, P)
    return a0 * norm % P, -a1 * norm % P


def _power2(a: Fq2, exponent: int) -> Fq2:
    result = _ONE2
    for bit in bin(exponent)[2:]:
        result = _square2(result)
        if bit == "1":
            result = _mul2(result, a)
    return result


_XI: Fq2 = (9, 1)
_TWIST_B = _mul2((3, 0), _inverse2(_XI))
"""The twist is y**2 = x**3 + 3 / (9 + u)."""
_FROBENIUS = tuple(_power2(_XI, index * (P - 1) // 6) for index in range(6))
"""What the Frobenius map multiplies the coefficient of w**index with."""


def _mul6(a: Fq6, b: Fq6) -> Fq6:
    (a00, a01), (a10, a11), (a20, a21) = a
    (b00, b01), (b10, b11), (b20, b21) = b
    v00, v01 = _mul2(a[0], b[0])
    v10, v11 = _mul2(a[1], b[1])
    v20, v21 = _mul2(a[2], b[2])
    x0, x1 = _mul2((a10 + a20, a11 + a21), (b10 + b20, b11 + b21))
    y0, y1 = _mul2((a00 + a10, a01 + a11), (b00 + b10, b01 + b11))
    z0, z1 = _mul2((a00 + a20, a01 + a21), (b00 + b20, b01 + b21))
    x0 -= v10 + v20
    x1 -= v11 + v21
    return (
        ((v00 + 9 * x0 - x1) % P, (v01 + 9 * x1 + x0) % P),
        ((y0 - v00 - v10 + 9 * v20 - v21) % P, (y1 - v01 - v11 + 9 * v21 + v20) % P),
        ((z0 - v00 - v20 + v10) % P, (z1 - v01 - v21 + v11) % P),
    )


def _add6(a: Fq6, b: Fq6) -> Fq6:
    return (
        (a[0][0] + b[0][0], a[0][1] + b[0][1]),
        (a[1][0] + b[1][0], a[1][1] + b[1][1]),
        (a[2][0] + b[2][0], a[2][1] + b[2][1]),
    )


def _sub6(a: Fq6, b: Fq6) -> Fq6:
    return (
        (a[0][0] - b[0][0], a[0][1] - b[0][1]),
        (a[1][0] - b[1][0], a[1][1] - b[1][1]),
        (a[2][0] - b[2][0], a[2][1] - b[2][1]),
    )


def _times_v(a: Fq6) -> Fq6:
    c0, c1 = a[2]
    return (9 * c0 - c1, 9 * c1 + c0), a[0], a[1]


def _mul12(f: Fq12, g: Fq12) -> Fq12:
    low = _mul6(f[0], g[0])
    high = _mul6(f[1], g[1])
    cross = _mul6(_add6(f[0], f[1]), _add6(g[0], g[1]))
    return _add6(low, _times_v(high)), _sub6(_sub6(cross, low), high)


def _square12(f: Fq12) -> Fq12:
    a, b = f
    product = _mul6(a, b)
    mixed = _mul6(_add6(a, b), _add6(a, _times_v(b)))
    return _sub6(_sub6(mixed, product), _times_v(product)), _add6(product, product)


def _mul_line(f: Fq12, constant: int, w1: Fq2, w3: Fq2) -> Fq12:
    """f times constant + w1 * w + w3 * w**3."""
    a, b = f
    low: Fq6 = (
        (a[0][0] * constant % P, a[0][1] * constant % P),
        (a[1][0] * constant % P, a[1][1] * constant % P),
        (a[2][0] * constant % P, a[2][1] * constant % P),
    )
    high = _mul6_sparse(b, w1, w3)
    cross = _mul6_sparse(_add6(a, b), (w1[0] + constant, w1[1]), w3)
    return _add6(low, _times_v(high)), _sub6(_sub6(cross, low), high)


def _mul6_sparse(a: Fq6, c0: Fq2, c1: Fq2) -> Fq6:
    """a times c0 + c1 * v."""
    x0, x1 = _mul2(a[2], c1)
    v00, v01 = _mul2(a[0], c0)
    v10, v11 = _mul2(a[1], c1)
    y0, y1 = _mul2((a[0][0] + a[1][0], a[0][1] + a[1][1]), (c0[0] + c1[0], c0[1] + c1[1]))
    z0, z1 = _mul2(a[2], c0)
    return (
        ((v00 + 9 * x0 - x1) % P, (v01 + 9 * x1 + x0) % P),
        ((y0 - v00 - v10) % P, (y1 - v01 - v11) % P),
        ((z0 + v10) % P, (z1 + v11) % P),
    )


def _conjugate12(f: Fq12) -> Fq12:
    (b0, b1, b2) = f[1]
    return f[0], ((-b0[0], -b0[1]), (-b1[0], -b1[1]), (-b2[0], -b2[1]))


def _inverse6(a: Fq6) -> Fq6:
    a0, a1, a2 = a
    x = _square2(a0)
    y = _mul2(a1, a2)
    t0 = (x[0] - 9 * y[0] + y[1], x[1] - 9 * y[1] - y[0])
    x = _square2(a2)
    y = _mul2(a0, a1)
    t1 = (9 * x[0] - x[1] - y[0], 9 * x[1] + x[0] - y[1])
    x = _square2(a1)
    y = _mul2(a0, a2)
    t2 = (x[0] - y[0], x[1] - y[1])
    x = _mul2(a2, t1)
    y = _mul2(a1, t2)
    sum0, sum1 = x[0] + y[0], x[1] + y[1]
    z = _mul2(a0, t0)
    scale = _inverse2((z[0] + 9 * sum0 - sum1, z[1] + 9 * sum1 + sum0))
    return _mul2(t0, scale), _mul2(t1, scale), _mul2(t2, scale)


def _inverse12(f: Fq12) -> Fq12:
    a, b = f
    scale = _inverse6(_sub6(_mul6(a, a), _times_v(_mul6(b, b))))
    inverse_b = _mul6(b, scale)
    return _mul6(a, scale), _sub6((_ZERO2, _ZERO2, _ZERO2), inverse_b)


def _frobenius12(f: Fq12) -> Fq12:
    def part(value: Fq2, power: int) -> Fq2:
        return _mul2((value[0], -value[1]), _FROBENIUS[power])

    a, b = f
    return (
        (part(a[0], 0), part(a[1], 2), part(a[2], 4)),
        (part(b[0], 1), part(b[1], 3), part(b[2], 5)),
    )


def _power_u(f: Fq12) -> Fq12:
    result = f
    for bit in _U_BITS:
        result = _square12(result)
        if bit == "1":
            result = _mul12(result, f)
    return result


def _final_exponentiation(f: Fq12) -> Fq12:
    """f ** ((P**12 - 1) / ORDER)."""
    f = _mul12(_conjugate12(f), _inverse12(f))
    f = _mul12(_frobenius12(_frobenius12(f)), f)
    f_p = _frobenius12(f)
    f_p2 = _frobenius12(f_p)
    f_p3 = _frobenius12(f_p2)
    f_u = _power_u(f)
    f_u2 = _power_u(f_u)
    f_u3 = _power_u(f_u2)
    f_u2_p = _frobenius12(f_u2)
    y0 = _mul12(_mul12(f_p, f_p2), f_p3)
    y1 = _conjugate12(f)
    y2 = _frobenius12(f_u2_p)
    y3 = _conjugate12(_frobenius12(f_u))
    y4 = _conjugate12(_mul12(f_u, f_u2_p))
    y5 = _conjugate12(f_u2)
    y6 = _conjugate12(_mul12(f_u3, _frobenius12(f_u3)))
    low = _mul12(_mul12(_square12(y6), y4), y5)
    high = _mul12(_mul12(y3, y5), low)
    low = _mul12(low, y2)
    high = _square12(_mul12(_square12(high), low))
    return _mul12(_square12(_mul12(high, y1)), _mul12(high, y0))


def _reduced(f: Fq12) -> list[int]:
    return [number % P for six in f for two in six for number in two]


def _slope_step(t: G2Point, slope: Fq2, other_x: Fq2) -> G2Point:
    """The third point of the line through t with this slope that also meets other_x, mirrored."""
    (x0, x1), (y0, y1) = t
    square = _square2(slope)
    new_x = ((square[0] - x0 - other_x[0]) % P, (square[1] - x1 - other_x[1]) % P)
    rise = _mul2(slope, (x0 - new_x[0], x1 - new_x[1]))
    return new_x, ((rise[0] - y0) % P, (rise[1] - y1) % P)


def _double_slope(t: G2Point) -> Fq2:
    square = _square2(t[0])
    return _mul2((3 * square[0], 3 * square[1]), _inverse2((2 * t[1][0], 2 * t[1][1])))


def _chord_slope(t: G2Point, q: G2Point) -> Fq2:
    return _mul2(
        (t[1][0] - q[1][0], t[1][1] - q[1][1]),
        _inverse2((t[0][0] - q[0][0], t[0][1] - q[0][1])),
    )


def _at(f: Fq12, t: G2Point, slope: Fq2, p: G1Point) -> Fq12:
    """f times the line through t with this slope, at p."""
    offset = _mul2(slope, t[0])
    x, y = p
    return _mul_line(f, y, (-slope[0] * x % P, -slope[1] * x % P), (offset[0] - t[1][0], offset[1] - t[1][1]))


def _twisted_frobenius(q: G2Point) -> G2Point:
    (x0, x1), (y0, y1) = q
    return _mul2((x0, -x1), _FROBENIUS[2]), _mul2((y0, -y1), _FROBENIUS[3])


def _miller(pairs: Sequence[tuple[G1Point, G2Point]]) -> Fq12:
    f = _ONE
    points = [q for _, q in pairs]
    for bit in _LOOP:
        f = _square12(f)
        for index, (p, q) in enumerate(pairs):
            t = points[index]
            slope = _double_slope(t)
            f = _at(f, t, slope, p)
            t = _slope_step(t, slope, t[0])
            if bit == "1":
                slope = _chord_slope(t, q)
                f = _at(f, t, slope, p)
                t = _slope_step(t, slope, q[0])
            points[index] = t
    for (p, q), t in zip(pairs, points, strict=True):
        q1 = _twisted_frobenius(q)
        x2, y2 = _twisted_frobenius(q1)
        slope = _chord_slope(t, q1)
        f = _at(f, t, slope, p)
        t = _slope_step(t, slope, q1[0])
        f = _at(f, t, _chord_slope(t, (x2, (-y2[0], -y2[1]))), p)
    return f


def pairing_product_is_one(pairs: Iterable[tuple[G1Point | None, G2Point | None]]) -> bool:
    """Whether the product of the pairings is one. None is the point at infinity; points are valid ones of the groups."""
    finite = [(p, q) for p, q in pairs if p is not None and q is not None]
    if not finite:
        return True
    return _reduced(_final_exponentiation(_miller(finite))) == _reduced(_ONE)


def g1_point(x: int, y: int) -> G1Point | None:
    """A point of G1 from its coordinates. Raises NotOnCurve."""
    if x >= P or y >= P:
        raise NotOnCurve("coordinate is not below the field's modulus")
    if not x and not y:
        return None
    if (y * y - x * x * x - 3) % P:
        raise NotOnCurve("point is not on the curve")
    return x, y


def g2_point(x: Fq2, y: Fq2) -> G2Point | None:
    """A point of G2 from its coordinates on the twist. Raises NotOnCurve, also for points of another order."""
    if max(*x, *y) >= P:
        raise NotOnCurve("coordinate is not below the field's modulus")
    if not any(x) and not any(y):
        return None
    left, right = _square2(y), _mul2(_square2(x), x)
    if (left[0] - right[0] - _TWIST_B[0]) % P or (left[1] - right[1] - _TWIST_B[1]) % P:
        raise NotOnCurve("point is not on the twist")
    if not _has_group_order((x, y)):
        raise NotOnCurve("point is on the twist but not in the group")
    return x, y


def _has_group_order(q: G2Point) -> bool:
    """Whether ORDER * q is the point at infinity."""
    point: _Jacobian2 = (q[0], q[1], _ONE2)
    for bit in bin(ORDER)[3:]:
        point = _double_g2(point)
        if bit == "1":
            point = _add_g2(point, q)
    return point[2] == _ZERO2


_Jacobian2: TypeAlias = tuple[Fq2, Fq2, Fq2]
"""x / z**2 and y / z**3; z is zero at infinity."""


def _double_g2(point: _Jacobian2) -> _Jacobian2:
    x, y, z = point
    a = _square2(x)
    b = _square2(y)
    c = _square2(b)
    d0, d1 = _square2((x[0] + b[0], x[1] + b[1]))
    d = (2 * (d0 - a[0] - c[0]), 2 * (d1 - a[1] - c[1]))
    e = (3 * a[0], 3 * a[1])
    f = _square2(e)
    new_x = ((f[0] - 2 * d[0]) % P, (f[1] - 2 * d[1]) % P)
    g = _mul2(e, (d[0] - new_x[0], d[1] - new_x[1]))
    return new_x, ((g[0] - 8 * c[0]) % P, (g[1] - 8 * c[1]) % P), _mul2((2 * y[0], 2 * y[1]), z)


def _add_g2(point: _Jacobian2, q: G2Point) -> _Jacobian2:
    x, y, z = point
    if z == _ZERO2:
        return q[0], q[1], _ONE2
    zz = _square2(z)
    u = _mul2(q[0], zz)
    s = _mul2(q[1], _mul2(zz, z))
    h = ((u[0] - x[0]) % P, (u[1] - x[1]) % P)
    r = ((s[0] - y[0]) % P, (s[1] - y[1]) % P)
    if h == _ZERO2:
        return _double_g2(point) if r == _ZERO2 else (_ONE2, _ONE2, _ZERO2)
    hh = _square2(h)
    hhh = _mul2(h, hh)
    v = _mul2(x, hh)
    rr = _square2(r)
    new_x = ((rr[0] - hhh[0] - 2 * v[0]) % P, (rr[1] - hhh[1] - 2 * v[1]) % P)
    left = _mul2(r, (v[0] - new_x[0], v[1] - new_x[1]))
    right = _mul2(y, hhh)
    return new_x, ((left[0] - right[0]) % P, (left[1] - right[1]) % P), _mul2(z, h)


def add_g1(a: G1Point | None, b: G1Point | None) -> G1Point | None:
    """The sum of two points of G1; None is the point at infinity."""
    if a is None:
        return b
    if b is None:
        return a
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply_g1(point: G1Point | None, scalar: int) -> G1Point | None:
    """scalar * point, for any scalar."""
    scalar %= ORDER
    if point is None or scalar == 0:
        return None
    qx, qy = point
    x, y, z = qx, qy, 1
    for bit in bin(scalar)[3:]:
        # z is never zero: all prefixes of a scalar below the (prime) order are neither 0 nor 1 modulo it.
        b = y * y % P
        c = b * b
        d = 2 * ((x + b) * (x + b) - x * x - c)
        e = 3 * x * x
        z = 2 * y * z % P
        x = (e * e - 2 * d) % P
        y = (e * (d - x) - 8 * c) % P
        if bit == "1":
            zz = z * z % P
            h = (qx * zz - x) % P
            r = qy * zz * z - y
            hh = h * h % P
            hhh = h * hh % P
            v = x * hh
            x = (r * r - hhh - 2 * v) % P
            y = (r * (v - x) - y * hhh) % P
            z = z * h % P
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P

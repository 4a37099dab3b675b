"""The extension fields of BLS12-381, in plain Python integers.

A number of Fq2 is a pair (a, b) for a + b*u with u*u = -1, one of Fq6 three of those in v with v**3 = 1 + u, one of
Fq12 two of those in w with w*w = v. Products are reduced, sums are not.
"""

from typing import TypeAlias

P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB

Fq2: TypeAlias = tuple[int, int]
Fq6: TypeAlias = tuple[Fq2, Fq2, Fq2]
Fq12: TypeAlias = tuple[Fq6, Fq6]

ZERO2: Fq2 = (0, 0)
ONE2: Fq2 = (1, 0)
ONE12: Fq12 = ((ONE2, ZERO2, ZERO2), (ZERO2, ZERO2, ZERO2))
XI: Fq2 = (1, 1)


def mul2(a: Fq2, b: Fq2) -> Fq2:
    """a * b."""
    a0, a1 = a
    b0, b1 = b
    low = a0 * b0
    high = a1 * b1
    return (low - high) % P, ((a0 + a1) * (b0 + b1) - low - high) % P


def square2(a: Fq2) -> Fq2:
    """a * a."""
    a0, a1 = a
    return (a0 + a1) * (a0 - a1) % P, 2 * a0 * a1 % P


def inverse2(a: Fq2) -> Fq2:
    """1 / a, for a other than zero."""
    a0, a1 = a
    norm = pow(a0 * a0 + a1 * a1, -1, P)
    return a0 * norm % P, -a1 * norm % P


def power2(a: Fq2, exponent: int) -> Fq2:
    """a ** exponent, for exponents above zero."""
    result = ONE2
    for bit in bin(exponent)[2:]:
        result = square2(result)
        if bit == "1":
            result = mul2(result, a)
    return result


FROBENIUS = tuple(power2(XI, index * (P - 1) // 6) for index in range(1, 6))
"""What the Frobenius map multiplies the coefficient of w**(index + 1) with."""


def mul6(a: Fq6, b: Fq6) -> Fq6:
    """a * b."""
    (a00, a01), (a10, a11), (a20, a21) = a
    (b00, b01), (b10, b11), (b20, b21) = b
    v00, v01 = mul2(a[0], b[0])
    v10, v11 = mul2(a[1], b[1])
    v20, v21 = mul2(a[2], b[2])
    x0, x1 = mul2((a10 + a20, a11 + a21), (b10 + b20, b11 + b21))
    y0, y1 = mul2((a00 + a10, a01 + a11), (b00 + b10, b01 + b11))
    z0, z1 = mul2((a00 + a20, a01 + a21), (b00 + b20, b01 + b21))
    x0 -= v10 + v20
    x1 -= v11 + v21
    return (
        ((v00 + x0 - x1) % P, (v01 + x1 + x0) % P),
        ((y0 - v00 - v10 + v20 - v21) % P, (y1 - v01 - v11 + v21 + v20) % P),
        ((z0 - v00 - v20 + v10) % P, (z1 - v01 - v21 + v11) % P),
    )


def _mul6_sparse(a: Fq6, c0: Fq2, c1: Fq2) -> Fq6:
    """a times c0 + c1 * v."""
    x0, x1 = mul2(a[2], c1)
    v00, v01 = mul2(a[0], c0)
    v10, v11 = mul2(a[1], c1)
    y0, y1 = mul2((a[0][0] + a[1][0], a[0][1] + a[1][1]), (c0[0] + c1[0], c0[1] + c1[1]))
    z0, z1 = mul2(a[2], c0)
    return (
        ((v00 + x0 - x1) % P, (v01 + x1 + x0) % P),
        ((y0 - v00 - v10) % P, (y1 - v01 - v11) % P),
        ((z0 + v10) % P, (z1 + v11) % P),
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
    return (c0 - c1, c1 + c0), a[0], a[1]


def mul12(f: Fq12, g: Fq12) -> Fq12:
    """f * g."""
    low = mul6(f[0], g[0])
    high = mul6(f[1], g[1])
    cross = mul6(_add6(f[0], f[1]), _add6(g[0], g[1]))
    return _add6(low, _times_v(high)), _sub6(_sub6(cross, low), high)


def square12(f: Fq12) -> Fq12:
    """f * f."""
    a, b = f
    product = mul6(a, b)
    mixed = mul6(_add6(a, b), _add6(a, _times_v(b)))
    return _sub6(_sub6(mixed, product), _times_v(product)), _add6(product, product)


def mul_line(f: Fq12, constant: Fq2, w2: Fq2, w3: int) -> Fq12:
    """f times constant + w2 * w**2 + w3 * w**3."""
    a, b = f
    low = _mul6_sparse(a, constant, w2)
    high = _times_v(
        (
            (b[0][0] * w3 % P, b[0][1] * w3 % P),
            (b[1][0] * w3 % P, b[1][1] * w3 % P),
            (b[2][0] * w3 % P, b[2][1] * w3 % P),
        )
    )
    cross = _mul6_sparse(_add6(a, b), constant, (w2[0] + w3, w2[1]))
    return _add6(low, _times_v(high)), _sub6(_sub6(cross, low), high)


def conjugate12(f: Fq12) -> Fq12:
    """f ** (P**6); the inverse of f where f ** (P**6 + 1) is one."""
    (b0, b1, b2) = f[1]
    return f[0], ((-b0[0], -b0[1]), (-b1[0], -b1[1]), (-b2[0], -b2[1]))


def _inverse6(a: Fq6) -> Fq6:
    a0, a1, a2 = a
    x = square2(a0)
    y = mul2(a1, a2)
    t0 = (x[0] - y[0] + y[1], x[1] - y[1] - y[0])
    x = square2(a2)
    y = mul2(a0, a1)
    t1 = (x[0] - x[1] - y[0], x[1] + x[0] - y[1])
    x = square2(a1)
    y = mul2(a0, a2)
    t2 = (x[0] - y[0], x[1] - y[1])
    x = mul2(a2, t1)
    y = mul2(a1, t2)
    sum0, sum1 = x[0] + y[0], x[1] + y[1]
    z = mul2(a0, t0)
    scale = inverse2((z[0] + sum0 - sum1, z[1] + sum1 + sum0))
    return mul2(t0, scale), mul2(t1, scale), mul2(t2, scale)


def inverse12(f: Fq12) -> Fq12:
    """1 / f, for f other than zero."""
    a, b = f
    scale = _inverse6(_sub6(mul6(a, a), _times_v(mul6(b, b))))
    return mul6(a, scale), _sub6((ZERO2, ZERO2, ZERO2), mul6(b, scale))


def frobenius12(f: Fq12) -> Fq12:
    """f ** P."""

    def part(value: Fq2, power: int) -> Fq2:
        return mul2((value[0], -value[1]), FROBENIUS[power - 1]) if power else (value[0], -value[1])

    a, b = f
    return (
        (part(a[0], 0), part(a[1], 2), part(a[2], 4)),
        (part(b[0], 1), part(b[1], 3), part(b[2], 5)),
    )


def is_one12(f: Fq12) -> bool:
    """Whether f is one."""
    numbers = [number % P for six in f for two in six for number in two]
    return numbers[0] == 1 and not any(numbers[1:])

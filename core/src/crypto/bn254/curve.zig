//! alt_bn128: y^2 = x^3 + 3 over Fp, its twist y^2 = x^3 + 3/(9 + u) over Fp2, their endomorphisms.
//!
//! Paper: Barreto, Naehrig, "Pairing-Friendly Elliptic Curves of Prime Order" (2005). Constants: EIP-196, EIP-197.

const std = @import("std");
const montgomery = @import("../curves/montgomery.zig");
const tower = @import("../curves/tower.zig");
const weierstrass = @import("../curves/weierstrass.zig");

/// The parameter of the Barreto-Naehrig family.
pub const x = 4965661367192848881;
pub const p = 36 * x * x * x * x + 36 * x * x * x + 24 * x * x + 6 * x + 1;
pub const r = 36 * x * x * x * x + 36 * x * x * x + 18 * x * x + 6 * x + 1;

comptime {
    std.debug.assert(p == 21888242871839275222246405745257275088696311157297823662689037894645226208583);
    std.debug.assert(r == 21888242871839275222246405745257275088548364400416034343698204186575808495617);
}

pub const Fp = montgomery.Field(p);
pub const Tower = tower.Tower(Fp, 9);
pub const Fp2 = Tower.Fp2;

/// 3 / (9 + u) = 3 (9 - u) / 82.
pub const b_twist = blk: {
    const third = 3 * montgomery.powerModulo(82, p - 2, p);
    break :blk Fp2.constant(9 * third, -third);
};

/// The order is r: every point of the curve is in the group.
pub const G1 = weierstrass.Curve(Fp, Fp.constant(3));
pub const G2 = weierstrass.Curve(Fp2, b_twist);

/// (beta x, y) is lambda (x, y): beta is a cube root of one modulo p, lambda one modulo r.
const beta = Fp.constant(-(18 * x * x * x + 18 * x * x + 9 * x + 2));
const lambda = -(36 * x * x * x + 18 * x * x + 6 * x + 2);

// Two short vectors (a, b) with a + b lambda = 0 modulo r, whose determinant is r.
const a1 = 2 * x + 1;
const b1 = 6 * x * x + 4 * x + 1;
const a2 = 6 * x * x + 2 * x;
const b2 = -(2 * x + 1);

comptime {
    std.debug.assert(@mod(lambda * lambda + lambda + 1, r) == 0);
    std.debug.assert(@mod(a1 + b1 * lambda, r) == 0);
    std.debug.assert(@mod(a2 + b2 * lambda, r) == 0);
    std.debug.assert(a2 * b1 - a1 * b2 == r);
}

/// scalar * point, the scalar split in two halves that share their doublings.
/// Paper: Gallant, Lambert, Vanstone, "Faster Point Multiplication on Elliptic Curves with Efficient Endomorphisms" (2001).
pub fn multiply(point: G1.Affine, scalar: u256) G1.Affine {
    if (point.isInfinity()) return point;
    var k = scalar;
    while (k >= r) k -= r;
    var terms: [2]G1.Term = undefined;
    G1.normalise(&G1.oddMultiples(point), &terms[0].multiples);
    for (&terms[1].multiples, terms[0].multiples) |*image, multiple| image.* = .{ .x = multiple.x.mul(beta), .y = multiple.y };
    const halves = split(k);
    for (&terms, halves) |*term, half| term.setScalar(@intCast(@abs(half)), half < 0);
    return G1.sum(&terms).toAffine();
}

/// k = first + second * lambda modulo r, both below 2^128 in size.
fn split(k: u256) [2]i256 {
    // (k, 0) less the nearest lattice vector; the quotients k b / r, from reciprocals scaled by 2^256, may be one too small.
    const c1 = scaledQuotient(k, -b2);
    const c2 = scaledQuotient(k, b1);
    // k = (c1 a1 + c2 a2) + first, 0 = (c1 b1 + c2 b2) + second.
    const first = k -% c1 *% a1 -% c2 *% a2;
    const second = 0 -% c1 *% b1 +% c2 *% -b2;
    return .{ @bitCast(first), @bitCast(second) };
}

fn scaledQuotient(k: u256, comptime numerator: comptime_int) u256 {
    const reciprocal: u256 = (numerator << 256) / r;
    return @truncate(std.math.mulWide(u256, k, reciprocal) >> 256);
}

/// The Frobenius map of the curve over Fp12, seen on the twist: it multiplies a point of order r by p.
pub fn frobenius(point: G2.Affine) G2.Affine {
    return .{ .x = point.x.conjugate().mul(frobenius_x), .y = point.y.conjugate().mul(frobenius_y) };
}

pub const frobenius_x = Tower.xiPower((p - 1) / 3);
pub const frobenius_y = Tower.xiPower((p - 1) / 2);

fn frobeniusJacobian(point: G2.Jacobian) G2.Jacobian {
    return .{ .x = point.x.conjugate().mul(frobenius_x), .y = point.y.conjugate().mul(frobenius_y), .z = point.z.conjugate() };
}

/// Whether a point of the twist has order r: (x+1)Q + f(xQ) + f^2(xQ) = f^3(2xQ), f being the Frobenius map. As f^2 - t f + p = 0, a point with this
/// property is annihilated by a number whose common divisor with the order of the twist is r.
/// Paper: Dai, Lin, Zhao, Zhou, "Fast Subgroup Membership Testings for G1, G2 and GT on Pairing-Friendly Curves" (2022).
pub fn isInG2(point: G2.Affine) bool {
    const q = point.toJacobian();
    const xq = q.multiplyConstant(x);
    const f1 = frobeniusJacobian(xq);
    const f2 = frobeniusJacobian(f1);
    const f3 = frobeniusJacobian(f2);
    return xq.add(q).add(f1).add(f2).eql(f3.double());
}

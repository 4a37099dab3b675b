//! BLS12-381: y^2 = x^3 + 4 over Fp, its twist y^2 = x^3 + 4 (1 + u) over Fp2, their subgroups of order r and endomorphisms.
//!
//! Papers: Barreto, Lynn, Scott, "Constructing Elliptic Curves with Prescribed Embedding Degrees" (2002); Scott, "A Note on Group Membership
//! Tests for G1, G2 and GT on BLS Pairing-Friendly Curves" (2021). Constants: EIP-2537.

const std = @import("std");
const montgomery = @import("../curves/montgomery.zig");
const tower = @import("../curves/tower.zig");
const weierstrass = @import("../curves/weierstrass.zig");

/// The size of the parameter of the BLS12 family, which is negative.
pub const x_size = 0xd201000000010000;
const x = -x_size;
pub const p = (x - 1) * (x - 1) / 3 * (x * x * x * x - x * x + 1) + x;
pub const r = x * x * x * x - x * x + 1;

comptime {
    std.debug.assert(p == 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab);
    std.debug.assert(r == 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001);
}

pub const Fp = montgomery.Field(p);
pub const Tower = tower.Tower(Fp, 1);
pub const Fp2 = Tower.Fp2;

pub const b_twist = Fp2.constant(4, 4);

pub const G1 = weierstrass.Curve(Fp, Fp.constant(4));
pub const G2 = weierstrass.Curve(Fp2, b_twist);

/// A cube root of one: (beta x, y) is -x^2 times the point, in the subgroup.
const beta = Fp.constant(montgomery.powerModulo(2, (p - 1) / 3, p));

fn endomorphism(point: G1.Affine) G1.Affine {
    return .{ .x = point.x.mul(beta), .y = point.y };
}

/// Whether a point of the curve has order r: its image by the endomorphism is -x^2 times it.
pub fn isInG1(point: G1.Affine) bool {
    const multiple = point.toJacobian().multiplyConstant(x_size).multiplyConstant(x_size);
    return multiple.neg().eqlAffine(endomorphism(point));
}

const frobenius_x = Tower.xiPower(p * p - 1 - (p - 1) / 3);
const frobenius_y = Tower.xiPower(p * p - 1 - (p - 1) / 2);

/// The Frobenius map of the curve over Fp12, seen on the twist: it multiplies a point of order r by p, and so by x.
fn frobenius(point: G2.Affine) G2.Affine {
    return .{ .x = point.x.conjugate().mul(frobenius_x), .y = point.y.conjugate().mul(frobenius_y) };
}

fn frobeniusJacobian(point: G2.Jacobian) G2.Jacobian {
    return .{ .x = point.x.conjugate().mul(frobenius_x), .y = point.y.conjugate().mul(frobenius_y), .z = point.z.conjugate() };
}

/// Whether a point of the twist has order r: its image by the Frobenius map is x times it.
pub fn isInG2(point: G2.Affine) bool {
    return point.toJacobian().multiplyConstant(x_size).neg().eqlAffine(frobenius(point));
}

/// (1 - x) point, which has order r or 1. Spec: RFC 9380 section 8.8.1.
pub fn clearCofactorG1(point: G1.Jacobian) G1.Jacobian {
    return point.multiplyConstant(1 - x);
}

/// h_eff point, which has order r or 1, as (x^2 - x - 1) P + (x - 1) f(P) + f^2(2 P), f being the Frobenius map.
/// Spec: RFC 9380 section 8.8.2 and appendix G.3. Paper: Budroni, Pintore, "Efficient Hash Maps to G2 on BLS Curves" (2017).
pub fn clearCofactorG2(point: G2.Jacobian) G2.Jacobian {
    const xp = point.multiplyConstant(x_size).neg();
    const less = xp.add(point.neg());
    const xxp = xp.multiplyConstant(x_size).neg();
    // x^2 P - xP - P = x^2 P - (xP - P) - 2P.
    const doubled = point.double();
    const first = xxp.add(less.neg()).add(doubled.neg());
    return first.add(frobeniusJacobian(less)).add(frobeniusJacobian(frobeniusJacobian(doubled)));
}

/// The digits of a scalar modulo r to the base |x|, the lowest first.
fn digits(scalar: u256) [4]u64 {
    var k = scalar;
    while (k >= r) k -= r;
    var result: [4]u64 = undefined;
    for (result[0..3]) |*digit| {
        var quotient: u256 = 0;
        var remainder: u128 = 0;
        inline for (.{ 192, 128, 64, 0 }) |shift| {
            const partial = remainder << 64 | @as(u64, @truncate(k >> shift));
            quotient |= @as(u256, partial / x_size) << shift;
            remainder = partial % x_size;
        }
        digit.* = @intCast(remainder);
        k = quotient;
    }
    result[3] = @intCast(k);
    return result;
}

/// The two products that a point of G1 times a scalar is: x^2 P is minus the endomorphism's image.
pub fn setTermsG1(terms: *[2]G1.Term, multiples: *const [G1.odd_multiples]G1.Affine, scalar: u256) void {
    const d = digits(scalar);
    for (&terms[0].multiples, &terms[1].multiples, multiples) |*first, *second, multiple| {
        first.* = multiple;
        second.* = endomorphism(multiple).neg();
    }
    for (terms, 0..) |*term, i| term.setScalar(@as(u128, d[2 * i + 1]) * x_size + d[2 * i], false);
}

/// The four products that a point of G2 times a scalar is: |x| P is minus the Frobenius map's image.
pub fn setTermsG2(terms: *[4]G2.Term, multiples: *const [G2.odd_multiples]G2.Affine, scalar: u256) void {
    terms[0].multiples = multiples.*;
    for (1..4) |i| {
        for (&terms[i].multiples, &terms[i - 1].multiples) |*image, multiple| image.* = frobenius(multiple).neg();
    }
    for (terms, digits(scalar)) |*term, digit| term.setScalar(digit, false);
}

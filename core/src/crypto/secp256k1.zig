//! Recovery of a signer's public key on secp256k1. Variable time: signatures are public.
//!
//! The key is (s R - z G) / r. The scalar of R is split in two halves along the curve's endomorphism (x, y) -> (beta x, y), which
//! multiplies by lambda; the scalar of G at bit 128. All four halves are written in signed digits and worked off by one chain of 128
//! doublings.
//!
//! Spec: SEC 1, section 4.1.6; Gallant, Lambert, Vanstone, "Faster point multiplication on elliptic curves with efficient endomorphisms"

const std = @import("std");
const base_table = @import("base_table.zig");
const field = @import("secp256k1/field.zig");
const limbs = @import("limbs.zig");
const modular_inverse = @import("modular_inverse.zig");
const weierstrass = @import("weierstrass.zig");
const words = @import("../u256.zig");

const points = weierstrass.Points(field, .zero);
const Affine = points.Affine;
const Jacobian = points.Jacobian;

/// The number of points.
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

/// The public key x || y whose signature of `hash` is (r, s) with the parity of R's y given, or null where there is none: r or s is zero
/// or not below the order, no point has r as its x, or the key would be infinity. A high s is accepted.
pub fn recover(hash: *const [32]u8, r: *const [32]u8, s: *const [32]u8, odd_y: bool) ?[64]u8 {
    const r_number = words.fromBytes(r);
    const s_number = words.fromBytes(s);
    if (r_number == 0 or r_number >= order or s_number == 0 or s_number >= order) return null;
    const point = liftX(r_number, odd_y) orelse return null;
    // The order is prime, so every r has an inverse.
    const inverse = modular_inverse.inverse(r_number, order).?;
    const z = words.mulMod(words.fromBytes(hash), inverse, order);
    const key = multiplySum(if (z == 0) 0 else order - z, words.mulMod(s_number, inverse, order), point).toAffine() orelse return null;
    var out: [64]u8 = undefined;
    out[0..32].* = words.toBytes(field.reduce(key.x));
    out[32..64].* = words.toBytes(field.reduce(key.y));
    return out;
}

/// The point with this x and y's parity. x is below p.
fn liftX(x: u256, odd_y: bool) ?Affine {
    const element = field.fromWord(x);
    const cube = field.multiply(field.square(element), element);
    const y = field.squareRoot(field.add(cube, .{ 7, 0, 0, 0 })) orelse return null;
    const odd = field.reduce(y) & 1 != 0;
    return .{ .x = element, .y = if (odd == odd_y) y else field.negate(y) };
}

/// Widths of the signed digits: the generator's table is computed while compiling, so it may be the larger one.
const point_width = 5;
const base_width = 8;

const curve: base_table.Curve = .{ .prime = field.prime, .a = 0 };
const generator: base_table.Point = .{
    .x = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798,
    .y = 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8,
};
const base_count = weierstrass.tableSize(base_width);
const base_low = base_table.oddMultiples(curve, generator, base_count, Affine, field);
const base_high = base_table.oddMultiples(curve, base_table.doubled(curve, generator, 128), base_count, Affine, field);

/// g G + k P.
fn multiplySum(g: u256, k: u256, point: Affine) Jacobian {
    const halves = split(k);
    const g_limbs = limbs.fromWord(g);
    const table = points.oddMultiples(weierstrass.tableSize(point_width), point);
    var turned = table;
    for (&turned) |*entry| entry.x = field.multiply(entry.x, beta);
    const digits = [4][weierstrass.digitPlaces(2)]i8{
        weierstrass.signedDigits(point_width, 2, halves[0].magnitude, halves[0].negative),
        weierstrass.signedDigits(point_width, 2, halves[1].magnitude, halves[1].negative),
        weierstrass.signedDigits(base_width, 2, g_limbs[0..2].*, false),
        weierstrass.signedDigits(base_width, 2, g_limbs[2..4].*, false),
    };
    return points.multiplySum(4, digits[0].len, &digits, .{ &table, &turned, &base_low, &base_high });
}

/// Below 2^128 in magnitude.
const Half = struct { magnitude: [2]u64, negative: bool };

/// A primitive cube root of one modulo p, and `lambda` modulo the order such that lambda (x, y) = (beta x, y).
const beta = field.fromWord(0x7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501ee);
const lambda = 0x5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72;

/// A short basis of the pairs (x, y) with x + y lambda = 0 modulo the order: (a1, -b1) and (a2, a1).
const a1 = 0x3086d221a7d46bcde86c90e49284eb15;
const b1 = 0xe4437ed6010e88286f547fa90abfe4c3;
const a2 = 0x114ca50f7a8e2f3f657c1108d9d44cfd8;

comptime {
    std.debug.assert(@mod(a1 - b1 * lambda, order) == 0);
    std.debug.assert(@mod(a2 + a1 * lambda, order) == 0);
}

/// 2^384 a1 / order and 2^384 b1 / order, rounded.
const a1_scaled: u256 = @divFloor((a1 << 384) + order / 2, order);
const b1_scaled: u256 = @divFloor((b1 << 384) + order / 2, order);

/// Two numbers below 2^128 in magnitude with k = first + second lambda modulo the order: k less the nearest point of the lattice.
fn split(k: u256) [2]Half {
    const c1 = roundedHigh(k, a1_scaled);
    const c2 = roundedHigh(k, b1_scaled);
    // The results are small, so wrapping in between does no harm.
    return .{ half(k -% c1 *% a1 -% c2 *% a2), half(c1 *% b1 -% c2 *% a1) };
}

/// a b / 2^384, rounded.
fn roundedHigh(a: u256, b: u256) u256 {
    const product = limbs.multiply(4, limbs.fromWord(a), limbs.fromWord(b));
    return (@as(u256, product[7]) << 64 | product[6]) + (product[5] >> 63);
}

fn half(value: u256) Half {
    const negative = value >> 255 != 0;
    const magnitude = limbs.fromWord(if (negative) 0 -% value else value);
    std.debug.assert(magnitude[2] | magnitude[3] == 0);
    return .{ .magnitude = magnitude[0..2].*, .negative = negative };
}

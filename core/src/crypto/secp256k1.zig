//! Recovery of a signer's public key on secp256k1. Variable time: signatures are public.
//!
//! The key is (s R - z G) / r. The scalar of R is split in two halves along the curve's endomorphism (x, y) -> (beta x, y), which
//! multiplies by lambda; the scalar of G at bit 128. All four halves are written in signed digits and worked off by one chain of 128
//! doublings.
//!
//! Spec: SEC 1, section 4.1.6; Gallant, Lambert, Vanstone, "Faster point multiplication on elliptic curves with efficient endomorphisms"

const std = @import("std");
const base = @import("secp256k1/base_table.zig");
const field = @import("secp256k1/field.zig");
const limbs = @import("limbs.zig");
const modular_inverse = @import("modular_inverse.zig");
const points = @import("secp256k1/point.zig");
const words = @import("../u256.zig");

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

/// Halves stay below 2^128 in magnitude, and a digit may carry one place further.
const digit_places = 130;
const point_width = 5;
const point_count = 1 << (point_width - 2);

/// g G + k P.
fn multiplySum(g: u256, k: u256, point: Affine) Jacobian {
    const halves = split(k);
    const table = oddMultiples(point);
    var turned = table;
    for (&turned) |*entry| entry.x = field.multiply(entry.x, beta);

    const digits = [4][digit_places]i8{
        signedDigits(point_width, halves[0]),
        signedDigits(point_width, halves[1]),
        signedDigits(base.width, .{ .magnitude = @truncate(g), .negative = false }),
        signedDigits(base.width, .{ .magnitude = @truncate(g >> 128), .negative = false }),
    };
    const tables = [4][]const Affine{ &table, &turned, &base.low, &base.high };

    var sum = Jacobian.infinity;
    var started = false;
    var place: usize = digit_places;
    while (place != 0) {
        place -= 1;
        if (started) sum = sum.double();
        inline for (0..4) |i| {
            const digit = digits[i][place];
            if (digit != 0) {
                started = true;
                const entry = tables[i][@abs(digit) >> 1];
                sum = sum.addAffine(if (digit < 0) entry.negated() else entry, null);
            }
        }
    }
    return sum;
}

/// P, 3 P, 5 P, ..., with one inversion for all.
fn oddMultiples(point: Affine) [point_count]Affine {
    const twice = Jacobian.fromAffine(point).double();
    // On the isomorphic curve where twice is (x, y, 1), additions of it are cheap; z there is z here over twice's z.
    const zz = field.square(twice.z);
    const step: Affine = .{ .x = twice.x, .y = twice.y };
    var multiples: [point_count]Jacobian = undefined;
    var ratios: [point_count]field.Element = undefined;
    multiples[0] = .{
        .x = field.multiply(point.x, zz),
        .y = field.multiply(point.y, field.multiply(zz, twice.z)),
        .z = field.one,
    };
    for (1..point_count) |i| multiples[i] = multiples[i - 1].addAffine(step, &ratios[i]);

    // No small multiple of a point of prime order is infinity.
    var inverse = field.inverse(field.multiply(multiples[point_count - 1].z, twice.z)).?;
    var table: [point_count]Affine = undefined;
    var i: usize = point_count;
    while (i != 0) {
        i -= 1;
        const square = field.square(inverse);
        table[i] = .{
            .x = field.multiply(multiples[i].x, square),
            .y = field.multiply(multiples[i].y, field.multiply(square, inverse)),
        };
        if (i != 0) inverse = field.multiply(inverse, ratios[i]);
    }
    return table;
}

const Half = struct { magnitude: u128, negative: bool };

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
    return .{ .magnitude = @intCast(if (negative) 0 -% value else value), .negative = negative };
}

/// The number as a sum of digits times powers of two: every digit is zero or odd and below 2^(width - 1) in magnitude, and of `width`
/// digits in a row at most one is not zero.
fn signedDigits(comptime width: comptime_int, number: Half) [digit_places]i8 {
    var digits: [digit_places]i8 = @splat(0);
    const window = 1 << width;
    var place: usize = 0;
    var carry: u128 = 0;
    while (place < digit_places) {
        const rest = if (place < 128) number.magnitude >> @intCast(place) else 0;
        if ((rest & 1) == carry) {
            place += 1;
            continue;
        }
        const value: i16 = @intCast((rest & (window - 1)) + carry);
        carry = @intFromBool(value >= window / 2);
        const digit: i8 = @intCast(if (carry != 0) value - window else value);
        digits[place] = if (number.negative) -digit else digit;
        place += width;
    }
    return digits;
}

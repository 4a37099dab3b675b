//! The points at which a blob's polynomial has the values of its field elements: the 4096th roots of unity, in bit-reversed order.
//!
//! Spec: consensus-specs deneb, "polynomial-commitments"; op fault proof, "Type 5: Global EIP-4844 Point-evaluation key".

const std = @import("std");
const blob = @import("../blob.zig");

pub const Point = [32]u8;

/// Order of the scalar field of BLS12-381.
pub const modulus: u256 = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
/// Generates the field's multiplicative group.
const generator = 7;

/// Powers of this number run through all 4096 points.
const root_of_unity = blk: {
    @setEvalBranchQuota(100_000);
    var result: u256 = 1;
    var base: u256 = generator;
    var exponent: u256 = (modulus - 1) / blob.elements;
    while (exponent > 0) : (exponent >>= 1) {
        if (exponent & 1 == 1) result = mulAtCompileTime(result, base);
        base = mulAtCompileTime(base, base);
    }
    break :blk result;
};

fn mulAtCompileTime(a: u256, b: u256) u256 {
    return @intCast(@as(u512, a) * b % modulus);
}

/// Big-endian points, by the index of the field element. Takes about 2 million instructions: keep the result.
pub fn compute(points: *[blob.elements]Point) void {
    const step = toLimbs(toMontgomery(root_of_unity));
    // In Montgomery form one factor of 2^256 is lost at each product, and `step` brings it: what comes out is the plain number.
    var power = toLimbs(1);
    for (0..blob.elements) |exponent| {
        const index = @bitReverse(@as(u12, @intCast(exponent)));
        points[index] = toBytes(power);
        power = multiply(power, step);
    }
}

pub const Limbs = [4]u64;

const modulus_limbs = toLimbs(modulus);
/// -1 / modulus, modulo 2^64.
const inverse: u64 = blk: {
    var result: u64 = 1;
    for (0..6) |_| result *%= 2 -% modulus_limbs[0] *% result;
    break :blk -%result;
};

fn toLimbs(value: u256) Limbs {
    return .{ @truncate(value), @truncate(value >> 64), @truncate(value >> 128), @truncate(value >> 192) };
}

fn toMontgomery(comptime value: u256) u256 {
    return comptime @intCast((@as(u512, value) << 256) % modulus);
}

/// a * b / 2^256 modulo the order.
pub fn multiply(a: Limbs, b: Limbs) Limbs {
    var sum: [5]u64 = @splat(0);
    for (a) |factor| {
        var carry: u64 = 0;
        for (0..4) |index| carry = accumulate(&sum[index], factor, b[index], carry);
        const top = @addWithOverflow(sum[4], carry);
        sum[4] = top[0];
        std.debug.assert(top[1] == 0);
        const quotient = sum[0] *% inverse;
        carry = accumulate(&sum[0], quotient, modulus_limbs[0], 0);
        for (1..4) |index| {
            carry = accumulate(&sum[index], quotient, modulus_limbs[index], carry);
            sum[index - 1] = sum[index];
        }
        const shifted = @addWithOverflow(sum[4], carry);
        sum[3] = shifted[0];
        sum[4] = shifted[1];
    }
    return reduce(sum);
}

/// Adds a * b + carry to a limb and returns what goes to the next.
fn accumulate(limb: *u64, a: u64, b: u64, carry: u64) u64 {
    const wide = @as(u128, a) * b + limb.* + carry;
    limb.* = @truncate(wide);
    return @truncate(wide >> 64);
}

fn reduce(sum: [5]u64) Limbs {
    var result: Limbs = undefined;
    var borrow: u1 = 0;
    for (0..4) |index| {
        const first = @subWithOverflow(sum[index], modulus_limbs[index]);
        const second = @subWithOverflow(first[0], borrow);
        result[index] = second[0];
        borrow = first[1] | second[1];
    }
    return if (borrow == 1 and sum[4] == 0) sum[0..4].* else result;
}

// Numbers below the order. "Entered" ones are in Montgomery form: multiplied by 2^256.

pub const zero: Limbs = @splat(0);
/// 1, entered.
pub const one = toLimbs(toMontgomery(1));
const square_of_radix = toLimbs(toMontgomery(@intCast((@as(u512, 1) << 256) % modulus)));
/// 1 / 4096, entered.
pub const inverse_of_count = blk: {
    @setEvalBranchQuota(200_000);
    var result: u256 = 1;
    var base: u256 = blob.elements;
    var exponent: u256 = modulus - 2;
    while (exponent > 0) : (exponent >>= 1) {
        if (exponent & 1 == 1) result = mulAtCompileTime(result, base);
        base = mulAtCompileTime(base, base);
    }
    break :blk toLimbs(toMontgomery(result));
};

pub fn fromBytes(bytes: *const [32]u8) Limbs {
    return toLimbs(std.mem.readInt(u256, bytes, .big));
}

pub fn toBytes(value: Limbs) [32]u8 {
    var bytes: [32]u8 = undefined;
    for (0..4) |limb| std.mem.writeInt(u64, bytes[8 * (3 - limb) ..][0..8], value[limb], .big);
    return bytes;
}

pub fn isReduced(value: Limbs) bool {
    // Nothing is subtracted from a number that is below the order.
    return std.mem.eql(u64, &reduce(.{ value[0], value[1], value[2], value[3], 0 }), &value);
}

/// A hash as a number below the order.
pub fn reduced(hash: *const [32]u8) [32]u8 {
    var value = fromBytes(hash);
    while (!isReduced(value)) value = reduce(.{ value[0], value[1], value[2], value[3], 0 });
    return toBytes(value);
}

pub fn enter(value: Limbs) Limbs {
    return multiply(value, square_of_radix);
}

pub fn add(a: Limbs, b: Limbs) Limbs {
    var sum: [5]u64 = @splat(0);
    var carry: u1 = 0;
    for (0..4) |index| {
        const first = @addWithOverflow(a[index], b[index]);
        const second = @addWithOverflow(first[0], carry);
        sum[index] = second[0];
        carry = first[1] | second[1];
    }
    sum[4] = carry;
    return reduce(sum);
}

pub fn subtract(a: Limbs, b: Limbs) Limbs {
    var result: Limbs = undefined;
    var borrow: u1 = 0;
    for (0..4) |index| {
        const first = @subWithOverflow(a[index], b[index]);
        const second = @subWithOverflow(first[0], borrow);
        result[index] = second[0];
        borrow = first[1] | second[1];
    }
    if (borrow == 0) return result;
    var carry: u1 = 0;
    for (0..4) |index| {
        const first = @addWithOverflow(result[index], modulus_limbs[index]);
        const second = @addWithOverflow(first[0], carry);
        result[index] = second[0];
        carry = first[1] | second[1];
    }
    return result;
}

/// 1 / value; both entered.
pub fn invert(value: Limbs) Limbs {
    var result = one;
    var base = value;
    var exponent: u256 = modulus - 2;
    while (exponent > 0) : (exponent >>= 1) {
        if (exponent & 1 == 1) result = multiply(result, base);
        base = multiply(base, base);
    }
    return result;
}

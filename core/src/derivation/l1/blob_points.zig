//! The points at which a blob's polynomial has the values of its field elements: the 4096th roots of unity, in bit-reversed order.
//!
//! Spec: consensus-specs deneb, "polynomial-commitments"; op fault proof, "Type 5: Global EIP-4844 Point-evaluation key".

const std = @import("std");
const blob = @import("../blob.zig");

pub const Point = [32]u8;

/// Order of the scalar field of BLS12-381.
const modulus: u256 = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
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
        for (0..4) |limb| std.mem.writeInt(u64, points[index][8 * (3 - limb) ..][0..8], power[limb], .big);
        power = multiply(power, step);
    }
}

const Limbs = [4]u64;

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
fn multiply(a: Limbs, b: Limbs) Limbs {
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

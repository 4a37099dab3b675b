//! Numbers of several 64-bit limbs, least significant first: the carries that every field and every division needs.

const std = @import("std");
const builtin = @import("builtin");

comptime {
    // Words are turned into limbs by @bitCast.
    std.debug.assert(builtin.cpu.arch.endian() == .little);
}

pub const Wide = struct { low: u64, high: u64 };

/// a b + c + d, which 128 bits always hold: (2^64 - 1)^2 + 2 (2^64 - 1) = 2^128 - 1.
pub inline fn multiplyAdd(a: u64, b: u64, c: u64, d: u64) Wide {
    const sum = @as(u128, a) *% b +% c +% d;
    return .{ .low = @truncate(sum), .high = @truncate(sum >> 64) };
}

pub const Sum = struct { value: u64, carry: u64 };

/// a + b + carry, the carry in being 0 or 1.
pub inline fn addCarry(a: u64, b: u64, carry: u64) Sum {
    const first, const one = @addWithOverflow(a, b);
    const second, const two = @addWithOverflow(first, carry);
    return .{ .value = second, .carry = @as(u64, one) | two };
}

/// a - b - borrow, the borrow in being 0 or 1.
pub inline fn subtractBorrow(a: u64, b: u64, borrow: u64) Sum {
    const first, const one = @subWithOverflow(a, b);
    const second, const two = @subWithOverflow(first, borrow);
    return .{ .value = second, .carry = @as(u64, one) | two };
}

/// The whole product.
pub inline fn multiply(comptime n: usize, a: [n]u64, b: [n]u64) [2 * n]u64 {
    var product: [2 * n]u64 = @splat(0);
    inline for (0..n) |i| {
        var carry: u64 = 0;
        inline for (0..n) |j| {
            const term = multiplyAdd(a[i], b[j], product[i + j], carry);
            product[i + j] = term.low;
            carry = term.high;
        }
        product[i + n] = carry;
    }
    return product;
}

/// The whole square: each cross product is computed once and doubled.
pub inline fn square(comptime n: usize, a: [n]u64) [2 * n]u64 {
    var product: [2 * n]u64 = @splat(0);
    inline for (0..n - 1) |i| {
        var carry: u64 = 0;
        inline for (i + 1..n) |j| {
            const term = multiplyAdd(a[i], a[j], product[i + j], carry);
            product[i + j] = term.low;
            carry = term.high;
        }
        product[i + n] = carry;
    }
    var carry: u64 = 0;
    var shifted_out: u64 = 0;
    inline for (0..n) |i| {
        const diagonal = @as(u128, a[i]) *% a[i];
        const low = product[2 * i] << 1 | shifted_out;
        const high = product[2 * i + 1] << 1 | product[2 * i] >> 63;
        shifted_out = product[2 * i + 1] >> 63;
        const first = addCarry(low, @truncate(diagonal), carry);
        const second = addCarry(high, @truncate(diagonal >> 64), first.carry);
        product[2 * i] = first.value;
        product[2 * i + 1] = second.value;
        carry = second.carry;
    }
    return product;
}

pub inline fn fromWord(word: u256) [4]u64 {
    return @bitCast(word);
}

pub inline fn toWord(limbs: [4]u64) u256 {
    return @bitCast(limbs);
}

/// Whether a < b.
pub inline fn less(comptime n: usize, a: [n]u64, b: [n]u64) bool {
    var borrow: u64 = 0;
    inline for (0..n) |i| borrow = subtractBorrow(a[i], b[i], borrow).carry;
    return borrow != 0;
}

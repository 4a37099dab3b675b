//! Integers modulo p = 2^256 - 2^32 - 977.
//!
//! An element is any 256-bit number of its residue class: a carry out of the top limb is folded in as 2^256 = fold (mod p), and only
//! `reduce` makes the representation unique.

const std = @import("std");
const limbs = @import("../limbs.zig");
const modular_inverse = @import("../modular_inverse.zig");

pub const prime = (1 << 256) - (1 << 32) - 977;
const fold: u64 = (1 << 32) + 977;

pub const Element = [4]u64;

pub const zero: Element = @splat(0);
pub const one: Element = .{ 1, 0, 0, 0 };

pub fn fromWord(word: u256) Element {
    return limbs.fromWord(word);
}

/// The number below p.
pub fn reduce(a: Element) u256 {
    const word = limbs.toWord(a);
    return if (word >= prime) word - prime else word;
}

pub fn isZero(a: Element) bool {
    return reduce(a) == 0;
}

pub fn equal(a: Element, b: Element) bool {
    return reduce(a) == reduce(b);
}

/// `value` + carry * 2^256 for a carry of 0 or 1.
inline fn foldCarry(value: Element, carry: u64) Element {
    const first, const over = @addWithOverflow(value[0], fold & (0 -% carry));
    var result = value;
    result[0] = first;
    if (over != 0) {
        @branchHint(.unlikely);
        var up: u64 = 1;
        inline for (1..4) |i| {
            const sum = limbs.addCarry(result[i], 0, up);
            result[i] = sum.value;
            up = sum.carry;
        }
        // What wrapped a second time is below 2 fold, so this cannot carry.
        result[0] += fold & (0 -% up);
    }
    return result;
}

pub inline fn add(a: Element, b: Element) Element {
    var result: Element = undefined;
    var carry: u64 = 0;
    inline for (0..4) |i| {
        const sum = limbs.addCarry(a[i], b[i], carry);
        result[i] = sum.value;
        carry = sum.carry;
    }
    return foldCarry(result, carry);
}

pub inline fn subtract(a: Element, b: Element) Element {
    var result: Element = undefined;
    var borrow: u64 = 0;
    inline for (0..4) |i| {
        const difference = limbs.subtractBorrow(a[i], b[i], borrow);
        result[i] = difference.value;
        borrow = difference.carry;
    }
    const first, const under = @subWithOverflow(result[0], fold & (0 -% borrow));
    result[0] = first;
    if (under != 0) {
        @branchHint(.unlikely);
        var down: u64 = 1;
        inline for (1..4) |i| {
            const difference = limbs.subtractBorrow(result[i], 0, down);
            result[i] = difference.value;
            down = difference.carry;
        }
        // A second wrap leaves a number just below 2^256: its lowest limb is above fold.
        result[0] -= fold & (0 -% down);
    }
    return result;
}

pub inline fn negate(a: Element) Element {
    return subtract(zero, a);
}

/// a / 2.
pub inline fn half(a: Element) Element {
    // An odd number becomes even by adding p.
    const odd = 0 -% (a[0] & 1);
    const p = comptime limbs.fromWord(prime);
    var sum: Element = undefined;
    var carry: u64 = 0;
    inline for (0..4) |i| {
        const part = limbs.addCarry(a[i], p[i] & odd, carry);
        sum[i] = part.value;
        carry = part.carry;
    }
    var result: Element = undefined;
    inline for (0..4) |i| result[i] = sum[i] >> 1 | (if (i == 3) carry else sum[i + 1]) << 63;
    return result;
}

pub fn multiply(a: Element, b: Element) Element {
    return foldProduct(limbs.multiply(4, a, b));
}

pub fn square(a: Element) Element {
    return foldProduct(limbs.square(4, a));
}

inline fn foldProduct(product: [8]u64) Element {
    var result: Element = undefined;
    var carry: u64 = 0;
    inline for (0..4) |i| {
        const term = limbs.multiplyAdd(product[i + 4], fold, product[i], carry);
        result[i] = term.low;
        carry = term.high;
    }
    // The carry is below 2^34: its multiple of fold needs two limbs.
    const again = @as(u128, carry) *% fold;
    var sum = limbs.addCarry(result[0], @truncate(again), 0);
    result[0] = sum.value;
    sum = limbs.addCarry(result[1], @truncate(again >> 64), sum.carry);
    result[1] = sum.value;
    inline for (2..4) |i| {
        sum = limbs.addCarry(result[i], 0, sum.carry);
        result[i] = sum.value;
    }
    return foldCarry(result, sum.carry);
}

/// Null for zero.
pub fn inverse(a: Element) ?Element {
    return fromWord(modular_inverse.inverse(reduce(a), prime) orelse return null);
}

fn squareTimes(a: Element, count: usize) Element {
    var result = a;
    for (0..count) |_| result = square(result);
    return result;
}

/// A square root, or null where `a` is no square. p = 3 (mod 4), so a root is a^((p + 1) / 4).
pub fn squareRoot(a: Element) ?Element {
    // (p + 1) / 4 in binary is 223 ones, a zero, 22 ones, 0000 11 00. xn stands for a^(2^n - 1).
    const x2 = multiply(square(a), a);
    const x3 = multiply(square(x2), a);
    const x6 = multiply(squareTimes(x3, 3), x3);
    const x9 = multiply(squareTimes(x6, 3), x3);
    const x11 = multiply(squareTimes(x9, 2), x2);
    const x22 = multiply(squareTimes(x11, 11), x11);
    const x44 = multiply(squareTimes(x22, 22), x22);
    const x88 = multiply(squareTimes(x44, 44), x44);
    const x176 = multiply(squareTimes(x88, 88), x88);
    const x220 = multiply(squareTimes(x176, 44), x44);
    const x223 = multiply(squareTimes(x220, 3), x3);
    const root = squareTimes(multiply(squareTimes(multiply(squareTimes(x223, 23), x22), 6), x2), 2);
    return if (equal(square(root), a)) root else null;
}

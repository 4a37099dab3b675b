//! Integers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, in Montgomery's form: an element x stands for x / 2^256.
//!
//! An element is any 256-bit number of its residue class; only `reduce` makes the representation unique.

const limbs = @import("../limbs.zig");
const modular_inverse = @import("../modular_inverse.zig");

pub const prime = (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1;

pub const Element = [4]u64;

const p = limbs.fromWord(prime);
/// 2^256 modulo p, which is also the form of one.
const fold = limbs.fromWord((1 << 256) - prime);

pub const zero: Element = @splat(0);
pub const one: Element = fold;

pub fn constant(comptime number: comptime_int) Element {
    return limbs.fromWord((number << 256) % prime);
}

pub fn fromWord(word: u256) Element {
    return multiply(limbs.fromWord(word), comptime limbs.fromWord((1 << 512) % prime));
}

/// The number below p that the element stands for.
pub fn toWord(a: Element) u256 {
    return reduce(multiply(a, .{ 1, 0, 0, 0 }));
}

fn reduce(a: Element) u256 {
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
    var result = value;
    var above = carry;
    while (above != 0) {
        var up: u64 = 0;
        inline for (0..4) |i| {
            const sum = limbs.addCarry(result[i], fold[i], up);
            result[i] = sum.value;
            up = sum.carry;
        }
        above = up;
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
    while (borrow != 0) {
        var down: u64 = 0;
        inline for (0..4) |i| {
            const difference = limbs.subtractBorrow(result[i], fold[i], down);
            result[i] = difference.value;
            down = difference.carry;
        }
        borrow = down;
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
    return montgomery(limbs.multiply(4, a, b));
}

pub fn square(a: Element) Element {
    return montgomery(limbs.square(4, a));
}

/// product / 2^256.
inline fn montgomery(product: [8]u64) Element {
    var t = product;
    var carry: u64 = 0;
    // p = -1 modulo 2^64, so the lowest limb m is itself the multiple of p that clears it, and the two limbs above m p's lowest are
    // m shifted by 32 bits.
    inline for (0..4) |i| {
        const m = t[i];
        const high = @as(u128, m) *% p[3];
        const first = limbs.addCarry(t[i + 1], m << 32, 0);
        const second = limbs.addCarry(t[i + 2], m >> 32, first.carry);
        const third = limbs.addCarry(t[i + 3], @truncate(high), second.carry);
        // The carry of the round before belongs here; the sum stays below 2^65.
        const top = @as(u128, t[i + 4]) +% (high >> 64) +% (third.carry + carry);
        t[i + 1] = first.value;
        t[i + 2] = second.value;
        t[i + 3] = third.value;
        t[i + 4] = @truncate(top);
        carry = @truncate(top >> 64);
    }
    // Below 2^256 + p, so one fold is enough.
    return foldCarry(t[4..8].*, carry);
}

/// Null for zero.
pub fn inverse(a: Element) ?Element {
    // 1 / (x 2^256), then twice up by 2^256 (the product takes one away).
    const plain = modular_inverse.inverse(reduce(a), prime) orelse return null;
    return multiply(limbs.fromWord(plain), comptime limbs.fromWord((1 << 768) % prime));
}

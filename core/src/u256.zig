//! The EVM's 256-bit arithmetic beyond what the language's `+% -% *% & | ^ ~` do on u256.
//!
//! The language's `/` and `%` on such widths shift and subtract bit by bit (10,000 instructions on RV64, 50,000 for a 512-bit dividend).
//! Division here is Knuth's algorithm D on 64-bit limbs with Möller and Granlund's reciprocal for the quotient digits, so that it needs
//! no 128-by-64-bit division instruction.
//!
//! Spec: yellow paper, appendix H.2; Knuth, TAOCP volume 2, 4.3.1; Möller, Granlund, "Improved division by invariant integers"

const std = @import("std");
const builtin = @import("builtin");
const limb = @import("crypto/limbs.zig");

/// DIV: 0 where `b` is 0.
pub fn divide(a: u256, b: u256) u256 {
    if (b > a or b == 0) return 0;
    if (a >> 64 == 0) return @as(u64, @truncate(a)) / @as(u64, @truncate(b));
    return divideWide(4, limbs(a), limbs(b)).quotient;
}

/// MOD: 0 where `b` is 0.
pub fn remainder(a: u256, b: u256) u256 {
    if (b == 0) return 0;
    if (a < b) return a;
    if (a >> 64 == 0) return @as(u64, @truncate(a)) % @as(u64, @truncate(b));
    return divideWide(4, limbs(a), limbs(b)).remainder;
}

/// SDIV: rounds towards zero; the lowest number by -1 is itself.
pub fn signedDivide(a: u256, b: u256) u256 {
    const quotient = divide(magnitude(a), magnitude(b));
    return if (isNegative(a) != isNegative(b)) 0 -% quotient else quotient;
}

/// SMOD: takes the sign of `a`.
pub fn signedRemainder(a: u256, b: u256) u256 {
    const rest = remainder(magnitude(a), magnitude(b));
    return if (isNegative(a)) 0 -% rest else rest;
}

/// ADDMOD: the sum has 257 bits before the reduction; 0 where `n` is 0.
pub fn addMod(a: u256, b: u256, n: u256) u256 {
    if (n == 0) return 0;
    const sum, const carry = @addWithOverflow(a, b);
    if (carry == 0) return remainder(sum, n);
    const low = limbs(sum);
    return divideWide(5, .{ low[0], low[1], low[2], low[3], 1 }, limbs(n)).remainder;
}

/// MULMOD: the product has 512 bits before the reduction; 0 where `n` is 0.
pub fn mulMod(a: u256, b: u256, n: u256) u256 {
    if (n == 0) return 0;
    const product = limb.multiply(4, limbs(a), limbs(b));
    if (product[4] | product[5] | product[6] | product[7] == 0) return remainder(fromLimbs(product[0..4].*), n);
    return divideWide(8, product, limbs(n)).remainder;
}

/// EXP modulo 2^256.
pub fn power(base: u256, exponent: u256) u256 {
    if (exponent == 0) return 1;
    // 2 to the power of something is the common case by far.
    if (base == 2) return if (exponent < 256) @as(u256, 1) << @intCast(exponent) else 0;
    var result: u256 = 1;
    var square = base;
    var bits = exponent;
    while (true) {
        if (bits & 1 != 0) result *%= square;
        bits >>= 1;
        if (bits == 0) return result;
        square *%= square;
    }
}

/// SIGNEXTEND: `value` taken as a two's complement number of `byte_index + 1` bytes.
pub fn signExtend(byte_index: u256, value: u256) u256 {
    if (byte_index >= 31) return value;
    const unused: u8 = 248 - 8 * @as(u8, @intCast(byte_index));
    return @bitCast(@as(i256, @bitCast(value << unused)) >> unused);
}

/// BYTE: byte `index` counted from the most significant one; 0 beyond the last.
pub fn byteAt(index: u256, value: u256) u256 {
    if (index >= 32) return 0;
    return (value >> (248 - 8 * @as(u8, @intCast(index)))) & 0xff;
}

/// SHL.
pub fn shiftLeft(shift: u256, value: u256) u256 {
    return if (shift >= 256) 0 else value << @intCast(shift);
}

/// SHR.
pub fn shiftRight(shift: u256, value: u256) u256 {
    return if (shift >= 256) 0 else value >> @intCast(shift);
}

/// SAR.
pub fn shiftRightArithmetic(shift: u256, value: u256) u256 {
    const signed: i256 = @bitCast(value);
    return @bitCast(signed >> (if (shift >= 256) 255 else @intCast(shift)));
}

/// SLT.
pub fn signedLess(a: u256, b: u256) bool {
    return @as(i256, @bitCast(a)) < @as(i256, @bitCast(b));
}

/// CLZ: the number of zero bits above the highest one; 256 for zero.
pub fn leadingZeros(value: u256) u256 {
    return 256 - bitLength(value);
}

/// The big-endian word `bytes`.
pub fn fromBytes(bytes: *const [32]u8) u256 {
    return fromLimbs(.{
        std.mem.readInt(u64, bytes[24..32], .big),
        std.mem.readInt(u64, bytes[16..24], .big),
        std.mem.readInt(u64, bytes[8..16], .big),
        std.mem.readInt(u64, bytes[0..8], .big),
    });
}

/// The big-endian number `bytes`, at most 32 of them.
pub fn fromSlice(bytes: []const u8) u256 {
    std.debug.assert(bytes.len <= 32);
    if (bytes.len == 32) return fromBytes(bytes[0..32]);
    var value: [4]u64 = @splat(0);
    for (bytes, 0..) |byte, i| {
        const place = bytes.len - 1 - i;
        value[place / 8] |= @as(u64, byte) << @intCast(place % 8 * 8);
    }
    return fromLimbs(value);
}

/// The word as 32 big-endian bytes.
pub fn toBytes(value: u256) [32]u8 {
    const words = limbs(value);
    var out: [32]u8 = undefined;
    std.mem.writeInt(u64, out[0..8], words[3], .big);
    std.mem.writeInt(u64, out[8..16], words[2], .big);
    std.mem.writeInt(u64, out[16..24], words[1], .big);
    std.mem.writeInt(u64, out[24..32], words[0], .big);
    return out;
}

/// How many bytes the number needs; 0 for zero.
pub fn byteLength(value: u256) usize {
    return (bitLength(value) + 7) / 8;
}

fn bitLength(value: u256) usize {
    const words = limbs(value);
    inline for (.{ 3, 2, 1, 0 }) |i| {
        if (words[i] != 0) return 64 * (i + 1) - @as(usize, @clz(words[i]));
    }
    return 0;
}

fn isNegative(value: u256) bool {
    return value >> 255 != 0;
}

fn magnitude(value: u256) u256 {
    return if (isNegative(value)) 0 -% value else value;
}

const limbs = limb.fromWord;
const fromLimbs = limb.toWord;

/// floor((2^128 - 1) / d) - 2^64 for a `d` with its highest bit set.
fn reciprocal(d: u64) u64 {
    if (builtin.cpu.arch == .x86_64) {
        // (2^128 - 1) - 2^64 d over d; the high word is ~d, below d, so the quotient fits.
        return asm ("divq %[d]"
            : [quotient] "={rax}" (-> u64),
            : [d] "r" (d),
              [high] "{rdx}" (~d),
              [low] "{rax}" (~@as(u64, 0)),
            : .{ .rdx = true, .cc = true });
    }
    // The same quotient from two divisions by d's upper half, each digit corrected at most twice (Knuth's D3).
    const d1 = d >> 32;
    const d0 = d & 0xffff_ffff;
    const upper = quotientDigit(~d, 0xffff_ffff, d, d1, d0);
    const lower = quotientDigit(upper.rest, 0xffff_ffff, d, d1, d0);
    return upper.digit << 32 | lower.digit;
}

inline fn quotientDigit(high: u64, next: u64, d: u64, d1: u64, d0: u64) struct { digit: u64, rest: u64 } {
    var digit = high / d1;
    var rest = high - digit * d1;
    while (digit >> 32 != 0 or digit * d0 > (rest << 32 | next)) {
        digit -= 1;
        rest += d1;
        if (rest >> 32 != 0) break;
    }
    return .{ .digit = digit, .rest = (high << 32 | next) -% digit *% d };
}

/// The quotient digit and the rest of (high, low) by the normalised `d` with its `reciprocal`, where high < d.
inline fn divideStep(high: u64, low: u64, d: u64, inverse: u64) struct { quotient: u64, rest: u64 } {
    const estimate = @as(u128, inverse) * high +% (@as(u128, high) << 64 | low);
    var quotient = @as(u64, @truncate(estimate >> 64)) +% 1;
    var rest = low -% quotient *% d;
    if (rest > @as(u64, @truncate(estimate))) {
        quotient -%= 1;
        rest +%= d;
    }
    if (rest >= d) {
        quotient +%= 1;
        rest -= d;
    }
    return .{ .quotient = quotient, .rest = rest };
}

const Division = struct { quotient: u256, remainder: u256 };

/// A dividend of `n` limbs by a divisor that is not zero. A quotient above 2^256 is cut, which only callers that want the remainder see.
fn divideWide(comptime n: usize, dividend: [n]u64, divisor: [4]u64) Division {
    var size: usize = 4;
    while (divisor[size - 1] == 0) size -= 1;
    return switch (size) {
        1 => divideBySize(n, 1, dividend, divisor),
        2 => divideBySize(n, 2, dividend, divisor),
        3 => divideBySize(n, 3, dividend, divisor),
        else => divideBySize(n, 4, dividend, divisor),
    };
}

fn divideBySize(comptime n: usize, comptime size: usize, dividend: [n]u64, divisor: [4]u64) Division {
    const shift: u6 = @intCast(@clz(divisor[size - 1]));
    var d: [size]u64 = undefined;
    inline for (0..size) |i| d[i] = shiftedLimb(divisor[i], if (i == 0) 0 else divisor[i - 1], shift);
    var rest: [n + 1]u64 = undefined;
    inline for (0..n) |i| rest[i] = shiftedLimb(dividend[i], if (i == 0) 0 else dividend[i - 1], shift);
    rest[n] = shiftedLimb(0, dividend[n - 1], shift);

    const inverse = reciprocal(d[size - 1]);
    var quotient: [n + 1]u64 = @splat(0);
    var j: usize = n - size + 1;
    while (j != 0) {
        j -= 1;
        // Where the leading limbs are zero the digit is too.
        if (rest[j + size] == 0 and rest[j + size - 1] < d[size - 1]) continue;
        quotient[j] = subtractMultiple(size, rest[j..][0 .. size + 1], &d, inverse);
    }

    var result: [4]u64 = @splat(0);
    inline for (0..size) |i| result[i] = if (shift == 0) rest[i] else rest[i] >> shift | rest[i + 1] << @intCast(@as(u7, 64) - shift);
    return .{ .quotient = fromLimbs(quotient[0..4].*), .remainder = fromLimbs(result) };
}

inline fn shiftedLimb(value: u64, below: u64, shift: u6) u64 {
    // Two shifts, as a shift by 64 is none.
    return value << shift | (below >> 1) >> (63 - shift);
}

/// One digit of the quotient: `window` (size + 1 limbs, below 2^64 d) is left with what remains.
inline fn subtractMultiple(comptime size: usize, window: *[size + 1]u64, d: *const [size]u64, inverse: u64) u64 {
    if (size == 1) {
        const step = divideStep(window[1], window[0], d[0], inverse);
        window.* = .{ step.rest, 0 };
        return step.quotient;
    }
    const top = d[size - 1];
    var digit: u64 = std.math.maxInt(u64);
    if (window[size] < top) {
        const step = divideStep(window[size], window[size - 1], top, inverse);
        digit = step.quotient;
        // The estimate from one limb is up to two too large; the second limb corrects nearly always.
        var rest = step.rest;
        while (@as(u128, digit) * d[size - 2] > (@as(u128, rest) << 64 | window[size - 2])) {
            digit -= 1;
            rest, const over = @addWithOverflow(rest, top);
            if (over != 0) break;
        }
    }
    var carry: u64 = 0;
    inline for (0..size) |i| {
        const term = limb.multiplyAdd(digit, d[i], carry, 0);
        const difference, const borrow = @subWithOverflow(window[i], term.low);
        window[i] = difference;
        carry = term.high + borrow;
    }
    const difference, var negative = @subWithOverflow(window[size], carry);
    window[size] = difference;
    while (negative != 0) {
        digit -= 1;
        var up: u64 = 0;
        inline for (0..size) |i| {
            const total = limb.addCarry(window[i], d[i], up);
            window[i] = total.value;
            up = total.carry;
        }
        window[size], const wrapped = @addWithOverflow(window[size], up);
        if (wrapped != 0) negative = 0;
    }
    return digit;
}

//! Arithmetic modulo a prime of 4 or 6 words whose top word leaves at least two bits free, in Montgomery form.
//!
//! Variable time throughout: the inputs are public. An element is always fully reduced, so equality is equality of words.

const std = @import("std");

/// The field of integers modulo the prime `modulus`, with `modulus % 4 == 3`.
pub fn Field(comptime modulus: comptime_int) type {
    const bits = bitLength(modulus);
    const n = (bits + 63) / 64;
    const Word = @Int(.unsigned, 64 * n);
    comptime std.debug.assert(64 * n - bits >= 2);
    comptime std.debug.assert(modulus % 4 == 3);

    return struct {
        limbs: [n]u64,

        const Self = @This();
        /// What multiplication by makes the Montgomery form.
        const r = 1 << (64 * n);
        const m: [n]u64 = split(modulus);
        const m_word: Word = modulus;
        /// -1 / modulus modulo 2^64.
        const negative_inverse: u64 = negativeInverse(modulus);

        pub const order = modulus;
        pub const byte_length = 8 * n;
        pub const zero: Self = .{ .limbs = @splat(0) };
        pub const one: Self = constant(1);
        const r_squared: Self = constant(r);

        /// The element with this value (negative ones too), made at compile time.
        pub fn constant(comptime value: comptime_int) Self {
            return comptime .{ .limbs = split(@mod(value * r, modulus)) };
        }

        fn split(comptime value: comptime_int) [n]u64 {
            var limbs: [n]u64 = undefined;
            inline for (&limbs, 0..) |*limb, i| limb.* = (value >> (64 * i)) & 0xffff_ffff_ffff_ffff;
            return limbs;
        }

        inline fn word(self: Self) Word {
            return @bitCast(self.limbs);
        }

        inline fn fromWord(value: Word) Self {
            return .{ .limbs = @bitCast(value) };
        }

        /// The element that these big-endian bytes write; null when they are not below the modulus.
        pub fn fromBytes(bytes: *const [byte_length]u8) ?Self {
            const value = std.mem.readInt(Word, bytes, .big);
            if (value >= m_word) return null;
            return fromWord(value).mul(r_squared);
        }

        pub fn toBytes(self: Self, out: *[byte_length]u8) void {
            std.mem.writeInt(Word, out, self.integer(), .big);
        }

        /// The value out of Montgomery form.
        pub fn integer(self: Self) Word {
            var unit = zero;
            unit.limbs[0] = 1;
            return self.mul(unit).word();
        }

        pub fn isZero(self: Self) bool {
            return self.word() == 0;
        }

        pub fn eql(a: Self, b: Self) bool {
            return a.word() == b.word();
        }

        pub fn isOdd(self: Self) bool {
            return self.integer() & 1 == 1;
        }

        pub fn add(a: Self, b: Self) Self {
            // Two free bits: the sum of two reduced elements does not wrap.
            return reduceOnce(a.word() +% b.word());
        }

        pub fn double(a: Self) Self {
            return reduceOnce(a.word() << 1);
        }

        pub fn sub(a: Self, b: Self) Self {
            const difference, const borrow = @subWithOverflow(a.word(), b.word());
            return fromWord(if (borrow != 0) difference +% m_word else difference);
        }

        pub fn neg(a: Self) Self {
            return if (a.isZero()) a else fromWord(m_word -% a.word());
        }

        /// a / 2.
        pub fn halve(a: Self) Self {
            const value = a.word();
            return fromWord((if (value & 1 == 1) value +% m_word else value) >> 1);
        }

        inline fn reduceOnce(value: Word) Self {
            const reduced, const borrow = @subWithOverflow(value, m_word);
            return fromWord(if (borrow != 0) value else reduced);
        }

        /// a * b. Word-serial Montgomery multiplication; with a free bit in the top word the two carries of a row add up without one of their own.
        pub fn mul(a: Self, b: Self) Self {
            // Proven in range: every u128 expression is at most (2^64-1)^2 + 2(2^64-1) = 2^128-1, every index is a constant.
            @setRuntimeSafety(false);
            var t: [n]u64 = @splat(0);
            inline for (0..n) |i| {
                var high = multiplyAdd(a.limbs[0], b.limbs[i], t[0], 0);
                const factor = low(high) *% negative_inverse;
                var carry = multiplyAdd(factor, m[0], low(high), 0) >> 64;
                inline for (1..n) |j| {
                    high = multiplyAdd(a.limbs[j], b.limbs[i], t[j], @truncate(high >> 64));
                    carry = multiplyAdd(factor, m[j], low(high), low(carry));
                    t[j - 1] = low(carry);
                    carry >>= 64;
                }
                t[n - 1] = low(carry) +% low(high >> 64);
            }
            return reduceOnce(@bitCast(t));
        }

        pub fn square(a: Self) Self {
            return a.mul(a);
        }

        /// a * b + c * d with one reduction: the rows of both products share it.
        pub fn sumOfProducts(a: Self, b: Self, c: Self, d: Self) Self {
            // Proven in range as in `mul`. The running value stays below 3 * modulus, which two free bits hold.
            @setRuntimeSafety(false);
            var t: [n]u64 = @splat(0);
            inline for (0..n) |i| {
                var first = multiplyAdd(a.limbs[0], b.limbs[i], t[0], 0);
                var second = multiplyAdd(c.limbs[0], d.limbs[i], low(first), 0);
                const factor = low(second) *% negative_inverse;
                var carry = multiplyAdd(factor, m[0], low(second), 0) >> 64;
                inline for (1..n) |j| {
                    first = multiplyAdd(a.limbs[j], b.limbs[i], t[j], low(first >> 64));
                    second = multiplyAdd(c.limbs[j], d.limbs[i], low(first), low(second >> 64));
                    carry = multiplyAdd(factor, m[j], low(second), low(carry));
                    t[j - 1] = low(carry);
                    carry >>= 64;
                }
                t[n - 1] = low(carry) +% low(first >> 64) +% low(second >> 64);
            }
            return reduceOnce(@bitCast(t));
        }

        inline fn multiplyAdd(a: u64, b: u64, c: u64, d: u64) u128 {
            @setRuntimeSafety(false);
            return @as(u128, a) * b + c + d;
        }

        inline fn low(value: u128) u64 {
            return @truncate(value);
        }

        /// 1 / a; 0 for 0. Kaliski's almost Montgomery inverse, then a power of two taken out.
        /// Paper: Kaliski, "The Montgomery Inverse and Its Applications" (1995).
        pub fn inverse(a: Self) Self {
            if (a.isZero()) return a;
            // Invariants: a*s = v * 2^k and a*r = -u * 2^k modulo the modulus; r and s stay below 2 * modulus.
            var u = m_word;
            var v = a.word();
            var left: Word = 0;
            var right: Word = 1;
            var k: u32 = 0;
            while (v != 0) : (k += 1) {
                if (u & 1 == 0) {
                    u >>= 1;
                    right <<= 1;
                } else if (v & 1 == 0) {
                    v >>= 1;
                    left <<= 1;
                } else if (u > v) {
                    u = (u -% v) >> 1;
                    left +%= right;
                    right <<= 1;
                } else {
                    v = (v -% u) >> 1;
                    right +%= left;
                    left <<= 1;
                }
            }
            if (left >= m_word) left -%= m_word;
            // bits <= k <= 2 * bits, so the missing power fits a word of n limbs; multiplication takes one operand that is not reduced.
            const almost = fromWord(m_word -% left);
            const missing = fromWord(@as(Word, 1) << @intCast(2 * bits - k));
            const rest = comptime powerModulo(r, 4, modulus) * inverseOfPowerOfTwo(2 * bits, modulus);
            return almost.mul(missing).mul(comptime .{ .limbs = split(@mod(rest, modulus)) });
        }

        /// a ^ exponent, with a window of four bits.
        pub fn power(a: Self, comptime exponent: comptime_int) Self {
            const digits = comptime hexDigits(exponent);
            var table: [16]Self = undefined;
            table[0] = one;
            for (1..16) |i| table[i] = table[i - 1].mul(a);
            var result = table[digits[0]];
            for (digits[1..]) |digit| {
                for (0..4) |_| result = result.square();
                if (digit != 0) result = result.mul(table[digit]);
            }
            return result;
        }

        /// A square root of a, or null.
        pub fn sqrt(a: Self) ?Self {
            const root = a.power((modulus + 1) / 4);
            return if (root.square().eql(a)) root else null;
        }
    };
}

fn bitLength(comptime value: comptime_int) comptime_int {
    var bits = 0;
    while (value >> bits != 0) bits += 1;
    return bits;
}

fn negativeInverse(comptime modulus: comptime_int) u64 {
    const word: u64 = modulus & 0xffff_ffff_ffff_ffff;
    // Newton: each round doubles the number of correct low bits; an odd number is its own inverse modulo 8.
    var inverse: u64 = word;
    for (0..5) |_| inverse *%= 2 -% word *% inverse;
    return 0 -% inverse;
}

/// base ^ exponent modulo `modulus`, at compile time.
pub fn powerModulo(comptime base: comptime_int, comptime exponent: comptime_int, comptime modulus: comptime_int) comptime_int {
    @setEvalBranchQuota(100_000);
    var result = 1;
    var i = bitLength(exponent);
    while (i > 0) {
        i -= 1;
        result = result * result % modulus;
        if ((exponent >> i) & 1 == 1) result = result * base % modulus;
    }
    return result;
}

fn inverseOfPowerOfTwo(comptime exponent: comptime_int, comptime modulus: comptime_int) comptime_int {
    return powerModulo((modulus + 1) / 2, exponent, modulus);
}

/// The hexadecimal digits of a positive number, the most significant first.
fn hexDigits(comptime value: comptime_int) [(bitLength(value) + 3) / 4]u8 {
    @setEvalBranchQuota(10_000);
    var digits: [(bitLength(value) + 3) / 4]u8 = undefined;
    for (&digits, 0..) |*digit, i| digit.* = (value >> (4 * (digits.len - 1 - i))) & 15;
    return digits;
}

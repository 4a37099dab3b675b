//! Powers of numbers of any length modulo a third.
//!
//! An odd modulus is worked with in Montgomery's form. An even one is split into 2^k q with q odd: the power is computed modulo both
//! and put together by the Chinese remainder theorem. No step divides.
//!
//! Spec: EIP-198; Montgomery, "Modular multiplication without trial division"

const std = @import("std");
const limbs = @import("limbs.zig");

const Allocator = std.mem.Allocator;

/// base^exponent mod modulus, all big-endian; `out` is as long as `modulus`. Zeros for a modulus of zero, and 0^0 is 1.
/// Frees what it allocates.
pub fn modexp(allocator: Allocator, base: []const u8, exponent: []const u8, modulus: []const u8, out: []u8) error{OutOfMemory}!void {
    std.debug.assert(out.len == modulus.len);
    @memset(out, 0);
    const digits = withoutLeadingZeros(modulus);
    if (digits.len == 0 or (digits.len == 1 and digits[0] == 1)) return;
    const power_digits = withoutLeadingZeros(exponent);

    // Two tables of powers, and less than 24 other numbers of the modulus' length. (std's arena needs atomic instructions.)
    const n = limbCount(digits.len);
    const room = try allocator.alloc(u64, (n + 1) * ((@as(usize, 2) << @intCast(windowWidth(power_digits))) + 24));
    defer allocator.free(room);
    var memory = std.heap.FixedBufferAllocator.init(std.mem.sliceAsBytes(room));
    const result = try power(memory.allocator(), withoutLeadingZeros(base), power_digits, digits);
    toBytes(result, out[out.len - digits.len ..]);
}

fn power(memory: Allocator, base: []const u8, exponent: []const u8, modulus: []const u8) error{OutOfMemory}![]u64 {
    const m = try fromBytes(memory, modulus, limbCount(modulus.len));
    const twos = trailingZeros(m);
    if (twos == 0) return powerOdd(memory, base, exponent, m);

    const low_len = (twos + 63) / 64;
    const low = try powerOfTwoModulus(memory, base, exponent, low_len);
    mask(low, twos);
    const odd = shiftedRight(m, twos);
    if (odd.len == 1 and odd[0] == 1) return low;

    // high + q ((low - high) / q mod 2^k)
    const high = try powerOdd(memory, base, exponent, odd);
    const difference = try memory.alloc(u64, low_len);
    var borrow: u64 = 0;
    for (difference, low, 0..) |*limb, a, i| {
        const step = limbs.subtractBorrow(a, if (i < high.len) high[i] else 0, borrow);
        limb.* = step.value;
        borrow = step.carry;
    }
    const inverse = try inverseModuloPowerOfTwo(memory, odd, low_len);
    const factor = try memory.alloc(u64, low_len);
    multiplyLow(factor, difference, inverse);
    mask(factor, twos);
    const result = try memory.alloc(u64, odd.len + low_len);
    @memset(result, 0);
    @memcpy(result[0..high.len], high);
    for (factor, 0..) |digit, i| {
        // The sum is below the modulus, so nothing is carried out of the end.
        var carry = addMultiple(result[i..][0..odd.len], odd, digit);
        for (result[i + odd.len ..]) |*limb| {
            if (carry == 0) break;
            const sum = limbs.addCarry(limb.*, carry, 0);
            limb.* = sum.value;
            carry = sum.carry;
        }
    }
    return result;
}

/// Wider windows only pay where the exponent is long enough to use the table.
fn windowWidth(exponent: []const u8) usize {
    return switch (bitLength(exponent)) {
        0...24 => 1,
        25...80 => 3,
        81...240 => 4,
        241...672 => 5,
        else => 6,
    };
}

/// Of a number without leading zero bytes.
fn bitLength(digits: []const u8) usize {
    return if (digits.len == 0) 0 else digits.len * 8 - @clz(digits[0]);
}

/// The powers of a base with every exponent that a window can hold.
const Table = struct {
    powers: []u64,
    n: usize,

    fn init(memory: Allocator, width: usize, n: usize) error{OutOfMemory}!Table {
        return .{ .powers = try memory.alloc(u64, n << @intCast(width)), .n = n };
    }

    fn count(self: Table) usize {
        return self.powers.len / self.n;
    }

    fn at(self: Table, exponent: usize) []u64 {
        return self.powers[exponent * self.n ..][0..self.n];
    }
};

/// Windows of the exponent, most significant first.
const Windows = struct {
    exponent: []const u8,
    width: usize,
    position: usize,

    fn init(exponent: []const u8) Windows {
        const width = windowWidth(exponent);
        return .{ .exponent = exponent, .width = width, .position = (bitLength(exponent) + width - 1) / width };
    }

    fn next(self: *Windows) ?usize {
        if (self.position == 0) return null;
        self.position -= 1;
        var value: usize = 0;
        for (0..self.width) |i| {
            const bit = self.position * self.width + i;
            if (bit / 8 >= self.exponent.len) break;
            const byte = self.exponent[self.exponent.len - 1 - bit / 8];
            value |= @as(usize, byte >> @intCast(bit % 8) & 1) << @intCast(i);
        }
        return value;
    }
};

const Montgomery = struct {
    modulus: []const u64,
    /// -1 / modulus modulo 2^64.
    factor: u64,
    /// 2^(2 * 64 * length) modulo the modulus: a product with it is the way into the form.
    square: []u64,
    /// Room for a product: twice the length and one limb.
    scratch: []u64,

    fn init(memory: Allocator, modulus: []const u64) error{OutOfMemory}!Montgomery {
        const n = modulus.len;
        var self = Montgomery{
            .modulus = modulus,
            .factor = 0 -% inverseOfLimb(modulus[0]),
            .square = try memory.alloc(u64, n),
            .scratch = try memory.alloc(u64, 2 * n + 1),
        };
        // Up from the modulus' own highest bit, which is below the modulus, to twice 2^(64 n): the form of 2.
        const value = self.square;
        @memset(value, 0);
        const top = 63 - @as(usize, @clz(modulus[n - 1]));
        value[n - 1] = @as(u64, 1) << @intCast(top);
        for (0..64 - top + 1) |_| self.double(value);
        // From the form of 2^e squaring leads to that of 2^(2 e); the way ends at e = 64 n.
        const target = 64 * n;
        var bit = std.math.log2_int(usize, target);
        while (bit != 0) {
            bit -= 1;
            self.multiply(value, value, value);
            if (target >> @intCast(bit) & 1 != 0) self.double(value);
        }
        return self;
    }

    fn double(self: *const Montgomery, value: []u64) void {
        var carry: u64 = 0;
        for (value) |*limb| {
            const next = limb.* >> 63;
            limb.* = limb.* << 1 | carry;
            carry = next;
        }
        if (carry != 0 or !lessThan(value, self.modulus)) subtractIn(value, self.modulus);
    }

    /// out = a b / 2^(64 n), below the modulus where a b is below 2^(64 n) times the modulus. The three may be the same.
    fn multiply(self: *const Montgomery, out: []u64, a: []const u64, b: []const u64) void {
        const n = self.modulus.len;
        const t = self.scratch;
        @memset(t, 0);
        var overflow: u64 = 0;
        for (0..n) |i| {
            const window = t[i..][0..n];
            const first = addMultiple(window, a, b[i]);
            // What leaves the window belongs to the two limbs above it.
            const second = addMultiple(window, self.modulus, window[0] *% self.factor);
            const sum = limbs.addCarry(first, second, 0);
            const top = limbs.addCarry(t[i + n], sum.value, 0);
            const with_overflow = limbs.addCarry(top.value, overflow, 0);
            t[i + n] = with_overflow.value;
            overflow = sum.carry + top.carry + with_overflow.carry;
        }
        @memcpy(out, t[n..][0..n]);
        if (overflow != 0 or !lessThan(out, self.modulus)) subtractIn(out, self.modulus);
    }

    /// Sets `value` to the Montgomery form of a number of any length: Horner's rule with n limbs as a digit.
    fn fromNumber(self: *const Montgomery, memory: Allocator, bytes: []const u8, value: []u64) error{OutOfMemory}!void {
        const n = self.modulus.len;
        const digit_len = 8 * n;
        @memset(value, 0);
        const digit = try memory.alloc(u64, n);
        var rest = bytes;
        while (rest.len != 0) {
            const taken = if (rest.len % digit_len == 0) digit_len else rest.len % digit_len;
            self.multiply(value, value, self.square);
            readLimbs(digit, rest[0..taken]);
            self.multiply(digit, digit, self.square);
            var carry: u64 = 0;
            for (value, digit) |*limb, other| {
                const sum = limbs.addCarry(limb.*, other, carry);
                limb.* = sum.value;
                carry = sum.carry;
            }
            if (carry != 0 or !lessThan(value, self.modulus)) subtractIn(value, self.modulus);
            rest = rest[taken..];
        }
    }
};

/// For an odd modulus above 1.
fn powerOdd(memory: Allocator, base: []const u8, exponent: []const u8, modulus: []const u64) error{OutOfMemory}![]u64 {
    const n = modulus.len;
    const form = try Montgomery.init(memory, modulus);
    const one = try memory.alloc(u64, n);
    @memset(one, 0);
    one[0] = 1;
    const result = try memory.alloc(u64, n);
    form.multiply(result, form.square, one);

    var windows = Windows.init(exponent);
    const table = try Table.init(memory, windows.width, n);
    @memcpy(table.at(0), result);
    try form.fromNumber(memory, base, table.at(1));
    for (2..table.count()) |i| form.multiply(table.at(i), table.at(i - 1), table.at(1));
    var started = false;
    while (windows.next()) |digit| {
        if (started) for (0..windows.width) |_| form.multiply(result, result, result);
        if (digit == 0) continue;
        if (started) form.multiply(result, result, table.at(digit)) else @memcpy(result, table.at(digit));
        started = true;
    }
    form.multiply(result, result, one);
    return result;
}

/// Modulo 2^(64 n).
fn powerOfTwoModulus(memory: Allocator, base: []const u8, exponent: []const u8, n: usize) error{OutOfMemory}![]u64 {
    const result = try memory.alloc(u64, n);
    @memset(result, 0);
    result[0] = 1;
    const factor = try memory.alloc(u64, n);
    readLimbs(factor, base[base.len - @min(base.len, 8 * n) ..]);
    const product = try memory.alloc(u64, n);
    // An even base runs out of bits: its power is zero from an exponent of 64 n on, and there is nothing to square.
    if (factor[0] & 1 == 0 and (exponent.len > @sizeOf(usize) or integer(exponent) >= 64 * n)) {
        result[0] = 0;
        return result;
    }
    var windows = Windows.init(exponent);
    const table = try Table.init(memory, windows.width, n);
    @memcpy(table.at(0), result);
    @memcpy(table.at(1), factor);
    for (2..table.count()) |i| multiplyLow(table.at(i), table.at(i - 1), factor);
    var started = false;
    while (windows.next()) |digit| {
        if (started) for (0..windows.width) |_| {
            multiplyLow(product, result, result);
            @memcpy(result, product);
        };
        if (digit == 0) continue;
        if (started) {
            multiplyLow(product, result, table.at(digit));
            @memcpy(result, product);
        } else @memcpy(result, table.at(digit));
        started = true;
    }
    return result;
}

/// 1 / value modulo 2^(64 n) for an odd value, each step doubling the limbs that are right.
fn inverseModuloPowerOfTwo(memory: Allocator, value: []const u64, n: usize) error{OutOfMemory}![]u64 {
    const inverse = try memory.alloc(u64, n);
    @memset(inverse, 0);
    inverse[0] = inverseOfLimb(value[0]);
    const product = try memory.alloc(u64, n);
    const next = try memory.alloc(u64, n);
    const operand = try memory.alloc(u64, n);
    @memset(operand, 0);
    @memcpy(operand[0..@min(n, value.len)], value[0..@min(n, value.len)]);
    var right: usize = 1;
    while (right < n) {
        right = @min(2 * right, n);
        // x (2 - v x)
        multiplyLow(product[0..right], operand[0..right], inverse[0..right]);
        var borrow: u64 = 0;
        for (product[0..right], 0..) |*limb, i| {
            const step = limbs.subtractBorrow(if (i == 0) 2 else 0, limb.*, borrow);
            limb.* = step.value;
            borrow = step.carry;
        }
        multiplyLow(next[0..right], inverse[0..right], product[0..right]);
        @memcpy(inverse[0..right], next[0..right]);
    }
    return inverse;
}

/// 1 / value modulo 2^64 for an odd value.
fn inverseOfLimb(value: u64) u64 {
    // Right in five bits to begin with; each step doubles them.
    var inverse = (3 *% value) ^ 2;
    for (0..4) |_| inverse *%= 2 -% value *% inverse;
    return inverse;
}

/// out = a b modulo 2^(64 n), all n limbs long. `out` is neither operand.
fn multiplyLow(out: []u64, a: []const u64, b: []const u64) void {
    @memset(out, 0);
    for (b, 0..) |digit, i| _ = addMultiple(out[i..], a[0 .. out.len - i], digit);
}

/// out += a digit, and what is carried out of the end.
fn addMultiple(out: []u64, a: []const u64, digit: u64) u64 {
    // This loop is nearly all of the run time; the lengths are checked once, before it.
    std.debug.assert(out.len == a.len);
    @setRuntimeSafety(false);
    var carry: u64 = 0;
    for (out, a) |*limb, other| {
        const term = limbs.multiplyAdd(other, digit, limb.*, carry);
        limb.* = term.low;
        carry = term.high;
    }
    return carry;
}

/// Subtracts modulo 2^(64 n).
fn subtractIn(a: []u64, b: []const u64) void {
    var borrow: u64 = 0;
    for (a, b) |*limb, other| {
        const step = limbs.subtractBorrow(limb.*, other, borrow);
        limb.* = step.value;
        borrow = step.carry;
    }
}

fn lessThan(a: []const u64, b: []const u64) bool {
    var i = a.len;
    while (i != 0) {
        i -= 1;
        if (a[i] != b[i]) return a[i] < b[i];
    }
    return false;
}

fn mask(value: []u64, bits: usize) void {
    if (bits % 64 != 0) value[value.len - 1] &= (@as(u64, 1) << @intCast(bits % 64)) - 1;
}

fn trailingZeros(value: []const u64) usize {
    for (value, 0..) |limb, i| if (limb != 0) return 64 * i + @ctz(limb);
    unreachable; // the modulus is not zero
}

/// In place; returned without leading zero limbs.
fn shiftedRight(value: []u64, bits: usize) []u64 {
    const whole = bits / 64;
    const part: u6 = @intCast(bits % 64);
    const len = value.len - whole;
    for (0..len) |i| {
        const above = if (i + 1 < len) value[i + 1 + whole] else 0;
        value[i] = value[i + whole] >> part | (above << 1) << (63 - part);
    }
    return if (value[len - 1] == 0) value[0 .. len - 1] else value[0..len];
}

fn limbCount(bytes: usize) usize {
    return (bytes + 7) / 8;
}

fn fromBytes(memory: Allocator, bytes: []const u8, n: usize) error{OutOfMemory}![]u64 {
    const value = try memory.alloc(u64, n);
    readLimbs(value, bytes);
    return value;
}

/// Fills `out` from a big-endian number that fits.
fn readLimbs(out: []u64, bytes: []const u8) void {
    @memset(out, 0);
    for (0..bytes.len) |i| out[i / 8] |= @as(u64, bytes[bytes.len - 1 - i]) << @intCast(i % 8 * 8);
}

/// Writes the number big-endian; limbs beyond `out` are zero.
fn toBytes(value: []const u64, out: []u8) void {
    for (0..out.len) |i| {
        out[out.len - 1 - i] = if (i / 8 < value.len) @truncate(value[i / 8] >> @intCast(i % 8 * 8)) else 0;
    }
}

fn integer(bytes: []const u8) usize {
    var value: usize = 0;
    for (bytes) |byte| value = value << 8 | byte;
    return value;
}

fn withoutLeadingZeros(bytes: []const u8) []const u8 {
    const start = std.mem.indexOfNone(u8, bytes, &.{0}) orelse bytes.len;
    return bytes[start..];
}

//! Arithmetic, comparison, bits and hashing. Spec: yellow paper, appendix H.2, "0s" to "20s"

const math = @import("../../u256.zig");
const types = @import("../types.zig");
const gas = @import("../gas.zig");
const frame_file = @import("../frame.zig");
const keccak256 = @import("../../platform.zig").current.keccak256;
const Frame = frame_file.Frame;
const Handler = frame_file.Handler;
const Status = frame_file.Status;
const op = frame_file.op;
const Words = [*]const u256;

const very_low = 3;
const low = 5;
const mid = 8;

pub fn install(table: *frame_file.Table) void {
    table[0x01] = op(2, 1, very_low, add);
    table[0x02] = op(2, 1, low, multiply);
    table[0x03] = op(2, 1, very_low, subtract);
    table[0x04] = op(2, 1, low, divide);
    table[0x05] = op(2, 1, low, signedDivide);
    table[0x06] = op(2, 1, low, remainder);
    table[0x07] = op(2, 1, low, signedRemainder);
    table[0x08] = op(3, 1, mid, addMod);
    table[0x09] = op(3, 1, mid, multiplyMod);
    table[0x0b] = op(2, 1, low, signExtend);

    table[0x10] = op(2, 1, very_low, less);
    table[0x11] = op(2, 1, very_low, greater);
    table[0x12] = op(2, 1, very_low, signedLess);
    table[0x13] = op(2, 1, very_low, signedGreater);
    table[0x14] = op(2, 1, very_low, equal);
    table[0x15] = op(1, 1, very_low, isZero);
    table[0x16] = op(2, 1, very_low, bitAnd);
    table[0x17] = op(2, 1, very_low, bitOr);
    table[0x18] = op(2, 1, very_low, bitXor);
    table[0x19] = op(1, 1, very_low, bitNot);
    table[0x1a] = op(2, 1, very_low, byteAt);

    table[0x20] = op(2, 1, 30, keccak);
}

/// Spec: EIP-145
pub fn installShifts(table: *frame_file.Table) void {
    table[0x1b] = op(2, 1, very_low, shiftLeft);
    table[0x1c] = op(2, 1, very_low, shiftRight);
    table[0x1d] = op(2, 1, very_low, shiftRightArithmetic);
}

/// Spec: EIP-7939
pub fn installCountLeadingZeros(table: *frame_file.Table) void {
    table[0x1e] = op(1, 1, low, leadingZeros);
}

/// EXP. Spec: EIP-160
pub fn installPower(table: *frame_file.Table, comptime schedule: gas.Schedule) void {
    table[0x0a] = op(2, 1, 10, power(schedule.exponent_byte));
}

inline fn add(w: Words) u256 {
    return w[0] +% w[1];
}

inline fn multiply(w: Words) u256 {
    return w[0] *% w[1];
}

inline fn subtract(w: Words) u256 {
    return w[0] -% w[1];
}

inline fn divide(w: Words) u256 {
    return math.divide(w[0], w[1]);
}

inline fn signedDivide(w: Words) u256 {
    return math.signedDivide(w[0], w[1]);
}

inline fn remainder(w: Words) u256 {
    return math.remainder(w[0], w[1]);
}

inline fn signedRemainder(w: Words) u256 {
    return math.signedRemainder(w[0], w[1]);
}

inline fn addMod(w: Words) u256 {
    return math.addMod(w[0], w[1], w[2]);
}

inline fn multiplyMod(w: Words) u256 {
    return math.mulMod(w[0], w[1], w[2]);
}

fn power(comptime byte_price: u64) fn (*Frame, [*]u256, *i64) callconv(.@"inline") Status {
    return struct {
        inline fn run(_: *Frame, w: [*]u256, left: *i64) Status {
            if (!Frame.charge(left, byte_price * math.byteLength(w[1]))) return .out_of_gas;
            w[1] = math.power(w[0], w[1]);
            return .running;
        }
    }.run;
}

inline fn signExtend(w: Words) u256 {
    return math.signExtend(w[0], w[1]);
}

inline fn less(w: Words) u256 {
    return @intFromBool(w[0] < w[1]);
}

inline fn greater(w: Words) u256 {
    return @intFromBool(w[0] > w[1]);
}

inline fn signedLess(w: Words) u256 {
    return @intFromBool(math.signedLess(w[0], w[1]));
}

inline fn signedGreater(w: Words) u256 {
    return @intFromBool(math.signedLess(w[1], w[0]));
}

inline fn equal(w: Words) u256 {
    return @intFromBool(w[0] == w[1]);
}

inline fn isZero(w: Words) u256 {
    return @intFromBool(w[0] == 0);
}

inline fn bitAnd(w: Words) u256 {
    return w[0] & w[1];
}

inline fn bitOr(w: Words) u256 {
    return w[0] | w[1];
}

inline fn bitXor(w: Words) u256 {
    return w[0] ^ w[1];
}

inline fn bitNot(w: Words) u256 {
    return ~w[0];
}

inline fn byteAt(w: Words) u256 {
    return math.byteAt(w[0], w[1]);
}

inline fn shiftLeft(w: Words) u256 {
    return math.shiftLeft(w[0], w[1]);
}

inline fn shiftRight(w: Words) u256 {
    return math.shiftRight(w[0], w[1]);
}

inline fn shiftRightArithmetic(w: Words) u256 {
    return math.shiftRightArithmetic(w[0], w[1]);
}

inline fn leadingZeros(w: Words) u256 {
    return math.leadingZeros(w[0]);
}

fn keccak(frame: *Frame, w: [*]u256, left: *i64) Status {
    const status = frame.expand(left, w[0], w[1]);
    if (status != .running) return status;
    const size: u64 = @truncate(w[1]);
    if (!Frame.charge(left, gas.keccak_word * gas.words(size))) return .out_of_gas;
    w[1] = types.hashToWord(keccak256(frame.range(w[0], w[1])));
    return .running;
}

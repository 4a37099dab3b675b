//! What the instructions that only compute compute. docs/fpvm.md, section 4.

const std = @import("std");
const Operation = @import("decode.zig").Operation;

/// The result for two operands; for the instructions with an immediate it is the second one, sign-extended.
pub inline fn compute(comptime operation: Operation, a: u64, b: u64) u64 {
    return switch (operation) {
        .add, .addi => a +% b,
        .sub => a -% b,
        .sll, .slli => a << @truncate(b),
        .slt, .slti => @intFromBool(signed(a) < signed(b)),
        .sltu, .sltiu => @intFromBool(a < b),
        .xor, .xori => a ^ b,
        .srl, .srli => a >> @truncate(b),
        .sra, .srai => @bitCast(signed(a) >> @truncate(b)),
        .@"or", .ori => a | b,
        .@"and", .andi => a & b,
        .mul => a *% b,
        .mulh => @truncate(@as(u128, @bitCast((@as(i128, signed(a)) * @as(i128, signed(b))) >> 64))),
        .mulhsu => @truncate(@as(u128, @bitCast((@as(i128, signed(a)) * @as(i128, b)) >> 64))),
        .mulhu => @truncate((@as(u128, a) * @as(u128, b)) >> 64),
        .div => @bitCast(divide(i64, signed(a), signed(b))),
        .divu => divide(u64, a, b),
        .rem => @bitCast(remainder(i64, signed(a), signed(b))),
        .remu => remainder(u64, a, b),
        .addw, .addiw => extend(low(a) +% low(b)),
        .subw => extend(low(a) -% low(b)),
        .sllw, .slliw => extend(low(a) << @truncate(b)),
        .srlw, .srliw => extend(low(a) >> @truncate(b)),
        .sraw, .sraiw => extend(@bitCast(lowSigned(a) >> @truncate(b))),
        .mulw => extend(low(a) *% low(b)),
        .divw => extend(@bitCast(divide(i32, lowSigned(a), lowSigned(b)))),
        .divuw => extend(divide(u32, low(a), low(b))),
        .remw => extend(@bitCast(remainder(i32, lowSigned(a), lowSigned(b)))),
        .remuw => extend(remainder(u32, low(a), low(b))),
        else => comptime unreachable,
    };
}

/// Whether a branch is taken.
pub inline fn holds(comptime operation: Operation, a: u64, b: u64) bool {
    return switch (operation) {
        .beq => a == b,
        .bne => a != b,
        .blt => signed(a) < signed(b),
        .bge => signed(a) >= signed(b),
        .bltu => a < b,
        .bgeu => a >= b,
        else => comptime unreachable,
    };
}

inline fn signed(value: u64) i64 {
    return @bitCast(value);
}

inline fn low(value: u64) u32 {
    return @truncate(value);
}

inline fn lowSigned(value: u64) i32 {
    return @bitCast(low(value));
}

inline fn extend(value: u32) u64 {
    return @bitCast(@as(i64, @as(i32, @bitCast(value))));
}

inline fn divide(comptime T: type, a: T, b: T) T {
    const is_signed = @typeInfo(T).int.signedness == .signed;
    if (b == 0) return if (is_signed) -1 else std.math.maxInt(T);
    if (is_signed and b == -1) return 0 -% a;
    return @divTrunc(a, b);
}

inline fn remainder(comptime T: type, a: T, b: T) T {
    if (b == 0) return a;
    if (@typeInfo(T).int.signedness == .signed and b == -1) return 0;
    return @rem(a, b);
}

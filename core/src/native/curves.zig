//! The doors of the curve precompiles to the native library, for tests. A byte of 1 is a result, 0 is the precompile's failure.

const std = @import("std");
const bn254 = @import("../crypto/bn254.zig");

export fn lamina_precompile_bn254_add(input: *const [128]u8, out: *[64]u8) u8 {
    return @intFromBool(bn254.add(input, out));
}

export fn lamina_precompile_bn254_mul(input: *const [96]u8, out: *[64]u8) u8 {
    return @intFromBool(bn254.mul(input, out));
}

/// 0 or 1: the check's outcome. 2: the precompile's failure.
export fn lamina_precompile_bn254_pairing(input: [*]const u8, length: usize) u8 {
    return check(bn254.pairing(input[0..length]));
}

fn check(outcome: ?bool) u8 {
    return @intFromBool(outcome orelse return 2);
}

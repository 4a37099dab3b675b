//! The doors of the curve precompiles to the native library, for tests.
//!
//! A function with an output returns 1 for success and 0 for the precompile's failure; a check returns its outcome, 0 or 1, and 2 for failure.

const std = @import("std");
const bn254 = @import("../crypto/bn254.zig");
const bls12_381 = @import("../crypto/bls12_381.zig");
const kzg = @import("../crypto/kzg.zig");

const allocator = std.heap.page_allocator;

export fn lamina_precompile_bn254_add(input: *const [128]u8, out: *[64]u8) u8 {
    return @intFromBool(bn254.add(input, out));
}

export fn lamina_precompile_bn254_mul(input: *const [96]u8, out: *[64]u8) u8 {
    return @intFromBool(bn254.mul(input, out));
}

export fn lamina_precompile_bn254_pairing(input: [*]const u8, length: usize) u8 {
    return check(bn254.pairing(input[0..length]));
}

export fn lamina_precompile_bls12_g1_add(input: [*]const u8, length: usize, out: *[128]u8) u8 {
    return @intFromBool(bls12_381.g1Add(input[0..length], out));
}

/// 3: out of memory.
export fn lamina_precompile_bls12_g1_msm(input: [*]const u8, length: usize, out: *[128]u8) u8 {
    return @intFromBool(bls12_381.g1Msm(allocator, input[0..length], out) catch return 3);
}

export fn lamina_precompile_bls12_g2_add(input: [*]const u8, length: usize, out: *[256]u8) u8 {
    return @intFromBool(bls12_381.g2Add(input[0..length], out));
}

/// 3: out of memory.
export fn lamina_precompile_bls12_g2_msm(input: [*]const u8, length: usize, out: *[256]u8) u8 {
    return @intFromBool(bls12_381.g2Msm(allocator, input[0..length], out) catch return 3);
}

export fn lamina_precompile_bls12_pairing(input: [*]const u8, length: usize) u8 {
    return check(bls12_381.pairing(input[0..length]));
}

export fn lamina_precompile_bls12_map_fp_to_g1(input: [*]const u8, length: usize, out: *[128]u8) u8 {
    return @intFromBool(bls12_381.mapFpToG1(input[0..length], out));
}

export fn lamina_precompile_bls12_map_fp2_to_g2(input: [*]const u8, length: usize, out: *[256]u8) u8 {
    return @intFromBool(bls12_381.mapFp2ToG2(input[0..length], out));
}

export fn lamina_precompile_point_evaluation(input: *const [192]u8) u8 {
    return @intFromBool(kzg.verifyPointEvaluation(input));
}

fn check(outcome: ?bool) u8 {
    return @intFromBool(outcome orelse return 2);
}

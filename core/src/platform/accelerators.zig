//! The precompiles that this source computes itself: what the native build runs, and the fault-proof guest except for those it asks the
//! oracle for. The result is allocated; the caller frees it.
//!
//! An input of the wrong form either fails (all gas is lost) or gives an empty result; which of both is each contract's own rule.

const std = @import("std");
const math = @import("../u256.zig");
const platform = @import("../platform.zig");
const numbers = @import("../evm/precompiles.zig");
const blake2f = @import("../crypto/blake2f.zig");
const bls12_381 = @import("../crypto/bls12_381.zig");
const bn254 = @import("../crypto/bn254.zig");
const kzg = @import("../crypto/kzg.zig");
const modexp = @import("../crypto/modexp.zig");
const p256 = @import("../crypto/p256.zig");
const ripemd160 = @import("../crypto/ripemd160.zig");
const secp256k1 = @import("../crypto/secp256k1.zig");
const sha256 = @import("../crypto/sha256.zig");
const keccak = @import("../crypto/keccak.zig");
const Allocator = std.mem.Allocator;
const Error = error{ PrecompileFailed, OutOfMemory };

pub fn precompile(number: u16, required_gas: u64, input: []const u8, allocator: Allocator) platform.PrecompileError![]const u8 {
    return switch (number) {
        numbers.bn254_pairing => truth(bn254.pairing(input), allocator),
        numbers.point_evaluation => evaluatePoint(input, allocator),
        numbers.bls12_g1_add => variable(128, bls12_381.g1Add, input, allocator),
        numbers.bls12_g1_msm => sum(128, bls12_381.g1Msm, input, allocator),
        numbers.bls12_g2_add => variable(256, bls12_381.g2Add, input, allocator),
        numbers.bls12_g2_msm => sum(256, bls12_381.g2Msm, input, allocator),
        numbers.bls12_pairing => truth(bls12_381.pairing(input), allocator),
        numbers.bls12_map_fp_to_g1 => variable(128, bls12_381.mapFpToG1, input, allocator),
        numbers.bls12_map_fp2_to_g2 => variable(256, bls12_381.mapFp2ToG2, input, allocator),
        else => precompileOfGuest(number, required_gas, input, allocator),
    };
}

/// Those that run inside the fault-proof guest too. In a function of its own, so that its program holds no others.
pub fn precompileOfGuest(number: u16, required_gas: u64, input: []const u8, allocator: Allocator) platform.PrecompileError![]const u8 {
    _ = required_gas; // has been charged
    return switch (number) {
        numbers.ecrecover => recover(input, allocator),
        numbers.sha256 => allocator.dupe(u8, &sha256.hash(input)),
        numbers.ripemd160 => allocator.dupe(u8, &(left_padding ++ ripemd160.hash(input))),
        numbers.identity => allocator.dupe(u8, input),
        numbers.modexp => power(modexp.modexp, input, allocator),
        numbers.bn254_add => fixed(64, bn254.add, padded(128, input), allocator),
        numbers.bn254_multiply => fixed(64, bn254.mul, padded(96, input), allocator),
        numbers.blake2f => compress(input, allocator),
        numbers.p256_verify => verify(input, allocator),
        else => unreachable,
    };
}

/// Before 20 bytes that fill a word.
pub const left_padding: [12]u8 = @splat(0);

/// The first `size` bytes of the input, zeros where it ends before.
pub fn padded(comptime size: usize, input: []const u8) [size]u8 {
    var result: [size]u8 = @splat(0);
    const given = @min(size, input.len);
    @memcpy(result[0..given], input[0..given]);
    return result;
}

fn fixed(comptime size: usize, comptime function: anytype, input: anytype, allocator: Allocator) Error![]const u8 {
    var result: [size]u8 = undefined;
    if (!function(&input, &result)) return error.PrecompileFailed;
    return allocator.dupe(u8, &result);
}

fn variable(comptime size: usize, comptime function: anytype, input: []const u8, allocator: Allocator) Error![]const u8 {
    var result: [size]u8 = undefined;
    if (!function(input, &result)) return error.PrecompileFailed;
    return allocator.dupe(u8, &result);
}

fn sum(comptime size: usize, comptime function: anytype, input: []const u8, allocator: Allocator) Error![]const u8 {
    var result: [size]u8 = undefined;
    if (!try function(allocator, input, &result)) return error.PrecompileFailed;
    return allocator.dupe(u8, &result);
}

fn truth(verdict: ?bool, allocator: Allocator) Error![]const u8 {
    const answer = verdict orelse return error.PrecompileFailed;
    return allocator.dupe(u8, &math.toBytes(@intFromBool(answer)));
}

/// Spec: yellow paper, appendix E, ECREC
fn recover(input: []const u8, allocator: Allocator) Error![]const u8 {
    const fields = padded(128, input);
    const v = math.fromBytes(fields[32..64]);
    if (v != 27 and v != 28) return &.{};
    const key = secp256k1.recover(fields[0..32], fields[64..96], fields[96..128], v == 28) orelse return &.{};
    return allocator.dupe(u8, &(left_padding ++ keccak.hash(&key)[12..].*));
}

/// Spec: EIP-198. The lengths have been paid for, so that they fit; those of an empty base and modulus may be anything.
pub fn power(comptime modularPower: anytype, input: []const u8, allocator: Allocator) Error![]const u8 {
    const lengths = padded(96, input);
    const base_length = math.fromBytes(lengths[0..32]);
    const modulus_length = math.fromBytes(lengths[64..96]);
    if (base_length == 0 and modulus_length == 0) return &.{};
    const exponent_length = math.fromBytes(lengths[32..64]);
    const sizes = [3]usize{ std.math.cast(usize, base_length) orelse return error.OutOfMemory, std.math.cast(usize, exponent_length) orelse
        return error.OutOfMemory, std.math.cast(usize, modulus_length) orelse return error.OutOfMemory };

    const result = try allocator.alloc(u8, sizes[2]);
    errdefer allocator.free(result);
    const operands = try allocator.alloc(u8, sizes[0] + sizes[1] + sizes[2]);
    defer allocator.free(operands);
    @memset(operands, 0);
    if (input.len > 96) {
        const given = @min(operands.len, input.len - 96);
        @memcpy(operands[0..given], input[96..][0..given]);
    }
    const base = operands[0..sizes[0]];
    const exponent = operands[sizes[0]..][0..sizes[1]];
    try modularPower(allocator, base, exponent, operands[sizes[0] + sizes[1] ..], result);
    return result;
}

/// Spec: EIP-152
fn compress(input: []const u8, allocator: Allocator) Error![]const u8 {
    if (input.len != 213 or input[212] > 1) return error.PrecompileFailed;
    var words: [26]u64 = undefined;
    for (&words, 0..) |*word, i| word.* = std.mem.readInt(u64, input[4 + 8 * i ..][0..8], .little);
    const rounds = std.mem.readInt(u32, input[0..4], .big);
    blake2f.compress(rounds, words[0..8], words[8..24], words[24..26].*, input[212] == 1);
    const result = try allocator.alloc(u8, 64);
    for (words[0..8], 0..) |word, i| std.mem.writeInt(u64, result[8 * i ..][0..8], word, .little);
    return result;
}

/// Spec: EIP-4844, "Point evaluation precompile"
fn evaluatePoint(input: []const u8, allocator: Allocator) Error![]const u8 {
    if (input.len != 192 or !kzg.verifyPointEvaluation(input[0..192])) return error.PrecompileFailed;
    const field_elements_per_blob = 4096;
    const curve_order = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    return allocator.dupe(u8, &(math.toBytes(field_elements_per_blob) ++ math.toBytes(curve_order)));
}

/// Spec: EIP-7951
fn verify(input: []const u8, allocator: Allocator) Error![]const u8 {
    if (input.len != 160) return &.{};
    if (!p256.verify(input[0..32], input[32..64], input[64..96], input[96..128], input[128..160])) return &.{};
    return allocator.dupe(u8, &math.toBytes(1));
}

//! Precompiled contracts in a zkVM: each takes the call's bytes apart, has its accelerator compute, and puts the result into the contract's form.
//!
//! An accelerator that fails is a call that fails. Where a contract cannot fail, an accelerator that does ends the program.

const std = @import("std");
const accelerators = @import("accelerators.zig");
const blob = @import("../derivation/blob.zig");
const blob_points = @import("../derivation/l1/blob_points.zig");
const math = @import("../u256.zig");
const numbers = @import("../evm/precompiles.zig");
const platform = @import("../platform.zig");
const standard = @import("zkvm_standard.zig");
const zkvm = @import("zkvm.zig");
const Allocator = std.mem.Allocator;
const Bytes = standard.Bytes;
const Error = error{ PrecompileFailed, OutOfMemory };

pub fn precompile(number: u16, required_gas: u64, input: []const u8, allocator: Allocator) platform.PrecompileError![]const u8 {
    _ = required_gas; // has been charged
    return switch (number) {
        numbers.ecrecover => recover(input, allocator),
        numbers.sha256 => allocator.dupe(u8, &zkvm.sha256(input)),
        numbers.ripemd160 => allocator.dupe(u8, &zkvm.ripemd160(input)),
        numbers.identity => allocator.dupe(u8, input),
        numbers.modexp => accelerators.power(modularPower, input, allocator),
        numbers.bn254_add => addBn254(&accelerators.padded(128, input), allocator),
        numbers.bn254_multiply => multiplyBn254(&accelerators.padded(96, input), allocator),
        numbers.bn254_pairing => pairBn254(input, allocator),
        numbers.blake2f => compress(input, allocator),
        numbers.point_evaluation => evaluatePoint(input, allocator),
        numbers.bls12_g1_add => addBls12(1, standard.zkvm_bls12_g1_add, input, allocator),
        numbers.bls12_g1_msm => sumBls12(1, standard.Bls12G1Term, standard.zkvm_bls12_g1_msm, input, allocator),
        numbers.bls12_g2_add => addBls12(2, standard.zkvm_bls12_g2_add, input, allocator),
        numbers.bls12_g2_msm => sumBls12(2, standard.Bls12G2Term, standard.zkvm_bls12_g2_msm, input, allocator),
        numbers.bls12_pairing => pairBls12(input, allocator),
        numbers.bls12_map_fp_to_g1 => mapBls12(1, standard.zkvm_bls12_map_fp_to_g1, input, allocator),
        numbers.bls12_map_fp2_to_g2 => mapBls12(2, standard.zkvm_bls12_map_fp2_to_g2, input, allocator),
        numbers.p256_verify => verify(input, allocator),
        else => unreachable,
    };
}

fn succeeded(status: standard.Status) error{PrecompileFailed}!void {
    if (status != standard.success) return error.PrecompileFailed;
}

fn truth(value: bool, allocator: Allocator) Error![]const u8 {
    return allocator.dupe(u8, &math.toBytes(@intFromBool(value)));
}

/// Spec: yellow paper, appendix E, ECREC
fn recover(input: []const u8, allocator: Allocator) Error![]const u8 {
    const fields = accelerators.padded(128, input);
    const v = math.fromBytes(fields[32..64]);
    if (v != 27 and v != 28) return &.{};
    const key = zkvm.recoverKey(fields[0..32], fields[64..96], fields[96..128], v == 28) orelse return &.{};
    return allocator.dupe(u8, &(accelerators.left_padding ++ zkvm.keccak256(&key)[12..].*));
}

/// A power modulo zero is zero, as EIP-198 has it; the standard does not say.
fn modularPower(_: Allocator, base: []const u8, exponent: []const u8, modulus: []const u8, result: []u8) error{OutOfMemory}!void {
    @memset(result, 0);
    if (std.mem.allEqual(u8, modulus, 0)) return;
    const status = standard.zkvm_modexp(base.ptr, base.len, exponent.ptr, exponent.len, modulus.ptr, modulus.len, result.ptr);
    if (status != standard.success) @panic("the accelerator of modexp failed");
}

/// Spec: EIP-196
fn addBn254(input: *const [128]u8, allocator: Allocator) Error![]const u8 {
    var result: Bytes(64) = undefined;
    try succeeded(standard.zkvm_bn254_g1_add(&.{ .data = input[0..64].* }, &.{ .data = input[64..128].* }, &result));
    return allocator.dupe(u8, &result.data);
}

/// Spec: EIP-196
fn multiplyBn254(input: *const [96]u8, allocator: Allocator) Error![]const u8 {
    var result: Bytes(64) = undefined;
    try succeeded(standard.zkvm_bn254_g1_mul(&.{ .data = input[0..64].* }, &.{ .data = input[64..96].* }, &result));
    return allocator.dupe(u8, &result.data);
}

/// Spec: EIP-197. The product of no pairings is one.
fn pairBn254(input: []const u8, allocator: Allocator) Error![]const u8 {
    const size = @sizeOf(standard.Bn254Pair);
    if (input.len % size != 0) return error.PrecompileFailed;
    if (input.len == 0) return truth(true, allocator);
    const pairs = try allocator.alloc(standard.Bn254Pair, input.len / size);
    defer allocator.free(pairs);
    @memcpy(std.mem.sliceAsBytes(pairs), input);
    var holds = false;
    try succeeded(standard.zkvm_bn254_pairing(pairs.ptr, pairs.len, &holds));
    return truth(holds, allocator);
}

/// Spec: EIP-152
fn compress(input: []const u8, allocator: Allocator) Error![]const u8 {
    if (input.len != 213 or input[212] > 1) return error.PrecompileFailed;
    var state: Bytes(64) = .{ .data = input[4..68].* };
    const rounds = std.mem.readInt(u32, input[0..4], .big);
    const status = standard.zkvm_blake2f(rounds, &state, &.{ .data = input[68..196].* }, &.{ .data = input[196..212].* }, input[212]);
    if (status != standard.success) @panic("the accelerator of blake2f failed");
    return allocator.dupe(u8, &state.data);
}

/// Spec: EIP-4844, "Point evaluation precompile"
fn evaluatePoint(input: []const u8, allocator: Allocator) Error![]const u8 {
    if (input.len != 192) return error.PrecompileFailed;
    var versioned_hash = zkvm.sha256(input[96..144]);
    versioned_hash[0] = 1;
    if (!std.mem.eql(u8, &versioned_hash, input[0..32])) return error.PrecompileFailed;
    if (!zkvm.opens(input[96..144], input[32..64], input[64..96], input[144..192])) return error.PrecompileFailed;
    return allocator.dupe(u8, &(math.toBytes(blob.elements) ++ math.toBytes(blob_points.modulus)));
}

/// Spec: EIP-7951; RIP-7212. A key that is none verifies nothing.
fn verify(input: []const u8, allocator: Allocator) Error![]const u8 {
    if (input.len != 160) return &.{};
    var verified = false;
    const status = standard.zkvm_secp256r1_verify(
        &.{ .data = input[0..32].* },
        &.{ .data = input[32..96].* },
        &.{ .data = input[96..160].* },
        &verified,
    );
    return if (status == standard.success and verified) truth(true, allocator) else &.{};
}

// BLS12-381. Spec: EIP-2537. A group's coordinate is as many field elements as the group's number says.

/// Field elements of 48 bytes from those of the contract, 16 zeros before each.
fn unpad(padded: []const u8, elements: []u8) error{PrecompileFailed}!void {
    for (0..elements.len / 48) |index| {
        const element = padded[64 * index ..][0..64];
        if (!std.mem.allEqual(u8, element[0..16], 0)) return error.PrecompileFailed;
        @memcpy(elements[48 * index ..][0..48], element[16..64]);
    }
}

fn pad(comptime size: usize, elements: *const [size]u8, allocator: Allocator) Error![]const u8 {
    const padded = try allocator.alloc(u8, size / 48 * 64);
    @memset(padded, 0);
    for (0..size / 48) |index| @memcpy(padded[64 * index + 16 ..][0..48], elements[48 * index ..][0..48]);
    return padded;
}

fn addBls12(comptime group: usize, comptime function: anytype, input: []const u8, allocator: Allocator) Error![]const u8 {
    if (input.len != 256 * group) return error.PrecompileFailed;
    var points: [2]Bytes(96 * group) = undefined;
    for (&points, 0..) |*point, index| try unpad(input[128 * group * index ..][0 .. 128 * group], &point.data);
    var result: Bytes(96 * group) = undefined;
    try succeeded(function(&points[0], &points[1], &result));
    return pad(96 * group, &result.data, allocator);
}

fn sumBls12(comptime group: usize, comptime Term: type, comptime function: anytype, input: []const u8, allocator: Allocator) Error![]const u8 {
    const size = 128 * group + 32;
    if (input.len == 0 or input.len % size != 0) return error.PrecompileFailed;
    const terms = try allocator.alloc(Term, input.len / size);
    defer allocator.free(terms);
    for (terms, 0..) |*term, index| {
        const given = input[size * index ..][0..size];
        try unpad(given[0 .. 128 * group], &term.point.data);
        term.scalar.data = given[128 * group ..].*;
    }
    var result: Bytes(96 * group) = undefined;
    try succeeded(function(terms.ptr, terms.len, &result));
    return pad(96 * group, &result.data, allocator);
}

fn pairBls12(input: []const u8, allocator: Allocator) Error![]const u8 {
    if (input.len == 0 or input.len % 384 != 0) return error.PrecompileFailed;
    const pairs = try allocator.alloc(standard.Bls12Pair, input.len / 384);
    defer allocator.free(pairs);
    for (pairs, 0..) |*pair, index| {
        const given = input[384 * index ..][0..384];
        try unpad(given[0..128], &pair.g1.data);
        try unpad(given[128..384], &pair.g2.data);
    }
    var holds = false;
    try succeeded(standard.zkvm_bls12_pairing(pairs.ptr, pairs.len, &holds));
    return truth(holds, allocator);
}

fn mapBls12(comptime group: usize, comptime function: anytype, input: []const u8, allocator: Allocator) Error![]const u8 {
    if (input.len != 64 * group) return error.PrecompileFailed;
    var element: Bytes(48 * group) = undefined;
    try unpad(input, &element.data);
    var result: Bytes(96 * group) = undefined;
    try succeeded(function(&element, &result));
    return pad(96 * group, &result.data, allocator);
}

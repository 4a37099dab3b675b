//! What a zkVM's library brings, on the fault-proof VM and in software: the zkVM program is linked with it to run in tests, and no other time.
//!
//! The input is local data 1, and the output is what the program leaves when it exits with the code that `main` returned.

const std = @import("std");
const blake2f = @import("crypto/blake2f.zig");
const bls12_381 = @import("crypto/bls12_381.zig");
const bn254 = @import("crypto/bn254.zig");
const fpvm = @import("platform/fpvm.zig");
const keccak = @import("crypto/keccak.zig");
const kzg = @import("crypto/kzg.zig");
const modexp = @import("crypto/modexp.zig");
const p256 = @import("crypto/p256.zig");
const ripemd160 = @import("crypto/ripemd160.zig");
const secp256k1 = @import("crypto/secp256k1.zig");
const sha256 = @import("crypto/sha256.zig");
const standard = @import("platform/zkvm_standard.zig");

const Bytes = standard.Bytes;
const Status = standard.Status;

pub const panic = fpvm.panic;

const linked = struct {
    extern fn main() callconv(.c) c_int;
    extern const _heap_end: u8;
};

comptime {
    _ = fpvm; // brings the start code in
    for (standard.functions) |name| {
        const function = @field(@This(), name);
        if (@TypeOf(function) != @TypeOf(@field(standard, name))) @compileError(name ++ " is not as the standard has it");
        @export(&function, .{ .name = name });
    }
}

/// Above the program's heap: the input, and what accelerators need for a moment.
var memory: std.heap.FixedBufferAllocator = undefined;
var input: ?[]const u8 = null;
var output: [1 << 20]u8 = undefined;
var output_size: usize = 0;

pub fn main() noreturn {
    const end: [*]u8 = @ptrFromInt(@intFromPtr(&linked._heap_end));
    memory = .init(end[0 .. (1 << 32) - @intFromPtr(end)]);
    const code = linked.main();
    fpvm.exit(std.math.cast(u8, code) orelse fpvm.exit_panic, output[0..output_size]);
}

fn read_input(buffer: *[*]const u8, size: *usize) callconv(.c) void {
    if (input == null) {
        var key: [32]u8 = @splat(0);
        key[0] = 1;
        key[31] = 1;
        input = fpvm.preimage(key, memory.allocator()) catch fpvm.exit(fpvm.exit_out_of_memory, "the input does not fit");
    }
    buffer.* = input.?.ptr;
    size.* = input.?.len;
}

fn write_output(data: [*]const u8, size: usize) callconv(.c) void {
    @memcpy(output[output_size..][0..size], data[0..size]);
    output_size += size;
}

fn status(succeeded: bool) Status {
    return if (succeeded) standard.success else standard.failure;
}

fn checked(verdict: ?bool, verified: *bool) Status {
    verified.* = verdict orelse return standard.failure;
    return standard.success;
}

fn zkvm_keccak256(data: [*]const u8, length: usize, digest: *Bytes(32)) callconv(.c) Status {
    digest.data = keccak.hash(data[0..length]);
    return standard.success;
}

fn zkvm_sha256(data: [*]const u8, length: usize, digest: *Bytes(32)) callconv(.c) Status {
    digest.data = sha256.hash(data[0..length]);
    return standard.success;
}

fn zkvm_ripemd160(data: [*]const u8, length: usize, digest: *Bytes(32)) callconv(.c) Status {
    digest.data[0..12].* = @splat(0);
    digest.data[12..32].* = ripemd160.hash(data[0..length]);
    return standard.success;
}

fn zkvm_secp256k1_ecrecover(message: *const Bytes(32), signature: *const Bytes(64), recovery_id: u8, key: *Bytes(64)) callconv(.c) Status {
    if (recovery_id > 1) return standard.failure;
    const odd = recovery_id == 1;
    key.data = secp256k1.recover(&message.data, signature.data[0..32], signature.data[32..64], odd) orelse return standard.failure;
    return standard.success;
}

fn zkvm_secp256r1_verify(message: *const Bytes(32), signature: *const Bytes(64), key: *const Bytes(64), verified: *bool) callconv(.c) Status {
    const rs = &signature.data;
    return checked(p256.verify(&message.data, rs[0..32], rs[32..64], key.data[0..32], key.data[32..64]), verified);
}

fn zkvm_modexp(
    base: [*]const u8,
    base_length: usize,
    exponent: [*]const u8,
    exponent_length: usize,
    modulus: [*]const u8,
    modulus_length: usize,
    result: [*]u8,
) callconv(.c) Status {
    // As strict as the standard allows.
    if (std.mem.allEqual(u8, modulus[0..modulus_length], 0)) return standard.failure;
    defer forget(memory.end_index);
    modexp.modexp(
        memory.allocator(),
        base[0..base_length],
        exponent[0..exponent_length],
        modulus[0..modulus_length],
        result[0..modulus_length],
    ) catch return standard.failure;
    return standard.success;
}

fn forget(end: usize) void {
    memory.end_index = end;
}

fn zkvm_blake2f(rounds: u32, state: *Bytes(64), block: *const Bytes(128), counters: *const Bytes(16), last: u8) callconv(.c) Status {
    if (last > 1) return standard.failure;
    // The machine is as little-endian as the bytes are.
    blake2f.compress(rounds, @ptrCast(state), @ptrCast(block), @bitCast(counters.data), last == 1);
    return standard.success;
}

fn zkvm_bn254_g1_add(p: *const Bytes(64), q: *const Bytes(64), result: *Bytes(64)) callconv(.c) Status {
    return status(bn254.add(&(p.data ++ q.data), &result.data));
}

fn zkvm_bn254_g1_mul(point: *const Bytes(64), scalar: *const Bytes(32), result: *Bytes(64)) callconv(.c) Status {
    return status(bn254.mul(&(point.data ++ scalar.data), &result.data));
}

fn zkvm_bn254_pairing(pairs: [*]const standard.Bn254Pair, count: usize, verified: *bool) callconv(.c) Status {
    return checked(bn254.pairing(std.mem.sliceAsBytes(pairs[0..count])), verified);
}

fn zkvm_kzg_point_eval(
    commitment: *const Bytes(48),
    z: *const Bytes(32),
    y: *const Bytes(32),
    proof: *const Bytes(48),
    verified: *bool,
) callconv(.c) Status {
    var versioned_hash = sha256.hash(&commitment.data);
    versioned_hash[0] = 1;
    return checked(kzg.verifyPointEvaluation(&(versioned_hash ++ z.data ++ y.data ++ commitment.data ++ proof.data)), verified);
}

// BLS12-381: the contracts' own functions, so 16 zeros before each field element.

fn pad(elements: []const u8, padded: []u8) void {
    for (0..elements.len / 48) |index| {
        @memset(padded[64 * index ..][0..16], 0);
        @memcpy(padded[64 * index + 16 ..][0..48], elements[48 * index ..][0..48]);
    }
}

fn unpad(padded: []const u8, elements: []u8) void {
    for (0..elements.len / 48) |index| @memcpy(elements[48 * index ..][0..48], padded[64 * index + 16 ..][0..48]);
}

/// With `parts` of field elements, each `size` bytes, one after the other.
fn computed(comptime size: usize, comptime function: anytype, parts: []const *const [size]u8, result: anytype) Status {
    var call: [2 * 256]u8 = undefined;
    const part_size = size / 48 * 64;
    for (parts, 0..) |part, index| pad(part, call[part_size * index ..][0..part_size]);
    var padded: [result.len / 48 * 64]u8 = undefined;
    if (!function(call[0 .. part_size * parts.len], &padded)) return standard.failure;
    unpad(&padded, result);
    return standard.success;
}

fn zkvm_bls12_g1_add(p: *const Bytes(96), q: *const Bytes(96), result: *Bytes(96)) callconv(.c) Status {
    return computed(96, bls12_381.g1Add, &.{ &p.data, &q.data }, &result.data);
}

fn zkvm_bls12_g2_add(p: *const Bytes(192), q: *const Bytes(192), result: *Bytes(192)) callconv(.c) Status {
    return computed(192, bls12_381.g2Add, &.{ &p.data, &q.data }, &result.data);
}

fn zkvm_bls12_map_fp_to_g1(element: *const Bytes(48), result: *Bytes(96)) callconv(.c) Status {
    return computed(48, bls12_381.mapFpToG1, &.{&element.data}, &result.data);
}

fn zkvm_bls12_map_fp2_to_g2(element: *const Bytes(96), result: *Bytes(192)) callconv(.c) Status {
    return computed(96, bls12_381.mapFp2ToG2, &.{&element.data}, &result.data);
}

fn sum(comptime size: usize, comptime function: anytype, terms: anytype, result: *[size]u8) Status {
    defer forget(memory.end_index);
    const point_size = size / 48 * 64;
    const call = memory.allocator().alloc(u8, (point_size + 32) * terms.len) catch return standard.failure;
    for (terms, 0..) |*term, index| {
        const given = call[(point_size + 32) * index ..][0 .. point_size + 32];
        pad(&term.point.data, given[0..point_size]);
        given[point_size..].* = term.scalar.data;
    }
    var padded: [point_size]u8 = undefined;
    const succeeded = function(memory.allocator(), call, &padded) catch return standard.failure;
    if (!succeeded) return standard.failure;
    unpad(&padded, result);
    return standard.success;
}

fn zkvm_bls12_g1_msm(terms: [*]const standard.Bls12G1Term, count: usize, result: *Bytes(96)) callconv(.c) Status {
    return sum(96, bls12_381.g1Msm, terms[0..count], &result.data);
}

fn zkvm_bls12_g2_msm(terms: [*]const standard.Bls12G2Term, count: usize, result: *Bytes(192)) callconv(.c) Status {
    return sum(192, bls12_381.g2Msm, terms[0..count], &result.data);
}

fn zkvm_bls12_pairing(pairs: [*]const standard.Bls12Pair, count: usize, verified: *bool) callconv(.c) Status {
    defer forget(memory.end_index);
    const call = memory.allocator().alloc(u8, 384 * count) catch return standard.failure;
    for (pairs[0..count], 0..) |*pair, index| {
        pad(&pair.g1.data, call[384 * index ..][0..128]);
        pad(&pair.g2.data, call[384 * index + 128 ..][0..256]);
    }
    return checked(bls12_381.pairing(call), verified);
}

//! The zkVM standards' symbols on the fault-proof VM, all in software: so that the zkVM program runs in tests. They are weak: the ones of
//! a zkVM take their place where the program is linked for it.
//!
//! The input is local data 1, and the output is what the program leaves when it exits.

const std = @import("std");
const fpvm = @import("fpvm.zig");
const keccak = @import("../crypto/keccak.zig");
const kzg = @import("../crypto/kzg.zig");
const secp256k1 = @import("../crypto/secp256k1.zig");
const sha256 = @import("../crypto/sha256.zig");

comptime {
    const exports = .{ "read_input", "write_output", "zkvm_keccak256", "zkvm_sha256", "zkvm_secp256k1_ecrecover", "zkvm_kzg_point_eval" };
    for (exports) |name| @export(&@field(@This(), name), .{ .name = name, .linkage = .weak });
}

var output: [512]u8 = undefined;
var output_size: usize = 0;

/// What was written so far.
pub fn written() []const u8 {
    return output[0..output_size];
}

fn read_input(buffer: *[*]const u8, size: *usize) callconv(.c) void {
    var key: [32]u8 = @splat(0);
    key[0] = 1;
    key[31] = 1;
    // At the end of the memory that the program has left to it.
    const heap = fpvm.heapState();
    const input = fpvm.preimage(key, heap.allocator()) catch fpvm.exit(fpvm.exit_out_of_memory, "the input does not fit");
    buffer.* = input.ptr;
    size.* = input.len;
}

fn write_output(data: [*]const u8, size: usize) callconv(.c) void {
    @memcpy(output[output_size..][0..size], data[0..size]);
    output_size += size;
}

fn zkvm_keccak256(data: [*]const u8, length: usize, digest: *[32]u8) callconv(.c) c_int {
    digest.* = keccak.hash(data[0..length]);
    return 0;
}

fn zkvm_sha256(data: [*]const u8, length: usize, digest: *[32]u8) callconv(.c) c_int {
    digest.* = sha256.hash(data[0..length]);
    return 0;
}

fn zkvm_secp256k1_ecrecover(message: *const [32]u8, signature: *const [64]u8, recovery_id: u8, key: *[64]u8) callconv(.c) c_int {
    if (recovery_id > 1) return -1;
    key.* = secp256k1.recover(message, signature[0..32], signature[32..64], recovery_id == 1) orelse return -1;
    return 0;
}

fn zkvm_kzg_point_eval(commitment: *const [48]u8, z: *const [32]u8, y: *const [32]u8, proof: *const [48]u8, verified: *bool) callconv(.c) c_int {
    var versioned_hash = sha256.hash(commitment);
    versioned_hash[0] = 1;
    verified.* = kzg.verifyPointEvaluation(&(versioned_hash ++ z.* ++ y.* ++ commitment.* ++ proof.*));
    return 0;
}

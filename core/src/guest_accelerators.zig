//! For the tests alone, linked like the zkVM program: one accelerator a run.
//!
//! The input is a kind, a number (2 bytes, big-endian) and data. Kind 0 calls the precompiled contract of that number; the output is 1 and its
//! result, or 0 where it fails. Kind 1 calls the standard's function of that precompile with the data as its structs, one after the other; the
//! output is the status (4 bytes, little-endian) and, on success, what the function wrote.

const std = @import("std");
const numbers = @import("evm/precompiles.zig");
const standard = @import("platform/zkvm_standard.zig");
const zkvm = @import("platform/zkvm.zig");
const Pool = @import("pool.zig").Pool;
const Bytes = standard.Bytes;

pub const platform = zkvm;
pub const panic = zkvm.panic;

const keccak256 = 0;
var pool: Pool = undefined;

export fn main() callconv(.c) c_int {
    pool = .init(standard.heap());
    zkvm.memory = pool.allocator();
    var pointer: [*]const u8 = undefined;
    var size: usize = 0;
    standard.read_input(&pointer, &size);
    const data = pointer[3..size];
    const number = std.mem.readInt(u16, pointer[1..3], .big);
    if (pointer[0] == 1) {
        function(number, data);
        return 0;
    }
    if (zkvm.precompile(number, 0, data, zkvm.memory)) |result| {
        // In two calls, which the standard joins.
        zkvm.publish(&.{1});
        zkvm.publish(result);
    } else |failure| switch (failure) {
        error.PrecompileFailed => zkvm.publish(&.{0}),
        else => return 2,
    }
    return 0;
}

fn function(number: u16, data: []const u8) void {
    // Memory of an accelerator starts at a multiple of eight.
    const given = zkvm.memory.alignedAlloc(u8, .@"8", data.len) catch @panic("out of memory");
    @memcpy(given, data);
    const at = given.ptr;
    switch (number) {
        keccak256 => show(32, standard.zkvm_keccak256, .{ at, data.len }),
        numbers.ecrecover => show(64, standard.zkvm_secp256k1_ecrecover, .{ part(32, at, 0), part(64, at, 32), data[96] }),
        numbers.sha256 => show(32, standard.zkvm_sha256, .{ at, data.len }),
        numbers.ripemd160 => show(32, standard.zkvm_ripemd160, .{ at, data.len }),
        numbers.modexp => { // three numbers of one length
            const length = data.len / 3;
            const result = zkvm.memory.alloc(u8, length) catch @panic("out of memory");
            const status = standard.zkvm_modexp(at, length, at + length, length, at + 2 * length, length, result.ptr);
            publish(status, result);
        },
        numbers.bn254_add => show(64, standard.zkvm_bn254_g1_add, .{ part(64, at, 0), part(64, at, 64) }),
        numbers.bn254_multiply => show(64, standard.zkvm_bn254_g1_mul, .{ part(64, at, 0), part(32, at, 64) }),
        numbers.bn254_pairing => check(standard.zkvm_bn254_pairing, .{ list(standard.Bn254Pair, at), data.len / 192 }),
        numbers.blake2f => { // state, block, counters, rounds in the machine's order, the last block's mark
            var state = part(64, at, 0).*;
            const rounds = std.mem.readInt(u32, data[208..212], .little);
            publish(standard.zkvm_blake2f(rounds, &state, part(128, at, 64), part(16, at, 192), data[212]), &state.data);
        },
        numbers.point_evaluation => check(standard.zkvm_kzg_point_eval, .{ part(48, at, 0), part(32, at, 48), part(32, at, 80), part(48, at, 112) }),
        numbers.bls12_g1_add => show(96, standard.zkvm_bls12_g1_add, .{ part(96, at, 0), part(96, at, 96) }),
        numbers.bls12_g1_msm => show(96, standard.zkvm_bls12_g1_msm, .{ list(standard.Bls12G1Term, at), data.len / 128 }),
        numbers.bls12_g2_add => show(192, standard.zkvm_bls12_g2_add, .{ part(192, at, 0), part(192, at, 192) }),
        numbers.bls12_g2_msm => show(192, standard.zkvm_bls12_g2_msm, .{ list(standard.Bls12G2Term, at), data.len / 224 }),
        numbers.bls12_pairing => check(standard.zkvm_bls12_pairing, .{ list(standard.Bls12Pair, at), data.len / 288 }),
        numbers.bls12_map_fp_to_g1 => show(96, standard.zkvm_bls12_map_fp_to_g1, .{part(48, at, 0)}),
        numbers.bls12_map_fp2_to_g2 => show(192, standard.zkvm_bls12_map_fp2_to_g2, .{part(96, at, 0)}),
        numbers.p256_verify => check(standard.zkvm_secp256r1_verify, .{ part(32, at, 0), part(64, at, 32), part(64, at, 96) }),
        else => unreachable,
    }
}

fn part(comptime size: usize, at: [*]align(8) const u8, offset: usize) *const Bytes(size) {
    return @ptrCast(@alignCast(at + offset));
}

fn list(comptime Part: type, at: [*]align(8) const u8) [*]const Part {
    return @ptrCast(at);
}

fn show(comptime size: usize, comptime called: anytype, arguments: anytype) void {
    var result: Bytes(size) = .{ .data = @splat(0xee) };
    publish(@call(.auto, called, arguments ++ .{&result}), &result.data);
}

fn check(comptime called: anytype, arguments: anytype) void {
    var verified = false;
    publish(@call(.auto, called, arguments ++ .{&verified}), &.{@intFromBool(verified)});
}

/// The status, 4 bytes, and on success the result.
fn publish(status: standard.Status, result: []const u8) void {
    zkvm.publish(std.mem.asBytes(&status));
    if (status == standard.success) zkvm.publish(result);
}

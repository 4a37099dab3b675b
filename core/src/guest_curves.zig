//! A guest program for the tests alone: one curve precompile a run, so that results and instruction counts on RV64IM can be checked.

const std = @import("std");
const bn254 = @import("crypto/bn254.zig");
const bls12_381 = @import("crypto/bls12_381.zig");
const kzg = @import("crypto/kzg.zig");

pub const panic = std.debug.FullPanic(trap);

fn trap(_: []const u8, _: ?usize) noreturn {
    @trap();
}

var heap: [1 << 20]u8 align(16) = undefined;

/// Returns how many bytes of `output` are the result; 0 is the precompile's failure.
export fn _start(operation: usize, input: [*]const u8, len: usize, output: [*]u8) callconv(.c) usize {
    const data = input[0..len];
    var memory = std.heap.FixedBufferAllocator.init(&heap);
    return switch (operation) {
        0x06 => sized(64, bn254.add(data[0..128], output[0..64])),
        0x07 => sized(64, bn254.mul(data[0..96], output[0..64])),
        0x08 => outcome(bn254.pairing(data), output),
        0x0a => sized(1, kzg.verifyPointEvaluation(data[0..192])),
        0x0b => sized(128, bls12_381.g1Add(data, output[0..128])),
        0x0c => sized(128, bls12_381.g1Msm(memory.allocator(), data, output[0..128]) catch @trap()),
        0x0d => sized(256, bls12_381.g2Add(data, output[0..256])),
        0x0e => sized(256, bls12_381.g2Msm(memory.allocator(), data, output[0..256]) catch @trap()),
        0x0f => outcome(bls12_381.pairing(data), output),
        0x10 => sized(128, bls12_381.mapFpToG1(data, output[0..128])),
        0x11 => sized(256, bls12_381.mapFp2ToG2(data, output[0..256])),
        else => 0, // what the call itself costs
    };
}

fn sized(size: usize, succeeded: bool) usize {
    return if (succeeded) size else 0;
}

fn outcome(holds: ?bool, output: [*]u8) usize {
    output[0] = @intFromBool(holds orelse return 0);
    return 1;
}

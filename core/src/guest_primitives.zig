//! A guest program for the tests alone: one primitive a run, so that results and instruction counts on RV64IM can be checked.
//! The harness (`tests/core/guest.py`) calls the entry point like a function and reads what it leaves at `output`.

const std = @import("std");
const keccak = @import("crypto/keccak.zig");
const modexp = @import("crypto/modexp.zig");
const p256 = @import("crypto/p256.zig");
const secp256k1 = @import("crypto/secp256k1.zig");
const words = @import("u256.zig");

pub const panic = std.debug.FullPanic(trap);

fn trap(_: []const u8, _: ?usize) noreturn {
    @trap();
}

var heap: [1 << 20]u8 align(16) = undefined;

fn word(input: [*]const u8, index: usize) u256 {
    return words.fromBytes(input[index * 32 ..][0..32]);
}

/// Returns how many bytes of `output` are the result.
export fn _start(operation: usize, input: [*]const u8, len: usize, output: [*]u8) callconv(.c) usize {
    switch (operation) {
        0 => return 0, // what the call itself costs
        1 => {
            const state: *[25]u64 = @ptrCast(@alignCast(output));
            const given: *const [25]u64 = @ptrCast(@alignCast(input));
            state.* = given.*;
            keccak.permute(state);
            return 200;
        },
        2 => keccak.hashInto(output[0..32], input[0..len]),
        3 => {
            output[0..64].* = secp256k1.recover(input[0..32], input[32..64], input[64..96], input[96] != 0) orelse return 0;
            return 64;
        },
        4 => { // three numbers of one length
            const third = len / 3;
            var memory = std.heap.FixedBufferAllocator.init(&heap);
            modexp.modexp(
                memory.allocator(),
                input[0..third],
                input[third .. 2 * third],
                input[2 * third .. 3 * third],
                output[0..third],
            ) catch @trap();
            return third;
        },
        5 => {
            output[0] = @intFromBool(p256.verify(input[0..32], input[32..64], input[64..96], input[96..128], input[128..160]));
            return 1;
        },
        0x104 => output[0..32].* = words.toBytes(words.divide(word(input, 0), word(input, 1))),
        0x106 => output[0..32].* = words.toBytes(words.remainder(word(input, 0), word(input, 1))),
        0x108 => output[0..32].* = words.toBytes(words.addMod(word(input, 0), word(input, 1), word(input, 2))),
        0x109 => output[0..32].* = words.toBytes(words.mulMod(word(input, 0), word(input, 1), word(input, 2))),
        0x1ff => output[0..32].* = words.toBytes(word(input, 0) +% word(input, 1)),
        else => @trap(),
    }
    return 32;
}

//! The state of the fault-proof VM without its memory, its encoding and its hash. docs/fpvm.md, section 1.

const std = @import("std");
const keccak = @import("../crypto/keccak.zig");

pub const encoded_size = 338;

pub const State = struct {
    preimage_key: [32]u8 = @splat(0),
    preimage_offset: u64 = 0,
    pc: u64 = 0,
    step: u64 = 0,
    exit_code: u8 = 0,
    exited: bool = false,
    /// x0 to x31, then a place that writes to x0 go to.
    registers: [33]u64 = @splat(0),

    pub fn encode(self: *const State, memory_root: *const [32]u8) [encoded_size]u8 {
        var out: [encoded_size]u8 = undefined;
        out[0..32].* = memory_root.*;
        out[32..64].* = self.preimage_key;
        std.mem.writeInt(u64, out[64..72], self.preimage_offset, .big);
        std.mem.writeInt(u64, out[72..80], self.pc, .big);
        std.mem.writeInt(u64, out[80..88], self.step, .big);
        out[88] = self.exit_code;
        out[89] = @intFromBool(self.exited);
        for (self.registers[1..32], 0..) |value, index| std.mem.writeInt(u64, out[90 + 8 * index ..][0..8], value, .big);
        return out;
    }

    /// Everything but the memory root. Null when the bytes encode no state.
    pub fn decode(bytes: *const [encoded_size]u8) ?State {
        var state: State = .{
            .preimage_key = bytes[32..64].*,
            .preimage_offset = std.mem.readInt(u64, bytes[64..72], .big),
            .pc = std.mem.readInt(u64, bytes[72..80], .big),
            .step = std.mem.readInt(u64, bytes[80..88], .big),
            .exit_code = bytes[88],
            .exited = bytes[89] == 1,
        };
        if (bytes[89] > 1 or (!state.exited and state.exit_code != 0)) return null;
        for (state.registers[1..32], 0..) |*value, index| value.* = std.mem.readInt(u64, bytes[90 + 8 * index ..][0..8], .big);
        return state;
    }

    /// 0 valid, 1 invalid, 2 panic, 3 unfinished.
    pub fn status(self: *const State) u8 {
        return if (self.exited) @min(self.exit_code, 2) else 3;
    }

    pub fn hash(self: *const State, memory_root: *const [32]u8) [32]u8 {
        var digest = keccak.hash(&self.encode(memory_root));
        digest[0] = self.status();
        return digest;
    }
};

//! The opcodes of a transaction or call as they run, encoded for Python. `evm/native/steps.py` is the other side.

const std = @import("std");
const rlp = @import("../rlp.zig");
const Frame = @import("../evm/frame.zig").Frame;
const tracing = @import("../evm/tracing.zig");

/// Of a larger memory only its start is compared: hashing megabytes at each step would take forever.
const MAX_HASHED_MEMORY = 1 << 16;

/// Collects [pc, opcode, gas_left, depth, [word, ..], memory_size, memory_crc] of each opcode before it runs, with the stack from its
/// bottom: those behind the first `skip`, until there are more than `max_bytes` of them.
pub const Steps = struct {
    encoder: rlp.Encoder,
    skip: u64 = 0,
    max_bytes: usize = std.math.maxInt(usize),
    is_incomplete: bool = false,

    pub fn tracer(self: *Steps) tracing.Tracer {
        return .{ .context = self, .step = add };
    }

    fn add(context: *anyopaque, frame: *const Frame, pc: [*]const u8, sp: [*]const u256, gas_left: i64) void {
        const self: *Steps = @ptrCast(@alignCast(context));
        // Empty init code runs one STOP here, and nothing elsewhere.
        if (frame.code.len == 0) return;
        if (self.skip > 0) {
            self.skip -= 1;
            return;
        }
        if (self.encoder.written().len > self.max_bytes) return;
        self.encode(frame, pc, sp, gas_left) catch {
            self.is_incomplete = true;
        };
    }

    fn encode(self: *Steps, frame: *const Frame, pc: [*]const u8, sp: [*]const u256, gas_left: i64) !void {
        const step = self.encoder.open();
        try self.encoder.int(@as(u64, @intFromPtr(pc) - @intFromPtr(frame.code.ptr)));
        try self.encoder.int(pc[0]);
        try self.encoder.int(@as(u64, @intCast(gas_left)));
        try self.encoder.int(frame.depth);
        const words = self.encoder.open();
        var index = (@intFromPtr(frame.stack_bottom) - @intFromPtr(sp)) / @sizeOf(u256);
        while (index > 0) {
            index -= 1;
            try self.encoder.int(sp[index]);
        }
        try self.encoder.close(words);
        const memory = &frame.memory;
        try self.encoder.int(@as(u64, memory.len));
        try self.encoder.int(std.hash.Crc32.hash(memory.slice(0, @min(memory.len, MAX_HASHED_MEMORY))));
        try self.encoder.close(step);
    }
};

//! A batch with its version byte, as channels hold them, and the singular batch: one L2 block's transactions.

const std = @import("std");
const rlp = @import("../rlp.zig");
const span_batch = @import("span_batch.zig");

pub const Error = error{ InvalidBatch, OutOfMemory };

pub const SpanBatch = span_batch.SpanBatch;

/// One L2 block as its batch describes it. Spec: op derivation, "Batch Format".
pub const SingularBatch = struct {
    parent_hash: [32]u8,
    epoch_number: u64,
    epoch_hash: [32]u8,
    timestamp: u64,
    transactions: []const []const u8,

    /// Read the content of a batch. What follows the list is ignored, as the spec allows.
    pub fn decode(arena: std.mem.Allocator, content: []const u8) Error!SingularBatch {
        return decodeRlp(arena, content) catch |failure| switch (failure) {
            error.InvalidRlp => error.InvalidBatch,
            error.OutOfMemory => error.OutOfMemory,
        };
    }

    fn decodeRlp(arena: std.mem.Allocator, content: []const u8) (rlp.Error || error{OutOfMemory})!SingularBatch {
        var fields = try (try rlp.first(content)).list();
        var batch: SingularBatch = .{
            .parent_hash = try fields.fixed(32),
            .epoch_number = try fields.int(u64),
            .epoch_hash = try fields.fixed(32),
            .timestamp = try fields.int(u64),
            .transactions = undefined,
        };
        var list = try fields.list();
        try fields.end();
        const transactions = try arena.alloc([]const u8, try list.count());
        for (transactions) |*transaction| transaction.* = try list.bytes();
        batch.transactions = transactions;
        return batch;
    }
};

pub const Batch = union(enum) {
    singular: SingularBatch,
    span: SpanBatch,

    /// Read version byte and content; `chain_id` is the L2's. The result points into `data` and the arena.
    pub fn decode(arena: std.mem.Allocator, data: []const u8, chain_id: u64) Error!Batch {
        if (data.len == 0) return error.InvalidBatch;
        return switch (data[0]) {
            0 => .{ .singular = try .decode(arena, data[1..]) },
            1 => .{ .span = try .decode(arena, data[1..], chain_id) },
            else => error.InvalidBatch,
        };
    }
};

//! A guest program for the tests alone: one decoder of derivation a run, so that results and instruction counts on RV64IM can be checked.
//! The harness (`tests/core/guest.py`) calls the entry point like a function and reads what it leaves at `output`.

const std = @import("std");
const Arena = @import("arena.zig").Arena;
const Pool = @import("pool.zig").Pool;
const batch = @import("derivation/batch.zig");
const blob = @import("derivation/blob.zig");
const blob_points = @import("derivation/l1/blob_points.zig");
const brotli = @import("derivation/brotli.zig");
const channel_decoder = @import("derivation/channel_decoder.zig");
const inflate = @import("derivation/inflate.zig");

pub const platform = struct {
    pub const keccak256 = @import("crypto/keccak.zig").hash;
    pub const Keccak256 = @import("crypto/keccak.zig").Hasher;
};
pub const panic = std.debug.FullPanic(trap);

fn trap(_: []const u8, _: ?usize) noreturn {
    @trap();
}

var heap: [24 << 20]u8 align(4096) = undefined;

/// Returns how many bytes of `output` are the result; the largest number for an error.
export fn _start(operation: usize, input: [*]const u8, len: usize, output: [*]u8) callconv(.c) usize {
    return run(operation, input[0..len], output) catch std.math.maxInt(usize);
}

fn run(operation: usize, input: []const u8, output: [*]u8) !usize {
    var pool = Pool.init(&heap);
    var arena = Arena.init(pool.allocator());
    const allocator = arena.allocator();
    switch (operation) {
        0 => return 0, // what the call itself costs
        1 => return give(output, try inflate.decompress(allocator, input, 8 << 20)),
        2 => return give(output, try brotli.decompress(allocator, input, 8 << 20)),
        3 => {
            const buffer = try allocator.create([blob.max_data_bytes + 4]u8);
            return give(output, blob.decode(buffer, input[0..blob.size]) orelse return error.InvalidBlob);
        },
        4 => {
            const points: *[blob.elements]blob_points.Point = @ptrCast(output);
            blob_points.compute(points);
            return @sizeOf(@TypeOf(points.*));
        },
        5 => { // the batches of a channel of chain 901, and how many transactions they have
            var batches: channel_decoder.Batches = .{ .rest = try channel_decoder.decompress(allocator, input, 8 << 20, true) };
            var count: u64 = 0;
            while (try batches.next()) |encoded| {
                const decoded = try batch.Batch.decode(allocator, encoded, 901);
                count += switch (decoded) {
                    .singular => |singular| singular.transactions.len,
                    .span => |span| span.transactions.len,
                };
            }
            std.mem.writeInt(u64, output[0..8], count, .big);
            return 8;
        },
        else => @trap(),
    }
}

fn give(output: [*]u8, data: []const u8) usize {
    @memcpy(output[0..data.len], data);
    return data.len;
}

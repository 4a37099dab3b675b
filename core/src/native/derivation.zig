//! Doors to derivation, for Python to compare with its own.

const std = @import("std");
const inflate = @import("../derivation/inflate.zig");
const brotli = @import("../derivation/brotli.zig");

const page_allocator = std.heap.page_allocator;

/// What a door answers: 0, or why there is no answer.
const Status = enum(i32) {
    ok = 0,
    invalid = 1,
    out_of_memory = 2,
};

/// Bytes that Python copies and then gives back through `lamina_derivation_free`.
pub const Bytes = extern struct {
    pointer: ?[*]u8 = null,
    length: usize = 0,

    fn of(data: []const u8) error{OutOfMemory}!Bytes {
        if (data.len == 0) return .{};
        const copy = try page_allocator.dupe(u8, data);
        return .{ .pointer = copy.ptr, .length = copy.len };
    }
};

export fn lamina_derivation_free(bytes: *Bytes) void {
    if (bytes.pointer) |pointer| page_allocator.free(pointer[0..bytes.length]);
    bytes.* = .{};
}

/// Decompress at most `limit` bytes; `kind` 0 is zlib, 1 brotli.
export fn lamina_decompress(kind: u32, data: [*]const u8, length: usize, limit: usize, out: *Bytes) i32 {
    out.* = .{};
    var arena: std.heap.ArenaAllocator = .init(page_allocator);
    defer arena.deinit();
    const input = data[0..length];
    const output = switch (kind) {
        0 => inflate.decompress(arena.allocator(), input, limit) catch |failure| return statusOf(failure),
        else => brotli.decompress(arena.allocator(), input, limit) catch |failure| return statusOf(failure),
    };
    out.* = Bytes.of(output) catch |failure| return statusOf(failure);
    return @intFromEnum(Status.ok);
}

fn statusOf(failure: anyerror) i32 {
    return @intFromEnum(switch (failure) {
        error.OutOfMemory => Status.out_of_memory,
        else => Status.invalid,
    });
}

//! Memory that is given back all at once.
//!
//! The standard library's arena is made for several threads, which takes atomic instructions: the guests have none, and elsewhere they
//! cost time on every allocation. This one belongs to one thread.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Alignment = std.mem.Alignment;

pub const Arena = struct {
    child: Allocator,
    /// The newest chunk, in which allocations are made.
    current: ?*Chunk = null,
    /// Bytes of it that are in use, its header included.
    used: usize = 0,
    /// Bytes of all chunks.
    capacity: usize = 0,
    /// Bytes that the first chunk has at least.
    first: usize = first_chunk_size,

    /// At the start of each chunk.
    const Chunk = struct { size: usize, previous: ?*Chunk };
    const chunk_alignment: Alignment = .@"16";
    const first_chunk_size = 4096;
    const largest_chunk_size = 1 << 26;

    pub fn init(child: Allocator) Arena {
        return .{ .child = child };
    }

    pub fn deinit(self: *Arena) void {
        self.freeFrom(self.current);
        self.* = undefined;
    }

    /// Give back everything but one chunk, the newest and largest.
    pub fn reset(self: *Arena) void {
        const kept = self.current orelse return;
        self.freeFrom(kept.previous);
        kept.previous = null;
        self.capacity = kept.size;
        self.used = @sizeOf(Chunk);
    }

    /// As `reset`, but where there were several chunks the next one will be as large as all of them: an arena that is used for much the
    /// same again and again comes to do with one, and touches no fresh pages.
    pub fn restart(self: *Arena) void {
        const kept = self.current orelse return;
        if (kept.previous == null) return self.reset();
        self.freeFrom(kept);
        self.* = .{ .child = self.child, .first = @min(self.capacity, largest_chunk_size) };
    }

    pub fn allocator(self: *Arena) Allocator {
        return .{ .ptr = self, .vtable = &.{ .alloc = alloc, .resize = resize, .remap = remap, .free = free } };
    }

    fn freeFrom(self: *Arena, start: ?*Chunk) void {
        var next = start;
        while (next) |chunk| {
            next = chunk.previous;
            self.child.rawFree(bytesOf(chunk), chunk_alignment, @returnAddress());
        }
    }

    fn bytesOf(chunk: *Chunk) []u8 {
        return @as([*]u8, @ptrCast(chunk))[0..chunk.size];
    }

    fn alloc(context: *anyopaque, length: usize, alignment: Alignment, _: usize) ?[*]u8 {
        const self: *Arena = @ptrCast(@alignCast(context));
        if (self.take(length, alignment)) |memory| return memory;
        const needed = @sizeOf(Chunk) + length + alignment.toByteUnits();
        const size = @max(self.first, needed, @min(self.capacity, largest_chunk_size));
        const memory = self.child.rawAlloc(size, chunk_alignment, @returnAddress()) orelse return null;
        const chunk: *Chunk = @ptrCast(@alignCast(memory));
        chunk.* = .{ .size = size, .previous = self.current };
        self.current = chunk;
        self.used = @sizeOf(Chunk);
        self.capacity += size;
        return self.take(length, alignment).?;
    }

    fn take(self: *Arena, length: usize, alignment: Alignment) ?[*]u8 {
        const chunk = self.current orelse return null;
        const base = @intFromPtr(chunk);
        const start = alignment.forward(base + self.used) - base;
        if (start > chunk.size or length > chunk.size - start) return null;
        self.used = start + length;
        return bytesOf(chunk).ptr + start;
    }

    fn isNewest(self: *const Arena, memory: []const u8) bool {
        const chunk = self.current orelse return false;
        return @intFromPtr(memory.ptr) + memory.len == @intFromPtr(chunk) + self.used;
    }

    fn resize(context: *anyopaque, memory: []u8, _: Alignment, new_length: usize, _: usize) bool {
        const self: *Arena = @ptrCast(@alignCast(context));
        if (!self.isNewest(memory)) return new_length <= memory.len;
        const start = self.used - memory.len;
        if (new_length > self.current.?.size - start) return false;
        self.used = start + new_length;
        return true;
    }

    fn remap(context: *anyopaque, memory: []u8, alignment: Alignment, new_length: usize, address: usize) ?[*]u8 {
        return if (resize(context, memory, alignment, new_length, address)) memory.ptr else null;
    }

    fn free(context: *anyopaque, memory: []u8, _: Alignment, _: usize) void {
        const self: *Arena = @ptrCast(@alignCast(context));
        if (self.isNewest(memory)) self.used -= memory.len;
    }
};

test "the newest allocation grows where it is, others move, and all is given back" {
    var arena = Arena.init(std.testing.allocator);
    defer arena.deinit();
    const memory = arena.allocator();
    var first: std.ArrayList(u8) = .empty;
    try first.appendNTimes(memory, 1, 100);
    const place = first.items.ptr;
    try first.appendNTimes(memory, 2, 500);
    try std.testing.expectEqual(place, first.items.ptr);
    const second = try memory.alignedAlloc(u8, .@"64", 10_000);
    try std.testing.expect(std.mem.isAligned(@intFromPtr(second.ptr), 64));
    @memset(second, 3);
    try first.appendNTimes(memory, 4, 5000);
    try std.testing.expectEqual(1, first.items[99]);
    try std.testing.expectEqual(4, first.items[5599]);
    arena.reset();
    _ = try memory.alloc(u8, 100);
}

test "what is used again and again comes to do with one chunk" {
    var arena = Arena.init(std.testing.allocator);
    defer arena.deinit();
    for (0..3) |round| {
        for (0..100) |_| _ = try arena.allocator().alloc(u8, 1000);
        try std.testing.expectEqual(round == 0, arena.current.?.previous != null);
        arena.restart();
    }
}

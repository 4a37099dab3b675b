//! Memory of a guest, which has no operating system: a region handed out in blocks of powers of two, and taken back.
//!
//! What is freed is used again for blocks of the same size, so memory that grows and shrinks stays bounded by twice its peak in each size.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Alignment = std.mem.Alignment;

pub const Pool = struct {
    region: []u8,
    /// Bytes from the region's start on that were ever handed out.
    used: usize = 0,
    free_blocks: [class_count]?*Free = @splat(null),

    const Free = struct { next: ?*Free };

    const smallest_class = 6;
    const class_count = 64;
    /// Blocks are aligned to their size, up to this.
    const max_alignment = 4096;

    pub fn init(region: []u8) Pool {
        return .{ .region = region };
    }

    pub fn allocator(self: *Pool) Allocator {
        return .{ .ptr = self, .vtable = &.{ .alloc = alloc, .resize = resize, .remap = remap, .free = free } };
    }

    /// The exponent of the block size for this many bytes, or null for more than there can be.
    fn classOf(length: usize, alignment: Alignment) ?u6 {
        const size = @max(length, alignment.toByteUnits());
        if (size > 1 << 40) return null;
        return @intCast(@max(smallest_class, std.math.log2_int_ceil(usize, size)));
    }

    fn alloc(context: *anyopaque, length: usize, alignment: Alignment, _: usize) ?[*]u8 {
        const self: *Pool = @ptrCast(@alignCast(context));
        if (alignment.toByteUnits() > max_alignment) return null;
        const class = classOf(length, alignment) orelse return null;
        if (self.free_blocks[class]) |block| {
            self.free_blocks[class] = block.next;
            return @ptrCast(block);
        }
        const size = @as(usize, 1) << class;
        const base = @intFromPtr(self.region.ptr);
        const start = std.mem.alignForward(usize, base + self.used, @min(size, max_alignment)) - base;
        if (start > self.region.len or size > self.region.len - start) return null;
        self.used = start + size;
        return self.region.ptr + start;
    }

    fn resize(_: *anyopaque, memory: []u8, alignment: Alignment, new_length: usize, _: usize) bool {
        const class = classOf(memory.len, alignment) orelse return false;
        // Only within its size, so that it goes back to the same list.
        return classOf(new_length, alignment) == class;
    }

    fn remap(context: *anyopaque, memory: []u8, alignment: Alignment, new_length: usize, address: usize) ?[*]u8 {
        return if (resize(context, memory, alignment, new_length, address)) memory.ptr else null;
    }

    fn free(context: *anyopaque, memory: []u8, alignment: Alignment, _: usize) void {
        const self: *Pool = @ptrCast(@alignCast(context));
        const class = classOf(memory.len, alignment).?;
        const block: *Free = @ptrCast(@alignCast(memory.ptr));
        block.* = .{ .next = self.free_blocks[class] };
        self.free_blocks[class] = block;
    }
};

test "blocks are used again and never overlap" {
    var region: [1 << 16]u8 align(4096) = undefined;
    var pool = Pool.init(&region);
    const memory = pool.allocator();
    for (0..1000) |round| {
        const first = try memory.alloc(u8, 1 + round % 3000);
        const second = try memory.alloc(u64, 1 + round % 700);
        @memset(first, 1);
        @memset(second, 2);
        try std.testing.expect(std.mem.allEqual(u8, first, 1));
        memory.free(first);
        memory.free(second);
    }
    try std.testing.expect(pool.used < 1 << 15);
    try std.testing.expectError(error.OutOfMemory, memory.alloc(u8, 1 << 17));
    try std.testing.expectError(error.OutOfMemory, memory.alloc(u8, std.math.maxInt(usize) / 2));
}

//! A frame's memory: bytes that grow by words and read as zero until written.

const std = @import("std");
const Allocator = std.mem.Allocator;

/// No frame can pay for more: 2^32 bytes cost 2^25 x 2^27 / 512 gas, more than a block has.
pub const max_size = 1 << 32;

pub const Memory = struct {
    /// Room for `capacity` bytes, of which the first `len` are in use. It is kept from frame to frame.
    bytes: [*]u8 = undefined,
    len: usize = 0,
    capacity: usize = 0,

    pub fn slice(self: *const Memory, offset: usize, size: usize) []u8 {
        return self.bytes[0..self.len][offset..][0..size];
    }

    /// Makes `size` bytes usable, a multiple of 32; new ones are zero.
    pub fn grow(self: *Memory, allocator: Allocator, size: usize) Allocator.Error!void {
        if (size > self.capacity) {
            const room = @max(size, 2 * self.capacity, 4096);
            const new = try allocator.alloc(u8, room);
            @memcpy(new[0..self.len], self.bytes[0..self.len]);
            if (self.capacity > 0) allocator.free(self.bytes[0..self.capacity]);
            self.bytes = new.ptr;
            self.capacity = room;
        }
        @memset(self.bytes[self.len..size], 0);
        self.len = size;
    }
};

/// What memory of `words` words has cost in all. Spec: yellow paper, appendix H, C_mem
pub fn cost(words: u64) u64 {
    return 3 * words + words * words / 512;
}

//! Channels: batches in sequence, compressed.
//!
//! Spec: op derivation, "Channel Format"; op fjord derivation, "Brotli Channel Compression".

const std = @import("std");
const inflate = @import("inflate.zig");
const brotli = @import("brotli.zig");

pub const Error = error{ InvalidChannel, OutOfMemory };

const brotli_version = 1;

/// The decompressed data of a channel, at most `max_bytes` of it; `brotli_allowed` since Fjord. Hand in an arena.
pub fn decompress(arena: std.mem.Allocator, compressed: []const u8, max_bytes: usize, brotli_allowed: bool) Error![]const u8 {
    if (compressed.len == 0) return error.InvalidChannel;
    switch (compressed[0] & 0x0f) {
        8, 15 => return inflate.decompress(arena, compressed, max_bytes) catch |failure| switch (failure) {
            error.InvalidHeader => error.InvalidChannel,
            error.OutOfMemory => error.OutOfMemory,
        },
        else => {},
    }
    if (compressed[0] != brotli_version or !brotli_allowed) return error.InvalidChannel;
    return brotli.decompress(arena, compressed[1..], max_bytes);
}

/// Takes encoded batches, version byte included, off the front of a channel's decompressed data. An error, or null at the end, means that
/// the channel gives nothing more. A batch that ends past the size limit is cut off and so is none.
pub const Batches = struct {
    rest: []const u8,

    pub fn next(self: *Batches) Error!?[]const u8 {
        if (self.rest.len == 0) return null;
        const prefix = self.rest[0];
        if (prefix < 0x80) return try self.take(0, 1);
        if (prefix <= 0xb7) {
            const length = prefix - 0x80;
            const content = try self.take(1, length);
            if (length == 1 and content[0] < 0x80) return error.InvalidChannel;
            return content;
        }
        if (prefix >= 0xc0) return error.InvalidChannel;
        const size: usize = prefix - 0xb7;
        if (self.rest.len < 1 + size or self.rest[1] == 0) return error.InvalidChannel;
        var length: u64 = 0;
        for (self.rest[1..][0..size]) |byte| length = length << 8 | byte;
        if (length < 56) return error.InvalidChannel;
        return try self.take(1 + size, length);
    }

    fn take(self: *Batches, head: usize, length: u64) Error![]const u8 {
        if (length > self.rest.len - head) return error.InvalidChannel;
        const content = self.rest[head..][0..@intCast(length)];
        self.rest = self.rest[head + content.len ..];
        return content;
    }
};

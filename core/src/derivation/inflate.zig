//! Deflate in a zlib wrapper, as channels carry it.
//!
//! What can be decoded of a broken or cut-off stream counts: everything that its longest sound prefix of whole bytes yields. The checksum
//! is not read, since a stream may lack its end.
//! Spec: RFC 1950, RFC 1951; op derivation, "Channel Format".

const std = @import("std");
const BitReader = @import("bit_reader.zig").BitReader;
const prefix_code = @import("prefix_code.zig");
const PrefixCode = prefix_code.PrefixCode;

pub const Error = error{ InvalidHeader, OutOfMemory };

const StreamError = error{ InvalidCode, EndOfInput, LimitReached, OutOfMemory };

/// The decompressed data of a zlib stream, at most the first `limit` bytes of it.
///
/// `allocator`'s memory is not given back besides the result: hand in an arena.
pub fn decompress(allocator: std.mem.Allocator, compressed: []const u8, limit: usize) Error![]const u8 {
    if (compressed.len < 2) return error.InvalidHeader;
    const method = compressed[0];
    const flags = compressed[1];
    if (method & 15 != 8 or method >> 4 > 7 or (@as(u16, method) << 8 | flags) % 31 != 0) return error.InvalidHeader;
    const preset_dictionary = 0x20;
    if (flags & preset_dictionary != 0) return error.InvalidHeader;

    var inflater: Inflater = .{ .allocator = allocator, .reader = .init(compressed[2..]), .limit = limit };
    inflater.run() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.EndOfInput, error.LimitReached => {},
        error.InvalidCode => {
            // Again without the byte in which the stream broke: what that gives is sound.
            const sound = compressed[2..][0..inflater.reader.bytesTouched() -| 1];
            inflater.reader = .init(sound);
            inflater.output.clearRetainingCapacity();
            inflater.run() catch |again| switch (again) {
                error.OutOfMemory => return error.OutOfMemory,
                error.EndOfInput, error.LimitReached, error.InvalidCode => {},
            };
        },
    };
    return inflater.output.items;
}

const Inflater = struct {
    allocator: std.mem.Allocator,
    reader: BitReader,
    limit: usize,
    output: std.ArrayList(u8) = .empty,

    fn run(self: *Inflater) StreamError!void {
        var last = false;
        while (!last) {
            last = try self.reader.take(1) == 1;
            switch (try self.reader.take(2)) {
                0 => try self.stored(),
                1 => try self.fixed(),
                2 => try self.dynamic(),
                else => return error.InvalidCode,
            }
        }
    }

    fn stored(self: *Inflater) StreamError!void {
        _ = self.reader.takeToByte();
        const length = try self.reader.take(16);
        const complement = try self.reader.take(16);
        if (length != ~complement & 0xffff) return error.InvalidCode;
        const content = self.reader.takeBytes(length);
        const room = self.limit - self.output.items.len;
        try self.output.appendSlice(self.allocator, content[0..@min(content.len, room)]);
        if (content.len > room) return error.LimitReached;
        if (content.len < length) return error.EndOfInput;
    }

    fn fixed(self: *Inflater) StreamError!void {
        var lengths: [288 + 32]u8 = undefined;
        @memset(lengths[0..144], 8);
        @memset(lengths[144..256], 9);
        @memset(lengths[256..280], 7);
        @memset(lengths[280..288], 8);
        @memset(lengths[288..], 5);
        try self.block(lengths[0..288], lengths[288..]);
    }

    fn dynamic(self: *Inflater) StreamError!void {
        const literal_count = 257 + try self.reader.take(5);
        const distance_count = 1 + try self.reader.take(5);
        const code_count = 4 + try self.reader.take(4);
        if (literal_count > 286 or distance_count > 30) return error.InvalidCode;
        const order = [19]u8{ 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
        var code_lengths: [19]u8 = @splat(0);
        for (order[0..code_count]) |symbol| code_lengths[symbol] = @intCast(try self.reader.take(3));

        var scratch: [8192]u8 = undefined;
        var fixed_buffer: std.heap.FixedBufferAllocator = .init(&scratch);
        const code = try PrefixCode.build(fixed_buffer.allocator(), &code_lengths, .complete);
        var lengths: [286 + 30]u8 = undefined;
        const total = literal_count + distance_count;
        var filled: usize = 0;
        while (filled < total) {
            const symbol = try code.decode(&self.reader);
            if (symbol < 16) {
                lengths[filled] = @intCast(symbol);
                filled += 1;
                continue;
            }
            if (symbol == 16 and filled == 0) return error.InvalidCode;
            const value = if (symbol == 16) lengths[filled - 1] else 0;
            const repeat = switch (symbol) {
                16 => 3 + try self.reader.take(2),
                17 => 3 + try self.reader.take(3),
                else => 11 + try self.reader.take(7),
            };
            if (repeat > total - filled) return error.InvalidCode;
            @memset(lengths[filled..][0..repeat], value);
            filled += repeat;
        }
        if (lengths[end_of_block] == 0) return error.InvalidCode;
        try self.block(lengths[0..literal_count], lengths[literal_count..total]);
    }

    const end_of_block = 256;

    fn block(self: *Inflater, literal_lengths: []const u8, distance_lengths: []const u8) StreamError!void {
        var scratch: [8192]u8 = undefined;
        var fixed_buffer: std.heap.FixedBufferAllocator = .init(&scratch);
        const literals = try PrefixCode.build(fixed_buffer.allocator(), literal_lengths, .single_may_be_incomplete);
        const distances = try PrefixCode.build(fixed_buffer.allocator(), distance_lengths, .single_may_be_incomplete);
        while (true) {
            const symbol = try literals.decode(&self.reader);
            if (symbol < end_of_block) {
                if (self.output.items.len == self.limit) return error.LimitReached;
                try self.output.append(self.allocator, @intCast(symbol));
                continue;
            }
            if (symbol == end_of_block) return;
            if (symbol > 285) return error.InvalidCode;
            const length = length_base[symbol - 257] + try self.reader.take(length_extra[symbol - 257]);
            const distance_symbol = try distances.decode(&self.reader);
            if (distance_symbol > 29) return error.InvalidCode;
            const distance = distance_base[distance_symbol] + try self.reader.take(distance_extra[distance_symbol]);
            if (distance > self.output.items.len) return error.InvalidCode;
            try copyWithin(&self.output, self.allocator, distance, length, self.limit);
        }
    }
};

/// Append `length` bytes that start `distance` before the end, which may reach into what is being appended; at most up to `limit`.
pub fn copyWithin(
    output: *std.ArrayList(u8),
    allocator: std.mem.Allocator,
    distance: usize,
    length: usize,
    limit: usize,
) error{ LimitReached, OutOfMemory }!void {
    const count = @min(length, limit - output.items.len);
    try output.ensureUnusedCapacity(allocator, count);
    const start = output.items.len;
    output.items.len += count;
    const items = output.items;
    if (distance >= count) {
        @memcpy(items[start..][0..count], items[start - distance ..][0..count]);
    } else if (distance == 1) {
        @memset(items[start..][0..count], items[start - 1]);
    } else {
        for (start..start + count) |index| items[index] = items[index - distance];
    }
    if (count < length) return error.LimitReached;
}

const length_base = [29]u16{ 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
const length_extra = [29]u5{ 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
const distance_base = [30]u16{
    1,   2,   3,   4,   5,    7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769,  1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
};
const distance_extra = [30]u5{ 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };

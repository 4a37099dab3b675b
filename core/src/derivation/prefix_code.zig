//! Prefix codes as deflate and brotli have them: canonical, up to 15 bits, packed with the code's first bit lowest.

const std = @import("std");
const bits = @import("bit_reader.zig");

pub const max_length = 15;

pub const BuildError = error{ InvalidCode, OutOfMemory };
pub const Error = error{ InvalidCode, EndOfInput };

/// What a code may lack.
pub const Completeness = enum {
    /// Every bit string decodes.
    complete,
    /// As zlib takes deflate's codes: none at all, or a single code of one bit.
    single_may_be_incomplete,
};

pub const PrefixCode = struct {
    /// What the next `root_bits` bits mean: symbol << 4 | length, or one of the markers.
    table: []const u16,
    root_bits: u4,
    /// For codes longer than `root_bits`: symbols by length, then by value.
    symbols: []const u16,
    count: [max_length + 1]u16,

    const max_root_bits = 10;
    const long_marker = 15;
    const invalid_marker = 14;

    /// The code with these lengths by symbol; 0 means that the symbol has none.
    pub fn build(allocator: std.mem.Allocator, lengths: []const u8, completeness: Completeness) BuildError!PrefixCode {
        var count: [max_length + 1]u16 = @splat(0);
        for (lengths) |length| count[length] += 1;
        count[0] = 0;
        var left: i32 = 1;
        var total: u32 = 0;
        var longest: u4 = 0;
        for (1..max_length + 1) |length| {
            left = left * 2 - count[length];
            if (left < 0) return error.InvalidCode;
            total += count[length];
            if (count[length] != 0) longest = @intCast(length);
        }
        if (left > 0 and !(completeness == .single_may_be_incomplete and total == count[1])) return error.InvalidCode;

        const symbols = try allocator.alloc(u16, total);
        var offsets: [max_length + 2]u16 = undefined;
        offsets[1] = 0;
        for (1..max_length + 1) |length| offsets[length + 1] = offsets[length] + count[length];
        for (lengths, 0..) |length, symbol| {
            if (length == 0) continue;
            symbols[offsets[length]] = @intCast(symbol);
            offsets[length] += 1;
        }

        const root_bits: u4 = @max(1, @min(longest, max_root_bits));
        const table = try allocator.alloc(u16, @as(usize, 1) << root_bits);
        if (left > 0 or longest > root_bits) @memset(table, if (longest > root_bits) long_marker else invalid_marker);
        var code: u16 = 0;
        var index: usize = 0;
        for (1..@as(usize, root_bits) + 1) |length| {
            for (0..count[length]) |_| {
                const entry = symbols[index] << 4 | @as(u16, @intCast(length));
                var slot: usize = @bitReverse(code) >> @intCast(16 - length);
                while (slot < table.len) : (slot += @as(usize, 1) << @intCast(length)) table[slot] = entry;
                code += 1;
                index += 1;
            }
            code <<= 1;
        }
        return .{ .table = table, .root_bits = root_bits, .symbols = symbols, .count = count };
    }

    /// The code in which one symbol takes no bits.
    pub fn single(allocator: std.mem.Allocator, symbol: u16) BuildError!PrefixCode {
        const table = try allocator.alloc(u16, 1);
        table[0] = symbol << 4;
        return .{ .table = table, .root_bits = 0, .symbols = &.{}, .count = @splat(0) };
    }

    /// The next symbol.
    pub fn decode(self: *const PrefixCode, reader: *bits.BitReader) Error!u16 {
        if (reader.available < max_length) reader.refill();
        const entry = self.table[reader.peek(usize, self.root_bits)];
        const length = entry & 15;
        if (length >= invalid_marker) return self.decodeLong(reader, length);
        try reader.consume(length);
        return entry >> 4;
    }

    fn decodeLong(self: *const PrefixCode, reader: *bits.BitReader, marker: u16) Error!u16 {
        @branchHint(.unlikely);
        if (marker == invalid_marker) {
            try reader.consume(1);
            return error.InvalidCode;
        }
        const window = reader.peek(u32, max_length);
        var code: u32 = 0;
        var first: u32 = 0;
        var index: u32 = 0;
        for (1..max_length + 1) |length| {
            code = code << 1 | (window >> @intCast(length - 1) & 1);
            first <<= 1;
            const count = self.count[length];
            if (code - first < count) {
                try reader.consume(@intCast(length));
                return self.symbols[index + code - first];
            }
            index += count;
            first += count;
        }
        // Only an incomplete code gets here, and those are not longer than the table's index.
        return error.InvalidCode;
    }
};

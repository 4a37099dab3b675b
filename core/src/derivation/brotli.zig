//! Brotli, as channels carry it since Fjord.
//!
//! What can be decoded of a broken or cut-off stream counts: everything that its longest sound prefix of whole bytes yields. The output is
//! bounded by a limit while it grows, so that no input makes it larger.
//! Spec: RFC 7932; op fjord derivation, "Brotli Channel Compression".

const std = @import("std");
const BitReader = @import("bit_reader.zig").BitReader;
const PrefixCode = @import("prefix_code.zig").PrefixCode;
const copyWithin = @import("inflate.zig").copyWithin;
const dictionary = @import("brotli_dictionary.zig");

pub const Error = error{OutOfMemory};

const StreamError = error{ InvalidCode, EndOfInput, LimitReached, OutOfMemory };

/// The decompressed data of a brotli stream, at most the first `limit` bytes of it.
///
/// `allocator`'s memory is not given back besides the result: hand in an arena.
pub fn decompress(allocator: std.mem.Allocator, compressed: []const u8, limit: usize) Error![]const u8 {
    var tables: std.heap.ArenaAllocator = .init(allocator);
    defer tables.deinit();
    var decoder: Decoder = .{ .allocator = allocator, .tables = &tables, .reader = .init(compressed), .limit = limit };
    // Most streams shrink to less than half; room from the start saves copies while the output grows.
    try decoder.output.ensureTotalCapacity(allocator, @min(limit, compressed.len *| 4));
    decoder.run() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.EndOfInput, error.LimitReached => {},
        error.InvalidCode => {
            // Again without the byte in which the stream broke: what that gives is sound.
            const sound = compressed[0..decoder.reader.bytesTouched() -| 1];
            decoder.reader = .init(sound);
            decoder.output.clearRetainingCapacity();
            decoder.distances = .{};
            decoder.run() catch |again| switch (again) {
                error.OutOfMemory => return error.OutOfMemory,
                error.EndOfInput, error.LimitReached, error.InvalidCode => {},
            };
        },
    };
    return decoder.output.items;
}

/// The last four distances that were used.
const Distances = struct {
    ring: [4]u32 = .{ 4, 11, 15, 16 },

    fn push(self: *Distances, distance: u32) void {
        std.mem.copyBackwards(u32, self.ring[1..], self.ring[0..3]);
        self.ring[0] = distance;
    }

    /// What one of the sixteen short codes means; 0 when it is no distance.
    fn short(self: *const Distances, code: usize) u32 {
        if (code < 4) return self.ring[code];
        const of: i64 = if (code < 10) self.ring[0] else self.ring[1];
        const step: i64 = @intCast((code - 4) % 6);
        const delta = @divTrunc(step, 2) + 1;
        const distance = if (@mod(step, 2) == 0) of - delta else of + delta;
        return if (distance <= 0) 0 else @intCast(distance);
    }
};

/// Block types of one of the three categories, and how much of the current block is left.
const Blocks = struct {
    count: u32 = 1,
    types: PrefixCode = undefined,
    lengths: PrefixCode = undefined,
    left: u32 = 1 << 24,
    current: u32 = 0,
    previous: u32 = 1,

    fn read(self: *Blocks, decoder: *Decoder) StreamError!void {
        self.* = .{ .count = try decoder.blockTypeCount() };
        if (self.count < 2) return;
        self.types = try decoder.prefixCode(self.count + 2);
        self.lengths = try decoder.prefixCode(block_length_base.len);
        self.left = try decoder.blockLength(&self.lengths);
    }

    /// Make sure that the current block has an element left, and count it.
    fn use(self: *Blocks, decoder: *Decoder) StreamError!bool {
        if (self.left > 0) {
            self.left -= 1;
            return false;
        }
        // With a single type the block is longer than any meta-block, so there is a code here.
        const symbol = try self.types.decode(&decoder.reader);
        var next = switch (symbol) {
            0 => self.previous,
            1 => self.current + 1,
            else => symbol - 2,
        };
        if (next >= self.count) next -= self.count;
        self.previous = self.current;
        self.current = next;
        self.left = try decoder.blockLength(&self.lengths) - 1;
        return true;
    }
};

const Decoder = struct {
    allocator: std.mem.Allocator,
    tables: *std.heap.ArenaAllocator,
    reader: BitReader,
    limit: usize,
    output: std.ArrayList(u8) = .empty,
    distances: Distances = .{},

    fn run(self: *Decoder) StreamError!void {
        const window = (@as(usize, 1) << try self.windowBits()) - 16;
        while (true) {
            const last = try self.reader.take(1) == 1;
            if (last and try self.reader.take(1) == 1) break;
            try self.metaBlock(window, last);
            if (last) break;
        }
        if (self.reader.takeToByte() != 0) return error.InvalidCode;
    }

    fn windowBits(self: *Decoder) StreamError!u6 {
        if (try self.reader.take(1) == 0) return 16;
        const large = try self.reader.take(3);
        if (large != 0) return @intCast(17 + large);
        const small = try self.reader.take(3);
        return switch (small) {
            0 => 17,
            1 => error.InvalidCode,
            else => @intCast(8 + small),
        };
    }

    /// Spec: RFC 7932, section 9.2.
    fn metaBlock(self: *Decoder, window: usize, last: bool) StreamError!void {
        const nibbles = 4 + try self.reader.take(2);
        if (nibbles == 7) return self.metadata();
        var length: u32 = 0;
        for (0..nibbles) |index| {
            const nibble = try self.reader.take(4);
            if (nibble == 0 and index + 1 == nibbles and nibbles > 4) return error.InvalidCode;
            length |= nibble << @intCast(4 * index);
        }
        length += 1;
        if (!last and try self.reader.take(1) == 1) return self.uncompressed(length);
        defer _ = self.tables.reset(.retain_capacity);
        try self.compressed(window, length);
    }

    fn metadata(self: *Decoder) StreamError!void {
        if (try self.reader.take(1) != 0) return error.InvalidCode;
        const size = try self.reader.take(2);
        var length: u32 = 0;
        for (0..size) |index| {
            const byte = try self.reader.take(8);
            if (byte == 0 and index + 1 == size and size > 1) return error.InvalidCode;
            length |= byte << @intCast(8 * index);
        }
        if (self.reader.takeToByte() != 0) return error.InvalidCode;
        if (size == 0) return;
        if (self.reader.takeBytes(length + 1).len < length + 1) return error.EndOfInput;
    }

    fn uncompressed(self: *Decoder, length: u32) StreamError!void {
        if (self.reader.takeToByte() != 0) return error.InvalidCode;
        const content = self.reader.takeBytes(length);
        const room = self.limit - self.output.items.len;
        try self.output.appendSlice(self.allocator, content[0..@min(content.len, room)]);
        if (content.len > room) return error.LimitReached;
        if (content.len < length) return error.EndOfInput;
    }

    fn compressed(self: *Decoder, window: usize, length: u32) StreamError!void {
        var literal_blocks: Blocks = undefined;
        var command_blocks: Blocks = undefined;
        var distance_blocks: Blocks = undefined;
        try literal_blocks.read(self);
        try command_blocks.read(self);
        try distance_blocks.read(self);

        const postfix_bits: u5 = @intCast(try self.reader.take(2));
        const direct_count = try self.reader.take(4) << postfix_bits;
        const modes = try self.tables.allocator().alloc(u2, literal_blocks.count);
        for (modes) |*mode| mode.* = @intCast(try self.reader.take(2));
        const literal_map = try self.contextMap(64 * literal_blocks.count);
        const distance_map = try self.contextMap(4 * distance_blocks.count);
        const literal_codes = try self.prefixCodes(literal_map.tree_count, 256);
        const command_codes = try self.prefixCodes(command_blocks.count, 704);
        const distance_codes = try self.prefixCodes(distance_map.tree_count, 16 + direct_count + (@as(u32, 48) << postfix_bits));

        var left = length;
        var context_low = &context_tables[modes[0]][0];
        var context_high = &context_tables[modes[0]][1];
        var literal_trees = literal_map.trees[0..64];
        while (left > 0) {
            _ = try command_blocks.use(self);
            const command = try command_codes[command_blocks.current].decode(&self.reader);
            const cell = command >> 6;
            const insert_code = insert_cell[cell] + (command >> 3 & 7);
            const copy_code = copy_cell[cell] + (command & 7);
            const insert_length = insert_base[insert_code] + try self.reader.take(insert_extra[insert_code]);
            const copy_length = copy_base[copy_code] + try self.reader.take(copy_extra[copy_code]);

            if (insert_length > left) return error.InvalidCode;
            left -= insert_length;
            try self.output.ensureUnusedCapacity(self.allocator, @min(insert_length, self.limit - self.output.items.len));
            for (0..insert_length) |_| {
                if (try literal_blocks.use(self)) {
                    const mode = modes[literal_blocks.current];
                    context_low = &context_tables[mode][0];
                    context_high = &context_tables[mode][1];
                    literal_trees = literal_map.trees[64 * literal_blocks.current ..][0..64];
                }
                const items = self.output.items;
                const last_byte = if (items.len > 0) items[items.len - 1] else 0;
                const second_byte = if (items.len > 1) items[items.len - 2] else 0;
                const context = context_low[last_byte] | context_high[second_byte];
                const literal = try literal_codes[literal_trees[context]].decode(&self.reader);
                if (items.len == self.limit) return error.LimitReached;
                self.output.appendAssumeCapacity(@intCast(literal));
            }
            if (left == 0) break;

            const maximum: u32 = @intCast(@min(window, self.output.items.len));
            var distance_symbol: u32 = 0;
            const implicit_distance = command < 128;
            if (!implicit_distance) {
                _ = try distance_blocks.use(self);
                const context = @min(copy_length, 5) - 2;
                const tree = distance_map.trees[4 * distance_blocks.current + context];
                distance_symbol = try distance_codes[tree].decode(&self.reader);
            }
            const distance = try self.distanceOf(distance_symbol, direct_count, postfix_bits);
            if (distance <= maximum) {
                if (distance == 0 or copy_length > left) return error.InvalidCode;
                if (distance_symbol != 0) self.distances.push(distance);
                left -= copy_length;
                try copyWithin(&self.output, self.allocator, distance, copy_length, self.limit);
            } else {
                var buffer: [dictionary.max_transformed_length]u8 = undefined;
                const word = dictionary.word(&buffer, copy_length, distance - maximum - 1) orelse return error.InvalidCode;
                if (word.len > left) return error.InvalidCode;
                left -= @intCast(word.len);
                const room = self.limit - self.output.items.len;
                try self.output.appendSlice(self.allocator, word[0..@min(word.len, room)]);
                if (word.len > room) return error.LimitReached;
            }
        }
    }

    /// Spec: RFC 7932, section 4.
    fn distanceOf(self: *Decoder, symbol: u32, direct_count: u32, postfix_bits: u5) StreamError!u32 {
        if (symbol < 16) return self.distances.short(symbol);
        if (symbol < 16 + direct_count) return symbol - 15;
        const code = symbol - direct_count - 16;
        const high = code >> postfix_bits;
        const low = code & ((@as(u32, 1) << postfix_bits) - 1);
        const extra_bits: u5 = @intCast(1 + (high >> 1));
        const offset = ((2 + (high & 1)) << extra_bits) - 4;
        return ((offset + try self.reader.take(extra_bits)) << postfix_bits) + low + direct_count + 1;
    }

    fn blockTypeCount(self: *Decoder) StreamError!u32 {
        if (try self.reader.take(1) == 0) return 1;
        const count_bits: u5 = @intCast(try self.reader.take(3));
        return 1 + (@as(u32, 1) << count_bits) + try self.reader.take(count_bits);
    }

    fn blockLength(self: *Decoder, code: *const PrefixCode) StreamError!u32 {
        const symbol = try code.decode(&self.reader);
        return block_length_base[symbol] + try self.reader.take(block_length_extra[symbol]);
    }

    const ContextMap = struct {
        tree_count: u32,
        trees: []u8,
    };

    /// Spec: RFC 7932, section 7.3.
    fn contextMap(self: *Decoder, size: usize) StreamError!ContextMap {
        const tree_count = try self.blockTypeCount();
        const trees = try self.tables.allocator().alloc(u8, size);
        @memset(trees, 0);
        if (tree_count < 2) return .{ .tree_count = tree_count, .trees = trees };
        const longest_run = if (try self.reader.take(1) == 0) 0 else 1 + try self.reader.take(4);
        const code = try self.prefixCode(tree_count + longest_run);
        var filled: usize = 0;
        while (filled < size) {
            const symbol = try code.decode(&self.reader);
            if (symbol > longest_run) {
                trees[filled] = @intCast(symbol - longest_run);
                filled += 1;
            } else if (symbol == 0) {
                filled += 1;
            } else {
                const run_bits: u5 = @intCast(symbol);
                const zeros = (@as(u32, 1) << run_bits) + try self.reader.take(run_bits);
                if (zeros > size - filled) return error.InvalidCode;
                filled += zeros;
            }
        }
        if (try self.reader.take(1) == 1) moveToFront(trees);
        return .{ .tree_count = tree_count, .trees = trees };
    }

    fn prefixCodes(self: *Decoder, count: u32, alphabet: u32) StreamError![]PrefixCode {
        const codes = try self.tables.allocator().alloc(PrefixCode, count);
        for (codes) |*code| code.* = try self.prefixCode(alphabet);
        return codes;
    }

    /// Spec: RFC 7932, section 3.3.
    fn prefixCode(self: *Decoder, alphabet: u32) StreamError!PrefixCode {
        const skip = try self.reader.take(2);
        return if (skip == 1) self.simplePrefixCode(alphabet) else self.complexPrefixCode(alphabet, skip);
    }

    /// Spec: RFC 7932, section 3.4.
    fn simplePrefixCode(self: *Decoder, alphabet: u32) StreamError!PrefixCode {
        const symbol_bits: u5 = @intCast(32 - @clz(alphabet - 1));
        const count = 1 + try self.reader.take(2);
        var symbols: [4]u16 = undefined;
        for (symbols[0..count]) |*symbol| {
            const value = try self.reader.take(symbol_bits);
            if (value >= alphabet) return error.InvalidCode;
            symbol.* = @intCast(value);
        }
        for (symbols[0..count], 0..) |symbol, index| {
            if (std.mem.findScalar(u16, symbols[0..index], symbol) != null) return error.InvalidCode;
        }
        if (count == 1) return PrefixCode.single(self.tables.allocator(), symbols[0]);
        const code_lengths: [4]u8 = switch (count) {
            2 => .{ 1, 1, 0, 0 },
            3 => .{ 1, 2, 2, 0 },
            else => if (try self.reader.take(1) == 0) .{ 2, 2, 2, 2 } else .{ 1, 2, 3, 3 },
        };
        var lengths: [1024]u8 = @splat(0);
        for (symbols[0..count], code_lengths[0..count]) |symbol, length| lengths[symbol] = length;
        return PrefixCode.build(self.tables.allocator(), lengths[0..alphabet], .complete);
    }

    /// Spec: RFC 7932, section 3.5.
    fn complexPrefixCode(self: *Decoder, alphabet: u32, skip: u32) StreamError!PrefixCode {
        var scratch: [4096]u8 = undefined;
        var fixed_buffer: std.heap.FixedBufferAllocator = .init(&scratch);
        const length_code = try self.codeLengthCode(fixed_buffer.allocator(), skip);
        var lengths: [1024]u8 = @splat(0);
        var filled: u32 = 0;
        var space: i64 = 1 << 15;
        var previous: u8 = 8;
        var repeat: u32 = 0;
        var repeated: u8 = 0;
        while (filled < alphabet and space > 0) {
            const symbol = try length_code.decode(&self.reader);
            if (symbol < 16) {
                lengths[filled] = @intCast(symbol);
                filled += 1;
                repeat = 0;
                if (symbol != 0) {
                    previous = @intCast(symbol);
                    space -= @as(i64, 1 << 15) >> @intCast(symbol);
                }
                continue;
            }
            const extra_bits: u5 = if (symbol == 16) 2 else 3;
            const length = if (symbol == 16) previous else 0;
            if (repeated != length) repeat = 0;
            repeated = length;
            const before = repeat;
            if (repeat > 0) repeat = (repeat - 2) << extra_bits;
            repeat += 3 + try self.reader.take(extra_bits);
            const added = repeat - before;
            if (added > alphabet - filled) return error.InvalidCode;
            @memset(lengths[filled..][0..added], length);
            filled += added;
            if (length != 0) space -= @as(i64, added) << @intCast(15 - length);
        }
        if (space != 0) return error.InvalidCode;
        return PrefixCode.build(self.tables.allocator(), lengths[0..alphabet], .complete);
    }

    fn codeLengthCode(self: *Decoder, allocator: std.mem.Allocator, skip: u32) StreamError!PrefixCode {
        const order = [18]u8{ 1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
        const value_of = [16]u8{ 0, 4, 3, 2, 0, 4, 3, 1, 0, 4, 3, 2, 0, 4, 3, 5 };
        const bits_of = [16]u8{ 2, 2, 2, 3, 2, 2, 2, 4, 2, 2, 2, 3, 2, 2, 2, 4 };
        var lengths: [18]u8 = @splat(0);
        var space: i32 = 32;
        var used: u32 = 0;
        var only: u16 = 0;
        for (order[skip..]) |symbol| {
            self.reader.refill();
            const window = self.reader.peek(u8, 4);
            try self.reader.consume(bits_of[window]);
            const length = value_of[window];
            lengths[symbol] = length;
            if (length == 0) continue;
            used += 1;
            only = symbol;
            space -= @as(i32, 32) >> @intCast(length);
            if (space <= 0) break;
        }
        if (used == 1) return PrefixCode.single(allocator, only);
        if (space != 0) return error.InvalidCode;
        return PrefixCode.build(allocator, &lengths, .complete);
    }
};

fn moveToFront(values: []u8) void {
    var order: [256]u8 = undefined;
    for (&order, 0..) |*slot, index| slot.* = @intCast(index);
    for (values) |*value| {
        const index = value.*;
        const symbol = order[index];
        value.* = symbol;
        std.mem.copyBackwards(u8, order[1 .. @as(usize, index) + 1], order[0..index]);
        order[0] = symbol;
    }
}

const block_length_base = [26]u32{
    1, 5, 9, 13, 17, 25, 33, 41, 49, 65, 81, 97, 113, 145, 177, 209, 241, 305, 369, 497, 753, 1265, 2289, 4337, 8433, 16625,
};
const block_length_extra = [26]u5{ 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 7, 8, 9, 10, 11, 12, 13, 24 };

/// First insert and copy code of each group of 64 commands.
const insert_cell = [11]u8{ 0, 0, 0, 0, 8, 8, 0, 16, 8, 16, 16 };
const copy_cell = [11]u8{ 0, 8, 0, 8, 0, 8, 16, 0, 16, 8, 16 };
const insert_base = [24]u32{ 0, 1, 2, 3, 4, 5, 6, 8, 10, 14, 18, 26, 34, 50, 66, 98, 130, 194, 322, 578, 1090, 2114, 6210, 22594 };
const insert_extra = [24]u5{ 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 12, 14, 24 };
const copy_base = [24]u32{ 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 18, 22, 30, 38, 54, 70, 102, 134, 198, 326, 582, 1094, 2118 };
const copy_extra = [24]u5{ 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 24 };

/// By context mode: what the last byte and the one before it add to the context of a literal. Spec: RFC 7932, section 7.1.
const context_tables = blk: {
    @setEvalBranchQuota(20_000);
    var tables: [4][2][256]u8 = undefined;
    for (0..256) |byte| {
        const low6: u8 = byte & 63;
        tables[0][0][byte] = low6;
        tables[0][1][byte] = 0;
        tables[1][0][byte] = byte >> 2;
        tables[1][1][byte] = 0;
        tables[2][0][byte] = utf8Last(byte);
        tables[2][1][byte] = utf8Second(byte);
        const magnitude: u8 = switch (byte) {
            0 => 0,
            1...15 => 1,
            16...63 => 2,
            64...127 => 3,
            128...191 => 4,
            192...239 => 5,
            240...254 => 6,
            else => 7,
        };
        tables[3][0][byte] = magnitude << 3;
        tables[3][1][byte] = magnitude;
    }
    break :blk tables;
};

/// Classes of an ASCII character as the last byte of UTF-8 text, times four, from ' ' on.
const utf8_last_ascii = [96]u8{
    8,  12, 16, 12, 12, 20, 12, 16, 24, 28, 12, 12, 32, 12, 36, 12,
    44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 32, 32, 24, 40, 28, 12,
    12, 48, 52, 52, 52, 48, 52, 52, 52, 48, 52, 52, 52, 52, 52, 48,
    52, 52, 52, 52, 52, 48, 52, 52, 52, 52, 52, 24, 12, 28, 12, 12,
    12, 56, 60, 60, 60, 56, 60, 60, 60, 56, 60, 60, 60, 60, 60, 56,
    60, 60, 60, 60, 60, 56, 60, 60, 60, 60, 60, 24, 12, 28, 12, 0,
};

fn utf8Last(byte: u8) u8 {
    return switch (byte) {
        '\t', '\n', '\r' => 4,
        ' '...127 => utf8_last_ascii[byte - ' '],
        128...191 => byte & 1,
        192...255 => 2 + (byte & 1),
        else => 0,
    };
}

fn utf8Second(byte: u8) u8 {
    return switch (byte) {
        '0'...'9', 'A'...'Z', 224...255 => 2,
        'a'...'z' => 3,
        0...' ', 127...223 => 0,
        else => 1,
    };
}

//! Recursive length prefix: a strict decoder that points into its input, and an encoder into a growing buffer.
//!
//! Strict: every length in its shortest form, single bytes below 0x80 as themselves, integers without leading zeros, nothing
//! outside the input, nothing left over where a value should end. Any input gives a value or an error.
//! Spec: yellow paper, appendix B.

const std = @import("std");

pub const Error = error{InvalidRlp};

/// One value. `raw` is its whole encoding, `payload` what is behind the prefix.
pub const Item = struct {
    is_list: bool,
    payload: []const u8,
    raw: []const u8,

    pub fn bytes(self: Item) Error![]const u8 {
        if (self.is_list) return error.InvalidRlp;
        return self.payload;
    }

    pub fn list(self: Item) Error!Cursor {
        if (!self.is_list) return error.InvalidRlp;
        return .{ .rest = self.payload };
    }

    pub fn int(self: Item, comptime T: type) Error!T {
        return parseInt(T, try self.bytes());
    }

    pub fn fixed(self: Item, comptime size: usize) Error![size]u8 {
        if (self.is_list or self.payload.len != size) return error.InvalidRlp;
        return self.payload[0..size].*;
    }
};

/// Takes values one by one off a list's payload.
pub const Cursor = struct {
    rest: []const u8,

    pub fn isEmpty(self: Cursor) bool {
        return self.rest.len == 0;
    }

    /// The list ends here.
    pub fn end(self: Cursor) Error!void {
        if (self.rest.len != 0) return error.InvalidRlp;
    }

    pub fn next(self: *Cursor) Error!Item {
        const item = try first(self.rest);
        self.rest = self.rest[item.raw.len..];
        return item;
    }

    pub fn bytes(self: *Cursor) Error![]const u8 {
        return (try self.next()).bytes();
    }

    pub fn list(self: *Cursor) Error!Cursor {
        return (try self.next()).list();
    }

    pub fn int(self: *Cursor, comptime T: type) Error!T {
        return (try self.next()).int(T);
    }

    pub fn fixed(self: *Cursor, comptime size: usize) Error![size]u8 {
        return (try self.next()).fixed(size);
    }

    /// A value of `size` bytes, or the empty string.
    pub fn optionalFixed(self: *Cursor, comptime size: usize) Error!?[size]u8 {
        const item = try self.next();
        if (!item.is_list and item.payload.len == 0) return null;
        return try item.fixed(size);
    }

    /// How many values are left; checks all prefixes.
    pub fn count(self: Cursor) Error!usize {
        var copy = self;
        var total: usize = 0;
        while (!copy.isEmpty()) : (total += 1) _ = try copy.next();
        return total;
    }
};

/// The first value of the input, which may go on behind it.
pub fn first(input: []const u8) Error!Item {
    if (input.len == 0) return error.InvalidRlp;
    const prefix = input[0];
    if (prefix < 0x80) return .{ .is_list = false, .payload = input[0..1], .raw = input[0..1] };
    const is_list = prefix >= 0xc0;
    const short = prefix - @as(u8, if (is_list) 0xc0 else 0x80);
    if (short < 56) {
        const end = 1 + @as(usize, short);
        if (input.len < end) return error.InvalidRlp;
        if (!is_list and short == 1 and input[1] < 0x80) return error.InvalidRlp;
        return .{ .is_list = is_list, .payload = input[1..end], .raw = input[0..end] };
    }
    const size_bytes = @as(usize, short) - 55;
    if (input.len < 1 + size_bytes or input[1] == 0) return error.InvalidRlp;
    var length: u64 = 0;
    for (input[1 .. 1 + size_bytes]) |byte| length = length << 8 | byte;
    const head = 1 + size_bytes;
    if (length < 56 or length > input.len - head) return error.InvalidRlp;
    const end = head + @as(usize, @intCast(length));
    return .{ .is_list = is_list, .payload = input[head..end], .raw = input[0..end] };
}

/// The one value that the whole input is.
pub fn decode(input: []const u8) Error!Item {
    const item = try first(input);
    if (item.raw.len != input.len) return error.InvalidRlp;
    return item;
}

/// The one list that the whole input is.
pub fn decodeList(input: []const u8) Error!Cursor {
    return (try decode(input)).list();
}

/// A big-endian number without leading zeros that fits `T`.
pub fn parseInt(comptime T: type, payload: []const u8) Error!T {
    if (payload.len > @sizeOf(T) or (payload.len > 0 and payload[0] == 0)) return error.InvalidRlp;
    if (@bitSizeOf(T) <= 64) {
        var value: u64 = 0;
        for (payload) |byte| value = value << 8 | byte;
        return std.math.cast(T, value) orelse error.InvalidRlp;
    }
    var padded: [@sizeOf(T)]u8 = @splat(0);
    @memcpy(padded[padded.len - payload.len ..], payload);
    return std.mem.readInt(T, &padded, .big);
}

/// Bytes of a number without leading zeros.
pub fn intLength(value: anytype) usize {
    return (@bitSizeOf(@TypeOf(value)) - @as(usize, @clz(value)) + 7) / 8;
}

/// Size of the encoding of a number.
pub fn intSize(value: anytype) usize {
    if (value < 0x80) return 1;
    return 1 + intLength(value);
}

/// Size of the encoding of bytes.
pub fn bytesSize(payload: []const u8) usize {
    if (payload.len == 1 and payload[0] < 0x80) return 1;
    return prefixSize(payload.len) + payload.len;
}

/// Size of the encoding of a list whose payload has this length.
pub fn listSize(payload_length: usize) usize {
    return prefixSize(payload_length) + payload_length;
}

pub fn prefixSize(length: usize) usize {
    return if (length < 56) 1 else 1 + intLength(@as(u64, length));
}

/// Write the prefix of bytes (`base` 0x80) or of a list (0xc0), and return its size. Needs up to 9 bytes of room.
pub fn writePrefix(out: []u8, base: u8, length: usize) usize {
    if (length < 56) {
        out[0] = base + @as(u8, @intCast(length));
        return 1;
    }
    const size = intLength(@as(u64, length));
    out[0] = base + 55 + @as(u8, @intCast(size));
    for (0..size) |i| out[size - i] = @truncate(@as(u64, length) >> @intCast(8 * i));
    return 1 + size;
}

/// Appends encodings to a buffer. A list is opened, filled and closed; its prefix is put in front when it is closed.
pub const Encoder = struct {
    allocator: std.mem.Allocator,
    buffer: std.ArrayList(u8) = .empty,

    pub const Allocation = std.mem.Allocator.Error;

    pub fn init(allocator: std.mem.Allocator) Encoder {
        return .{ .allocator = allocator };
    }

    pub fn deinit(self: *Encoder) void {
        self.buffer.deinit(self.allocator);
    }

    /// What has been encoded; valid until the next change.
    pub fn written(self: *const Encoder) []const u8 {
        return self.buffer.items;
    }

    pub fn toOwned(self: *Encoder) Allocation![]u8 {
        return self.buffer.toOwnedSlice(self.allocator);
    }

    pub fn clear(self: *Encoder) void {
        self.buffer.clearRetainingCapacity();
    }

    /// Bytes as they are: a type byte, or something already encoded.
    pub fn raw(self: *Encoder, encoded: []const u8) Allocation!void {
        try self.buffer.appendSlice(self.allocator, encoded);
    }

    pub fn bytes(self: *Encoder, payload: []const u8) Allocation!void {
        if (payload.len == 1 and payload[0] < 0x80) return self.raw(payload);
        try self.prefix(0x80, payload.len);
        try self.raw(payload);
    }

    pub fn int(self: *Encoder, value: anytype) Allocation!void {
        const T = @TypeOf(value);
        var big: [@sizeOf(T)]u8 = undefined;
        std.mem.writeInt(T, &big, value, .big);
        try self.bytes(big[big.len - intLength(value) ..]);
    }

    /// Where the list starts; hand it to `close`.
    pub fn open(self: *const Encoder) usize {
        return self.buffer.items.len;
    }

    pub fn close(self: *Encoder, start: usize) Allocation!void {
        const length = self.buffer.items.len - start;
        const size = prefixSize(length);
        try self.buffer.appendNTimes(self.allocator, 0, size);
        const items = self.buffer.items[start..];
        std.mem.copyBackwards(u8, items[size..], items[0..length]);
        _ = writePrefix(items, 0xc0, length);
    }

    fn prefix(self: *Encoder, base: u8, length: usize) Allocation!void {
        var head: [9]u8 = undefined;
        const size = writePrefix(&head, base, length);
        try self.raw(head[0..size]);
    }
};

const testing = std.testing;

test "integers and lists come back as they were" {
    var encoder = Encoder.init(testing.allocator);
    defer encoder.deinit();
    const outer = encoder.open();
    try encoder.int(@as(u64, 0));
    try encoder.int(@as(u256, 1) << 255);
    const inner = encoder.open();
    for (0..60) |i| try encoder.int(@as(u8, @intCast(i)));
    try encoder.close(inner);
    try encoder.bytes("");
    try encoder.close(outer);
    var cursor = try decodeList(encoder.written());
    try testing.expectEqual(4, try cursor.count());
    try testing.expectEqual(0, try cursor.int(u64));
    try testing.expectEqual(@as(u256, 1) << 255, try cursor.int(u256));
    var nested = try cursor.list();
    try testing.expectEqual(60, try nested.count());
    try testing.expectEqual(null, try cursor.optionalFixed(20));
    try cursor.end();
}

test "encodings that are not the shortest are refused" {
    const bad = [_][]const u8{
        "", "\x81\x05", "\x81", "\xb8\x01\xff", "\xb8\x37", "\xb9\x00\x38", "\xbf\xff\xff\xff\xff\xff\xff\xff\xff", "\xf8\x00", "\x00\x00",
    };
    for (bad) |input| try testing.expectError(error.InvalidRlp, decode(input));
    try testing.expectError(error.InvalidRlp, (try decode("\x82\x00\x01")).int(u64));
    try testing.expectError(error.InvalidRlp, (try decode("\x00")).int(u64));
    try testing.expectError(error.InvalidRlp, (try decode("\x82\x01\x00")).int(u8));
    try testing.expectError(error.InvalidRlp, (try decode("\xc0")).bytes());
}

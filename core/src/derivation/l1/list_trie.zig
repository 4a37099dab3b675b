//! Reads whole lists out of their tries: the transactions and receipts of a block.
//!
//! Spec: yellow paper, appendix D: keys are the RLP of the index.

const std = @import("std");
const rlp = @import("../../rlp.zig");
const oracle = @import("../oracle.zig");
const EMPTY_ROOT = @import("../../trie/trie.zig").EMPTY_ROOT;

/// `CorruptData`: what an authenticated preimage says is no list. The host is broken, or the block never was valid.
pub const Error = oracle.Error || error{CorruptData};

const Entry = struct { index: u64, value: []const u8 };

/// The longest key: the RLP of a 64-bit index.
const max_nibbles = 18;

/// The values in the order of their index.
pub fn read(source: *const oracle.Oracle, arena: std.mem.Allocator, root: *const [32]u8) Error![]const []const u8 {
    if (std.mem.eql(u8, root, &EMPTY_ROOT)) return &.{};
    var reader: Reader = .{ .source = source, .arena = arena };
    reader.visitStored(root, 0) catch |failure| return translate(failure);
    const entries = reader.entries.items;
    const values = try arena.alloc([]const u8, entries.len);
    @memset(values, "");
    for (entries) |entry| {
        if (entry.index >= values.len or values[@intCast(entry.index)].len != 0) return error.CorruptData;
        values[@intCast(entry.index)] = entry.value;
    }
    return values;
}

/// The first value alone, or null when the list is empty.
pub fn readFirst(source: *const oracle.Oracle, arena: std.mem.Allocator, root: *const [32]u8) Error!?[]const u8 {
    if (std.mem.eql(u8, root, &EMPTY_ROOT)) return null;
    return find(source, arena, root, &.{ 8, 0 }) catch |failure| return translate(failure);
}

fn translate(failure: (Error || rlp.Error)) Error {
    return switch (failure) {
        error.InvalidRlp => error.CorruptData,
        else => |other| other,
    };
}

const Reader = struct {
    source: *const oracle.Oracle,
    arena: std.mem.Allocator,
    entries: std.ArrayList(Entry) = .empty,
    path: [max_nibbles]u8 = undefined,

    fn visitStored(self: *Reader, hash: *const [32]u8, depth: usize) (Error || rlp.Error)!void {
        const encoding = try self.source.keccak256(hash, self.arena);
        try self.visit(try rlp.decode(encoding), depth);
    }

    fn visitChild(self: *Reader, item: rlp.Item, depth: usize) (Error || rlp.Error)!void {
        if (item.is_list) return self.visit(item, depth);
        if (item.payload.len != 32) return error.CorruptData;
        try self.visitStored(item.payload[0..32], depth);
    }

    fn visit(self: *Reader, node: rlp.Item, depth: usize) (Error || rlp.Error)!void {
        var items = try node.list();
        if (try items.count() == 17) {
            if (depth == max_nibbles) return error.CorruptData;
            for (0..16) |nibble| {
                const child = try items.next();
                if (!child.is_list and child.payload.len == 0) continue;
                self.path[depth] = @intCast(nibble);
                try self.visitChild(child, depth + 1);
            }
            return;
        }
        const path = try Path.decode(try items.bytes());
        if (path.length > max_nibbles - depth) return error.CorruptData;
        for (0..path.length) |index| self.path[depth + index] = path.nibble(index);
        const end = depth + path.length;
        const value = try items.next();
        try items.end();
        if (!path.is_leaf) return self.visitChild(value, end);
        if (end % 2 != 0) return error.CorruptData;
        var key: [max_nibbles / 2]u8 = undefined;
        for (0..end / 2) |index| key[index] = self.path[2 * index] << 4 | self.path[2 * index + 1];
        const number = try (try rlp.decode(key[0 .. end / 2])).int(u64);
        try self.entries.append(self.arena, .{ .index = number, .value = try value.bytes() });
    }
};

fn find(source: *const oracle.Oracle, arena: std.mem.Allocator, root: *const [32]u8, key: []const u8) (Error || rlp.Error)!?[]const u8 {
    var rest = key;
    var node = try rlp.decode(try source.keccak256(root, arena));
    while (true) {
        var items = try node.list();
        var child: rlp.Item = undefined;
        if (try items.count() == 17) {
            if (rest.len == 0) return error.CorruptData;
            for (0..@as(usize, rest[0]) + 1) |_| child = try items.next();
            rest = rest[1..];
        } else {
            const path = try Path.decode(try items.bytes());
            if (path.length > rest.len) return null;
            for (0..path.length) |index| if (path.nibble(index) != rest[index]) return null;
            rest = rest[path.length..];
            child = try items.next();
            if (path.is_leaf) return if (rest.len == 0) try child.bytes() else null;
        }
        if (child.is_list) {
            node = child;
        } else {
            if (child.payload.len == 0) return null;
            if (child.payload.len != 32) return error.CorruptData;
            node = try rlp.decode(try source.keccak256(child.payload[0..32], arena));
        }
    }
}

/// The part of a key that a leaf or an extension holds, in its compact form.
const Path = struct {
    bytes: []const u8,
    is_odd: bool,
    is_leaf: bool,
    length: usize,

    fn decode(bytes: []const u8) Error!Path {
        if (bytes.len == 0 or bytes[0] >> 4 > 3) return error.CorruptData;
        const is_odd = bytes[0] >> 4 & 1 == 1;
        return .{
            .bytes = bytes,
            .is_odd = is_odd,
            .is_leaf = bytes[0] >> 4 & 2 == 2,
            .length = 2 * (bytes.len - 1) + @intFromBool(is_odd),
        };
    }

    fn nibble(self: Path, index: usize) u8 {
        const at = index + 2 - @as(usize, @intFromBool(self.is_odd));
        const byte = self.bytes[at / 2];
        return if (at % 2 == 0) byte >> 4 else byte & 0xf;
    }
};

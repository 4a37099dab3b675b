//! A trie node as it is stored, read in place: nothing is copied or allocated.
//!
//! A node refers to a child by an item: 0x80 for none, 0xa0 and a hash, or the child itself when its encoding is shorter than a hash.
//! Spec: yellow paper, appendices C and D.

const std = @import("std");
const rlp = @import("../rlp.zig");

pub const Error = error{CorruptNode};

/// Items of a branch: a child per nibble, and a value that no trie with keys of one length has.
pub const WIDTH = 16;

pub const EMPTY_ITEM: []const u8 = &.{0x80};
const HASH_ITEM_PREFIX = 0xa0;
const HASH_ITEM_SIZE = 33;

/// The key half of a leaf or extension: nibbles packed with a flag nibble in front. Spec: appendix C.
pub const Path = struct {
    packed_nibbles: []const u8,

    pub fn length(self: Path) usize {
        return 2 * self.packed_nibbles.len - self.start();
    }

    pub fn at(self: Path, index: usize) u8 {
        const position = index + self.start();
        const byte = self.packed_nibbles[position / 2];
        return if (position % 2 == 0) byte >> 4 else byte & 0xf;
    }

    /// How many nibbles both begin with.
    pub fn matches(self: Path, nibbles: []const u8) usize {
        const limit = @min(self.length(), nibbles.len);
        var i: usize = 0;
        while (i < limit and self.at(i) == nibbles[i]) i += 1;
        return i;
    }

    fn start(self: Path) usize {
        return 2 - @as(usize, self.packed_nibbles[0] >> 4 & 1);
    }
};

pub const Leaf = struct { path: Path, value: []const u8 };
pub const Extension = struct { path: Path, child: []const u8 };

/// A branch's payload. Spec: appendix D.
pub const Branch = struct {
    items: []const u8,

    /// The item of the child under a nibble.
    pub fn child(self: Branch, nibble: u8) Error![]const u8 {
        var rest = self.items;
        for (0..nibble) |_| rest = rest[try childSize(rest)..];
        return rest[0..try childSize(rest)];
    }

    pub fn children(self: Branch) Error![WIDTH][]const u8 {
        var rest = self.items;
        var result: [WIDTH][]const u8 = undefined;
        for (&result) |*slot| {
            const size = try childSize(rest);
            slot.* = rest[0..size];
            rest = rest[size..];
        }
        if (!std.mem.eql(u8, rest, EMPTY_ITEM)) return error.CorruptNode;
        return result;
    }
};

pub const Node = union(enum) { leaf: Leaf, extension: Extension, branch: Branch };

pub fn isEmpty(item: []const u8) bool {
    return item.len == 1;
}

/// The hash that an item refers to, or null when the item is the node.
pub fn hashOf(item: []const u8) ?*const [32]u8 {
    return if (item.len == HASH_ITEM_SIZE) item[1..HASH_ITEM_SIZE] else null;
}

fn childSize(rest: []const u8) Error!usize {
    if (rest.len == 0) return error.CorruptNode;
    const size: usize = switch (rest[0]) {
        0x80 => 1,
        HASH_ITEM_PREFIX => HASH_ITEM_SIZE,
        0xc0...0xdf => |prefix| 1 + @as(usize, prefix - 0xc0),
        else => return error.CorruptNode,
    };
    // An embedded node is shorter than a hash.
    if (size > rest.len or (rest[0] >= 0xc0 and size >= 32)) return error.CorruptNode;
    return size;
}

pub fn parse(raw: []const u8) Error!Node {
    var cursor = rlp.decodeList(raw) catch return error.CorruptNode;
    const items = cursor.rest;
    const head = cursor.next() catch return error.CorruptNode;
    const second = cursor.next() catch return error.CorruptNode;
    // Two items make a leaf or extension; a branch has seventeen, checked as far as they are read.
    if (!cursor.isEmpty()) return .{ .branch = .{ .items = items } };
    const compact = head.bytes() catch return error.CorruptNode;
    if (compact.len == 0 or compact[0] >= 0x40 or (compact[0] & 0x10 == 0 and compact[0] & 0xf != 0)) return error.CorruptNode;
    const path = Path{ .packed_nibbles = compact };
    if (compact[0] & 0x20 != 0) {
        return .{ .leaf = .{ .path = path, .value = second.bytes() catch return error.CorruptNode } };
    }
    if (path.length() == 0 or try childSize(second.raw) == 1) return error.CorruptNode;
    return .{ .extension = .{ .path = path, .child = second.raw } };
}

//! The Merkle-Patricia trie over stored nodes, for keys of one length: state and storage tries, whose keys are hashes.
//!
//! Stored nodes are read where they lie. A change turns the nodes on its way into `Changed` ones, which point to each other and, by
//! item, to stored nodes they leave alone; `commit` encodes and hashes those and nothing else. A node that is not there is
//! `MissingNode`, never an empty subtree. Everything is allocated from one arena that outlives the trie; bytes that a source gives must too.
//! Spec: yellow paper, appendix D.

const std = @import("std");
const rlp = @import("../rlp.zig");
const keccak256 = @import("../platform.zig").current.keccak256;
const node = @import("node.zig");
const Allocator = std.mem.Allocator;

pub const Hash = [32]u8;
pub const Error = error{ MissingNode, CorruptNode, OutOfMemory };

pub const EMPTY_ROOT = [32]u8{
    0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e,
    0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
};

/// Where stored nodes come from. The bytes stay valid and unchanged as long as the tries that read them.
pub const Source = struct {
    context: *anyopaque,
    getFn: *const fn (*anyopaque, *const Hash) Error![]const u8,

    /// The encoding of the node with this hash.
    pub fn get(self: Source, hash: *const Hash) Error![]const u8 {
        return self.getFn(self.context, hash);
    }
};

/// A node that the source does not have yet.
pub const NewNode = struct { hash: Hash, encoding: []const u8 };

/// How the nodes of tries differ from those before, by position: a node that stands at two positions is there twice.
pub const Changes = struct {
    /// Children before parents.
    created: std.ArrayList(NewNode) = .empty,
    /// Hashes of nodes that stood where now others do or none.
    replaced: std.ArrayList(Hash) = .empty,
};

const MAX_NIBBLES = 64;
const MAX_BRANCH_SIZE = 3 + node.WIDTH * 33 + 1;

pub const Child = union(enum) {
    /// Nothing there.
    none,
    /// The item of a stored node.
    stored: []const u8,
    changed: *Changed,
};

const Changed = union(enum) {
    leaf: struct { path: []const u8, value: []const u8 },
    extension: struct { path: []const u8, child: Child },
    branch: [node.WIDTH]Child,
};

pub const Trie = struct {
    arena: Allocator,
    source: Source,
    root: Child,
    /// Hashes of the stored nodes that were opened to be changed.
    opened: std.ArrayList(Hash) = .empty,

    pub fn init(arena: Allocator, source: Source, root: *const Hash) Error!Trie {
        return .{ .arena = arena, .source = source, .root = try rootChild(arena, root) };
    }

    /// The value under a key, or null. The bytes belong to a node or were given to `put`.
    pub fn get(self: *const Trie, key: []const u8) Error!?[]const u8 {
        var buffer: [MAX_NIBBLES]u8 = undefined;
        var path: []const u8 = unpack(&buffer, key);
        var at = self.root;
        while (true) switch (at) {
            .none => return null,
            .stored => |item| return findStored(self.source, item, path),
            .changed => |changed| switch (changed.*) {
                .leaf => |leaf| return if (std.mem.eql(u8, leaf.path, path)) leaf.value else null,
                .extension => |extension| {
                    if (!std.mem.startsWith(u8, path, extension.path)) return null;
                    path = path[extension.path.len..];
                    at = extension.child;
                },
                .branch => |*children| {
                    if (path.len == 0) return error.CorruptNode;
                    at = children[path[0]];
                    path = path[1..];
                },
            },
        };
    }

    /// Set the value under a key; it is kept, not copied. An empty value is none: use `delete`.
    pub fn put(self: *Trie, key: []const u8, value: []const u8) Error!void {
        std.debug.assert(value.len > 0);
        const path = try self.arena.alloc(u8, 2 * key.len);
        self.root = try self.insert(self.root, unpack(path, key), value);
    }

    /// Remove a key; nothing happens when it is not there.
    pub fn delete(self: *Trie, key: []const u8) Error!void {
        if (try self.get(key) == null) return;
        var buffer: [MAX_NIBBLES]u8 = undefined;
        self.root = try self.remove(self.root, unpack(&buffer, key));
    }

    /// The subtrees below the root, when they may be encoded one by one: see `encodeAhead`. Null when there is no such root.
    pub fn subtrees(self: *Trie) ?*[node.WIDTH]Child {
        return switch (self.root) {
            .changed => |changed| switch (changed.*) {
                .branch => |*children| children,
                else => null,
            },
            else => null,
        };
    }

    /// The root hash after all changes. The source has to know the created nodes before the trie is used again.
    pub fn commit(self: *Trie, changes: *Changes) Error!Hash {
        try changes.replaced.appendSlice(self.arena, self.opened.items);
        self.opened.clearRetainingCapacity();
        const created = &changes.created;
        switch (self.root) {
            .none => return EMPTY_ROOT,
            .stored => |item| if (node.hashOf(item)) |hash| return hash.*,
            .changed => {},
        }
        var buffer: [33]u8 = undefined;
        const item = try encodeChild(self.arena, self.root, &buffer, created);
        var hash: Hash = undefined;
        if (node.hashOf(item)) |found| {
            hash = found.*;
        } else {
            // The root is hashed however short it is.
            hash = keccak256(item);
            try created.append(self.arena, .{ .hash = hash, .encoding = try self.arena.dupe(u8, item) });
        }
        self.root = try rootChild(self.arena, &hash);
        return hash;
    }

    // --- changes ---

    fn insert(self: *Trie, child: Child, path: []const u8, value: []const u8) Error!Child {
        const changed = switch (child) {
            .none => return self.create(.{ .leaf = .{ .path = path, .value = value } }),
            .stored => |item| try self.open(item),
            .changed => |changed| changed,
        };
        switch (changed.*) {
            .leaf => |*leaf| {
                const common = commonPrefix(leaf.path, path);
                if (common == leaf.path.len and common == path.len) {
                    leaf.value = value;
                    return .{ .changed = changed };
                }
                // Keys of different lengths do not end in one another.
                if (common == leaf.path.len or common == path.len) return error.CorruptNode;
                var children: [node.WIDTH]Child = @splat(.none);
                children[leaf.path[common]] = try self.create(.{ .leaf = .{ .path = leaf.path[common + 1 ..], .value = leaf.value } });
                children[path[common]] = try self.create(.{ .leaf = .{ .path = path[common + 1 ..], .value = value } });
                return self.behind(path[0..common], try self.create(.{ .branch = children }));
            },
            .extension => |*extension| {
                const common = commonPrefix(extension.path, path);
                if (common == extension.path.len) {
                    extension.child = try self.insert(extension.child, path[common..], value);
                    return .{ .changed = changed };
                }
                if (common == path.len) return error.CorruptNode;
                var children: [node.WIDTH]Child = @splat(.none);
                // What an extension leads to is a branch: it need not be loaded to know that.
                const rest = extension.path[common + 1 ..];
                children[extension.path[common]] = if (rest.len == 0)
                    extension.child
                else
                    try self.create(.{ .extension = .{ .path = rest, .child = extension.child } });
                children[path[common]] = try self.create(.{ .leaf = .{ .path = path[common + 1 ..], .value = value } });
                return self.behind(path[0..common], try self.create(.{ .branch = children }));
            },
            .branch => |*children| {
                if (path.len == 0) return error.CorruptNode;
                children[path[0]] = try self.insert(children[path[0]], path[1..], value);
                return .{ .changed = changed };
            },
        }
    }

    /// The subtree without a key that is known to be in it.
    fn remove(self: *Trie, child: Child, path: []const u8) Error!Child {
        const changed = switch (child) {
            .none => unreachable,
            .stored => |item| try self.open(item),
            .changed => |changed| changed,
        };
        switch (changed.*) {
            .leaf => return .none,
            .extension => |*extension| {
                const below = try self.remove(extension.child, path[extension.path.len..]);
                return self.behind(extension.path, below);
            },
            .branch => |*children| {
                children[path[0]] = try self.remove(children[path[0]], path[1..]);
                var only: ?u8 = null;
                for (children, 0..) |other, nibble| {
                    if (other == .none) continue;
                    if (only != null) return .{ .changed = changed };
                    only = @intCast(nibble);
                }
                // A branch has two children at least; one that loses all but one gives its place to that one.
                const nibble = only orelse return error.CorruptNode;
                const prefix = try self.arena.dupe(u8, &.{nibble});
                return self.behind(prefix, children[nibble]);
            },
        }
    }

    /// A subtree under more nibbles: a leaf or extension takes them into its own path, a branch gets an extension above it.
    fn behind(self: *Trie, prefix: []const u8, child: Child) Error!Child {
        if (prefix.len == 0) return child;
        switch (child) {
            .none => unreachable,
            .stored => |item| switch (try node.parse(try resolve(self.source, item))) {
                .branch => return self.create(.{ .extension = .{ .path = prefix, .child = child } }),
                else => return self.behind(prefix, .{ .changed = try self.open(item) }),
            },
            .changed => |changed| switch (changed.*) {
                .branch => return self.create(.{ .extension = .{ .path = prefix, .child = child } }),
                .leaf => |*leaf| leaf.path = try std.mem.concat(self.arena, u8, &.{ prefix, leaf.path }),
                .extension => |*extension| extension.path = try std.mem.concat(self.arena, u8, &.{ prefix, extension.path }),
            },
        }
        return child;
    }

    fn create(self: *Trie, value: Changed) Error!Child {
        const changed = try self.arena.create(Changed);
        changed.* = value;
        return .{ .changed = changed };
    }

    /// A stored node in the form that can be changed.
    fn open(self: *Trie, item: []const u8) Error!*Changed {
        const parsed = try node.parse(try resolve(self.source, item));
        if (node.hashOf(item)) |hash| try self.opened.append(self.arena, hash.*);
        const changed = try self.arena.create(Changed);
        changed.* = switch (parsed) {
            .leaf => |leaf| .{ .leaf = .{ .path = try self.unpackPath(leaf.path), .value = leaf.value } },
            .extension => |extension| .{ .extension = .{
                .path = try self.unpackPath(extension.path),
                .child = .{ .stored = extension.child },
            } },
            .branch => |branch| made: {
                var children: [node.WIDTH]Child = undefined;
                for (&children, try branch.children()) |*slot, child| {
                    slot.* = if (node.isEmpty(child)) .none else .{ .stored = child };
                }
                break :made .{ .branch = children };
            },
        };
        return changed;
    }

    fn unpackPath(self: *Trie, path: node.Path) Error![]const u8 {
        const nibbles = try self.arena.alloc(u8, path.length());
        for (nibbles, 0..) |*nibble, i| nibble.* = path.at(i);
        return nibbles;
    }
};

// --- encoding ---

/// Encode a subtree before `commit` does: what it creates comes first among what `commit` creates. Different subtrees may be encoded by
/// different threads, with an arena and a list each.
pub fn encodeAhead(arena: Allocator, child: *Child, created: *std.ArrayList(NewNode)) error{OutOfMemory}!void {
    if (child.* != .changed) return;
    var buffer: [33]u8 = undefined;
    const item = try arena.dupe(u8, try encodeChild(arena, child.*, &buffer, created));
    child.* = .{ .stored = item };
}

/// The item of a subtree; a short node is written to `buffer`.
fn encodeChild(arena: Allocator, child: Child, buffer: *[33]u8, created: *std.ArrayList(NewNode)) error{OutOfMemory}![]const u8 {
    switch (child) {
        .none => return node.EMPTY_ITEM,
        .stored => |item| return item,
        .changed => |changed| {
            const encoding = try encode(arena, changed, created);
            if (encoding.len < 32) {
                @memcpy(buffer[0..encoding.len], encoding);
                return buffer[0..encoding.len];
            }
            const hash = keccak256(encoding);
            try created.append(arena, .{ .hash = hash, .encoding = encoding });
            buffer[0] = 0xa0;
            buffer[1..33].* = hash;
            return buffer;
        },
    }
}

fn encode(arena: Allocator, changed: *const Changed, created: *std.ArrayList(NewNode)) error{OutOfMemory}![]const u8 {
    switch (changed.*) {
        .leaf => |leaf| {
            var compact: [MAX_NIBBLES / 2 + 1]u8 = undefined;
            return encodePair(arena, packPath(&compact, leaf.path, true), leaf.value, false);
        },
        .extension => |extension| {
            var buffer: [33]u8 = undefined;
            const item = try encodeChild(arena, extension.child, &buffer, created);
            var compact: [MAX_NIBBLES / 2 + 1]u8 = undefined;
            return encodePair(arena, packPath(&compact, extension.path, false), item, true);
        },
        .branch => |*children| {
            var out: [MAX_BRANCH_SIZE]u8 = undefined;
            var end: usize = 3;
            for (children) |child| {
                var buffer: [33]u8 = undefined;
                const item = try encodeChild(arena, child, &buffer, created);
                @memcpy(out[end..][0..item.len], item);
                end += item.len;
            }
            out[end] = 0x80;
            end += 1;
            var head: [9]u8 = undefined;
            const size = rlp.writePrefix(&head, 0xc0, end - 3);
            @memcpy(out[3 - size .. 3], head[0..size]);
            return arena.dupe(u8, out[3 - size .. end]);
        },
    }
}

fn encodePair(arena: Allocator, compact: []const u8, second: []const u8, encoded: bool) error{OutOfMemory}![]const u8 {
    const length = rlp.bytesSize(compact) + if (encoded) second.len else rlp.bytesSize(second);
    var out = try std.ArrayList(u8).initCapacity(arena, rlp.listSize(length));
    var head: [9]u8 = undefined;
    out.appendSliceAssumeCapacity(head[0..rlp.writePrefix(&head, 0xc0, length)]);
    appendBytes(&out, compact);
    if (encoded) out.appendSliceAssumeCapacity(second) else appendBytes(&out, second);
    return out.items;
}

fn appendBytes(out: *std.ArrayList(u8), payload: []const u8) void {
    if (payload.len != 1 or payload[0] >= 0x80) {
        var head: [9]u8 = undefined;
        out.appendSliceAssumeCapacity(head[0..rlp.writePrefix(&head, 0x80, payload.len)]);
    }
    out.appendSliceAssumeCapacity(payload);
}

fn rootChild(arena: Allocator, root: *const Hash) Error!Child {
    if (std.mem.eql(u8, root, &EMPTY_ROOT)) return .none;
    const item = try arena.alloc(u8, 33);
    item[0] = 0xa0;
    item[1..33].* = root.*;
    return .{ .stored = item };
}

fn resolve(source: Source, item: []const u8) Error![]const u8 {
    return if (node.hashOf(item)) |hash| source.get(hash) else item;
}

/// The value below a stored node, without changing or allocating anything.
fn findStored(source: Source, start: []const u8, whole_path: []const u8) Error!?[]const u8 {
    var item = start;
    var path = whole_path;
    while (!node.isEmpty(item)) {
        switch (try node.parse(try resolve(source, item))) {
            .leaf => |leaf| {
                const length = leaf.path.length();
                return if (length == path.len and leaf.path.matches(path) == length) leaf.value else null;
            },
            .extension => |extension| {
                const length = extension.path.length();
                if (extension.path.matches(path) < length) return null;
                path = path[length..];
                item = extension.child;
            },
            .branch => |branch| {
                if (path.len == 0) return error.CorruptNode;
                item = try branch.child(path[0]);
                path = path[1..];
            },
        }
    }
    return null;
}

/// What is at the end of a key's way, as far as `peek` knows the nodes on it.
pub const Known = union(enum) {
    missing: Hash,
    /// The value, or null when the key is not there.
    value: ?[]const u8,
};

/// Look for a value without fetching anything; for fetching many ways level by level.
pub fn lookUp(
    context: anytype,
    comptime peek: fn (@TypeOf(context), *const Hash) ?[]const u8,
    root: *const Hash,
    key: []const u8,
) error{CorruptNode}!Known {
    if (std.mem.eql(u8, root, &EMPTY_ROOT)) return .{ .value = null };
    var buffer: [MAX_NIBBLES]u8 = undefined;
    var path: []const u8 = unpack(&buffer, key);
    var raw = peek(context, root) orelse return .{ .missing = root.* };
    while (true) {
        const item = switch (try node.parse(raw)) {
            .leaf => |leaf| {
                const length = leaf.path.length();
                const found = length == path.len and leaf.path.matches(path) == length;
                return .{ .value = if (found) leaf.value else null };
            },
            .extension => |extension| below: {
                const length = extension.path.length();
                if (extension.path.matches(path) < length) return .{ .value = null };
                path = path[length..];
                break :below extension.child;
            },
            .branch => |branch| below: {
                if (path.len == 0) return error.CorruptNode;
                defer path = path[1..];
                break :below try branch.child(path[0]);
            },
        };
        if (node.isEmpty(item)) return .{ .value = null };
        raw = if (node.hashOf(item)) |hash| peek(context, hash) orelse return .{ .missing = hash.* } else item;
    }
}

fn unpack(out: []u8, key: []const u8) []u8 {
    for (key, 0..) |byte, i| {
        out[2 * i] = byte >> 4;
        out[2 * i + 1] = byte & 0xf;
    }
    return out[0 .. 2 * key.len];
}

/// Nibbles in their packed form. Spec: yellow paper, appendix C.
pub fn packPath(out: []u8, nibbles: []const u8, is_leaf: bool) []const u8 {
    const odd = nibbles.len % 2;
    out[0] = @as(u8, if (is_leaf) 0x20 else 0) | if (odd == 1) 0x10 | nibbles[0] else 0;
    var size: usize = 1;
    var i: usize = odd;
    while (i < nibbles.len) : (i += 2) {
        out[size] = nibbles[i] << 4 | nibbles[i + 1];
        size += 1;
    }
    return out[0..size];
}

fn commonPrefix(left: []const u8, right: []const u8) usize {
    const limit = @min(left.len, right.len);
    var i: usize = 0;
    while (i < limit and left[i] == right[i]) i += 1;
    return i;
}

//! Byte strings by their keccak256 (trie nodes or codes), kept in memory and fetched from behind when they are not there.
//!
//! The memory is bounded by two generations: what is used moves to the young one, and when that has grown to half the limit the old
//! one is dropped whole. That happens only in `rotate`, which the owner calls while no one holds bytes of the store.

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const keccak256 = @import("../platform.zig").current.keccak256;
const trie = @import("trie.zig");
const Allocator = std.mem.Allocator;

pub const Hash = [32]u8;
pub const Error = trie.Error;

/// What lies behind. `fetch` fills in the value of each key it knows, allocated from the arena it is given, and leaves null
/// what it does not know.
pub const Backing = struct {
    context: *anyopaque,
    fetchFn: *const fn (context: *anyopaque, arena: Allocator, keys: []const Hash, values: []?[]const u8) error{OutOfMemory}!void,
    /// Whether values are what they are said to be, so that hashing them again would be waste.
    trusted: bool,
};

const KeyContext = struct {
    // The keys are hashes already.
    pub fn hash(_: KeyContext, key: Hash) u64 {
        return std.mem.readInt(u64, key[0..8], .little);
    }

    pub fn eql(_: KeyContext, a: Hash, b: Hash) bool {
        return std.mem.eql(u8, &a, &b);
    }
};

/// About what a map's entry takes besides the bytes.
const ENTRY_OVERHEAD = 64;

const Generation = struct {
    arena: Arena,
    values: std.HashMapUnmanaged(Hash, []const u8, KeyContext, 80) = .empty,
    bytes: usize = 0,

    fn add(self: *Generation, hash: Hash, value: []const u8) error{OutOfMemory}!void {
        try self.values.put(self.arena.child, hash, value);
        self.bytes += value.len + ENTRY_OVERHEAD;
    }

    fn deinit(self: *Generation) void {
        self.values.deinit(self.arena.child);
        self.arena.deinit();
    }
};

pub const Store = struct {
    gpa: Allocator,
    backing: Backing,
    limit_bytes: usize,
    young: Generation,
    old: Generation,
    /// The last key that could not be had.
    missing: Hash = @splat(0),
    /// How often `backing` was asked, for how many values.
    fetches: u64 = 0,
    fetched: u64 = 0,

    pub fn init(gpa: Allocator, backing: Backing, limit_bytes: usize) Store {
        return .{
            .gpa = gpa,
            .backing = backing,
            .limit_bytes = limit_bytes,
            .young = .{ .arena = .init(gpa) },
            .old = .{ .arena = .init(gpa) },
        };
    }

    pub fn deinit(self: *Store) void {
        self.young.deinit();
        self.old.deinit();
    }

    pub fn source(self: *Store) trie.Source {
        return .{ .context = self, .getFn = getOpaque };
    }

    /// A value; from behind when it is not in memory.
    pub fn get(self: *Store, hash: *const Hash) Error![]const u8 {
        if (try self.find(hash)) |value| return value;
        try self.fetch((&[1]Hash{hash.*}));
        return self.young.values.get(hash.*) orelse {
            self.missing = hash.*;
            return error.MissingNode;
        };
    }

    /// A value that is in memory, or null.
    pub fn peek(self: *const Store, hash: *const Hash) ?[]const u8 {
        return self.young.values.get(hash.*) orelse self.old.values.get(hash.*);
    }

    fn find(self: *Store, hash: *const Hash) error{OutOfMemory}!?[]const u8 {
        if (self.young.values.get(hash.*)) |value| return value;
        const value = self.old.values.get(hash.*) orelse return null;
        const copy = try self.young.arena.allocator().dupe(u8, value);
        try self.young.add(hash.*, copy);
        return copy;
    }

    /// Ask for many values at once. What is not known behind stays missing.
    pub fn fetch(self: *Store, hashes: []const Hash) Error!void {
        if (hashes.len == 0) return;
        const values = try self.gpa.alloc(?[]const u8, hashes.len);
        defer self.gpa.free(values);
        @memset(values, null);
        self.fetches += 1;
        self.fetched += hashes.len;
        try self.backing.fetchFn(self.backing.context, self.young.arena.allocator(), hashes, values);
        for (hashes, values) |hash, found| {
            const value = found orelse continue;
            if (!self.backing.trusted and !std.mem.eql(u8, &keccak256(value), &hash)) {
                self.missing = hash;
                return error.CorruptNode;
            }
            try self.young.add(hash, value);
        }
    }

    /// Take in a value that is not stored behind yet. The bytes are copied.
    pub fn add(self: *Store, hash: *const Hash, value: []const u8) error{OutOfMemory}!void {
        if (self.young.values.contains(hash.*)) return;
        try self.young.add(hash.*, try self.young.arena.allocator().dupe(u8, value));
    }

    /// Take in many nodes that are not stored behind yet. Their bytes are copied, one behind the other, to where the returned slice is.
    pub fn addAll(self: *Store, nodes: []const trie.NewNode) error{OutOfMemory}![]const u8 {
        var total: usize = 0;
        for (nodes) |*new| total += new.encoding.len;
        const bytes = try self.young.arena.allocator().alloc(u8, total);
        var rest = bytes;
        for (nodes) |*new| {
            const copy = rest[0..new.encoding.len];
            @memcpy(copy, new.encoding);
            rest = rest[copy.len..];
            // What is there already has been copied all the same, and counts: the same block may be made again and again.
            if (self.young.values.contains(new.hash)) self.young.bytes += copy.len else try self.young.add(new.hash, copy);
        }
        return bytes;
    }

    /// Keep to the memory limit. Invalidates bytes that the store has given out.
    pub fn rotate(self: *Store) void {
        if (self.young.bytes < self.limit_bytes / 2) return;
        self.old.deinit();
        self.old = self.young;
        self.young = .{ .arena = .init(self.gpa) };
    }

    fn getOpaque(context: *anyopaque, hash: *const Hash) Error![]const u8 {
        const self: *Store = @ptrCast(@alignCast(context));
        return self.get(hash);
    }
};

test "nodes that are added again count as the memory that they take" {
    const nothing = struct {
        fn fetch(_: *anyopaque, _: Allocator, _: []const Hash, _: []?[]const u8) error{OutOfMemory}!void {}
    };
    var nobody: u8 = 0;
    var store = Store.init(std.testing.allocator, .{ .context = &nobody, .fetchFn = nothing.fetch, .trusted = true }, 2000);
    defer store.deinit();
    const node = trie.NewNode{ .hash = @splat(1), .encoding = &@as([300]u8, @splat(7)) };
    for (0..5) |_| try std.testing.expectEqualSlices(u8, node.encoding, try store.addAll(&.{node}));
    try std.testing.expect(store.young.bytes >= 5 * 300);
    store.rotate();
    try std.testing.expectEqual(0, store.young.bytes);
    try std.testing.expectEqualSlices(u8, node.encoding, store.peek(&node.hash).?);
}

//! C doors of the codec and the trie, which let tests and tools use them alone. `evm/native/trie.py` is the other side.
//!
//! Return values below zero: -1 not there, -2 a node is missing, -3 a node is damaged, -4 out of memory.

const std = @import("std");
const rlp = @import("../rlp.zig");
const ordered = @import("../trie/ordered.zig");
const store = @import("../trie/store.zig");
const trie = @import("../trie/trie.zig");
const callback = @import("fetch.zig");

const NOT_THERE = -1;

fn code(failure: trie.Error) isize {
    return switch (failure) {
        error.MissingNode => -2,
        error.CorruptNode => -3,
        error.OutOfMemory => -4,
    };
}

const Handle = struct {
    arena: std.heap.ArenaAllocator,
    fetch: callback.Fetch,
    nodes: store.Store,
    trie: trie.Trie,
    created: std.ArrayList(trie.NewNode),
};

/// A trie over the nodes that `fetch` gives, or null without memory.
export fn lamina_trie_open(root: *const [32]u8, fetch: callback.Function, context: ?*anyopaque) ?*Handle {
    const gpa = std.heap.smp_allocator;
    const self = gpa.create(Handle) catch return null;
    self.arena = .init(gpa);
    self.fetch = .{ .function = fetch, .context = context, .kind = .node };
    self.nodes = .init(gpa, self.fetch.backing(), std.math.maxInt(usize));
    self.created = .empty;
    self.trie = trie.Trie.init(self.arena.allocator(), self.nodes.source(), root) catch {
        lamina_trie_close(self);
        return null;
    };
    return self;
}

export fn lamina_trie_close(self: *Handle) void {
    self.nodes.deinit();
    self.arena.deinit();
    std.heap.smp_allocator.destroy(self);
}

/// The length of the value and where it is; -1 when the key is not there.
export fn lamina_trie_get(self: *Handle, key: *const [32]u8, out: *[*]const u8) isize {
    const value = (self.trie.get(key) catch |failure| return code(failure)) orelse return NOT_THERE;
    out.* = value.ptr;
    return @intCast(value.len);
}

/// 0, or below zero.
export fn lamina_trie_put(self: *Handle, key: *const [32]u8, value: [*]const u8, length: usize) isize {
    const copy = self.arena.allocator().dupe(u8, value[0..length]) catch |failure| return code(failure);
    if (length == 0) {
        self.trie.delete(key) catch |failure| return code(failure);
    } else {
        self.trie.put(key, copy) catch |failure| return code(failure);
    }
    return 0;
}

/// Writes the root and returns how many nodes are new since the last commit.
export fn lamina_trie_commit(self: *Handle, root: *[32]u8) isize {
    self.created.clearRetainingCapacity();
    root.* = self.trie.commit(&self.created) catch |failure| return code(failure);
    for (self.created.items) |new| self.nodes.add(&new.hash, new.encoding) catch |failure| return code(failure);
    return @intCast(self.created.items.len);
}

/// A new node of the last commit: its hash, and the length and place of its encoding.
export fn lamina_trie_created(self: *Handle, index: usize, hash: *[32]u8, out: *[*]const u8) isize {
    const new = self.created.items[index];
    hash.* = new.hash;
    out.* = new.encoding.ptr;
    return @intCast(new.encoding.len);
}

/// The key a missing or damaged node was asked by.
export fn lamina_trie_missing(self: *Handle, hash: *[32]u8) void {
    hash.* = self.nodes.missing;
}

const Values = struct {
    items: [*]const [*]const u8,
    lengths: [*]const usize,

    pub fn value(self: Values, index: usize) error{OutOfMemory}![]const u8 {
        return self.items[index][0..self.lengths[index]];
    }
};

/// The root of a list of encoded values.
export fn lamina_ordered_root(count: usize, items: [*]const [*]const u8, lengths: [*]const usize, out: *[32]u8) void {
    out.* = ordered.root(count, Values{ .items = items, .lengths = lengths }) catch unreachable;
}

/// Whether the bytes are exactly one value in its only encoding, all the way down to `max_depth` lists: 1 yes, 0 no.
export fn lamina_rlp_is_valid(data: [*]const u8, length: usize, max_depth: usize) u32 {
    const item = rlp.decode(data[0..length]) catch return 0;
    return @intFromBool(isValid(item, max_depth));
}

fn isValid(item: rlp.Item, depth: usize) bool {
    if (!item.is_list) return true;
    if (depth == 0) return false;
    var cursor = item.list() catch return false;
    while (!cursor.isEmpty()) {
        const inner = cursor.next() catch return false;
        if (!isValid(inner, depth - 1)) return false;
    }
    return true;
}

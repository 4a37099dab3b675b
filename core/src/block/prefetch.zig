//! Fetches what transactions are going to read in few, large requests: all ways through the tries together, level by level.
//!
//! Nothing here decides anything. What is not foreseen, or not stored, is asked for when it is read.

const std = @import("std");
const rlp = @import("../rlp.zig");
const evm = @import("../evm/types.zig");
const store = @import("../trie/store.zig");
const trie = @import("../trie/trie.zig");
const keccak256 = @import("../platform.zig").current.keccak256;
const code_file = @import("../evm/code.zig");
const trie_state = @import("trie_state.zig");
const Allocator = std.mem.Allocator;
const Hash = evm.Hash;

/// No trie of hashed keys is deeper in practice; what is below is read one by one.
const MAX_LEVELS = 64;

pub const Prefetch = struct {
    arena: Allocator,
    nodes: *store.Store,
    codes: *store.Store,
    state_root: Hash,
    accounts: std.AutoArrayHashMapUnmanaged(evm.Address, Wanted) = .empty,

    const Wanted = struct { with_code: bool = false, slots: std.ArrayList(Hash) = .empty };
    /// A way through a trie that has not come to its end.
    const Way = struct { root: Hash, key: Hash, account: ?usize };

    pub fn account(self: *Prefetch, address: evm.Address, with_code: bool) error{OutOfMemory}!void {
        const place = try self.accounts.getOrPutValue(self.arena, address, .{});
        if (with_code) place.value_ptr.with_code = true;
    }

    pub fn slot(self: *Prefetch, address: evm.Address, key: Hash) error{OutOfMemory}!void {
        const place = try self.accounts.getOrPutValue(self.arena, address, .{});
        try place.value_ptr.slots.append(self.arena, key);
    }

    pub fn run(self: *Prefetch) evm.Error!void {
        var ways: std.ArrayList(Way) = .empty;
        for (self.accounts.keys(), 0..) |*address, index| {
            try ways.append(self.arena, .{ .root = self.state_root, .key = keccak256(address), .account = index });
        }
        var codes: std.AutoArrayHashMapUnmanaged(Hash, void) = .empty;
        for (0..MAX_LEVELS) |_| {
            try self.fetchLevel(&ways, &codes);
            if (ways.items.len == 0) break;
        }
        try self.codes.fetch(codes.keys());
        try self.followDelegations(&codes);
    }

    /// Fetch the next node on each way; ways that have ended are taken out, and storage ways of found accounts put in.
    fn fetchLevel(self: *Prefetch, ways: *std.ArrayList(Way), codes: *std.AutoArrayHashMapUnmanaged(Hash, void)) evm.Error!void {
        var missing: std.AutoArrayHashMapUnmanaged(Hash, void) = .empty;
        var open: std.ArrayList(Way) = .empty;
        var at: usize = 0;
        while (at < ways.items.len) : (at += 1) {
            const way = ways.items[at];
            if (try trie.firstMissing(self.nodes, peek, &way.root, &way.key)) |hash| {
                try missing.put(self.arena, hash, {});
                try open.append(self.arena, way);
            } else if (way.account) |index| {
                try self.reached(way, index, ways, codes);
            }
        }
        ways.* = open;
        try self.nodes.fetch(missing.keys());
        // What is not stored will not come; the one who reads it learns that.
        for (missing.keys()) |*hash| {
            if (self.nodes.peek(hash) == null) ways.clearRetainingCapacity();
        }
    }

    fn reached(
        self: *Prefetch,
        way: Way,
        index: usize,
        ways: *std.ArrayList(Way),
        codes: *std.AutoArrayHashMapUnmanaged(Hash, void),
    ) evm.Error!void {
        const wanted = self.accounts.values()[index];
        if (!wanted.with_code and wanted.slots.items.len == 0) return;
        var accounts = try trie.Trie.init(self.arena, self.nodes.source(), &way.root);
        const encoded = try accounts.get(&way.key) orelse return;
        const data = trie_state.decodeAccount(encoded) catch return error.CorruptNode;
        if (wanted.with_code and !std.mem.eql(u8, &data.code_hash, &evm.empty_code_hash) and self.codes.peek(&data.code_hash) == null) {
            try codes.put(self.arena, data.code_hash, {});
        }
        for (wanted.slots.items) |*key| {
            try ways.append(self.arena, .{ .root = data.storage_root, .key = keccak256(key), .account = null });
        }
    }

    /// Delegated accounts run other accounts' code: that is one more round, without their storage.
    fn followDelegations(self: *Prefetch, codes: *const std.AutoArrayHashMapUnmanaged(Hash, void)) evm.Error!void {
        var targets = Prefetch{ .arena = self.arena, .nodes = self.nodes, .codes = self.codes, .state_root = self.state_root };
        for (codes.keys()) |*hash| {
            const code = self.codes.peek(hash) orelse continue;
            if (code_file.delegateOf(code)) |target| try targets.account(target, true);
        }
        if (targets.accounts.count() == 0) return;
        var ways: std.ArrayList(Way) = .empty;
        for (targets.accounts.keys(), 0..) |*address, index| {
            try ways.append(self.arena, .{ .root = self.state_root, .key = keccak256(address), .account = index });
        }
        var more: std.AutoArrayHashMapUnmanaged(Hash, void) = .empty;
        for (0..MAX_LEVELS) |_| {
            try targets.fetchLevel(&ways, &more);
            if (ways.items.len == 0) break;
        }
        try self.codes.fetch(more.keys());
    }

    fn peek(nodes: *store.Store, hash: *const Hash) ?[]const u8 {
        return nodes.peek(hash);
    }
};

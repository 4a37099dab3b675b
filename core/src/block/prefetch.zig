//! Fetches what transactions are going to read in few, large requests: all ways through the tries together, level by level.
//!
//! Nothing here decides anything. What is not foreseen, or not stored, is asked for when it is read.

const std = @import("std");
const evm = @import("../evm/types.zig");
const trie = @import("../trie/trie.zig");
const store = @import("../trie/store.zig");
const code_file = @import("../evm/code.zig");
const trie_state = @import("trie_state.zig");
const Allocator = std.mem.Allocator;
const Hash = evm.Hash;

/// No trie of hashed keys is deeper in practice; what is below is read one by one.
const MAX_LEVELS = 64;

pub const Prefetch = struct {
    arena: Allocator,
    tries: *trie_state.TrieState,
    state_root: Hash,
    accounts: std.AutoArrayHashMapUnmanaged(evm.Address, Wanted) = .empty,

    const Wanted = struct { with_code: bool = false, slots: std.ArrayList(Hash) = .empty };
    /// A way through a trie that has not come to its end.
    const Way = struct { root: Hash, key: Hash, account: ?usize };
    const Hashes = std.AutoArrayHashMapUnmanaged(Hash, void);

    pub fn account(self: *Prefetch, address: evm.Address, with_code: bool) error{OutOfMemory}!void {
        const place = try self.accounts.getOrPutValue(self.arena, address, .{});
        if (with_code) place.value_ptr.with_code = true;
    }

    pub fn slot(self: *Prefetch, address: evm.Address, key: Hash) error{OutOfMemory}!void {
        const place = try self.accounts.getOrPutValue(self.arena, address, .{});
        try place.value_ptr.slots.append(self.arena, key);
    }

    pub fn run(self: *Prefetch) evm.Error!void {
        const codes = try self.walk();
        try self.tries.codes.fetch(codes);
        // Delegated accounts run other accounts' code: that is one more round, without their storage.
        var targets = Prefetch{ .arena = self.arena, .tries = self.tries, .state_root = self.state_root };
        for (codes) |*hash| {
            const code = self.tries.codes.peek(hash) orelse continue;
            if (code_file.delegateOf(code)) |target| try targets.account(target, true);
        }
        if (targets.accounts.count() > 0) try self.tries.codes.fetch(try targets.walk());
    }

    /// Fetch the nodes on all ways; the hashes of codes that are wanted and not there.
    fn walk(self: *Prefetch) evm.Error![]const Hash {
        var ways: std.ArrayList(Way) = .empty;
        for (self.accounts.keys(), 0..) |*address, index| {
            try ways.append(self.arena, .{ .root = self.state_root, .key = try self.tries.addressKey(address), .account = index });
        }
        var codes: Hashes = .empty;
        for (0..MAX_LEVELS) |_| {
            try self.fetchLevel(&ways, &codes);
            if (ways.items.len == 0) break;
        }
        return codes.keys();
    }

    /// Fetch the next node on each way; ways that have ended are taken out, and storage ways of found accounts put in.
    fn fetchLevel(self: *Prefetch, ways: *std.ArrayList(Way), codes: *Hashes) evm.Error!void {
        var missing: Hashes = .empty;
        var open: std.ArrayList(Way) = .empty;
        var at: usize = 0;
        while (at < ways.items.len) : (at += 1) {
            const way = ways.items[at];
            switch (try trie.lookUp(self.tries.nodes, peek, &way.root, &way.key)) {
                .missing => |hash| {
                    try missing.put(self.arena, hash, {});
                    try open.append(self.arena, way);
                },
                .value => |value| if (way.account) |index| if (value) |encoded| {
                    try self.reached(encoded, self.accounts.values()[index], ways, codes);
                },
            }
        }
        ways.* = open;
        try self.tries.nodes.fetch(missing.keys());
        // What is not stored will not come; the one who reads it learns that.
        for (missing.keys()) |*hash| {
            if (self.tries.nodes.peek(hash) == null) ways.clearRetainingCapacity();
        }
    }

    fn reached(self: *Prefetch, encoded: []const u8, wanted: Wanted, ways: *std.ArrayList(Way), codes: *Hashes) evm.Error!void {
        if (!wanted.with_code and wanted.slots.items.len == 0) return;
        const data = trie_state.decodeAccount(encoded) catch return error.CorruptNode;
        const has_code = !std.mem.eql(u8, &data.code_hash, &evm.empty_code_hash);
        if (wanted.with_code and has_code and self.tries.codes.peek(&data.code_hash) == null) {
            try codes.put(self.arena, data.code_hash, {});
        }
        for (wanted.slots.items) |*key| {
            const slot_key = try self.tries.slotKey(evm.hashToWord(key.*));
            try ways.append(self.arena, .{ .root = data.storage_root, .key = slot_key, .account = null });
        }
    }

    fn peek(nodes: *store.Store, hash: *const Hash) ?[]const u8 {
        return nodes.peek(hash);
    }
};

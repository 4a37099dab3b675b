//! The state before a block, read from its tries, and the tries after it.
//!
//! It is what `evm/state.zig` calls a source. Hashes of addresses and slots are kept, since what is read is mostly written later.

const std = @import("std");
const rlp = @import("../rlp.zig");
const evm = @import("../evm/types.zig");
const journal = @import("../evm/state.zig");
const store = @import("../trie/store.zig");
const trie = @import("../trie/trie.zig");
const keccak256 = @import("../platform.zig").current.keccak256;
const ancestors = @import("ancestors.zig");
const Allocator = std.mem.Allocator;
const Hash = evm.Hash;
const Error = evm.Error;

/// What a block leaves behind.
pub const Update = struct {
    state_root: Hash,
    /// Of all tries together.
    nodes: trie.Changes,
    /// The encodings of the nodes that were created, one behind the other, as long as the store keeps them.
    encodings: []const u8,
    /// The storage roots of the accounts that changed, in the order of `State.accounts()`; null where nothing is left.
    storage_roots: []const ?Hash,
};

/// What is known of it before the state trie is hashed.
pub const Pending = struct {
    /// Of the storage tries.
    nodes: trie.Changes,
    storage_roots: []const ?Hash,
};

pub const TrieState = struct {
    arena: Allocator,
    nodes: *store.Store,
    codes: *store.Store,
    ancestors: *ancestors.Ancestors,
    accounts: trie.Trie,
    storages: std.HashMapUnmanaged(Hash, trie.Trie, HashContext, 80) = .empty,
    address_keys: KeyCache(evm.Address) = .{},
    slot_keys: KeyCache(Hash) = .{},

    pub fn init(
        arena: Allocator,
        nodes: *store.Store,
        codes: *store.Store,
        headers: *ancestors.Ancestors,
        state_root: *const Hash,
    ) Error!TrieState {
        return .{
            .arena = arena,
            .nodes = nodes,
            .codes = codes,
            .ancestors = headers,
            .accounts = try trie.Trie.init(arena, nodes.source(), state_root),
        };
    }

    pub fn source(self: *TrieState) journal.Source {
        return .{ .context = self, .vtable = &vtable };
    }

    const vtable = journal.Source.VTable{
        .account = readAccount,
        .storage = readStorage,
        .code = readCode,
        .block_hash = readBlockHash,
    };

    fn readAccount(context: *anyopaque, address: *const evm.Address) Error!?evm.AccountData {
        const self: *TrieState = @ptrCast(@alignCast(context));
        return self.account(address);
    }

    /// An account as it was before the block or, once `apply` has been called, as it is after it.
    pub fn account(self: *TrieState, address: *const evm.Address) Error!?evm.AccountData {
        const key = try self.addressKey(address);
        const encoded = try self.accounts.get(&key) orelse return null;
        return decodeAccount(encoded) catch error.CorruptNode;
    }

    fn readStorage(context: *anyopaque, _: *const evm.Address, storage_root: *const Hash, slot: u256) Error!u256 {
        const self: *TrieState = @ptrCast(@alignCast(context));
        const place = try self.storages.getOrPut(self.arena, storage_root.*);
        if (!place.found_existing) {
            errdefer self.storages.removeByPtr(place.key_ptr);
            place.value_ptr.* = try trie.Trie.init(self.arena, self.nodes.source(), storage_root);
        }
        const key = try self.slotKey(slot);
        const encoded = try place.value_ptr.get(&key) orelse return 0;
        const item = rlp.decode(encoded) catch return error.CorruptNode;
        return item.int(u256) catch error.CorruptNode;
    }

    fn readCode(context: *anyopaque, hash: *const Hash) Error![]const u8 {
        const self: *TrieState = @ptrCast(@alignCast(context));
        return self.codes.get(hash);
    }

    fn readBlockHash(context: *anyopaque, number: u64) Error!Hash {
        const self: *TrieState = @ptrCast(@alignCast(context));
        return self.ancestors.hashOf(number);
    }

    /// Where an account is in the state trie.
    pub fn addressKey(self: *TrieState, address: *const evm.Address) error{OutOfMemory}!Hash {
        return self.address_keys.get(self.arena, address);
    }

    /// Where a slot is in a storage trie.
    pub fn slotKey(self: *TrieState, slot: u256) error{OutOfMemory}!Hash {
        return self.slot_keys.get(self.arena, &evm.wordToHash(slot));
    }

    /// Bring the tries up to what the block has done. The store then knows the new nodes.
    pub fn apply(self: *TrieState, state: *const journal.State) Error!Update {
        var pending = try self.put(state);
        return self.commit(&pending);
    }

    /// The first half of `apply`, all that reads tries.
    pub fn put(self: *TrieState, state: *const journal.State) Error!Pending {
        var nodes = trie.Changes{};
        const accounts = state.accounts();
        const storage_roots = try self.arena.alloc(?Hash, accounts.len);
        @memset(storage_roots, null);
        // What is deleted comes last: a branch that has got a new child by then need not look at the ones it had.
        for (accounts, storage_roots) |changed, *root| {
            if (!changed.changed() or !changed.info.exists) continue;
            root.* = try self.applyStorage(changed, &nodes);
            const key = try self.addressKey(&changed.address);
            try self.accounts.put(&key, try encodeAccount(self.arena, &changed.info, &root.*.?));
        }
        for (accounts) |changed| {
            if (!changed.changed() or changed.info.exists) continue;
            const key = try self.addressKey(&changed.address);
            try self.accounts.delete(&key);
        }
        return .{ .nodes = nodes, .storage_roots = storage_roots };
    }

    /// The second half. Nodes of subtrees that were encoded ahead have been added to `pending`.
    pub fn commit(self: *TrieState, pending: *Pending) Error!Update {
        const nodes = &pending.nodes;
        const state_root = try self.accounts.commit(nodes);
        return .{
            .state_root = state_root,
            .nodes = nodes.*,
            .encodings = try self.nodes.addAll(nodes.created.items),
            .storage_roots = pending.storage_roots,
        };
    }

    fn applyStorage(self: *TrieState, changed: *const journal.Account, nodes: *trie.Changes) Error!Hash {
        const before = changed.storageRoot();
        var slots = changed.changedSlots();
        var any = slots.next() orelse return before;
        var storage = try trie.Trie.init(self.arena, self.nodes.source(), &before);
        while (true) {
            if (any.value != 0) try storage.put(&try self.slotKey(any.key), try encodeWord(self.arena, any.value));
            any = slots.next() orelse break;
        }
        slots = changed.changedSlots();
        while (slots.next()) |slot| {
            if (slot.value == 0) try storage.delete(&try self.slotKey(slot.key));
        }
        return storage.commit(nodes);
    }
};

/// Spec: yellow paper, 4.1.
pub fn decodeAccount(encoded: []const u8) rlp.Error!evm.AccountData {
    var fields = try rlp.decodeList(encoded);
    const account = evm.AccountData{
        .nonce = try fields.int(u64),
        .balance = try fields.int(u256),
        .storage_root = try fields.fixed(32),
        .code_hash = try fields.fixed(32),
    };
    try fields.end();
    return account;
}

pub fn encodeAccount(arena: Allocator, info: *const journal.Info, storage_root: *const Hash) error{OutOfMemory}![]const u8 {
    var encoder = rlp.Encoder.init(arena);
    try encoder.buffer.ensureTotalCapacityPrecise(arena, 112);
    const list = encoder.open();
    try encoder.int(info.nonce);
    try encoder.int(info.balance);
    try encoder.bytes(storage_root);
    try encoder.bytes(&info.code_hash);
    try encoder.close(list);
    return encoder.written();
}

fn encodeWord(arena: Allocator, value: u256) error{OutOfMemory}![]const u8 {
    var encoder = rlp.Encoder.init(arena);
    try encoder.buffer.ensureTotalCapacityPrecise(arena, 33);
    try encoder.int(value);
    return encoder.written();
}

const HashContext = struct {
    pub fn hash(_: HashContext, key: Hash) u64 {
        return std.mem.readInt(u64, key[0..8], .little);
    }
    pub fn eql(_: HashContext, a: Hash, b: Hash) bool {
        return std.mem.eql(u8, &a, &b);
    }
};

/// Keys with their keccak256.
fn KeyCache(comptime Key: type) type {
    return struct {
        hashes: std.AutoHashMapUnmanaged(Key, Hash) = .empty,

        fn get(self: *@This(), arena: Allocator, key: *const Key) error{OutOfMemory}!Hash {
            const place = try self.hashes.getOrPut(arena, key.*);
            if (!place.found_existing) place.value_ptr.* = keccak256(key);
            return place.value_ptr.*;
        }
    };
}

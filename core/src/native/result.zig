//! What a sealed block hands to Python: lists laid out so that taking them apart costs no parsing.
//!
//! A list of byte strings is all of them one behind the other, and their lengths; hashes lie side by side. Everything lives as long
//! as the block. `evm/native/result.py` is the other side.

const std = @import("std");
const evm = @import("../evm/types.zig");
const pipeline = @import("../block/pipeline.zig");
const rlp = @import("../rlp.zig");
const trie_state = @import("../block/trie_state.zig");
const Allocator = std.mem.Allocator;
const Hash = evm.Hash;

pub const Slice = extern struct { data: [*]const u8, length: usize };
pub const Hashes = extern struct { data: [*]const Hash, count: usize };
pub const Strings = extern struct { data: [*]const u8, size: usize, lengths: [*]const u32, count: usize };

pub const Result = extern struct {
    header: Slice,
    hash: Hash,
    /// As they are stored: a deposit's nonce included since Regolith.
    receipts: Strings,
    /// Trie nodes at positions that have changed, children before parents; `replaced` are those that stood at positions where now
    /// others do or none, not those of storage that was wiped. Both go by position: the same node at two positions is there twice.
    node_hashes: Hashes,
    nodes: Strings,
    replaced: Hashes,
    code_hashes: Hashes,
    codes: Strings,
    /// The accounts that changed: keccak256 of the address, and the RLP of nonce, balance, storage root and code hash, empty when
    /// nothing is left.
    account_keys: Hashes,
    accounts: Strings,
    /// How many of `slot_keys` belong to each account.
    slot_counts: [*]const u32,
    /// keccak256 of each changed slot, and its value as big-endian bytes without leading zeros: nothing when it is deleted.
    slot_keys: Hashes,
    slot_values: Strings,
    /// 1 when storage that was there before is gone as a whole.
    wiped: u32,
};

const HashList = struct {
    items: std.ArrayList(Hash) = .empty,

    fn add(self: *HashList, arena: Allocator, hash: *const Hash) error{OutOfMemory}!void {
        try self.items.append(arena, hash.*);
    }

    fn view(self: *const HashList) Hashes {
        return .{ .data = self.items.items.ptr, .count = self.items.items.len };
    }
};

const StringList = struct {
    bytes: std.ArrayList(u8) = .empty,
    lengths: std.ArrayList(u32) = .empty,

    fn add(self: *StringList, arena: Allocator, string: []const u8) error{OutOfMemory}!void {
        try self.bytes.appendSlice(arena, string);
        try self.lengths.append(arena, @intCast(string.len));
    }

    fn view(self: *const StringList) Strings {
        return .{
            .data = self.bytes.items.ptr,
            .size = self.bytes.items.len,
            .lengths = self.lengths.items.ptr,
            .count = self.lengths.items.len,
        };
    }
};

/// Lay out what the sealed block has done, beside its receipts. Allocated from the block's own memory.
pub fn of(builder: *pipeline.BlockBuilder, sealed: *const pipeline.Sealed, receipts: Strings) error{OutOfMemory}!Result {
    const arena = builder.arena;
    const nodes = try layOutNodes(arena, &sealed.update);
    var codes: struct { hashes: HashList = .{}, bytes: StringList = .{} } = .{};
    for (builder.state.accounts()) |account| {
        const code = account.newCode() orelse continue;
        try codes.hashes.add(arena, &account.info.code_hash);
        try codes.bytes.add(arena, code);
    }
    var result: Result = undefined;
    try layOutAccounts(builder, &sealed.update, &result);
    result.header = .{ .data = sealed.encoded_header.ptr, .length = sealed.encoded_header.len };
    result.hash = sealed.hash;
    result.receipts = receipts;
    result.node_hashes = nodes.hashes;
    result.nodes = nodes.encodings;
    result.replaced = .{ .data = sealed.update.nodes.replaced.items.ptr, .count = sealed.update.nodes.replaced.items.len };
    result.code_hashes = codes.hashes.view();
    result.codes = codes.bytes.view();
    return result;
}

fn layOutNodes(arena: Allocator, update: *const trie_state.Update) error{OutOfMemory}!struct { hashes: Hashes, encodings: Strings } {
    const created = update.nodes.created.items;
    const hashes = try arena.alloc(Hash, created.len);
    const lengths = try arena.alloc(u32, created.len);
    for (created, hashes, lengths) |*new, *hash, *length| {
        hash.* = new.hash;
        length.* = @intCast(new.encoding.len);
    }
    return .{
        .hashes = .{ .data = hashes.ptr, .count = hashes.len },
        .encodings = .{ .data = update.encodings.ptr, .size = update.encodings.len, .lengths = lengths.ptr, .count = lengths.len },
    };
}

pub fn layOutReceipts(arena: Allocator, receipts: []const pipeline.Receipt) error{OutOfMemory}!Strings {
    const lengths = try arena.alloc(u32, receipts.len);
    var encoder = rlp.Encoder.init(arena);
    for (receipts, lengths) |*receipt, *length| {
        const start = encoder.open();
        try receipt.encode(&encoder, .stored);
        length.* = @intCast(encoder.open() - start);
    }
    const encoded = encoder.written();
    return .{ .data = encoded.ptr, .size = encoded.len, .lengths = lengths.ptr, .count = lengths.len };
}

fn layOutAccounts(builder: *pipeline.BlockBuilder, update: *const trie_state.Update, result: *Result) error{OutOfMemory}!void {
    const arena = builder.arena;
    var keys = HashList{};
    var accounts = StringList{};
    var slot_counts: std.ArrayList(u32) = .empty;
    var slot_keys = HashList{};
    var slot_values = StringList{};
    const most = builder.state.accounts().len;
    try keys.items.ensureTotalCapacityPrecise(arena, most);
    try accounts.lengths.ensureTotalCapacityPrecise(arena, most);
    try slot_counts.ensureTotalCapacityPrecise(arena, most);
    result.wiped = 0;
    for (builder.state.accounts(), update.storage_roots) |account, root| {
        if (!account.changed()) continue;
        try keys.add(arena, &try builder.tries.addressKey(&account.address));
        try accounts.add(arena, if (root) |*storage_root| try trie_state.encodeAccount(arena, &account.info, storage_root) else "");
        const had_storage = if (account.before) |before| !std.mem.eql(u8, &before.storage_root, &evm.empty_trie_root) else false;
        if (account.storage_wiped and had_storage) result.wiped = 1;
        const before = slot_keys.items.items.len;
        var changed = account.changedSlots();
        while (changed.next()) |slot| {
            try slot_keys.add(arena, &try builder.tries.slotKey(slot.key));
            const word = evm.wordToHash(slot.value);
            try slot_values.add(arena, word[word.len - rlp.intLength(slot.value) ..]);
        }
        try slot_counts.append(arena, @intCast(slot_keys.items.items.len - before));
    }
    result.account_keys = keys.view();
    result.accounts = accounts.view();
    result.slot_counts = slot_counts.items.ptr;
    result.slot_keys = slot_keys.view();
    result.slot_values = slot_values.view();
}

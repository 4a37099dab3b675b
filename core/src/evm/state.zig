//! The world state while one block is executed: accounts and slots as the block finds them, changed by its transactions.
//!
//! Doors, in the order of use:
//!   * `State.init(allocator, source, seed)`. The allocator's memory lasts for the block. `seed` should be something a sender cannot know
//!     when it chooses addresses and slots (the parent's hash), so that nobody can make the hash tables slow.
//!   * per transaction: `beginTransaction`, then reads and writes through `account`, `slot`, `addBalance`, ..., then
//!     `finishTransaction(rules)`, which deletes what the transaction destroyed. `snapshot` and `revert` work inside a transaction.
//!   * after the last transaction: `accounts()` in order of first use; an account with `changed()` has to be written to the trie, with the
//!     slots that `changedSlots` gives, into an empty storage trie when `storage_wiped`, and its code in `newCode()`.
//!
//! Nothing is read from the source before it is needed: warming an address of an access list does not read the account, since a witness
//! need not hold it. What the source cannot serve is an error that ends the block.

const std = @import("std");
const types = @import("types.zig");
const fork = @import("fork.zig");
const code_file = @import("code.zig");
const keccak256 = @import("../platform.zig").current.keccak256;
const Allocator = std.mem.Allocator;
const Address = types.Address;
const Hash = types.Hash;
const Error = types.Error;
pub const Code = code_file.Code;

/// Where the state before the block comes from. Implementations check what they return against its hash.
pub const Source = struct {
    context: *anyopaque,
    vtable: *const VTable,

    pub const VTable = struct {
        /// null: the trie shows that there is no such account.
        account: *const fn (*anyopaque, address: *const Address) Error!?types.AccountData,
        /// 0 for a slot that the trie shows to be empty. Not called for an empty `storage_root`.
        storage: *const fn (*anyopaque, address: *const Address, storage_root: *const Hash, slot: u256) Error!u256,
        /// Not called for the hash of empty code. The bytes are copied.
        code: *const fn (*anyopaque, hash: *const Hash) Error![]const u8,
        /// The hash of one of the block's last 256 ancestors.
        block_hash: *const fn (*anyopaque, number: u64) Error!Hash,
    };
};

/// A word of an account's storage.
pub const Slot = struct {
    key: u256,
    /// Before the block.
    before: u256 = 0,
    /// Before the transaction. Spec: EIP-2200, "original value".
    original: u256 = 0,
    value: u256 = 0,
    loaded: bool = false,
    /// The transaction for which `original` was noted.
    seen: u32 = 0,
    /// The transaction that has it in its access set.
    warm: u32 = 0,
};

/// What a transaction can change of an account, storage aside.
pub const Info = struct {
    /// Whether the state has it. Before EIP-161 an account can exist and be empty.
    exists: bool = false,
    nonce: u64 = 0,
    balance: u256 = 0,
    code_hash: Hash = types.empty_code_hash,
    /// null: not read yet.
    code: ?*Code = null,

    pub fn hasCode(self: *const Info) bool {
        return !std.mem.eql(u8, &self.code_hash, &types.empty_code_hash);
    }

    /// Spec: EIP-161, "empty".
    pub fn isEmpty(self: *const Info) bool {
        return self.nonce == 0 and self.balance == 0 and !self.hasCode();
    }
};

pub const Account = struct {
    address: Address,
    /// Before the block; null when it did not exist.
    before: ?types.AccountData = null,
    info: Info = .{},
    slots: Slots = .empty,
    loaded: bool = false,
    /// Whether something was written, be it reverted afterwards: if not, `changed` need not look.
    written: bool = false,
    /// Whether the storage that the account had before the block is gone.
    storage_wiped: bool = false,
    // The last transaction in which it was ...
    warm: u32 = 0,
    created: u32 = 0,
    destroyed: u32 = 0,
    touched: u32 = 0,

    /// Whether account or storage differ from what they were before the block.
    pub fn changed(self: *const Account) bool {
        if (!self.written) return false;
        const before = self.before orelse return self.info.exists;
        if (!self.info.exists or self.storage_wiped) return true;
        if (before.nonce != self.info.nonce or before.balance != self.info.balance) return true;
        if (!std.mem.eql(u8, &before.code_hash, &self.info.code_hash)) return true;
        var slots = self.changedSlots();
        return slots.next() != null;
    }

    /// The root of the storage trie to which the changed slots are written.
    pub fn storageRoot(self: *const Account) Hash {
        if (self.storage_wiped) return types.empty_trie_root;
        return if (self.before) |before| before.storage_root else types.empty_trie_root;
    }

    pub fn changedSlots(self: *const Account) ChangedSlots {
        return .{ .slots = self.slots.valueIterator() };
    }

    /// The code to store, if the block gave the account code that it did not have before.
    pub fn newCode(self: *const Account) ?[]const u8 {
        if (!self.info.exists or !self.info.hasCode()) return null;
        if (self.before) |before| if (std.mem.eql(u8, &before.code_hash, &self.info.code_hash)) return null;
        // Code that was set is in memory.
        return self.info.code.?.bytes;
    }
};

pub const ChangedSlots = struct {
    slots: Slots.ValueIterator,

    pub fn next(self: *ChangedSlots) ?*const Slot {
        while (self.slots.next()) |slot| {
            if (slot.*.value != slot.*.before) return slot.*;
        }
        return null;
    }
};

/// A point to which `revert` goes back.
pub const Snapshot = struct { journal: usize, logs: usize, refund: i64 };

const Entry = union(enum) {
    info: struct { account: *Account, old: Info },
    slot: struct { slot: *Slot, old: u256 },
    transient: struct { key: TransientKey, old: u256 },
    warm_account: *Account,
    warm_slot: *Slot,
    touched: *Account,
    created: *Account,
    destroyed: *Account,
};

pub const State = struct {
    allocator: Allocator,
    source: Source,
    seed: u64,
    by_address: std.HashMapUnmanaged(Address, *Account, AddressContext, 80) = .empty,
    in_order: std.ArrayList(*Account) = .empty,
    codes: std.HashMapUnmanaged(Hash, *Code, HashContext, 80) = .empty,
    transient: std.HashMapUnmanaged(TransientKey, u256, TransientContext, 80) = .empty,
    journal: std.ArrayList(Entry) = .empty,
    destroyed: std.ArrayList(*Account) = .empty,
    touched: std.ArrayList(*Account) = .empty,
    /// Logs of the current transaction. Their bytes belong to `log_allocator`.
    logs: std.ArrayList(types.Log) = .empty,
    log_allocator: Allocator,
    /// Gas to be refunded, before the cap. It can be below zero for a while inside a call. Spec: EIP-2200
    refund: i64 = 0,
    /// Number of the current transaction, from 1. A mark with another number counts as not set.
    transaction: u32 = 1,

    pub fn init(allocator: Allocator, source: Source, seed: u64) State {
        return .{ .allocator = allocator, .source = source, .seed = seed, .log_allocator = allocator };
    }

    // Reading.

    /// The account, read from the source if it has not been.
    pub fn account(self: *State, address: Address) Error!*Account {
        const found = try self.unread(address);
        if (!found.loaded) try self.load(found);
        return found;
    }

    /// The account of which nothing but the address may be known yet.
    pub fn unread(self: *State, address: Address) Error!*Account {
        const place = try self.by_address.getOrPutContext(self.allocator, address, .{ .seed = self.seed });
        if (!place.found_existing) {
            // Should the allocation fail the block is lost anyway.
            const new = try self.allocator.create(Account);
            new.* = .{ .address = address };
            place.value_ptr.* = new;
            try self.in_order.append(self.allocator, new);
        }
        return place.value_ptr.*;
    }

    pub fn load(self: *State, found: *Account) Error!void {
        if (found.loaded) return;
        if (try self.source.vtable.account(self.source.context, &found.address)) |data| {
            found.before = data;
            found.info = .{ .exists = true, .nonce = data.nonce, .balance = data.balance, .code_hash = data.code_hash };
        }
        found.loaded = true;
    }

    pub fn accounts(self: *const State) []const *Account {
        return self.in_order.items;
    }

    /// The account's code.
    pub fn codeOf(self: *State, owner: *Account) Error!*Code {
        if (owner.info.code) |code| return code;
        const code = try self.codeByHash(&owner.info.code_hash);
        owner.info.code = code;
        return code;
    }

    fn codeByHash(self: *State, hash: *const Hash) Error!*Code {
        const place = try self.codes.getOrPutContext(self.allocator, hash.*, .{ .seed = self.seed });
        if (place.found_existing) return place.value_ptr.*;
        errdefer self.codes.removeByPtr(place.key_ptr);
        const code = try self.allocator.create(Code);
        code.* = if (std.mem.eql(u8, hash, &types.empty_code_hash))
            .empty
        else
            try Code.init(self.allocator, try self.source.vtable.code(self.source.context, hash));
        place.value_ptr.* = code;
        return code;
    }

    /// Whether the account's storage holds anything. Spec: EIP-7610
    pub fn hasStorage(self: *State, owner: *const Account) bool {
        _ = self;
        if (!std.mem.eql(u8, &owner.storageRoot(), &types.empty_trie_root)) return true;
        var slots = owner.slots.valueIterator();
        while (slots.next()) |found| if (found.*.value != 0) return true;
        return false;
    }

    /// The slot, read from the source if it has not been. The owner is loaded.
    pub fn slot(self: *State, owner: *Account, key: u256) Error!*Slot {
        const found = try self.unreadSlot(owner, key);
        if (!found.loaded) {
            const root = owner.storageRoot();
            if (!std.mem.eql(u8, &root, &types.empty_trie_root)) {
                found.before = try self.source.vtable.storage(self.source.context, &owner.address, &root, key);
            }
            found.value = found.before;
            found.loaded = true;
        }
        if (found.seen != self.transaction) {
            found.seen = self.transaction;
            found.original = found.value;
        }
        return found;
    }

    fn unreadSlot(self: *State, owner: *Account, key: u256) Error!*Slot {
        const place = try owner.slots.getOrPutContext(self.allocator, key, .{ .seed = self.seed });
        if (!place.found_existing) {
            const new = try self.allocator.create(Slot);
            new.* = .{ .key = key };
            place.value_ptr.* = new;
        }
        return place.value_ptr.*;
    }

    pub fn blockHash(self: *State, number: u64) Error!Hash {
        return self.source.vtable.block_hash(self.source.context, number);
    }

    // Writing. Every change goes through the journal.

    fn note(self: *State, entry: Entry) Error!void {
        try self.journal.append(self.allocator, entry);
    }

    fn change(self: *State, owner: *Account) Error!*Info {
        std.debug.assert(owner.loaded);
        try self.note(.{ .info = .{ .account = owner, .old = owner.info } });
        owner.written = true;
        return &owner.info;
    }

    /// Adds `amount` wei and touches the account, which exists from then on. A balance is a word and wraps like one, as op-geth's does:
    /// only mints that exceed all ether by far get there.
    pub fn addBalance(self: *State, owner: *Account, amount: u256) Error!void {
        try self.touch(owner);
        if (amount == 0 and owner.info.exists) return;
        const info = try self.change(owner);
        info.exists = true;
        info.balance +%= amount;
    }

    /// Takes `amount` wei. The caller has checked that they are there.
    pub fn subtractBalance(self: *State, owner: *Account, amount: u256) Error!void {
        try self.touch(owner);
        if (amount == 0) return;
        const info = try self.change(owner);
        info.balance -= amount;
    }

    pub fn setBalance(self: *State, owner: *Account, amount: u256) Error!void {
        const info = try self.change(owner);
        info.exists = true;
        info.balance = amount;
    }

    /// Moves `amount` wei, both accounts touched. The caller has checked that they are there.
    pub fn transfer(self: *State, from: *Account, to: *Account, amount: u256) Error!void {
        try self.subtractBalance(from, amount);
        try self.addBalance(to, amount);
    }

    pub fn setNonce(self: *State, owner: *Account, nonce: u64) Error!void {
        const info = try self.change(owner);
        info.exists = true;
        info.nonce = nonce;
    }

    /// Gives the account this code. The bytes are copied.
    pub fn setCode(self: *State, owner: *Account, bytes: []const u8) Error!void {
        const hash = if (bytes.len == 0) types.empty_code_hash else keccak256(bytes);
        const place = try self.codes.getOrPutContext(self.allocator, hash, .{ .seed = self.seed });
        if (!place.found_existing) {
            const code = try self.allocator.create(Code);
            code.* = if (bytes.len == 0) .empty else try Code.init(self.allocator, bytes);
            place.value_ptr.* = code;
        }
        const info = try self.change(owner);
        info.exists = true;
        info.code_hash = hash;
        info.code = place.value_ptr.*;
    }

    /// Notes that the transaction has created this account as a contract.
    pub fn markCreated(self: *State, owner: *Account) Error!void {
        if (owner.created == self.transaction) return;
        owner.created = self.transaction;
        try self.note(.{ .created = owner });
    }

    pub fn isCreated(self: *const State, owner: *const Account) bool {
        return owner.created == self.transaction;
    }

    /// Notes that the account is to be deleted when the transaction ends.
    pub fn markDestroyed(self: *State, owner: *Account) Error!void {
        if (owner.destroyed == self.transaction) return;
        owner.destroyed = self.transaction;
        try self.destroyed.append(self.allocator, owner);
        try self.note(.{ .destroyed = owner });
    }

    pub fn isDestroyed(self: *const State, owner: *const Account) bool {
        return owner.destroyed == self.transaction;
    }

    /// Notes that the account is to be deleted when the transaction ends, if it is empty then. Spec: EIP-161
    pub fn touch(self: *State, owner: *Account) Error!void {
        if (owner.touched == self.transaction) return;
        owner.touched = self.transaction;
        try self.touched.append(self.allocator, owner);
        try self.note(.{ .touched = owner });
    }

    /// Puts the account into the access set; true if it was not there. Spec: EIP-2929
    pub fn warm(self: *State, owner: *Account) Error!bool {
        if (owner.warm == self.transaction) return false;
        owner.warm = self.transaction;
        try self.note(.{ .warm_account = owner });
        return true;
    }

    pub fn warmAddress(self: *State, address: Address) Error!void {
        _ = try self.warm(try self.unread(address));
    }

    pub fn warmSlot(self: *State, found: *Slot) Error!bool {
        if (found.warm == self.transaction) return false;
        found.warm = self.transaction;
        try self.note(.{ .warm_slot = found });
        return true;
    }

    /// The slot in the access set, without reading it, and whether it was not there before.
    pub fn warmKey(self: *State, owner: *Account, key: u256) Error!struct { slot: *Slot, cold: bool } {
        const found = try self.unreadSlot(owner, key);
        return .{ .slot = found, .cold = try self.warmSlot(found) };
    }

    /// The slot belongs to `owner` and was read.
    pub fn setSlot(self: *State, owner: *Account, found: *Slot, value: u256) Error!void {
        try self.note(.{ .slot = .{ .slot = found, .old = found.value } });
        owner.written = true;
        found.value = value;
    }

    /// Spec: EIP-1153
    pub fn transientValue(self: *State, owner: *Account, key: u256) u256 {
        return self.transient.getContext(.{ .owner = owner, .key = key }, .{ .seed = self.seed }) orelse 0;
    }

    pub fn setTransient(self: *State, owner: *Account, key: u256, value: u256) Error!void {
        const full: TransientKey = .{ .owner = owner, .key = key };
        const place = try self.transient.getOrPutContext(self.allocator, full, .{ .seed = self.seed });
        const old = if (place.found_existing) place.value_ptr.* else 0;
        place.value_ptr.* = value;
        try self.note(.{ .transient = .{ .key = full, .old = old } });
    }

    /// Topics and data are copied.
    pub fn log(self: *State, address: Address, topics: []const Hash, data: []const u8) Error!void {
        try self.logs.append(self.allocator, .{
            .address = address,
            .topics = try self.log_allocator.dupe(Hash, topics),
            .data = try self.log_allocator.dupe(u8, data),
        });
    }

    // Going back, and the ends of transactions.

    pub fn snapshot(self: *const State) Snapshot {
        return .{ .journal = self.journal.items.len, .logs = self.logs.items.len, .refund = self.refund };
    }

    pub fn revert(self: *State, to: Snapshot) void {
        while (self.journal.items.len > to.journal) switch (self.journal.pop().?) {
            .info => |entry| entry.account.info = entry.old,
            .slot => |entry| entry.slot.value = entry.old,
            .transient => |entry| {
                // It was put there before the entry was written, so there is room for it.
                self.transient.putAssumeCapacityContext(entry.key, entry.old, .{ .seed = self.seed });
            },
            .warm_account => |owner| owner.warm = 0,
            .warm_slot => |entry| entry.warm = 0,
            // Block 2,675,119 of Ethereum deleted the empty account 3 in a call that ran out of gas, and that became the rule.
            .touched => |owner| if (types.addressToWord(owner.address) != 3) {
                owner.touched = 0;
            },
            .created => |owner| owner.created = 0,
            .destroyed => |owner| {
                owner.destroyed = 0;
                _ = self.destroyed.pop();
            },
        };
        self.logs.shrinkRetainingCapacity(to.logs);
        self.refund = to.refund;
    }

    /// Starts a transaction. Its logs' bytes are put into `log_allocator`, whose memory the caller may free when it has read them.
    pub fn beginTransaction(self: *State, log_allocator: Allocator) void {
        std.debug.assert(self.journal.items.len == 0);
        self.log_allocator = log_allocator;
        self.logs.clearRetainingCapacity();
        self.refund = 0;
    }

    /// Ends a transaction: what it destroyed and, since EIP-161, what it left empty is deleted. The logs stay until the next one begins.
    pub fn finishTransaction(self: *State, rules: fork.Rules) void {
        for (self.destroyed.items) |owner| delete(owner);
        if (rules.clearsEmptyAccounts()) {
            for (self.touched.items) |owner| {
                if (owner.touched == self.transaction and owner.info.exists and owner.info.isEmpty()) delete(owner);
            }
        }
        self.destroyed.clearRetainingCapacity();
        self.touched.clearRetainingCapacity();
        self.journal.clearRetainingCapacity();
        if (self.transient.count() > 0) self.transient.clearRetainingCapacity();
        self.transaction += 1;
    }

    fn delete(owner: *Account) void {
        owner.info = .{};
        owner.written = true;
        owner.storage_wiped = true;
        owner.slots.clearRetainingCapacity();
    }
};

// Keys of the hash tables are chosen by whoever sends transactions; without the seed, equal hashes could be prepared.

fn mix(a: u64, b: u64) u64 {
    const product = @as(u128, a) * b;
    return @as(u64, @truncate(product)) ^ @as(u64, @truncate(product >> 64));
}

fn mixWord(seed: u64, word: u256) u64 {
    // Every factor has a part of the seed, and no constant is simple: a factor of zero or of ones alone would wipe out the other.
    const turned = std.math.rotl(u64, seed, 32);
    const low = mix(limb(word, 0) ^ seed ^ 0x9e3779b97f4a7c15, limb(word, 1) ^ turned ^ 0xbf58476d1ce4e5b9);
    const high = mix(limb(word, 2) ^ seed ^ 0x94d049bb133111eb, limb(word, 3) ^ turned ^ 0xd6e8feb86659fd93);
    return mix(low ^ turned ^ 0xa0761d6478bd642f, high ^ seed ^ 0xe7037ed1a0b428db);
}

fn limb(word: u256, comptime index: usize) u64 {
    return @truncate(word >> (64 * index));
}

test "neighbouring keys are spread over the low bits, whatever the seed" {
    for ([_]u64{ 0, 1, 1 << 32, std.math.maxInt(u64) }) |seed| {
        for ([_]u8{ 0, 64, 128, 192 }) |shift| {
            var buckets: [256]u16 = @splat(0);
            for (0..4096) |i| buckets[mixWord(seed, @as(u256, i * 104) << shift) % 256] += 1;
            for (buckets) |count| try std.testing.expect(count < 50);
        }
    }
}

const AddressContext = struct {
    seed: u64,
    pub fn hash(self: AddressContext, key: Address) u64 {
        return mixWord(self.seed, std.mem.readInt(u160, &key, .little));
    }
    pub fn eql(_: AddressContext, a: Address, b: Address) bool {
        return std.mem.eql(u8, &a, &b);
    }
};

const HashContext = struct {
    seed: u64,
    pub fn hash(self: HashContext, key: Hash) u64 {
        return mixWord(self.seed, std.mem.readInt(u256, &key, .little));
    }
    pub fn eql(_: HashContext, a: Hash, b: Hash) bool {
        return std.mem.eql(u8, &a, &b);
    }
};

const WordContext = struct {
    seed: u64,
    pub fn hash(self: WordContext, key: u256) u64 {
        return mixWord(self.seed, key);
    }
    pub fn eql(_: WordContext, a: u256, b: u256) bool {
        return a == b;
    }
};

const Slots = std.HashMapUnmanaged(u256, *Slot, WordContext, 80);

const TransientKey = struct { owner: *Account, key: u256 };
const TransientContext = struct {
    seed: u64,
    pub fn hash(self: TransientContext, key: TransientKey) u64 {
        return mixWord(self.seed ^ std.mem.readInt(u64, key.owner.address[0..8], .little), key.key);
    }
    pub fn eql(_: TransientContext, a: TransientKey, b: TransientKey) bool {
        return a.owner == b.owner and a.key == b.key;
    }
};

//! The safe L2 chain: what is known of the agreed block and those before it by preimages, and of the blocks derived since.

const std = @import("std");
const config = @import("../config.zig");
const Header = @import("../types/header.zig").Header;
const transaction = @import("../types/transaction.zig");
const deposits = @import("deposits.zig");
const list_trie = @import("l1/list_trie.zig");
const oracle = @import("oracle.zig");
const upgrades = @import("upgrades.zig");
const platform = @import("../platform.zig").current;
const L1Info = @import("l1_info.zig").L1Info;
const L2BlockRef = @import("types.zig").L2BlockRef;

/// `ForeignBlock`: an L2 block that is not one of this rollup.
pub const Error = list_trie.Error || error{ForeignBlock};

/// A block with the system configuration that held in it.
pub const SafeBlock = struct {
    ref: L2BlockRef,
    system_config: config.SystemConfig,
};

/// What a block says of itself, by its header and its first transaction (null: it has none).
/// Spec: op derivation, "Resetting derivation stages".
pub fn describe(
    arena: std.mem.Allocator,
    rollup: *const config.RollupConfig,
    header: *const Header,
    hash: *const [32]u8,
    first_transaction: ?[]const u8,
) error{ ForeignBlock, OutOfMemory }!SafeBlock {
    if (header.number == rollup.genesis.l2.number) {
        if (!std.mem.eql(u8, hash, &rollup.genesis.l2.hash)) return error.ForeignBlock;
        return .{ .ref = refOf(header, hash, rollup.genesis.l1, 0), .system_config = rollup.genesis.system_config };
    }
    const info = try l1InfoOf(arena, first_transaction);
    var system: config.SystemConfig = .{
        .batcher = info.batcher,
        .overhead = info.overhead,
        .scalar = info.scalar,
        .gas_limit = header.gas_limit,
        .eip1559_params = @splat(0),
        .operator_fee_scalar = info.operator_fee_scalar,
        .operator_fee_constant = info.operator_fee_constant,
        .min_base_fee = 0,
        .da_footprint_gas_scalar = info.da_footprint_gas_scalar,
    };
    if (!rollup.keep_karst_upgrade_gas) {
        system.gas_limit = std.math.sub(u64, header.gas_limit, try upgrades.gasOnTop(arena, rollup, header.timestamp)) catch
            return error.ForeignBlock;
    }
    const extra = header.extra_data;
    if (rollup.isActive(.jovian, header.timestamp)) {
        if (extra.len != 17 or extra[0] != 1) return error.ForeignBlock;
        system.min_base_fee = std.mem.readInt(u64, extra[9..17], .big);
    } else if (rollup.isActive(.holocene, header.timestamp)) {
        if (extra.len != 9 or extra[0] != 0) return error.ForeignBlock;
    }
    if (rollup.isActive(.holocene, header.timestamp)) system.eip1559_params = extra[1..9].*;
    return .{ .ref = refOf(header, hash, info.l1_origin, info.sequence_number), .system_config = system };
}

fn l1InfoOf(arena: std.mem.Allocator, first_transaction: ?[]const u8) error{ ForeignBlock, OutOfMemory }!L1Info {
    const raw = first_transaction orelse return error.ForeignBlock;
    const decoded = transaction.Transaction.decode(arena, raw) catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidTransactionEncoding => return error.ForeignBlock,
    };
    if (decoded.deposit == null) return error.ForeignBlock;
    return L1Info.decode(decoded.data) orelse error.ForeignBlock;
}

fn refOf(header: *const Header, hash: *const [32]u8, l1_origin: config.BlockId, sequence_number: u64) L2BlockRef {
    return .{
        .hash = hash.*,
        .number = header.number,
        .parent_hash = header.parent_hash,
        .timestamp = header.timestamp,
        .l1_origin = l1_origin,
        .sequence_number = sequence_number,
    };
}

/// Commits to a block's transactions other than deposits.
pub const Digest = [32]u8;

pub fn digestOf(user_transactions: []const []const u8) Digest {
    // Each is hashed by itself, so where one ends and the next begins matters.
    var digest: Digest = @splat(0);
    for (user_transactions) |raw| digest = platform.keccak256(&(digest ++ platform.keccak256(raw)));
    return digest;
}

pub const Chain = struct {
    gpa: std.mem.Allocator,
    source: *oracle.Oracle,
    rollup: *const config.RollupConfig,
    agreed_number: u64,
    /// Hashes of the agreed block and of those below it, as far as they were walked.
    hashes: std.ArrayList([32]u8) = .empty,
    derived: std.ArrayList(Derived) = .empty,

    const Derived = struct { ref: L2BlockRef, digest: Digest };

    /// The chain that ends in the agreed block, and that block. `arena` is for scratch.
    pub fn init(
        gpa: std.mem.Allocator,
        arena: std.mem.Allocator,
        source: *oracle.Oracle,
        rollup: *const config.RollupConfig,
        agreed: *const [32]u8,
    ) Error!struct { Chain, SafeBlock } {
        var self: Chain = .{ .gpa = gpa, .source = source, .rollup = rollup, .agreed_number = 0 };
        const block = try self.read(arena, agreed);
        if (block.ref.number < rollup.genesis.l2.number) return error.ForeignBlock;
        self.agreed_number = block.ref.number;
        try self.hashes.append(gpa, agreed.*);
        return .{ self, block };
    }

    pub fn deinit(self: *Chain) void {
        self.hashes.deinit(self.gpa);
        self.derived.deinit(self.gpa);
    }

    /// Take in the next block; `digest` commits to its transactions other than deposits.
    pub fn append(self: *Chain, ref: L2BlockRef, digest: Digest) error{OutOfMemory}!void {
        try self.derived.append(self.gpa, .{ .ref = ref, .digest = digest });
    }

    /// Forget the blocks above this number, which is not below the agreed block's.
    pub fn truncate(self: *Chain, number: u64) void {
        self.derived.shrinkRetainingCapacity(@intCast(number - self.agreed_number));
    }

    /// The safe block of this number, or null when there is none of this rollup. `arena` is for scratch.
    pub fn at(self: *Chain, arena: std.mem.Allocator, number: u64) Error!?L2BlockRef {
        if (number > self.agreed_number) {
            const index = number - self.agreed_number - 1;
            return if (index < self.derived.items.len) self.derived.items[@intCast(index)].ref else null;
        }
        if (number < self.rollup.genesis.l2.number) return null;
        return (try self.blockAt(arena, number)).ref;
    }

    /// The agreed block or one below it, not below genesis, with its system configuration.
    pub fn blockAt(self: *Chain, arena: std.mem.Allocator, number: u64) Error!SafeBlock {
        return self.read(arena, &try self.hashAt(arena, number));
    }

    /// What the safe block of this number commits to.
    pub fn digestAt(self: *Chain, arena: std.mem.Allocator, number: u64) Error!Digest {
        if (number > self.agreed_number) return self.derived.items[@intCast(number - self.agreed_number - 1)].digest;
        const hash = try self.hashAt(arena, number);
        const header = try self.headerOf(arena, &hash);
        self.source.hint("l2-transactions", &.{&hash});
        const all = try list_trie.read(self.source, arena, &header.transactions_root);
        var deposit_count: usize = 0;
        while (deposit_count < all.len and all[deposit_count].len > 0 and all[deposit_count][0] == deposits.transaction_type) deposit_count += 1;
        return digestOf(all[deposit_count..]);
    }

    fn hashAt(self: *Chain, arena: std.mem.Allocator, number: u64) Error![32]u8 {
        const depth: usize = @intCast(self.agreed_number - number);
        while (self.hashes.items.len <= depth) {
            const header = try self.headerOf(arena, &self.hashes.items[self.hashes.items.len - 1]);
            try self.hashes.append(self.gpa, header.parent_hash);
        }
        return self.hashes.items[depth];
    }

    fn read(self: *Chain, arena: std.mem.Allocator, hash: *const [32]u8) Error!SafeBlock {
        const header = try self.headerOf(arena, hash);
        self.source.hint("l2-transactions", &.{hash});
        const first = try list_trie.readFirst(self.source, arena, &header.transactions_root);
        return describe(arena, self.rollup, &header, hash, first);
    }

    fn headerOf(self: *Chain, arena: std.mem.Allocator, hash: *const [32]u8) Error!Header {
        self.source.hint("l2-block-header", &.{hash});
        return Header.decode(try self.source.keccak256(hash, arena)) catch return error.CorruptData;
    }
};

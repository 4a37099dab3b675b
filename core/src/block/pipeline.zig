//! One L2 block: begin, add transactions, seal. Building, deriving and importing all go this way.
//!
//! Doors: `BlockBuilder.begin`, `add`, `seal`; `execute` for a block whose transactions are all known; `outputRoot`.
//! An error other than a verdict means that a part of the state could not be read: the block cannot be finished by anyone.
//! Spec: op exec-engine; op proposals, "L2 Output Commitment Construction".

const std = @import("std");
const rlp = @import("../rlp.zig");
const config = @import("../config.zig");
const evm = @import("../evm/types.zig");
const fork = @import("../evm/fork.zig");
const message = @import("../evm/message.zig");
const State = @import("../evm/state.zig").State;
const ordered = @import("../trie/ordered.zig");
const store = @import("../trie/store.zig");
const trie = @import("../trie/trie.zig");
const header_file = @import("../types/header.zig");
const receipt_file = @import("../types/receipt.zig");
const Transaction = @import("../types/transaction.zig").Transaction;
const keccak256 = @import("../platform.zig").current.keccak256;
const Ancestors = @import("ancestors.zig").Ancestors;
const L1Info = @import("attributes.zig").L1Info;
const base_fee = @import("base_fee.zig");
const deposit = @import("deposit.zig");
const fastlz = @import("fastlz.zig");
const fees = @import("fees.zig");
const predeploys = @import("predeploys.zig");
const signed = @import("signed.zig");
const system = @import("system.zig");
const trie_state = @import("trie_state.zig");
const validity = @import("validity.zig");
const Allocator = std.mem.Allocator;
const Hash = evm.Hash;
const Header = header_file.Header;
pub const Receipt = receipt_file.Receipt;
pub const Reason = validity.Reason;

/// What neither the parent nor the transactions settle about a block. Times in seconds.
/// Spec: op exec-engine, "Extended PayloadAttributes".
pub const Attributes = struct {
    timestamp: u64,
    fee_recipient: evm.Address,
    prev_randao: Hash,
    gas_limit: u64,
    /// Since Ecotone.
    parent_beacon_block_root: ?Hash = null,
    /// Since Holocene.
    eip1559_params: ?[8]u8 = null,
    /// Since Jovian.
    min_base_fee: ?u64 = null,
};

/// Attributes or a parent that no block can follow from.
pub const BeginError = evm.Error || error{InvalidAttributes};

/// Where the bytes of state, code and headers come from.
pub const Sources = struct {
    nodes: *store.Store,
    codes: *store.Store,
    headers: *store.Store,
};

/// What became of a transaction that was to be added.
pub const Verdict = union(enum) { included: *const Receipt, invalid: Reason };

/// What the header says about the lists of transactions and receipts.
pub const Lists = struct { transactions_root: Hash, receipts_root: Hash, bloom: header_file.Bloom };

pub const Sealed = struct {
    header: Header,
    encoded_header: []const u8,
    hash: Hash,
    receipts: []const Receipt,
    update: trie_state.Update,
};

pub const MAX_GAS_LIMIT = std.math.maxInt(i64);

pub const BlockBuilder = struct {
    /// Memory for the block; everything that comes out lives in it.
    arena: Allocator,
    rules: fork.Rules,
    parent_rules: fork.Rules,
    attributes: Attributes,
    parent_hash: Hash,
    environment: evm.Environment,
    extra_data: [17]u8,
    extra_data_size: usize,
    ancestors: Ancestors,
    tries: trie_state.TrieState,
    state: State,
    machine: message.Machine,
    l1_info: ?L1Info = null,
    transactions: std.ArrayList([]const u8) = .empty,
    receipts: std.ArrayList(Receipt) = .empty,
    gas_used: u64 = 0,
    da_footprint: u64 = 0,
    fastlz_table: fastlz.Table,

    /// A block on `parent` in which what the protocol does at its start has happened. It is large and must not move.
    pub fn begin(
        self: *BlockBuilder,
        arena: Allocator,
        rollup: *const config.RollupConfig,
        sources: Sources,
        parent: *const Header,
        parent_hash: *const Hash,
        attributes: *const Attributes,
    ) BeginError!void {
        try self.init(arena, rollup, sources, parent, parent_hash, attributes);
        try self.start();
    }

    /// The first half of `begin`: nothing of the state is read yet.
    pub fn init(
        self: *BlockBuilder,
        arena: Allocator,
        rollup: *const config.RollupConfig,
        sources: Sources,
        parent: *const Header,
        parent_hash: *const Hash,
        attributes: *const Attributes,
    ) BeginError!void {
        const time = attributes.timestamp;
        if (time <= parent.timestamp or attributes.gas_limit > MAX_GAS_LIMIT) return error.InvalidAttributes;
        if (parent.number == std.math.maxInt(u64)) return error.InvalidAttributes;
        if (rollup.isActive(.ecotone, time) != (attributes.parent_beacon_block_root != null)) return error.InvalidAttributes;
        self.* = .{
            .arena = arena,
            .rules = .rollup(rollup.forkAt(time), rollup.l2_chain_id),
            .parent_rules = undefined,
            .attributes = attributes.*,
            .parent_hash = parent_hash.*,
            .environment = .{
                .number = parent.number + 1,
                .timestamp = time,
                .coinbase = attributes.fee_recipient,
                .gas_limit = attributes.gas_limit,
                .base_fee = base_fee.next(rollup, parent, time) catch return error.InvalidAttributes,
                .prev_randao = attributes.prev_randao,
            },
            .extra_data = undefined,
            .extra_data_size = undefined,
            .ancestors = .init(sources.headers, parent, parent_hash),
            .tries = try .init(arena, sources.nodes, sources.codes, &self.ancestors, &parent.state_root),
            .state = .init(arena, self.tries.source(), std.mem.readInt(u64, parent_hash[0..8], .little)),
            .machine = .init(arena, &self.state, &self.environment, .rollup(rollup.forkAt(time), rollup.l2_chain_id)),
            .fastlz_table = undefined,
        };
        const extra = base_fee.extraData(rollup, time, attributes.eip1559_params, attributes.min_base_fee, &self.extra_data) catch
            return error.InvalidAttributes;
        self.extra_data_size = extra.len;
        self.fastlz_table.init();
        self.parent_rules = .rollup(rollup.forkAt(parent.timestamp), rollup.l2_chain_id);
    }

    /// The second half of `begin`.
    pub fn start(self: *BlockBuilder) evm.Error!void {
        try system.activate(&self.state, self.rules, self.parent_rules);
        const beacon_root = if (self.attributes.parent_beacon_block_root) |*root| root else null;
        try system.begin(&self.machine, &self.parent_hash, beacon_root);
    }

    /// Execute a transaction at the end of the block, or leave the block as it is. A known sender is believed.
    /// The transaction's bytes must live as long as the block.
    pub fn add(self: *BlockBuilder, transaction: *const Transaction, known_sender: ?evm.Address) evm.Error!Verdict {
        if (transaction.deposit == null) return self.addSigned(transaction, known_sender);
        if (!deposit.isUnmetered(&self.machine, transaction) and transaction.gas_limit > self.gasLeft()) {
            return .{ .invalid = .block_gas_exceeded };
        }
        // What is not counted must be countable.
        if (transaction.gas_limit > MAX_GAS_LIMIT) return .{ .invalid = .block_gas_exceeded };
        self.state.beginTransaction(self.arena);
        const outcome = try deposit.execute(&self.machine, transaction);
        const receipt = try self.record(transaction, outcome.succeeded, outcome.gas_used, outcome.logs, outcome.created);
        if (self.rules.opSince(.regolith)) receipt.deposit_nonce = outcome.nonce;
        if (self.rules.opSince(.canyon)) receipt.deposit_version = receipt_file.CANYON_VERSION;
        self.state.finishTransaction(self.rules);
        return .{ .included = receipt };
    }

    fn addSigned(self: *BlockBuilder, transaction: *const Transaction, known_sender: ?evm.Address) evm.Error!Verdict {
        if (validity.checkForm(transaction, self.rules)) |reason| return .{ .invalid = reason };
        const address = known_sender orelse try transaction.sender(self.arena) orelse return .{ .invalid = .invalid_signature };
        if (validity.checkFields(transaction, self.rules)) |reason| return .{ .invalid = reason };
        if (transaction.gas_limit > self.gasLeft()) return .{ .invalid = .block_gas_exceeded };

        if (self.l1_info == null) self.l1_info = try L1Info.read(&self.state, self.rules.op.?);
        const info = &self.l1_info.?;
        const charges = fees.charges(info, transaction.raw, &self.fastlz_table);
        const footprint = self.da_footprint + charges.da_footprint;
        if (footprint > self.attributes.gas_limit) return .{ .invalid = .da_footprint_exceeded };

        const sender = try self.state.account(address);
        const is_contract = sender.info.hasCode() and (try self.state.codeOf(sender)).delegate() == null;
        if (validity.checkState(transaction, &.{
            .sender_nonce = sender.info.nonce,
            .sender_balance = sender.info.balance,
            .sender_is_contract = is_contract,
            .base_fee = self.environment.base_fee,
            .blob_base_fee = self.environment.blob_base_fee,
            .l1_fee = charges.l1_fee,
            .operator_fee = fees.operatorFee(info, transaction.gas_limit),
        })) |reason| return .{ .invalid = reason };

        self.state.beginTransaction(self.arena);
        const result = try signed.execute(&self.machine, transaction, sender, .{ .info = info, .l1_fee = charges.l1_fee.? });
        const receipt = try self.record(transaction, result.success, result.gas_used, result.logs, result.created);
        self.state.finishTransaction(self.rules);
        self.da_footprint = footprint;
        return .{ .included = receipt };
    }

    fn gasLeft(self: *const BlockBuilder) u64 {
        return self.attributes.gas_limit - self.gas_used;
    }

    fn record(
        self: *BlockBuilder,
        transaction: *const Transaction,
        succeeded: bool,
        gas_used: u64,
        logs: []const evm.Log,
        created: ?evm.Address,
    ) error{OutOfMemory}!*Receipt {
        self.gas_used += gas_used;
        try self.transactions.append(self.arena, transaction.raw);
        const receipt = try self.receipts.addOne(self.arena);
        receipt.* = .{
            .type = transaction.type,
            .succeeded = succeeded,
            .gas_used = gas_used,
            .cumulative_gas_used = self.gas_used,
            .logs = try self.arena.dupe(evm.Log, logs),
            .bloom = receipt_file.bloomOf(logs),
            .created = created,
        };
        return receipt;
    }

    /// Finish the block. The builder must not be used afterwards.
    pub fn seal(self: *BlockBuilder) evm.Error!Sealed {
        const update = try self.tries.apply(&self.state);
        return self.finish(&update, &try self.lists(self.arena));
    }

    /// What is hashed beside the state. Only the transactions and receipts are read, so another thread may do it meanwhile.
    pub fn lists(self: *const BlockBuilder, arena: Allocator) error{OutOfMemory}!Lists {
        var bloom: header_file.Bloom = @splat(0);
        for (self.receipts.items) |*receipt| receipt_file.merge(&bloom, &receipt.bloom);
        var encoder = rlp.Encoder.init(arena);
        defer encoder.deinit();
        return .{
            .transactions_root = try ordered.root(self.transactions.items.len, Raw{ .transactions = self.transactions.items }),
            .receipts_root = try ordered.root(self.receipts.items.len, Encoded{ .receipts = self.receipts.items, .encoder = &encoder }),
            .bloom = bloom,
        };
    }

    /// The end of `seal`: the header.
    pub fn finish(self: *BlockBuilder, update: *const trie_state.Update, of_lists: *const Lists) evm.Error!Sealed {
        const cancun = self.rules.since(.cancun);
        const header = Header{
            .parent_hash = self.parent_hash,
            .fee_recipient = self.attributes.fee_recipient,
            .state_root = update.state_root,
            .transactions_root = of_lists.transactions_root,
            .receipts_root = of_lists.receipts_root,
            .logs_bloom = of_lists.bloom,
            .number = self.environment.number,
            .gas_limit = self.attributes.gas_limit,
            .gas_used = self.gas_used,
            .timestamp = self.attributes.timestamp,
            .extra_data = self.extra_data[0..self.extra_data_size],
            .prev_randao = self.attributes.prev_randao,
            .base_fee = self.environment.base_fee,
            .withdrawals_root = try self.withdrawalsRoot(),
            .blob_gas_used = if (cancun) self.da_footprint else null,
            .excess_blob_gas = if (cancun) 0 else null,
            .parent_beacon_block_root = self.attributes.parent_beacon_block_root,
            .requests_hash = if (self.rules.since(.prague)) header_file.EMPTY_REQUESTS else null,
        };
        var encoder = rlp.Encoder.init(self.arena);
        try header.encode(&encoder);
        return .{
            .header = header,
            .encoded_header = encoder.written(),
            .hash = keccak256(encoder.written()),
            .receipts = self.receipts.items,
            .update = update.*,
        };
    }

    /// Spec: EIP-4895; op isthmus exec-engine, "Header Withdrawals Root".
    fn withdrawalsRoot(self: *BlockBuilder) evm.Error!?Hash {
        if (!self.rules.since(.shanghai)) return null;
        if (!self.rules.opSince(.isthmus)) return trie.EMPTY_ROOT;
        return try self.messagePasserRoot();
    }

    /// The storage root of L2ToL1MessagePasser after the block.
    fn messagePasserRoot(self: *BlockBuilder) evm.Error!Hash {
        const account = try self.tries.account(&predeploys.L2_TO_L1_MESSAGE_PASSER) orelse return trie.EMPTY_ROOT;
        return account.storage_root;
    }

    /// The output root after the sealed block. Spec: op proposals, "L2 Output Commitment Construction".
    pub fn outputRoot(self: *BlockBuilder, sealed: *const Sealed) evm.Error!Hash {
        const passer = if (self.rules.opSince(.isthmus)) sealed.header.withdrawals_root.? else try self.messagePasserRoot();
        return outputRootOf(&sealed.header.state_root, &passer, &sealed.hash);
    }
};

/// Version 0. Spec: op proposals, "L2 Output Commitment Construction".
pub fn outputRootOf(state_root: *const Hash, message_passer_root: *const Hash, block_hash: *const Hash) Hash {
    const version: Hash = @splat(0);
    return keccak256(&(version ++ state_root.* ++ message_passer_root.* ++ block_hash.*));
}

pub const ExecuteError = BeginError || error{InvalidTransaction};

/// The block with exactly these transactions; none when one of them cannot be in it.
pub fn execute(
    builder: *BlockBuilder,
    arena: Allocator,
    rollup: *const config.RollupConfig,
    sources: Sources,
    parent: *const Header,
    parent_hash: *const Hash,
    attributes: *const Attributes,
    transactions: []const []const u8,
) ExecuteError!Sealed {
    try builder.begin(arena, rollup, sources, parent, parent_hash, attributes);
    for (transactions) |raw| {
        const transaction = Transaction.decode(arena, raw) catch |failure| switch (failure) {
            error.InvalidTransactionEncoding => return error.InvalidTransaction,
            error.OutOfMemory => return error.OutOfMemory,
        };
        switch (try builder.add(&transaction, null)) {
            .included => {},
            .invalid => return error.InvalidTransaction,
        }
    }
    return builder.seal();
}

const Raw = struct {
    transactions: []const []const u8,

    pub fn value(self: Raw, index: usize) error{OutOfMemory}![]const u8 {
        return self.transactions[index];
    }
};

const Encoded = struct {
    receipts: []const Receipt,
    encoder: *rlp.Encoder,

    pub fn value(self: Encoded, index: usize) error{OutOfMemory}![]const u8 {
        self.encoder.clear();
        try self.receipts[index].encode(self.encoder, .committed);
        return self.encoder.written();
    }
};

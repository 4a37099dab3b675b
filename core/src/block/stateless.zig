//! A block executed from nothing but its witness.
//!
//! The task is one canonical RLP list:
//!
//!     [config, parent, attributes, transactions, expected_hash]
//!     config        the chain's configuration as `config.zig` describes it
//!     parent        the parent's header
//!     attributes  = [timestamp, fee_recipient, prev_randao, gas_limit, parent_beacon_block_root, eip1559_params, min_base_fee]
//!     transactions = [raw, ...] as byte strings, deposits included
//!     expected_hash the hash the block should have, 32 bytes
//!
//! In the attributes `parent_beacon_block_root` has 32 bytes or none, `eip1559_params` 8 or none, and `min_base_fee` is `[wei]` or `[]`.
//! State nodes, code and ancestors' headers are found by their keccak256.

const std = @import("std");
const rlp = @import("../rlp.zig");
const config = @import("../config.zig");
const evm = @import("../evm/types.zig");
const store = @import("../trie/store.zig");
const Header = @import("../types/header.zig").Header;
const keccak256 = @import("../platform.zig").current.keccak256;
const pipeline = @import("pipeline.zig");
const Allocator = std.mem.Allocator;

pub const Error = pipeline.ExecuteError || error{ InvalidTask, InvalidConfig };

pub const Task = struct {
    rollup: config.RollupConfig,
    parent: Header,
    parent_hash: evm.Hash,
    attributes: pipeline.Attributes,
    transactions: []const []const u8,
    expected_hash: evm.Hash,

    pub fn decode(arena: Allocator, encoded: []const u8) (error{ InvalidTask, OutOfMemory } || config.Error)!Task {
        return decodeFields(arena, encoded) catch |failure| switch (failure) {
            error.InvalidRlp => error.InvalidTask,
            else => |other| other,
        };
    }

    fn decodeFields(arena: Allocator, encoded: []const u8) (rlp.Error || error{OutOfMemory} || config.Error)!Task {
        var fields = try rlp.decodeList(encoded);
        const configuration = try config.Config.decode((try fields.next()).raw);
        const parent = (try fields.next()).raw;
        const attributes = try decodeAttributes(try fields.list());
        const transactions = try decodeTransactions(arena, try fields.list());
        const expected_hash = try fields.fixed(32);
        try fields.end();
        return .{
            .rollup = configuration.rollup,
            .parent = try Header.decode(parent),
            .parent_hash = keccak256(parent),
            .attributes = attributes,
            .transactions = transactions,
            .expected_hash = expected_hash,
        };
    }

    /// The block. `witness` holds everything that can be found by its hash.
    pub fn execute(self: *const Task, arena: Allocator, witness: *store.Store) Error!pipeline.Sealed {
        const builder = try arena.create(pipeline.BlockBuilder);
        const sources = pipeline.Sources{ .nodes = witness, .codes = witness, .headers = witness };
        return pipeline.execute(
            builder,
            arena,
            &self.rollup,
            sources,
            &self.parent,
            &self.parent_hash,
            &self.attributes,
            self.transactions,
        );
    }
};

pub fn decodeAttributes(list: rlp.Cursor) rlp.Error!pipeline.Attributes {
    var fields = list;
    const attributes = pipeline.Attributes{
        .timestamp = try fields.int(u64),
        .fee_recipient = try fields.fixed(20),
        .prev_randao = try fields.fixed(32),
        .gas_limit = try fields.int(u64),
        .parent_beacon_block_root = try fields.optionalFixed(32),
        .eip1559_params = try fields.optionalFixed(8),
        .min_base_fee = try optionalInt(try fields.list()),
    };
    try fields.end();
    return attributes;
}

fn optionalInt(list: rlp.Cursor) rlp.Error!?u64 {
    var fields = list;
    if (fields.isEmpty()) return null;
    const value = try fields.int(u64);
    try fields.end();
    return value;
}

fn decodeTransactions(arena: Allocator, list: rlp.Cursor) (rlp.Error || error{OutOfMemory})![]const []const u8 {
    var rest = list;
    const transactions = try arena.alloc([]const u8, try rest.count());
    for (transactions) |*raw| raw.* = try rest.bytes();
    return transactions;
}

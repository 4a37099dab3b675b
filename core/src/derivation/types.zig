//! What derivation speaks of: references to L1 and L2 blocks, and what becomes the next L2 block.

const config = @import("../config.zig");

pub const BlockId = config.BlockId;

/// An L1 block as derivation refers to it; `timestamp` in seconds.
pub const L1BlockRef = struct {
    hash: [32]u8,
    number: u64,
    parent_hash: [32]u8,
    timestamp: u64,
};

/// An L2 block with the L1 block it belongs to (its origin) and its position in that epoch, from 0.
pub const L2BlockRef = struct {
    hash: [32]u8,
    number: u64,
    parent_hash: [32]u8,
    timestamp: u64,
    l1_origin: BlockId,
    sequence_number: u64,
};

/// All that determines the next L2 block. Transactions are canonical bytes (EIP-2718), deposits first; those alone make the block.
/// Spec: op derivation, "Building Individual Payload Attributes".
pub const Attributes = struct {
    parent: L2BlockRef,
    l1_origin: BlockId,
    timestamp: u64,
    prev_randao: [32]u8,
    transactions: []const []const u8,
    /// How many of `transactions`, from the first on, are deposits.
    deposit_count: usize,
    gas_limit: u64,
    /// Since Canyon.
    with_withdrawals: bool,
    /// Since Ecotone.
    parent_beacon_block_root: ?[32]u8,
    /// Since Holocene.
    eip1559_params: ?[8]u8,
    /// Since Jovian.
    min_base_fee: ?u64,
    /// The last block of its batch: after it, another batch is needed.
    is_last_in_span: bool,
    /// The L1 block whose data made it known.
    derived_from: L1BlockRef,
};

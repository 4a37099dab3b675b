//! Payload attributes of the next L2 block, as far as L1 determines them.
//!
//! Spec: op derivation, "Deriving Payload Attributes".

const std = @import("std");
const evm = @import("../evm/types.zig");
const config = @import("../config.zig");
const chain = @import("l1/chain.zig");
const deposits = @import("deposits.zig");
const l1_info = @import("l1_info.zig");
const l2_chain = @import("l2_chain.zig");
const system_config = @import("system_config.zig");
const types = @import("types.zig");
const upgrades = @import("upgrades.zig");

/// `OriginMismatch`: the batch's L1 origin does not fit the block it builds on.
pub const Error = chain.Error || error{ InvalidDeposit, InvalidSystemConfig, OriginMismatch };

/// SequencerFeeVault.
pub const fee_recipient = evm.wordToAddress(0x4200000000000000000000000000000000000011);

/// The block after `parent` with L1 origin `epoch` and these transactions of its batch. All of it lives in the arena, save what `batch_transactions`
/// points to.
pub fn prepare(
    arena: std.mem.Allocator,
    configuration: *const config.Config,
    l1: *chain.Chain,
    parent: *const l2_chain.SafeBlock,
    epoch: config.BlockId,
    batch_transactions: []const []const u8,
    is_last_in_span: bool,
    derived_from: types.L1BlockRef,
) Error!types.Attributes {
    const rollup = &configuration.rollup;
    const timestamp = std.math.add(u64, parent.ref.timestamp, rollup.block_time) catch return error.OriginMismatch;
    const header = try l1.headerOf(arena, &epoch.hash);
    var system = parent.system_config;
    var sequence_number: u64 = 0;
    var user_deposits: std.ArrayList([]const u8) = .empty;
    if (epoch.number != parent.ref.l1_origin.number) {
        if (header.number != parent.ref.l1_origin.number + 1) return error.OriginMismatch;
        if (!std.mem.eql(u8, &header.parent_hash, &parent.ref.l1_origin.hash)) return error.OriginMismatch;
        const receipts = try l1.receiptsOf(arena, &epoch.hash, &header);
        try deposits.appendUserDeposits(arena, &user_deposits, &epoch.hash, receipts, &rollup.deposit_contract);
        system_config.update(&system, rollup, receipts, header.timestamp);
    } else {
        if (!std.mem.eql(u8, &epoch.hash, &parent.ref.l1_origin.hash)) return error.OriginMismatch;
        sequence_number = parent.ref.sequence_number + 1;
    }
    if (timestamp < header.timestamp) return error.OriginMismatch;

    const info: l1_info.Source = .{
        .rollup = rollup,
        .system_config = &system,
        .hash = &epoch.hash,
        .header = &header,
        .blob_base_fee = l1_info.blobBaseFee(configuration, &header) orelse return error.CorruptData,
        .sequence_number = sequence_number,
        .l2_timestamp = timestamp,
    };
    var transactions: std.ArrayList([]const u8) = .empty;
    try transactions.append(arena, try info.deposit(arena));
    try transactions.appendSlice(arena, user_deposits.items);
    try upgrades.appendTransactions(arena, &transactions, rollup, timestamp);
    const deposit_count = transactions.items.len;
    try transactions.appendSlice(arena, batch_transactions);
    const gas_on_top = try upgrades.gasOnTop(arena, rollup, timestamp);
    const no_root: [32]u8 = @splat(0);
    return .{
        .parent = parent.ref,
        .l1_origin = epoch,
        .timestamp = timestamp,
        .prev_randao = header.prev_randao,
        .transactions = transactions.items,
        .deposit_count = deposit_count,
        .gas_limit = std.math.add(u64, system.gas_limit, gas_on_top) catch return error.InvalidSystemConfig,
        .with_withdrawals = rollup.isActive(.canyon, timestamp),
        .parent_beacon_block_root = if (rollup.isActive(.ecotone, timestamp)) header.parent_beacon_block_root orelse no_root else null,
        .eip1559_params = eip1559Params(rollup, &system, parent.ref.timestamp, timestamp),
        .min_base_fee = if (rollup.isActive(.jovian, timestamp)) system.min_base_fee else null,
        .is_last_in_span = is_last_in_span,
        .derived_from = derived_from,
    };
}

/// Zeros in Holocene's first block, none before. Spec: op holocene derivation, "Attributes Builder".
fn eip1559Params(rollup: *const config.RollupConfig, system: *const config.SystemConfig, parent_timestamp: u64, timestamp: u64) ?[8]u8 {
    if (!rollup.isActive(.holocene, timestamp)) return null;
    if (!rollup.isActive(.holocene, parent_timestamp)) return @splat(0);
    return system.eip1559_params;
}

//! Blocks in which a network upgrade becomes active, and the transactions that the protocol puts into them.
//!
//! `data/upgrades.br` is, compressed with brotli, the RLP of one list of deposits for each upgrade that has any, made of the files in
//! `config/data/upgrades` by `core/tools/pack_upgrades.py`; a test compares them.
//! Spec: op derivation, "Network upgrade automation transactions"; op L2 upgrades, "Transaction Execution Sequence".

const std = @import("std");
const config = @import("../config.zig");
const rlp = @import("../rlp.zig");
const brotli = @import("brotli.zig");

const packed_transactions = @embedFile("data/upgrades.br");
const max_unpacked_bytes = 1 << 20;

const with_transactions = [_]config.OpFork{ .ecotone, .fjord, .isthmus, .jovian, .karst };

/// Append the deposits that upgrades put into the block of this timestamp, after user deposits.
pub fn appendTransactions(
    arena: std.mem.Allocator,
    transactions: *std.ArrayList([]const u8),
    rollup: *const config.RollupConfig,
    timestamp: u64,
) error{OutOfMemory}!void {
    for (with_transactions) |fork| {
        if (!rollup.isActivation(fork, timestamp)) continue;
        var list = try transactionsOf(arena, fork);
        while (!list.isEmpty()) try transactions.append(arena, list.bytes() catch unreachable);
    }
}

/// Gas that the block of this timestamp gets on top of the configured limit, for its upgrade transactions: since Karst, and only in that one
/// block. Spec: op L2 upgrades, "Gas Allocation Specification".
pub fn gasOnTop(arena: std.mem.Allocator, rollup: *const config.RollupConfig, timestamp: u64) error{OutOfMemory}!u64 {
    if (!rollup.isActivation(.karst, timestamp)) return 0;
    var list = try transactionsOf(arena, .karst);
    var total: u64 = 0;
    while (!list.isEmpty()) total += gasLimitOf(list.bytes() catch unreachable) catch unreachable;
    return total;
}

/// Whether a batch for the block of this timestamp must have no transactions. Spec: op jovian derivation, "Activation Block Rules".
pub fn forbidsUserTransactions(rollup: *const config.RollupConfig, timestamp: u64) bool {
    return rollup.isActivation(.jovian, timestamp) or rollup.isActivation(.karst, timestamp);
}

/// The data is the program's own, and tests read all of it, so none of it is malformed.
fn transactionsOf(arena: std.mem.Allocator, fork: config.OpFork) error{OutOfMemory}!rlp.Cursor {
    const unpacked = try brotli.decompress(arena, packed_transactions, max_unpacked_bytes);
    var lists = rlp.decodeList(unpacked) catch unreachable;
    for (with_transactions) |each| {
        const list = lists.list() catch unreachable;
        if (each == fork) return list;
    }
    unreachable;
}

fn gasLimitOf(deposit: []const u8) rlp.Error!u64 {
    var fields = try rlp.decodeList(deposit[1..]);
    for (0..5) |_| _ = try fields.next();
    return fields.int(u64);
}

/// All of it once more for the test that compares it with `config/data/upgrades`.
pub fn unpack(arena: std.mem.Allocator) error{OutOfMemory}![]const u8 {
    return brotli.decompress(arena, packed_transactions, max_unpacked_bytes);
}

//! Which batches are valid: rules over known blocks, as they hold before Holocene and since.
//!
//! Spec: op derivation, "Batch Queue"; op delta span batches, "Batch Queue"; op holocene derivation, "Span Batches" and "Batch Queue".

const std = @import("std");
const config = @import("../config.zig");
const batch = @import("batch.zig");
const deposits = @import("deposits.zig");
const l2_chain = @import("l2_chain.zig");
const types = @import("types.zig");
const upgrades = @import("upgrades.zig");
const L1BlockRef = types.L1BlockRef;
const L2BlockRef = types.L2BlockRef;

pub const Validity = enum {
    accept,
    /// Invalid, for good.
    drop,
    /// For a block that is safe already; since Holocene.
    past,
    /// For a later block; before Holocene.
    future,
    /// L1 blocks are needed that were not read yet.
    undecided,
};

pub const Context = struct {
    rollup: *const config.RollupConfig,
    /// Known L1 blocks: the one that the next L2 block may repeat as its origin, and those after it. Not empty.
    l1_blocks: []const L1BlockRef,
    safe_head: *const L2BlockRef,
    /// The L1 block that completed the batch's channel.
    included_in: L1BlockRef,

    fn isHolocene(self: *const Context) bool {
        return self.rollup.isActive(.holocene, self.included_in.timestamp);
    }

    fn nextTimestamp(self: *const Context) u128 {
        return @as(u128, self.safe_head.timestamp) + self.rollup.block_time;
    }

    /// Whether transactions are allowed at this timestamp in a block with this origin, or whether the block had to move on to `next`.
    fn checkDrift(self: *const Context, timestamp: u128, has_transactions: bool, origin: L1BlockRef, advanced: bool, next: ?L1BlockRef) Validity {
        if (timestamp < origin.timestamp) return .drop;
        const latest = @as(u128, origin.timestamp) + self.rollup.maxDrift(origin.timestamp);
        if (timestamp <= latest) return .accept;
        if (has_transactions) return .drop;
        if (advanced) return .accept;
        const following = next orelse return .undecided;
        return if (timestamp >= following.timestamp) .drop else .accept;
    }
};

/// Whether a batch is the next block after the safe head.
pub fn checkSingular(context: *const Context, candidate: *const batch.SingularBatch) Validity {
    const next_timestamp = context.nextTimestamp();
    if (candidate.timestamp > next_timestamp) return if (context.isHolocene()) .drop else .future;
    if (candidate.timestamp < next_timestamp) return if (context.isHolocene()) .past else .drop;
    if (!std.mem.eql(u8, &candidate.parent_hash, &context.safe_head.hash)) return .drop;
    if (candidate.epoch_number +| context.rollup.seq_window_size < context.included_in.number) return .drop;
    const epoch = context.l1_blocks[0];
    const next_epoch = if (context.l1_blocks.len > 1) context.l1_blocks[1] else null;
    var origin = epoch;
    if (candidate.epoch_number != epoch.number) {
        // The first known block is past the safe head's origin when that origin's window has expired: then there is no choice.
        if (candidate.epoch_number != epoch.number + 1 or epoch.number != context.safe_head.l1_origin.number) return .drop;
        origin = next_epoch orelse return .undecided;
    }
    if (!std.mem.eql(u8, &candidate.epoch_hash, &origin.hash)) return .drop;
    const has_transactions = candidate.transactions.len > 0;
    const drift = context.checkDrift(candidate.timestamp, has_transactions, origin, origin.number != epoch.number, next_epoch);
    if (drift != .accept) return drift;
    return checkTransactions(context.rollup, candidate.timestamp, candidate.transactions);
}

fn checkTransactions(rollup: *const config.RollupConfig, timestamp: u64, transactions: []const []const u8) Validity {
    if (transactions.len > 0 and upgrades.forbidsUserTransactions(rollup, timestamp)) return .drop;
    const isthmus = rollup.isActive(.isthmus, timestamp);
    for (transactions) |raw| {
        if (raw.len == 0) return .drop;
        const first_legacy_byte = 0xc0;
        switch (raw[0]) {
            1, 2, first_legacy_byte...0xff => {},
            4 => if (!isthmus) return .drop,
            else => return .drop,
        }
    }
    return .accept;
}

pub const SpanError = l2_chain.Error;

/// The checks on a span batch as a whole; `parent` is the block that it builds on, when they are passed.
///
/// A span may overlap the safe chain. `arena` is for scratch.
const SpanCheck = struct { validity: Validity, parent: L2BlockRef };

fn checkSpanPrefix(context: *const Context, arena: std.mem.Allocator, l2: *l2_chain.Chain, span: *const batch.SpanBatch) SpanError!SpanCheck {
    var parent = context.safe_head.*;
    const rollup = context.rollup;
    const start = startTimestamp(rollup, span);
    const end = start + @as(u128, span.blocks.len - 1) * rollup.block_time;
    const start_epoch = span.startEpochNumber();
    const verdict: Validity = check: {
        var batch_origin = context.l1_blocks[0];
        if (start_epoch == @as(i128, batch_origin.number) + 1) {
            if (context.l1_blocks.len < 2) break :check .undecided;
            batch_origin = context.l1_blocks[1];
        }
        if (!rollup.isActive(.delta, batch_origin.timestamp)) break :check .drop;
        const next_timestamp = context.nextTimestamp();
        if (start > next_timestamp) break :check if (context.isHolocene()) .drop else .future;
        if (end < next_timestamp) break :check if (context.isHolocene()) .past else .drop;
        const behind = next_timestamp - start;
        if (behind % rollup.block_time != 0) break :check .drop;
        const number = std.math.sub(u128, parent.number, behind / rollup.block_time) catch break :check .drop;
        if (number != parent.number) parent = try l2.at(arena, @intCast(number)) orelse break :check .drop;
        if (!std.mem.eql(u8, &span.parent_check, parent.hash[0..20])) break :check .drop;
        if (start_epoch + rollup.seq_window_size < context.included_in.number) break :check .drop;
        if (start_epoch > @as(i128, parent.l1_origin.number) + 1) break :check .drop;
        const end_origin = findBlock(context.l1_blocks, span.l1_origin_number) orelse {
            // An L1 block that is not there yet: it may become known. Since Holocene nothing is kept for later.
            const later = span.l1_origin_number > context.l1_blocks[context.l1_blocks.len - 1].number;
            break :check if (later and !context.isHolocene()) .undecided else .drop;
        };
        if (!std.mem.eql(u8, &span.l1_origin_check, end_origin.hash[0..20])) break :check .drop;
        if (start_epoch < parent.l1_origin.number) break :check .drop;
        break :check .accept;
    };
    return .{ .validity = verdict, .parent = parent };
}

/// The checks on a span batch since Holocene: as a whole, and where it overlaps the safe chain. Its new blocks are checked one by one later.
pub fn checkSpanStrict(context: *const Context, arena: std.mem.Allocator, l2: *l2_chain.Chain, span: *const batch.SpanBatch) SpanError!Validity {
    const prefix = try checkSpanPrefix(context, arena, l2, span);
    if (prefix.validity != .accept) return prefix.validity;
    return checkOverlap(context, arena, l2, span, prefix.parent.number);
}

/// All checks on a span batch before Holocene, when it is valid as a whole or not at all.
pub fn checkSpan(context: *const Context, arena: std.mem.Allocator, l2: *l2_chain.Chain, span: *const batch.SpanBatch) SpanError!Validity {
    const prefix = try checkSpanPrefix(context, arena, l2, span);
    if (prefix.validity != .accept) return prefix.validity;
    const overlap = try checkOverlap(context, arena, l2, span, prefix.parent.number);
    if (overlap != .accept) return overlap;
    const rollup = context.rollup;
    var timestamp = startTimestamp(rollup, span);
    var epoch: u64 = @intCast(span.startEpochNumber());
    for (span.blocks, 0..) |block, index| {
        if (index > 0) {
            timestamp += rollup.block_time;
            epoch += @intFromBool(block.origin_changed);
        }
        if (timestamp <= context.safe_head.timestamp) continue;
        const advanced = if (index > 0) block.origin_changed else epoch == prefix.parent.l1_origin.number + 1;
        const validity = checkNewBlock(context, timestamp, epoch, advanced, span.blockTransactions(index));
        if (validity != .accept) return validity;
    }
    return .accept;
}

fn checkNewBlock(context: *const Context, timestamp: u128, epoch: u64, advanced: bool, transactions: []const []const u8) Validity {
    // The prefix check found the last block's origin known, so one that is not known is older than the safe head's.
    const index = for (context.l1_blocks, 0..) |block, index| {
        if (block.number == epoch) break index;
    } else return .drop;
    const next = if (index + 1 < context.l1_blocks.len) context.l1_blocks[index + 1] else null;
    const drift = context.checkDrift(timestamp, transactions.len > 0, context.l1_blocks[index], advanced, next);
    if (drift != .accept) return drift;
    return checkTransactions(context.rollup, std.math.cast(u64, timestamp) orelse return .drop, transactions);
}

/// Whether all blocks of the span that are not new, those after number `parent`, are those of the safe chain.
fn checkOverlap(context: *const Context, arena: std.mem.Allocator, l2: *l2_chain.Chain, span: *const batch.SpanBatch, parent: u64) SpanError!Validity {
    var epoch: u64 = @intCast(span.startEpochNumber());
    for (span.blocks, 0..) |block, index| {
        const number = parent + 1 + index;
        if (number > context.safe_head.number) break;
        if (index > 0) epoch += @intFromBool(block.origin_changed);
        const safe = if (number == context.safe_head.number) context.safe_head.* else try l2.at(arena, number) orelse return .drop;
        if (safe.l1_origin.number != epoch) return .drop;
        const digest = try l2.digestAt(arena, number);
        if (!std.mem.eql(u8, &digest, &l2_chain.digestOf(span.blockTransactions(index)))) return .drop;
    }
    return .accept;
}

/// Timestamp of a span's first block; past 64 bits in a nonsensical batch.
pub fn startTimestamp(rollup: *const config.RollupConfig, span: *const batch.SpanBatch) u128 {
    return @as(u128, rollup.genesis.l2_time) + span.relative_timestamp;
}

pub fn findBlock(blocks: []const L1BlockRef, number: u64) ?L1BlockRef {
    for (blocks) |block| if (block.number == number) return block;
    return null;
}

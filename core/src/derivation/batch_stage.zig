//! Gives the next valid batch on top of the safe head, and empty ones when the sequencer is silent.
//!
//! Spec: op derivation, "Batch Queue"; op holocene derivation, "Batch Queue".

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const config = @import("../config.zig");
const batch = @import("batch.zig");
const rules = @import("batch_rules.zig");
const l2_chain = @import("l2_chain.zig");
const types = @import("types.zig");
const ChannelStage = @import("channel_stage.zig").ChannelStage;
const Pull = @import("pull.zig").Pull;
const L1BlockRef = types.L1BlockRef;
const L2BlockRef = types.L2BlockRef;

/// `OriginMismatch`: the safe head is of another L1 chain.
pub const Error = l2_chain.Error || error{OriginMismatch};

/// A batch that is the next L2 block.
pub const ValidBatch = struct {
    epoch: config.BlockId,
    transactions: []const []const u8,
    is_last_in_span: bool,
};

/// The blocks of a span batch that are handed out one by one.
const Span = struct {
    batch: batch.SpanBatch,
    next: usize,
    next_timestamp: u128,
    /// L1 origin of the block before `next` (of `next` itself for the first).
    epoch: u64,

    fn isDone(self: *const Span) bool {
        return self.next == self.batch.blocks.len;
    }
};

/// A batch that waits, before Holocene, with all memory it needs.
const Waiting = struct {
    arena: Arena,
    batch: batch.Batch,
    included_in: L1BlockRef,
};

/// Duties: know the L1 blocks from the safe head's origin to the current one; skip batches while L1 is read that the safe head is known to follow
/// from; check span batches and take them apart; make empty batches once an epoch's sequencing window has passed.
/// Since Holocene: check every singular batch; at an invalid one drop the rest of its span and channel. Before: keep batches until
/// their time comes, and take span batches whole or not at all.
/// Trap: the L1 block read last is where a batch counts as included, so it is recorded before batches are pulled.
pub const BatchStage = struct {
    gpa: std.mem.Allocator,
    config: *const config.Config,
    l2: *l2_chain.Chain,
    channels: *ChannelStage,
    origin: L1BlockRef,
    l1_blocks: std.ArrayList(L1BlockRef) = .empty,
    strict: bool,
    span: ?Span = null,
    /// What was read last from the channel, or is being handed out.
    batch_arena: Arena,
    scratch: Arena,
    waiting: std.ArrayList(*Waiting) = .empty,
    /// Before Holocene: the batch that was accepted last; its bytes are in use.
    accepted: ?*Waiting = null,

    pub fn init(
        gpa: std.mem.Allocator,
        configuration: *const config.Config,
        l2: *l2_chain.Chain,
        channels: *ChannelStage,
        base: L1BlockRef,
    ) error{OutOfMemory}!BatchStage {
        var self: BatchStage = .{
            .gpa = gpa,
            .config = configuration,
            .l2 = l2,
            .channels = channels,
            .origin = base,
            .strict = configuration.rollup.isActive(.holocene, base.timestamp),
            .batch_arena = .init(gpa),
            .scratch = .init(gpa),
        };
        try self.l1_blocks.append(gpa, base);
        return self;
    }

    pub fn deinit(self: *BatchStage) void {
        self.dropWaiting();
        self.waiting.deinit(self.gpa);
        self.l1_blocks.deinit(self.gpa);
        self.batch_arena.deinit();
        self.scratch.deinit();
    }

    /// The batch of the block after `safe_head`; its transactions live until the next call.
    pub fn next(self: *BatchStage, safe_head: *const L2BlockRef) Error!Pull(ValidBatch) {
        self.scratch.reset();
        if (!self.strict and self.config.rollup.isActive(.holocene, self.channels.origin.timestamp)) {
            self.strict = true;
            self.span = null;
            self.dropWaiting();
        }
        return if (self.strict) self.nextStrict(safe_head) else self.nextQueued(safe_head);
    }

    /// Drop the rest of the span batch and of the channel. Spec: op holocene derivation, "Fast Channel Invalidation".
    pub fn flush(self: *BatchStage) void {
        self.dropSpan();
        self.channels.leave();
    }

    /// Drop the rest of the span batch.
    pub fn dropSpan(self: *BatchStage) void {
        self.span = null;
    }

    fn context(self: *const BatchStage, safe_head: *const L2BlockRef, included_in: L1BlockRef) rules.Context {
        return .{
            .rollup = &self.config.rollup,
            .l1_blocks = self.l1_blocks.items,
            .safe_head = safe_head,
            .included_in = included_in,
        };
    }

    // --- since Holocene ---

    fn nextStrict(self: *BatchStage, safe_head: *const L2BlockRef) Error!Pull(ValidBatch) {
        const read_up_to = self.channels.origin;
        try self.advanceOrigin(safe_head);
        self.dropOlderOrigins(safe_head);
        // What completes up to the safe head's origin can only be of the past.
        if (read_up_to.number <= safe_head.l1_origin.number) {
            self.span = null;
            self.batch_arena.reset();
            return switch (try self.channels.next(self.batch_arena.allocator())) {
                .dry => .dry,
                .again, .item => .again,
            };
        }
        if (self.l1_blocks.items.len < 2) return .dry;
        try self.checkOrigin(safe_head);
        if (self.span) |*span| {
            if (!span.isDone() and span.next_timestamp == @as(u128, safe_head.timestamp) + self.config.rollup.block_time) {
                return self.nextOfSpan(safe_head);
            }
            self.span = null;
        }
        self.batch_arena.reset();
        const candidate = switch (try self.channels.next(self.batch_arena.allocator())) {
            .item => |item| item,
            .again => return .again,
            .dry => return self.emptyBatch(safe_head),
        };
        switch (candidate) {
            .singular => |singular| return self.checked(safe_head, singular, true),
            .span => |span| {
                const validity = try rules.checkSpanStrict(&self.context(safe_head, self.origin), self.scratch.allocator(), self.l2, &span);
                if (validity == .past) return .again;
                if (validity == .accept) self.span = self.openSpan(span, safe_head);
                if (self.span == null) {
                    self.flush();
                    return .again;
                }
                return self.nextOfSpan(safe_head);
            },
        }
    }

    fn nextOfSpan(self: *BatchStage, safe_head: *const L2BlockRef) Pull(ValidBatch) {
        const singular = self.takeFromSpan(safe_head);
        return self.checked(safe_head, singular, self.span.?.isDone());
    }

    fn checked(self: *BatchStage, safe_head: *const L2BlockRef, singular: batch.SingularBatch, is_last: bool) Pull(ValidBatch) {
        switch (rules.checkSingular(&self.context(safe_head, self.origin), &singular)) {
            .accept => return .{ .item = validBatch(singular, is_last) },
            .past => {},
            .drop, .future, .undecided => self.flush(),
        }
        return .again;
    }

    /// The span's blocks after the safe head; null when one of them has an L1 origin that is too old.
    fn openSpan(self: *const BatchStage, span: batch.SpanBatch, safe_head: *const L2BlockRef) ?Span {
        const rollup = &self.config.rollup;
        var timestamp = rules.startTimestamp(rollup, &span);
        // The prefix check has compared it with the parent's.
        var epoch: u64 = @intCast(span.startEpochNumber());
        var index: usize = 0;
        while (timestamp <= safe_head.timestamp) {
            timestamp += rollup.block_time;
            index += 1;
            epoch += @intFromBool(span.blocks[index].origin_changed);
        }
        // Origins only grow from here to the last one, which is known.
        if (rules.findBlock(self.l1_blocks.items, epoch) == null) return null;
        return .{ .batch = span, .next = index, .next_timestamp = timestamp, .epoch = epoch };
    }

    fn takeFromSpan(self: *BatchStage, safe_head: *const L2BlockRef) batch.SingularBatch {
        const span = &self.span.?;
        const index = span.next;
        const epoch = rules.findBlock(self.l1_blocks.items, span.epoch);
        const singular: batch.SingularBatch = .{
            .parent_hash = safe_head.hash,
            .epoch_number = span.epoch,
            // An origin that is not known any more is none that the next block may have: the check says so.
            .epoch_hash = if (epoch) |known| known.hash else @splat(0),
            .timestamp = @truncate(span.next_timestamp),
            .transactions = span.batch.blockTransactions(index),
        };
        span.next += 1;
        span.next_timestamp += self.config.rollup.block_time;
        if (!span.isDone()) span.epoch += @intFromBool(span.batch.blocks[span.next].origin_changed);
        return singular;
    }

    // --- before Holocene ---

    fn nextQueued(self: *BatchStage, safe_head: *const L2BlockRef) Error!Pull(ValidBatch) {
        if (self.span) |*span| {
            if (!span.isDone() and span.next_timestamp == @as(u128, safe_head.timestamp) + self.config.rollup.block_time) {
                const singular = self.takeFromSpan(safe_head);
                return .{ .item = validBatch(singular, self.span.?.isDone()) };
            }
            self.span = null;
        }
        // Only now, as a span batch that is being handed out needs the origins that its earlier blocks had.
        const is_behind = self.channels.origin.number < safe_head.l1_origin.number;
        try self.advanceOrigin(safe_head);
        self.dropOlderOrigins(safe_head);
        const out_of_data = try self.pullOne(safe_head, is_behind);
        if (is_behind) return if (out_of_data) .dry else .again;
        const nothing: Pull(ValidBatch) = if (out_of_data) .dry else .again;
        switch (try self.firstAcceptable(safe_head)) {
            .found => |valid| return .{ .item = valid },
            .undecided => return nothing,
            .none => {},
        }
        if (self.l1_blocks.items.len < 2) return nothing;
        // Data of the window's last block still counts; what comes later cannot.
        const has_expired = self.l1_blocks.items[0].number +| self.config.rollup.seq_window_size < self.origin.number;
        return if (out_of_data or has_expired) self.emptyBatch(safe_head) else .again;
    }

    const Search = union(enum) { found: ValidBatch, none, undecided };

    /// Read one batch and keep it, unless it is invalid already. True: there was none.
    fn pullOne(self: *BatchStage, safe_head: *const L2BlockRef, is_behind: bool) Error!bool {
        const waiting = try self.gpa.create(Waiting);
        waiting.* = .{ .arena = .init(self.gpa), .batch = undefined, .included_in = self.origin };
        var keep = false;
        defer if (!keep) self.destroy(waiting);
        const arena = waiting.arena.allocator();
        waiting.batch = switch (try self.channels.next(arena)) {
            .item => |item| try self.owned(arena, item),
            .again => return false,
            .dry => return true,
        };
        if (is_behind) return false;
        const validity = try self.check(safe_head, waiting);
        keep = validity != .drop and validity != .past;
        if (keep) try self.waiting.append(self.gpa, waiting);
        return false;
    }

    /// The batch with bytes of its own: the channel it was read from may be gone when its time comes.
    fn owned(self: *BatchStage, arena: std.mem.Allocator, item: batch.Batch) error{OutOfMemory}!batch.Batch {
        _ = self;
        switch (item) {
            // Its transactions were put together in the arena.
            .span => return item,
            .singular => |singular| {
                const transactions = try arena.alloc([]const u8, singular.transactions.len);
                for (transactions, singular.transactions) |*copy, original| copy.* = try arena.dupe(u8, original);
                var copy = singular;
                copy.transactions = transactions;
                return .{ .singular = copy };
            },
        }
    }

    fn check(self: *BatchStage, safe_head: *const L2BlockRef, waiting: *const Waiting) Error!rules.Validity {
        const with = self.context(safe_head, waiting.included_in);
        return switch (waiting.batch) {
            .singular => |*singular| rules.checkSingular(&with, singular),
            .span => |*span| rules.checkSpan(&with, self.scratch.allocator(), self.l2, span),
        };
    }

    /// The first batch, in order of inclusion, that is the next block; those that never will be are dropped.
    fn firstAcceptable(self: *BatchStage, safe_head: *const L2BlockRef) Error!Search {
        try self.checkOrigin(safe_head);
        var kept: usize = 0;
        var index: usize = 0;
        var found: ?*Waiting = null;
        var is_undecided = false;
        const all = self.waiting.items;
        while (index < all.len) : (index += 1) {
            const candidate = all[index];
            switch (try self.check(safe_head, candidate)) {
                .accept => {
                    found = candidate;
                    index += 1;
                    break;
                },
                .drop, .past => self.destroy(candidate),
                .future => {
                    all[kept] = candidate;
                    kept += 1;
                },
                .undecided => {
                    is_undecided = true;
                    break;
                },
            }
        }
        std.mem.copyForwards(*Waiting, all[kept..], all[index..]);
        self.waiting.shrinkRetainingCapacity(kept + all.len - index);
        const accepted = found orelse return if (is_undecided) .undecided else .none;
        if (self.accepted) |previous| self.destroy(previous);
        self.accepted = accepted;
        switch (accepted.batch) {
            .singular => |singular| return .{ .found = validBatch(singular, true) },
            .span => |span| {
                // The check has found every origin.
                self.span = self.openSpan(span, safe_head).?;
                const singular = self.takeFromSpan(safe_head);
                return .{ .found = validBatch(singular, self.span.?.isDone()) };
            },
        }
    }

    fn dropWaiting(self: *BatchStage) void {
        for (self.waiting.items) |waiting| self.destroy(waiting);
        self.waiting.clearRetainingCapacity();
        if (self.accepted) |accepted| self.destroy(accepted);
        self.accepted = null;
    }

    fn destroy(self: *BatchStage, waiting: *Waiting) void {
        waiting.arena.deinit();
        self.gpa.destroy(waiting);
    }

    // --- both ---

    fn advanceOrigin(self: *BatchStage, safe_head: *const L2BlockRef) error{OutOfMemory}!void {
        const origin = self.channels.origin;
        if (std.mem.eql(u8, &self.origin.hash, &origin.hash)) return;
        self.origin = origin;
        if (origin.number >= safe_head.l1_origin.number) {
            try self.l1_blocks.append(self.gpa, origin);
        } else {
            self.l1_blocks.clearRetainingCapacity();
        }
    }

    fn dropOlderOrigins(self: *BatchStage, safe_head: *const L2BlockRef) void {
        const blocks = self.l1_blocks.items;
        if (blocks.len == 0 or safe_head.l1_origin.number <= blocks[0].number) return;
        const behind = safe_head.l1_origin.number - blocks[0].number;
        if (behind >= blocks.len) return;
        self.l1_blocks.replaceRangeAssumeCapacity(0, @intCast(behind), &.{});
    }

    fn checkOrigin(self: *const BatchStage, safe_head: *const L2BlockRef) Error!void {
        if (self.l1_blocks.items.len == 0) return error.OriginMismatch;
        const epoch = self.l1_blocks.items[0];
        const is_origin = epoch.number == safe_head.l1_origin.number and std.mem.eql(u8, &epoch.hash, &safe_head.l1_origin.hash);
        if (!is_origin and safe_head.l1_origin.number +% 1 != epoch.number) return error.OriginMismatch;
    }

    /// An empty batch when the sequencing window of the epoch has passed and all batches in it were read.
    fn emptyBatch(self: *BatchStage, safe_head: *const L2BlockRef) Pull(ValidBatch) {
        const epoch = self.l1_blocks.items[0];
        const next_epoch = self.l1_blocks.items[1];
        if (epoch.number +| self.config.rollup.seq_window_size > self.origin.number) return .dry;
        const timestamp = @as(u128, safe_head.timestamp) + self.config.rollup.block_time;
        const is_first_of_epoch = epoch.number == safe_head.l1_origin.number + 1;
        if (timestamp >= next_epoch.timestamp and !is_first_of_epoch) {
            // The epoch is complete. The next one begins when its own sequencing window has passed: look at that.
            _ = self.l1_blocks.orderedRemove(0);
            return if (self.l1_blocks.items.len < 2) .dry else .again;
        }
        return .{ .item = .{
            .epoch = .{ .hash = epoch.hash, .number = epoch.number },
            .transactions = &.{},
            .is_last_in_span = true,
        } };
    }
};

fn validBatch(singular: batch.SingularBatch, is_last_in_span: bool) ValidBatch {
    return .{
        .epoch = .{ .hash = singular.epoch_hash, .number = singular.epoch_number },
        .transactions = singular.transactions,
        .is_last_in_span = is_last_in_span,
    };
}

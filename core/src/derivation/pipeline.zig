//! The derivation pipeline: from L1 blocks to the attributes of L2 blocks.
//!
//! `init` at a safe block, then `next` for the attributes of the block after it, and `append` once that is made. It is a pure function of what the
//! oracle serves.
//! Spec: op derivation, "L2 Chain Derivation Pipeline" and "Resetting the Pipeline".

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const config = @import("../config.zig");
const attributes = @import("attributes.zig");
const batch_stage = @import("batch_stage.zig");
const batcher_data = @import("l1/batcher_data.zig");
const chain = @import("l1/chain.zig");
const l2_chain = @import("l2_chain.zig");
const system_config = @import("system_config.zig");
const types = @import("types.zig");
const ChannelStage = @import("channel_stage.zig").ChannelStage;

pub const Attributes = types.Attributes;
pub const SafeBlock = l2_chain.SafeBlock;
pub const Error = attributes.Error || batch_stage.Error;

pub const Pipeline = struct {
    gpa: std.mem.Allocator,
    config: *const config.Config,
    l1: *chain.Chain,
    l2: *l2_chain.Chain,
    safe: SafeBlock,
    /// The safe block, or while a span batch before Holocene is not made as a whole, the block that it builds on.
    settled: SafeBlock,
    /// The L1 block being read, and the system configuration as of it.
    origin: types.L1BlockRef,
    system_config: config.SystemConfig,
    batcher_data: batcher_data.BatcherData,
    channels: ChannelStage,
    batches: batch_stage.BatchStage,
    /// What was read of the current L1 block.
    l1_arena: Arena,
    /// The attributes given last.
    block_arena: Arena,

    /// Start at a safe block, reading L1 from a channel timeout before its L1 origin. The pipeline must not be moved afterwards.
    pub fn init(
        self: *Pipeline,
        gpa: std.mem.Allocator,
        configuration: *const config.Config,
        l1: *chain.Chain,
        l2: *l2_chain.Chain,
        safe: SafeBlock,
    ) Error!void {
        self.gpa = gpa;
        self.config = configuration;
        self.l1 = l1;
        self.l2 = l2;
        self.safe = safe;
        self.settled = safe;
        self.l1_arena = .init(gpa);
        self.block_arena = .init(gpa);
        self.batcher_data = .{ .l1 = l1, .rollup = &configuration.rollup };
        const safe_origin = try self.canonical(safe.ref.l1_origin);
        const base = try self.findBase(configuration.rollup.channelTimeoutAt(safe_origin.timestamp));
        self.origin = try self.canonical(base.ref.l1_origin);
        self.system_config = base.system_config;
        const data = try self.batcher_data.read(self.l1_arena.allocator(), self.origin, &self.system_config.batcher);
        self.channels = .init(gpa, configuration, self.origin, data);
        self.batches = try .init(gpa, configuration, l2, &self.channels, self.origin);
    }

    pub fn deinit(self: *Pipeline) void {
        self.batches.deinit();
        self.channels.deinit();
        self.batcher_data.deinit();
        self.block_arena.deinit();
        self.l1_arena.deinit();
    }

    /// The attributes of the block after the safe one, or null when all of L1 is used up. They live until the next call.
    pub fn next(self: *Pipeline) Error!?Attributes {
        while (true) {
            switch (try self.batches.next(&self.safe.ref)) {
                .item => |batch| {
                    self.block_arena.reset();
                    return try attributes.prepare(
                        self.block_arena.allocator(),
                        self.config,
                        self.l1,
                        &self.safe,
                        batch.epoch,
                        batch.transactions,
                        batch.is_last_in_span,
                        self.origin,
                    );
                },
                .again => {},
                .dry => if (!try self.advance()) return null,
            }
        }
    }

    /// Whether attributes that make no valid block are replaced by their deposits alone, which then is done: `derived` changes, and the rest of
    /// its span and channel is dropped. Before Holocene their whole batch is dropped instead, with the blocks that a span batch gave already:
    /// `settled` is the safe block again, and another batch takes their place, if there is one.
    /// Spec: op holocene derivation, "Span Batches" and "Engine Queue"; op derivation, "L1-sync: payload attributes processing".
    pub fn reduceToDeposits(self: *Pipeline, derived: *Attributes) bool {
        if (!self.config.rollup.isActive(.holocene, derived.derived_from.timestamp)) {
            self.safe = self.settled;
            self.l2.truncate(self.safe.ref.number);
            self.batches.dropSpan();
            return false;
        }
        derived.transactions = derived.transactions[0..derived.deposit_count];
        derived.is_last_in_span = true;
        self.batches.flush();
        return true;
    }

    /// Go on from the block that was made of the attributes given last.
    pub fn append(self: *Pipeline, block: SafeBlock, derived: *const Attributes) error{OutOfMemory}!void {
        try self.l2.append(block.ref, l2_chain.digestOf(derived.transactions[derived.deposit_count..]));
        self.safe = block;
        if (self.batches.strict or derived.is_last_in_span) self.settled = block;
    }

    fn advance(self: *Pipeline) Error!bool {
        const following = try self.l1.at(self.origin.number + 1) orelse return false;
        self.l1_arena.reset();
        const arena = self.l1_arena.allocator();
        const header = try self.l1.headerOf(arena, &following.hash);
        const receipts = try self.l1.receiptsOf(arena, &following.hash, &header);
        system_config.update(&self.system_config, &self.config.rollup, receipts, following.timestamp);
        self.origin = following;
        self.channels.advance(following, try self.batcher_data.read(arena, following, &self.system_config.batcher));
        return true;
    }

    fn canonical(self: *Pipeline, origin: config.BlockId) Error!types.L1BlockRef {
        const found = try self.l1.at(origin.number) orelse return error.OriginMismatch;
        return if (std.mem.eql(u8, &found.hash, &origin.hash)) found else error.OriginMismatch;
    }

    /// The newest L2 block whose L1 origin is a channel timeout before the safe block's, or genesis of one of the chains.
    ///
    /// An L1 origin moves by at most one per L2 block, so going back as many L2 blocks as L1 blocks are missing never goes too far.
    fn findBase(self: *Pipeline, timeout: u64) Error!SafeBlock {
        const genesis = &self.config.rollup.genesis;
        var base = self.safe;
        while (base.ref.number > genesis.l2.number and base.ref.l1_origin.number > genesis.l1.number) {
            const missing = (base.ref.l1_origin.number +| timeout) -| self.safe.ref.l1_origin.number;
            if (missing == 0) break;
            const back = @min(missing, base.ref.l1_origin.number - genesis.l1.number);
            self.block_arena.reset();
            base = try self.l2.blockAt(self.block_arena.allocator(), @max(base.ref.number -| back, genesis.l2.number));
        }
        return base;
    }
};

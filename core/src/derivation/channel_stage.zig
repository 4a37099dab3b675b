//! From the batcher's data to batches: frames, channels, decompression.

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const config = @import("../config.zig");
const batch = @import("batch.zig");
const channel_bank = @import("channel_bank.zig");
const channel_decoder = @import("channel_decoder.zig");
const frame = @import("frame.zig");
const Pull = @import("pull.zig").Pull;
const L1BlockRef = @import("types.zig").L1BlockRef;

/// Gives batches. Duties: parse frames; drop what is out of order (since Holocene) or bank it (before); leave the rest of a channel at the first
/// thing in it that cannot be read, and when told that one of its batches was invalid.
/// Spec: op derivation, "Frame Queue", "Channel Bank" and "Channel Reader"; op holocene derivation.
pub const ChannelStage = struct {
    gpa: std.mem.Allocator,
    config: *const config.Config,
    /// The L1 block being read, and what is left of its data, one piece for each transaction or blob. The pieces live until the next `advance`.
    origin: L1BlockRef,
    data: []const []const u8 = &.{},
    frames: std.ArrayList(frame.Frame) = .empty,
    next_frame: usize = 0,
    strict: bool,
    staging: channel_bank.Staging,
    bank: channel_bank.Bank,
    /// The channel being read.
    channel_arena: Arena,
    reading: ?channel_decoder.Batches = null,

    pub fn init(gpa: std.mem.Allocator, configuration: *const config.Config, origin: L1BlockRef, data: []const []const u8) ChannelStage {
        return .{
            .gpa = gpa,
            .config = configuration,
            .origin = origin,
            .data = data,
            .strict = configuration.rollup.isActive(.holocene, origin.timestamp),
            .staging = .{ .gpa = gpa, .rollup = &configuration.rollup },
            .bank = .{ .gpa = gpa, .rollup = &configuration.rollup },
            .channel_arena = .init(gpa),
        };
    }

    pub fn deinit(self: *ChannelStage) void {
        self.frames.deinit(self.gpa);
        self.staging.deinit();
        self.bank.deinit();
        self.channel_arena.deinit();
    }

    /// Go on with the next L1 block's data, once the one before gave all. At Holocene's activation everything unfinished is dropped.
    pub fn advance(self: *ChannelStage, origin: L1BlockRef, data: []const []const u8) void {
        self.origin = origin;
        self.data = data;
        self.frames.clearRetainingCapacity();
        self.next_frame = 0;
        if (!self.strict and self.config.rollup.isActive(.holocene, origin.timestamp)) {
            self.strict = true;
            self.bank.clear();
        }
    }

    /// The next batch. It points into the arena and into the channel, which lives until the next call after its last batch.
    pub fn next(self: *ChannelStage, arena: std.mem.Allocator) error{OutOfMemory}!Pull(batch.Batch) {
        if (self.reading == null) {
            const channel = switch (try self.nextChannel()) {
                .item => |data| data,
                .again => return .again,
                .dry => return .dry,
            };
            defer self.gpa.free(channel);
            self.channel_arena.reset();
            const timestamp = self.origin.timestamp;
            const data = channel_decoder.decompress(
                self.channel_arena.allocator(),
                channel,
                channel_bank.maxRlpBytesPerChannel(&self.config.rollup, timestamp),
                self.config.rollup.isActive(.fjord, timestamp),
            ) catch |failure| switch (failure) {
                error.OutOfMemory => return error.OutOfMemory,
                error.InvalidChannel => return .again,
            };
            self.reading = .{ .rest = data };
        }
        const encoded = (self.reading.?.next() catch null) orelse {
            self.leave();
            return .again;
        };
        const decoded = batch.Batch.decode(arena, encoded, self.config.rollup.l2_chain_id) catch |failure| switch (failure) {
            error.OutOfMemory => return error.OutOfMemory,
            error.InvalidBatch => {
                self.leave();
                return .again;
            },
        };
        return .{ .item = decoded };
    }

    /// Leave the channel being read. Spec: op holocene derivation, "Fast Channel Invalidation".
    pub fn leave(self: *ChannelStage) void {
        self.reading = null;
    }

    fn nextChannel(self: *ChannelStage) error{OutOfMemory}!Pull([]u8) {
        if (self.strict) {
            self.staging.dropTimedOut(self.origin);
        } else if (try self.bank.read(self.origin)) |data| {
            return .{ .item = data };
        }
        const following = switch (try self.nextFrame()) {
            .item => |following| following,
            .again => return .again,
            .dry => return .dry,
        };
        if (self.strict) {
            if (try self.staging.add(self.origin, following)) |data| return .{ .item = data };
        } else {
            try self.bank.add(self.origin, following);
        }
        return .again;
    }

    fn nextFrame(self: *ChannelStage) error{OutOfMemory}!Pull(frame.Frame) {
        if (self.next_frame == self.frames.items.len) {
            if (self.data.len == 0) return .dry;
            self.frames.clearRetainingCapacity();
            self.next_frame = 0;
            const piece = self.data[0];
            self.data = self.data[1..];
            frame.parse(self.gpa, &self.frames, piece) catch |failure| switch (failure) {
                error.OutOfMemory => return error.OutOfMemory,
                error.InvalidFrames => {
                    self.frames.clearRetainingCapacity();
                    return .again;
                },
            };
            if (self.strict) self.frames.shrinkRetainingCapacity(frame.prune(self.frames.items).len);
        }
        defer self.next_frame += 1;
        return .{ .item = self.frames.items[self.next_frame] };
    }
};

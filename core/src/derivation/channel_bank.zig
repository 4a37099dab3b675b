//! Puts frames together to channels: the bank before Holocene, the single staging channel since.

const std = @import("std");
const config = @import("../config.zig");
const frame = @import("frame.zig");
const Frame = frame.Frame;
const L1BlockRef = @import("types.zig").L1BlockRef;

/// Counted per frame on top of its data, to bound memory by the number of frames too.
const frame_overhead = 200;

fn sizeOf(data: []const u8) u64 {
    return data.len + frame_overhead;
}

/// Decompressed bytes of a channel that count, and since Holocene the largest staging channel. Spec: op fjord derivation.
pub fn maxRlpBytesPerChannel(rollup: *const config.RollupConfig, l1_timestamp: u64) usize {
    return if (rollup.isActive(.fjord, l1_timestamp)) 100_000_000 else 10_000_000;
}

fn maxBankSize(rollup: *const config.RollupConfig, l1_timestamp: u64) u64 {
    return if (rollup.isActive(.fjord, l1_timestamp)) 1_000_000_000 else 100_000_000;
}

fn timedOut(rollup: *const config.RollupConfig, opened_in: u64, origin: L1BlockRef) bool {
    return opened_in +| rollup.channelTimeoutAt(origin.timestamp) < origin.number;
}

/// Holds at most one channel. A first frame starts one and replaces an unfinished one; other frames must be its next.
/// Spec: op holocene derivation, "Channel Bank".
pub const Staging = struct {
    gpa: std.mem.Allocator,
    rollup: *const config.RollupConfig,
    channel: ?Channel = null,

    const Channel = struct {
        id: frame.ChannelId,
        opened_in: u64,
        frame_count: u32 = 0,
        size: u64 = 0,
        data: std.ArrayList(u8) = .empty,
    };

    pub fn deinit(self: *Staging) void {
        self.drop();
    }

    /// Call it before each frame is read.
    pub fn dropTimedOut(self: *Staging, origin: L1BlockRef) void {
        const channel = self.channel orelse return;
        if (timedOut(self.rollup, channel.opened_in, origin)) self.drop();
    }

    /// Take in a frame and give the channel's data when that completes it; the caller frees it.
    pub fn add(self: *Staging, origin: L1BlockRef, next: Frame) error{OutOfMemory}!?[]u8 {
        if (next.number == 0) {
            self.drop();
            self.channel = .{ .id = next.channel_id, .opened_in = origin.number };
        }
        const channel = if (self.channel) |*open| open else return null;
        if (!std.mem.eql(u8, &channel.id, &next.channel_id) or next.number != channel.frame_count) return null;
        channel.frame_count += 1;
        channel.size += sizeOf(next.data);
        if (channel.size > maxRlpBytesPerChannel(self.rollup, origin.timestamp)) {
            self.drop();
            return null;
        }
        try channel.data.appendSlice(self.gpa, next.data);
        if (!next.is_last) return null;
        const complete = try channel.data.toOwnedSlice(self.gpa);
        self.channel = null;
        return complete;
    }

    pub fn drop(self: *Staging) void {
        if (self.channel) |*channel| channel.data.deinit(self.gpa);
        self.channel = null;
    }
};

/// Channels in the order in which they were opened; frames in any order. Spec: op derivation, "Channel Bank".
pub const Bank = struct {
    gpa: std.mem.Allocator,
    rollup: *const config.RollupConfig,
    queue: std.ArrayList(Channel) = .empty,
    size: u64 = 0,

    const Channel = struct {
        id: frame.ChannelId,
        opened_in: u64,
        frames: std.AutoHashMapUnmanaged(u16, []u8) = .empty,
        size: u64 = 0,
        /// Number of the closing frame.
        last: ?u16 = null,

        fn deinit(self: *Channel, gpa: std.mem.Allocator) void {
            var data = self.frames.valueIterator();
            while (data.next()) |bytes| gpa.free(bytes.*);
            self.frames.deinit(gpa);
        }

        fn isReady(self: *const Channel) bool {
            // No frame is past the closing one, so as many as there can be are all.
            return self.last != null and self.frames.count() == @as(u32, self.last.?) + 1;
        }

        fn add(self: *Channel, gpa: std.mem.Allocator, next: Frame) error{OutOfMemory}!void {
            if (self.frames.contains(next.number)) return;
            if (self.last) |last| if (next.is_last or next.number >= last) return;
            if (next.is_last) {
                try self.removeAfter(gpa, next.number);
                self.last = next.number;
            }
            try self.frames.put(gpa, next.number, try gpa.dupe(u8, next.data));
            self.size += sizeOf(next.data);
        }

        fn removeAfter(self: *Channel, gpa: std.mem.Allocator, last: u16) error{OutOfMemory}!void {
            var past: std.ArrayList(u16) = .empty;
            defer past.deinit(gpa);
            var numbers = self.frames.keyIterator();
            while (numbers.next()) |number| if (number.* > last) try past.append(gpa, number.*);
            for (past.items) |number| {
                const removed = self.frames.fetchRemove(number).?.value;
                self.size -= sizeOf(removed);
                gpa.free(removed);
            }
        }

        fn joined(self: *const Channel, gpa: std.mem.Allocator) error{OutOfMemory}![]u8 {
            var total: usize = 0;
            var sizes = self.frames.valueIterator();
            while (sizes.next()) |bytes| total += bytes.len;
            const data = try gpa.alloc(u8, total);
            var position: usize = 0;
            for (0..@as(usize, self.last.?) + 1) |number| {
                const part = self.frames.get(@intCast(number)).?;
                @memcpy(data[position..][0..part.len], part);
                position += part.len;
            }
            return data;
        }
    };

    pub fn deinit(self: *Bank) void {
        self.clear();
        self.queue.deinit(self.gpa);
    }

    pub fn clear(self: *Bank) void {
        while (self.queue.items.len > 0) self.remove(self.queue.items.len - 1);
    }

    /// The next channel that is ready, if there is one; the caller frees it. Call it before each frame is read, as its order decides what is
    /// pruned.
    pub fn read(self: *Bank, origin: L1BlockRef) error{OutOfMemory}!?[]u8 {
        while (self.queue.items.len > 0 and timedOut(self.rollup, self.queue.items[0].opened_in, origin)) self.remove(0);
        const first_only = !self.rollup.isActive(.canyon, origin.timestamp);
        for (self.queue.items, 0..) |*channel, index| {
            if (index > 0 and first_only) break;
            if (!channel.isReady() or timedOut(self.rollup, channel.opened_in, origin)) continue;
            const data = try channel.joined(self.gpa);
            self.remove(index);
            return data;
        }
        return null;
    }

    pub fn add(self: *Bank, origin: L1BlockRef, next: Frame) error{OutOfMemory}!void {
        const channel = try self.channelOf(origin, next.channel_id);
        if (timedOut(self.rollup, channel.opened_in, origin)) return;
        const before = channel.size;
        try channel.add(self.gpa, next);
        self.size = self.size - before + channel.size;
        while (self.size > maxBankSize(self.rollup, origin.timestamp)) self.remove(0);
    }

    fn channelOf(self: *Bank, origin: L1BlockRef, id: frame.ChannelId) error{OutOfMemory}!*Channel {
        for (self.queue.items) |*channel| {
            if (std.mem.eql(u8, &channel.id, &id)) return channel;
        }
        try self.queue.append(self.gpa, .{ .id = id, .opened_in = origin.number });
        return &self.queue.items[self.queue.items.len - 1];
    }

    fn remove(self: *Bank, index: usize) void {
        var channel = self.queue.orderedRemove(index);
        self.size -= channel.size;
        channel.deinit(self.gpa);
    }
};

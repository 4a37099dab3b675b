//! The batcher's data in an L1 block: calldata, or blobs.
//!
//! Spec: op derivation, "L1 Retrieval"; op ecotone derivation, "Blob Retrieval".

const std = @import("std");
const config = @import("../../config.zig");
const platform = @import("../../platform.zig").current;
const transaction = @import("../../types/transaction.zig");
const blob = @import("../blob.zig");
const blob_points = @import("blob_points.zig");
const oracle = @import("../oracle.zig");
const chain = @import("chain.zig");
const L1BlockRef = @import("../types.zig").L1BlockRef;

pub const Error = chain.Error;

pub const BatcherData = struct {
    l1: *chain.Chain,
    rollup: *const config.RollupConfig,
    points: ?*[blob.elements]blob_points.Point = null,

    /// The data of the block's batcher transactions, in order; it lives in the arena.
    ///
    /// A batcher transaction is one of an allowed type to the batch inbox, signed by the batcher of that very block. Whether it succeeded does
    /// not matter. Blobs that do not decode are left out.
    pub fn read(self: *BatcherData, arena: std.mem.Allocator, block: L1BlockRef, batcher: *const [20]u8) Error![]const []const u8 {
        const header = try self.l1.headerOf(arena, &block.hash);
        const transactions = try self.l1.transactionsOf(arena, &block.hash, &header);
        const takes_blobs = self.rollup.isActive(.ecotone, block.timestamp);
        var data: std.ArrayList([]const u8) = .empty;
        for (transactions) |raw| {
            const tx = try self.fromBatcher(arena, raw, batcher) orelse continue;
            if (tx.type != .blob or !takes_blobs) {
                try data.append(arena, tx.data);
                continue;
            }
            for (tx.blob_hashes) |*hash| {
                const content = try self.readBlob(arena, hash, block.timestamp);
                const buffer = try arena.create([blob.max_data_bytes + 4]u8);
                if (blob.decode(buffer, content)) |decoded| try data.append(arena, decoded);
            }
        }
        return data.items;
    }

    fn fromBatcher(self: *BatcherData, arena: std.mem.Allocator, raw: []const u8, batcher: *const [20]u8) Error!?transaction.Transaction {
        // Only few transactions are worth the work of decoding: those that name the inbox somewhere.
        if (std.mem.find(u8, raw, &self.rollup.batch_inbox) == null) return null;
        const tx = transaction.Transaction.decode(arena, raw) catch |failure| switch (failure) {
            error.OutOfMemory => return error.OutOfMemory,
            error.InvalidTransactionEncoding => return null,
        };
        const to = tx.to orelse return null;
        if (!std.mem.eql(u8, &to, &self.rollup.batch_inbox)) return null;
        switch (tx.type) {
            .legacy, .access_list, .dynamic_fee, .blob, .deposit => {},
            .set_code => return null,
        }
        if (tx.chain_id) |id| if (id != self.rollup.l1_chain_id) return null;
        const sender = try tx.sender(arena) orelse return null;
        return if (std.mem.eql(u8, &sender, batcher)) tx else null;
    }

    /// A whole blob, element by element. Spec: op fault proof, "Type 5: Global EIP-4844 Point-evaluation key".
    fn readBlob(self: *BatcherData, arena: std.mem.Allocator, versioned_hash: *const [32]u8, timestamp: u64) Error!*const [blob.size]u8 {
        if (self.points == null) {
            const points = try self.l1.gpa.create([blob.elements]blob_points.Point);
            blob_points.compute(points);
            self.points = points;
        }
        var time: [8]u8 = undefined;
        std.mem.writeInt(u64, &time, timestamp, .big);
        const source = self.l1.source;
        source.hint("l1-blob", &.{ versioned_hash, &time });
        const commitment = try source.preimage(oracle.keyOf(.sha256, versioned_hash), arena);
        if (commitment.len != 48) return error.CorruptData;
        const content = try arena.create([blob.size]u8);
        var preimage: [48 + 32]u8 = undefined;
        preimage[0..48].* = commitment[0..48].*;
        var buffer: [64]u8 align(32) = undefined;
        for (self.points.?, 0..) |*point, index| {
            preimage[48..].* = point.*;
            var scratch: std.heap.FixedBufferAllocator = .init(&buffer);
            const element = try source.preimage(oracle.keyOf(.blob, &platform.keccak256(&preimage)), scratch.allocator());
            if (element.len != 32) return error.CorruptData;
            content[32 * index ..][0..32].* = element[0..32].*;
        }
        return content;
    }

    pub fn deinit(self: *BatcherData) void {
        if (self.points) |points| self.l1.gpa.destroy(points);
    }
};

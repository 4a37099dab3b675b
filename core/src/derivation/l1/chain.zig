//! The L1 chain that ends in the L1 head: walked backwards from there by preimages.

const std = @import("std");
const header = @import("../../types/header.zig");
const oracle = @import("../oracle.zig");
const list_trie = @import("list_trie.zig");
const L1BlockRef = @import("../types.zig").L1BlockRef;

pub const Header = header.Header;
pub const Error = list_trie.Error;

pub const Chain = struct {
    gpa: std.mem.Allocator,
    source: *oracle.Oracle,
    /// From the head downwards, as far as it was walked.
    known: std.ArrayList(L1BlockRef) = .empty,

    pub fn init(gpa: std.mem.Allocator, source: *oracle.Oracle, head_hash: *const [32]u8) Error!Chain {
        var self: Chain = .{ .gpa = gpa, .source = source };
        try self.append(head_hash);
        return self;
    }

    pub fn deinit(self: *Chain) void {
        self.known.deinit(self.gpa);
    }

    pub fn head(self: *const Chain) L1BlockRef {
        return self.known.items[0];
    }

    /// The block of this number, or null above the head.
    pub fn at(self: *Chain, number: u64) Error!?L1BlockRef {
        if (number > self.head().number) return null;
        const depth: usize = @intCast(self.head().number - number);
        while (self.known.items.len <= depth) {
            const parent = self.known.items[self.known.items.len - 1].parent_hash;
            try self.append(&parent);
        }
        return self.known.items[depth];
    }

    /// A block's header; it points into the arena.
    pub fn headerOf(self: *Chain, arena: std.mem.Allocator, hash: *const [32]u8) Error!Header {
        self.source.hint("l1-block-header", &.{hash});
        const encoding = try self.source.keccak256(hash, arena);
        return Header.decode(encoding) catch return error.CorruptData;
    }

    pub fn transactionsOf(self: *Chain, arena: std.mem.Allocator, hash: *const [32]u8, block: *const Header) Error![]const []const u8 {
        self.source.hint("l1-transactions", &.{hash});
        return list_trie.read(self.source, arena, &block.transactions_root);
    }

    pub fn receiptsOf(self: *Chain, arena: std.mem.Allocator, hash: *const [32]u8, block: *const Header) Error![]const []const u8 {
        self.source.hint("l1-receipts", &.{hash});
        return list_trie.read(self.source, arena, &block.receipts_root);
    }

    fn append(self: *Chain, hash: *const [32]u8) Error!void {
        var buffer: [2048]u8 align(32) = undefined;
        var scratch: std.heap.FixedBufferAllocator = .init(&buffer);
        const block = try self.headerOf(scratch.allocator(), hash);
        if (self.known.items.len > 0 and block.number + 1 != self.known.items[self.known.items.len - 1].number) return error.CorruptData;
        try self.known.append(self.gpa, .{
            .hash = hash.*,
            .number = block.number,
            .parent_hash = block.parent_hash,
            .timestamp = block.timestamp,
        });
    }
};

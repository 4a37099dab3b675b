//! The end of a block, in parts of which two threads can do some at the same time.
//!
//! `list` may be done by another thread as soon as the last transaction is in the block. `put` belongs to the thread that uses the
//! engine, since it reads tries; then both may `encode`, and `finish` does what nobody has done. What comes out is the same however the
//! work was shared out.

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const evm = @import("../evm/types.zig");
const node = @import("../trie/node.zig");
const trie = @import("../trie/trie.zig");
const pipeline = @import("../block/pipeline.zig");
const trie_state = @import("../block/trie_state.zig");
const block_result = @import("result.zig");
const Allocator = std.mem.Allocator;

/// The arenas of a block: one for each thing that two threads may do at the same time.
pub const Memory = struct {
    block: Arena,
    lists: Arena,
    helper: Arena,

    pub fn init(gpa: Allocator) Memory {
        return .{ .block = .init(gpa), .lists = .init(gpa), .helper = .init(gpa) };
    }

    /// Forget what is in them but keep memory for the next block.
    pub fn restart(self: *Memory) void {
        for (self.all()) |arena| arena.restart();
    }

    pub fn deinit(self: *Memory) void {
        for (self.all()) |arena| arena.deinit();
    }

    fn all(self: *Memory) [3]*Arena {
        return .{ &self.block, &self.lists, &self.helper };
    }
};

pub const Sealing = struct {
    lists: ?Lists = null,
    pending: ?trie_state.Pending = null,
    subtrees: ?*[node.WIDTH]trie.Child = null,
    /// What encoding each of the subtrees has created.
    created: [node.WIDTH]std.ArrayList(trie.NewNode) = @splat(.empty),
    /// The first subtree that nobody has begun with.
    next: std.atomic.Value(usize) = .init(0),

    const Lists = struct { roots: pipeline.Lists, receipts: block_result.Strings };

    pub fn list(self: *Sealing, builder: *const pipeline.BlockBuilder, memory: *Memory) error{OutOfMemory}!void {
        const arena = memory.lists.allocator();
        self.lists = .{
            .roots = try builder.lists(arena),
            .receipts = try block_result.layOutReceipts(arena, builder.receipts.items),
        };
    }

    pub fn put(self: *Sealing, builder: *pipeline.BlockBuilder) evm.Error!void {
        self.pending = try builder.tries.put(&builder.state);
        self.subtrees = builder.tries.accounts.subtrees();
    }

    /// Encode subtrees until all have been begun with. At most two threads may be in here, and one of them is the `helper`.
    pub fn encode(self: *Sealing, memory: *Memory, helper: bool) error{OutOfMemory}!void {
        const subtrees = self.subtrees orelse return;
        const arena = if (helper) memory.helper.allocator() else memory.block.allocator();
        while (true) {
            const index = self.next.fetchAdd(1, .monotonic);
            if (index >= subtrees.len) return;
            try trie.encodeAhead(arena, &subtrees[index], &self.created[index]);
        }
    }

    /// What is left, when no other thread is at work any more.
    pub fn finish(self: *Sealing, builder: *pipeline.BlockBuilder, memory: *Memory) evm.Error!block_result.Result {
        if (self.lists == null) try self.list(builder, memory);
        if (self.pending == null) try self.put(builder);
        try self.encode(memory, false);
        const pending = &self.pending.?;
        for (&self.created) |*created| try pending.nodes.created.appendSlice(builder.arena, created.items);
        const update = try builder.tries.commit(pending);
        const sealed = try builder.finish(&update, &self.lists.?.roots);
        return block_result.of(builder, &sealed, self.lists.?.receipts);
    }
};

//! C door of `block/stateless.zig`: what `guest-exec.elf` does, in the native library. `evm/native/stateless.py` is the other side.

const std = @import("std");
const store = @import("../trie/store.zig");
const stateless = @import("../block/stateless.zig");
const callback = @import("fetch.zig");

/// How it went. `computed` says that there is a block, whatever its hash.
pub const Status = enum(c_int) {
    computed = 0,
    malformed_task = 1,
    invalid_attributes = 2,
    invalid_transaction = 3,
    missing_preimage = 4,
    damaged_preimage = 5,
    out_of_memory = 6,
};

pub const Result = extern struct {
    hash: [32]u8,
    expected_hash: [32]u8,
    gas_used: u64,
    /// The hash of what was missing or damaged.
    missing: [32]u8,
};

/// Execute the task over the witness that `fetch` serves.
export fn lamina_stateless(task: [*]const u8, length: usize, fetch: callback.Function, context: ?*anyopaque, result: *Result) Status {
    const gpa = std.heap.smp_allocator;
    var arena = std.heap.ArenaAllocator.init(gpa);
    defer arena.deinit();
    var behind = callback.Fetch{ .function = fetch, .context = context, .kind = .any };
    var witness = store.Store.init(gpa, behind.backing(), std.math.maxInt(usize));
    defer witness.deinit();
    run(arena.allocator(), task[0..length], &witness, result) catch |failure| {
        result.missing = witness.missing;
        return switch (failure) {
            error.InvalidTask, error.InvalidConfig => .malformed_task,
            error.InvalidAttributes => .invalid_attributes,
            error.InvalidTransaction => .invalid_transaction,
            error.MissingNode, error.MissingPreimage => .missing_preimage,
            error.CorruptNode => .damaged_preimage,
            error.OutOfMemory => .out_of_memory,
        };
    };
    return .computed;
}

fn run(arena: std.mem.Allocator, encoded: []const u8, witness: *store.Store, result: *Result) stateless.Error!void {
    const task = try stateless.Task.decode(arena, encoded);
    const sealed = try task.execute(arena, witness);
    result.hash = sealed.hash;
    result.expected_hash = task.expected_hash;
    result.gas_used = sealed.header.gas_used;
}

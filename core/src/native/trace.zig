//! The opcodes of one transaction of a block that is run from its witness: to find where two engines part.
//! `evm/native/steps.py` is the other side.

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const store = @import("../trie/store.zig");
const pipeline = @import("../block/pipeline.zig");
const stateless = @import("../block/stateless.zig");
const Transaction = @import("../types/transaction.zig").Transaction;
const callback = @import("fetch.zig");
const Steps = @import("steps.zig").Steps;

const gpa = std.heap.smp_allocator;

pub const Text = extern struct { data: [*]u8, length: usize };

/// Runs the task (see `block/stateless.zig`) up to its transaction `index`; the steps of that one, `skip` of them left out, about
/// `max_bytes` at most, one behind the other as `steps.zig` has them. A transaction that does not get into the block has none.
/// Returns 0, and memory for `lamina_trace_free`; 1 when the task cannot be run that far.
export fn lamina_trace(
    task: [*]const u8,
    length: usize,
    fetch: callback.Function,
    context: ?*anyopaque,
    index: usize,
    skip: u64,
    max_bytes: usize,
    out: *Text,
) c_int {
    var arena = Arena.init(gpa);
    defer arena.deinit();
    var behind = callback.Fetch{ .function = fetch, .context = context, .kind = .any };
    var witness = store.Store.init(gpa, behind.backing(), std.math.maxInt(usize));
    defer witness.deinit();
    var steps = Steps{ .encoder = .init(gpa), .skip = skip, .max_bytes = max_bytes };
    defer steps.encoder.deinit();
    run(arena.allocator(), task[0..length], &witness, index, &steps) catch return 1;
    if (steps.is_incomplete) return 1;
    const copy = steps.encoder.toOwned() catch return 1;
    out.* = .{ .data = copy.ptr, .length = copy.len };
    return 0;
}

export fn lamina_trace_free(text: *const Text) void {
    gpa.free(text.data[0..text.length]);
}

fn run(arena: std.mem.Allocator, encoded: []const u8, witness: *store.Store, index: usize, steps: *Steps) !void {
    const task = try stateless.Task.decode(arena, encoded);
    if (index >= task.transactions.len) return error.InvalidTask;
    const builder = try arena.create(pipeline.BlockBuilder);
    const sources = pipeline.Sources{ .nodes = witness, .codes = witness, .headers = witness };
    try builder.begin(arena, &task.rollup, sources, &task.parent, &task.parent_hash, &task.attributes);
    for (task.transactions[0 .. index + 1], 0..) |raw, position| {
        const transaction = try arena.create(Transaction);
        transaction.* = Transaction.decode(arena, raw) catch |failure| switch (failure) {
            error.InvalidTransactionEncoding => return if (position == index) {} else error.InvalidTransaction,
            error.OutOfMemory => return error.OutOfMemory,
        };
        if (position == index) builder.machine.tracer = steps.tracer();
        switch (try builder.add(transaction, null)) {
            .included => {},
            .invalid => if (position != index) return error.InvalidTransaction,
        }
    }
}

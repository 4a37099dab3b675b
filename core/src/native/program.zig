//! Door of the fault-proof program, over a preimage callback. `evm/native/program.py` is the other side.

const std = @import("std");
const config = @import("../config.zig");
const preimages = @import("preimages.zig");
const program = @import("../program.zig");
const Status = @import("derivation.zig").Status;

pub const Outcome = extern struct {
    derived_root: [32]u8,
    derived_number: u64,
    is_valid: bool,
    /// The key that was not known, when a preimage is missing.
    missing: [32]u8,
};

/// Run the program; `ok` says that there is an outcome.
export fn lamina_program(
    configuration: [*]const u8,
    length: usize,
    preimage: preimages.Function,
    context: ?*anyopaque,
    outcome: *Outcome,
) Status {
    outcome.* = std.mem.zeroes(Outcome);
    var source = preimages.Source{ .function = preimage, .context = context };
    run(configuration[0..length], &source, outcome) catch |failure| {
        outcome.missing = source.missing;
        return .of(failure);
    };
    return .ok;
}

fn run(configuration: []const u8, source: *preimages.Source, outcome: *Outcome) !void {
    const decoded = try config.Config.decode(configuration);
    var oracle = source.oracle();
    const result = try program.run(std.heap.smp_allocator, &decoded, &oracle, null);
    outcome.derived_root = result.derived_root;
    outcome.derived_number = result.derived_number;
    outcome.is_valid = result.isClaimValid();
}

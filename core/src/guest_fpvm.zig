//! The fault-proof program in the fault-proof VM: exit code 0 when the claim is right, 1 when it is wrong, others when that cannot be said.
//!
//! Its output, for people, is the output root it came to and the number of that block, 8 bytes, big-endian; or the name of what went wrong.

const std = @import("std");
const config = @import("config.zig");
const fpvm = @import("platform/fpvm.zig");
const oracles = @import("derivation/oracle.zig");
const program = @import("program.zig");
const Pool = @import("pool.zig").Pool;

pub const platform = struct {
    pub const keccak256 = fpvm.keccak256;
    pub const Keccak256 = fpvm.Keccak256;
    pub const recoverKey = fpvm.recoverKey;
    pub const precompile = @import("platform/oracle_precompiles.zig").precompile;
};
pub const panic = fpvm.panic;

comptime {
    _ = fpvm; // brings the start code in
}

var pool: Pool = undefined;

pub fn main() noreturn {
    run() catch |failure| switch (failure) {
        error.OutOfMemory => fpvm.exit(fpvm.exit_out_of_memory, "out of memory"),
        else => fpvm.exit(fpvm.exit_panic, @errorName(failure)),
    };
}

fn run() (program.Error || config.Error)!noreturn {
    pool = .init(fpvm.heapState().buffer);
    const configuration = try config.Config.decode(fpvm.configuration());
    var oracle: oracles.Oracle = .{ .context = &pool, .preimageFn = preimage, .hintFn = hint };
    const outcome = try program.run(pool.allocator(), &configuration, &oracle, null);
    var output: [40]u8 = undefined;
    output[0..32].* = outcome.derived_root;
    std.mem.writeInt(u64, output[32..], outcome.derived_number, .big);
    fpvm.exit(if (outcome.isClaimValid()) fpvm.exit_valid else fpvm.exit_invalid, &output);
}

fn preimage(_: *anyopaque, key: *const oracles.Key, allocator: std.mem.Allocator) oracles.Error![]const u8 {
    return fpvm.preimage(key.*, allocator);
}

fn hint(_: *anyopaque, text: []const u8) void {
    fpvm.hint(text);
}

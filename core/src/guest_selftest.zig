//! A small program for the VM's own tests: hashes a preimage with help of the heap and says whether the claim is right.

const std = @import("std");

pub const platform = @import("platform/fpvm.zig");
pub const panic = platform.panic;

comptime {
    _ = platform; // brings the start code in
}

/// Local data: 1 is a key of the oracle, 2 the claimed keccak256 of its preimage, hashed again as often as the
/// configuration's first byte says, if there is one.
pub fn main() noreturn {
    run() catch |failure| switch (failure) {
        error.OutOfMemory => platform.exit(platform.exit_out_of_memory, "out of memory"),
        error.MissingPreimage => unreachable,
    };
}

fn local(number: u8) [32]u8 {
    var key: [32]u8 = @splat(0);
    key[0] = 1;
    key[31] = number;
    return key;
}

fn run() error{ OutOfMemory, MissingPreimage }!noreturn {
    const heap = platform.heap();
    const key = try platform.preimage(local(1), heap);
    platform.hint("selftest-data");
    const data = try platform.preimage(key[0..32].*, heap);
    const claim = try platform.preimage(local(2), heap);
    var digest = platform.keccak256(data);
    const configuration = platform.configuration();
    const rounds = if (configuration.len > 0) configuration[0] else 0;
    for (0..rounds) |_| digest = platform.keccak256(&digest);
    platform.exit(if (std.mem.eql(u8, &digest, claim)) platform.exit_valid else platform.exit_invalid, &digest);
}

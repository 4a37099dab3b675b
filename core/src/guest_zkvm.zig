//! The fault-proof program for a zkVM: there is a proof only for a claim that is right about the block that it names.
//!
//! Public values, 160 bytes: L1 head, agreed output root, claimed output root, number of the block that was derived (32 bytes, big-endian),
//! keccak256 of the configuration. Where L1 is used up before the claimed block, or any input is missing or damaged, the program fails.
//!
//! It is an object that a zkVM's library and linker script make a program of: they bring the start code, input and output, and the accelerators.

const std = @import("std");
const config = @import("config.zig");
const program = @import("program.zig");
const standard = @import("platform/zkvm_standard.zig");
const zkvm = @import("platform/zkvm.zig");
const Pool = @import("pool.zig").Pool;

pub const platform = zkvm;
pub const panic = zkvm.panic;

const Error = program.Error || config.Error || zkvm.InputError || error{ ClaimIsWrong, L1Exhausted };

/// What `main` returns where there is nothing to prove.
const Failure = enum(u8) {
    claim_is_wrong = 1,
    l1_exhausted,
    out_of_memory,
    invalid_input,
    invalid_configuration,
    missing_preimage,
    other,

    fn of(failure: Error) Failure {
        return switch (failure) {
            error.ClaimIsWrong => .claim_is_wrong,
            error.L1Exhausted => .l1_exhausted,
            error.OutOfMemory => .out_of_memory,
            error.InvalidInput => .invalid_input,
            error.InvalidConfig => .invalid_configuration,
            error.MissingPreimage => .missing_preimage,
            else => .other,
        };
    }
};

var pool: Pool = undefined;

export fn main() callconv(.c) c_int {
    run() catch |failure| return @backingInt(Failure.of(failure));
    return 0;
}

fn run() Error!void {
    pool = .init(standard.heap());
    const allocator = pool.allocator();
    zkvm.memory = allocator;
    var input = try zkvm.Input.read(allocator);
    const configuration = try config.Config.decode(input.configuration);
    var oracle = input.oracle();
    const outcome = try program.run(allocator, &configuration, &oracle, null);
    if (outcome.derived_number < outcome.claimed_number) return error.L1Exhausted;
    if (!outcome.isClaimValid()) return error.ClaimIsWrong;
    var values: [160]u8 = @splat(0);
    values[0..32].* = outcome.l1_head;
    values[32..64].* = outcome.agreed_root;
    values[64..96].* = outcome.claimed_root;
    std.mem.writeInt(u64, values[120..128], outcome.derived_number, .big);
    values[128..160].* = zkvm.keccak256(input.configuration);
    zkvm.publish(&values);
}

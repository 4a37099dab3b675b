//! The fault-proof program for a zkVM: there is a proof only for a claim that is right about the block that it names.
//!
//! Public values, 160 bytes: L1 head, agreed output root, claimed output root, number of the block that was derived (32 bytes, big-endian),
//! keccak256 of the configuration. Where L1 is used up before the claimed block, or any input is missing or damaged, the program fails.

const std = @import("std");
const config = @import("config.zig");
const fpvm = @import("platform/fpvm.zig");
const program = @import("program.zig");
const shim = @import("platform/zkvm_shim.zig");
const zkvm = @import("platform/zkvm.zig");
const Pool = @import("pool.zig").Pool;

pub const platform = zkvm;
pub const panic = fpvm.panic;

comptime {
    _ = fpvm; // brings the start code in
    _ = shim; // and what stands for a zkVM
}

const Error = program.Error || config.Error || zkvm.InputError || error{ ClaimIsWrong, L1Exhausted };

var pool: Pool = undefined;

pub fn main() noreturn {
    run() catch |failure| switch (failure) {
        error.OutOfMemory => fpvm.exit(fpvm.exit_out_of_memory, "out of memory"),
        error.ClaimIsWrong, error.L1Exhausted => fpvm.exit(fpvm.exit_invalid, @errorName(failure)),
        else => fpvm.exit(fpvm.exit_panic, @errorName(failure)),
    };
    fpvm.exit(fpvm.exit_valid, shim.written());
}

fn run() Error!void {
    // The upper half is left to the input.
    const memory = fpvm.heapState();
    const half = memory.buffer.len / 2;
    pool = .init(memory.buffer[half..]);
    memory.buffer = memory.buffer[0..half];
    const allocator = pool.allocator();
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

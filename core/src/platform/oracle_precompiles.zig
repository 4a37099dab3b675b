//! Precompiled contracts in the fault-proof VM: the costly ones are answered by the oracle, which asks L1's own; the others run inside.
//!
//! The key is 6 and the last 31 bytes of keccak(address, 20 bytes, required gas, 8 bytes, input); the preimage is a status byte, 0 for a
//! call that failed, and the output. Forks bound the inputs so that the worst one fits an L1 transaction of 2^24 gas.
//! Spec: op fault proof, "Type 6: Global Precompile key" and "Precompile Accelerators".

const std = @import("std");
const accelerators = @import("accelerators.zig");
const keccak = @import("../crypto/keccak.zig");
const fpvm = @import("fpvm.zig");
const numbers = @import("../evm/precompiles.zig");
const platform = @import("../platform.zig");

pub fn precompile(number: u16, required_gas: u64, input: []const u8, allocator: std.mem.Allocator) platform.PrecompileError![]const u8 {
    return switch (number) {
        numbers.bn254_pairing,
        numbers.point_evaluation,
        numbers.bls12_g1_add...numbers.bls12_map_fp2_to_g2,
        => ask(number, required_gas, input, allocator),
        else => accelerators.precompileOfGuest(number, required_gas, input, allocator),
    };
}

fn ask(number: u16, required_gas: u64, input: []const u8, allocator: std.mem.Allocator) platform.PrecompileError![]const u8 {
    var head: [28]u8 = @splat(0);
    std.mem.writeInt(u16, head[18..20], number, .big);
    std.mem.writeInt(u64, head[20..28], required_gas, .big);
    var hasher = keccak.Hasher.init();
    hasher.update(&head);
    hasher.update(input);
    var key = hasher.final();
    key[0] = 6;

    const name = "l1-precompile-v2 0x";
    const text = try allocator.alloc(u8, name.len + 2 * (head.len + input.len));
    @memcpy(text[0..name.len], name);
    for (head, 0..) |byte, index| text[name.len + 2 * index ..][0..2].* = std.fmt.hex(byte);
    for (input, head.len..) |byte, index| text[name.len + 2 * index ..][0..2].* = std.fmt.hex(byte);
    fpvm.hint(text);
    const answer = try fpvm.preimage(key, allocator);
    // Later keys say themselves what they belong to.
    fpvm.hint("");
    if (answer.len == 0 or answer[0] == 0) return error.PrecompileFailed;
    // The caller frees what it is given, so it must not start behind the status.
    return allocator.dupe(u8, answer[1..]);
}

//! Prague's precompiles as they stood when ethereum/tests filled its BLS12-381 suite, in April 2024; for those tests alone.
//!
//! EIP-2537 changed afterwards: multiplications were dropped, so that five of the nine contracts moved to other addresses, and prices
//! fell. The tests were never filled again, but the arithmetic that they check is unchanged.
//! Spec: EIP-2537 as of early 2024, "Gas schedule"

const std = @import("std");
const types = @import("../evm/types.zig");
const fork = @import("../evm/fork.zig");
const platform = @import("../platform.zig");
const precompiles = @import("../evm/precompiles.zig");

pub const contracts: precompiles.Contracts = .{ .find = find, .price = price, .run = run };

const first = 0x0b;
const last = 0x13;
/// The draft's contracts are told from the final ones by this.
const offset = 0x2000;

fn find(rules: fork.Rules, address: types.Address) ?u16 {
    const word = types.addressToWord(address);
    if (word >= first and word <= last) return offset + @as(u16, @intCast(word));
    return precompiles.find(rules, address);
}

fn price(rules: fork.Rules, number: u16, input: []const u8) ?u64 {
    if (number < offset) return precompiles.price(rules, number, input);
    return switch (number - offset) {
        0x0b => 500,
        0x0c => if (input.len == g1_pair) g1_multiplication else null,
        0x0d => msmPrice(input.len / g1_pair, g1_multiplication),
        0x0e => 800,
        0x0f => if (input.len == g2_pair) g2_multiplication else null,
        0x10 => msmPrice(input.len / g2_pair, g2_multiplication),
        0x11 => 65_000 + 43_000 * @as(u64, input.len / 384),
        0x12 => 5_500,
        0x13 => 75_000,
        else => unreachable,
    };
}

fn run(number: u16, required_gas: u64, input: []const u8, allocator: std.mem.Allocator) platform.PrecompileError![]const u8 {
    const final: u16 = if (number < offset) number else switch (number - offset) {
        0x0b => precompiles.bls12_g1_add,
        0x0c, 0x0d => precompiles.bls12_g1_msm,
        0x0e => precompiles.bls12_g2_add,
        0x0f, 0x10 => precompiles.bls12_g2_msm,
        0x11 => precompiles.bls12_pairing,
        0x12 => precompiles.bls12_map_fp_to_g1,
        0x13 => precompiles.bls12_map_fp2_to_g2,
        else => unreachable,
    };
    return platform.current.precompile(final, required_gas, input, allocator);
}

const g1_pair = 160;
const g2_pair = 288;
const g1_multiplication = 12_000;
const g2_multiplication = 45_000;

fn msmPrice(pairs: u64, multiplication: u64) u64 {
    if (pairs == 0) return 0;
    return pairs * multiplication * discounts[@min(pairs, discounts.len) - 1] / 1000;
}

/// Thousandths of the price of separate multiplications, by the number of pairs.
const discounts = [128]u16{
    1200, 888, 764, 641, 594, 547, 500, 453, 438, 423, 408, 394, 379, 364, 349, 334, 330, 326, 322, 318, 314, 310, 306, 302, 298, 294,
    289,  285, 281, 277, 273, 269, 268, 266, 265, 263, 262, 260, 259, 257, 256, 254, 253, 251, 250, 248, 247, 245, 244, 242, 241, 239,
    238,  236, 235, 233, 232, 231, 229, 228, 226, 225, 223, 222, 221, 220, 219, 219, 218, 217, 216, 216, 215, 214, 213, 213, 212, 211,
    211,  210, 209, 208, 208, 207, 206, 205, 205, 204, 203, 202, 202, 201, 200, 199, 199, 198, 197, 196, 196, 195, 194, 193, 193, 192,
    191,  191, 190, 189, 188, 188, 187, 186, 185, 185, 184, 183, 182, 182, 181, 180, 179, 179, 178, 177, 176, 176, 175, 174,
};

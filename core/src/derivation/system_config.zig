//! SystemConfig updates: what L1 logs change in the chain's configuration.
//!
//! An update that cannot be read is skipped. Spec: op system-config, "System Config Updates".

const std = @import("std");
const config = @import("../config.zig");
const receipts = @import("l1/receipts.zig");
const SystemConfig = config.SystemConfig;

/// ConfigUpdate(uint256,uint8,bytes)
const event_topic = [32]u8{
    0x1d, 0x2b, 0x0b, 0xda, 0x21, 0xd5, 0x6b, 0x8b, 0xd1, 0x2d, 0x4f, 0x94, 0xeb, 0xac, 0xff, 0xdf,
    0xb3, 0x5f, 0x5e, 0x22, 0x6f, 0x84, 0xb4, 0x61, 0x10, 0x3b, 0xb8, 0xbe, 0xab, 0x63, 0x53, 0xbe,
};

const Kind = enum(u8) {
    batcher = 0,
    fee_scalars = 1,
    gas_limit = 2,
    unsafe_block_signer = 3,
    eip1559_params = 4,
    operator_fee = 5,
    min_base_fee = 6,
    da_footprint_gas_scalar = 7,
};

/// Apply all updates of an L1 block, in log order.
pub fn update(system: *SystemConfig, rollup: *const config.RollupConfig, block_receipts: []const []const u8, l1_timestamp: u64) void {
    var logs: receipts.LogReader = .{ .receipts = block_receipts };
    while (logs.next()) |log| {
        if (!std.mem.eql(u8, log.address, &rollup.l1_system_config)) continue;
        if (log.topics.len == 0 or !std.mem.eql(u8, &log.topics[0], &event_topic)) continue;
        apply(system, rollup, log, l1_timestamp) catch continue;
    }
}

const Unreadable = error{Unreadable};

fn apply(system: *SystemConfig, rollup: *const config.RollupConfig, log: receipts.Log, l1_timestamp: u64) Unreadable!void {
    if (log.topics.len != 3) return error.Unreadable;
    if (std.mem.readInt(u256, &log.topics[1], .big) != 0) return error.Unreadable;
    const number = std.mem.readInt(u256, &log.topics[2], .big);
    if (number > std.math.maxInt(u8)) return error.Unreadable;
    const kind = std.enums.fromInt(Kind, @as(u8, @intCast(number))) orelse return error.Unreadable;
    switch (kind) {
        .batcher => {
            const word = try payload(log.data, 1);
            if (!std.mem.allEqual(u8, word[0..12], 0)) return error.Unreadable;
            system.batcher = word[12..32].*;
        },
        .fee_scalars => {
            const content = try payload(log.data, 2);
            const scalar = content[32..64];
            if (rollup.isActive(.ecotone, l1_timestamp)) {
                const used_from: usize = switch (scalar[0]) {
                    0 => 28,
                    1 => 24,
                    else => return error.Unreadable,
                };
                if (!std.mem.allEqual(u8, scalar[1..used_from], 0)) return error.Unreadable;
                system.overhead = @splat(0);
            } else {
                system.overhead = content[0..32].*;
            }
            system.scalar = scalar[0..32].*;
        },
        .gas_limit => system.gas_limit = try integer(u64, log.data),
        .unsafe_block_signer => {},
        .eip1559_params => std.mem.writeInt(u64, &system.eip1559_params, try integer(u64, log.data), .big),
        .operator_fee => {
            const word = try payload(log.data, 1);
            system.operator_fee_scalar = std.mem.readInt(u32, word[20..24], .big);
            system.operator_fee_constant = std.mem.readInt(u64, word[24..32], .big);
        },
        .min_base_fee => system.min_base_fee = try integer(u64, log.data),
        .da_footprint_gas_scalar => system.da_footprint_gas_scalar = try integer(u16, log.data),
    }
}

/// The content of the log's one `bytes` argument, which has exactly this many words.
fn payload(data: []const u8, comptime word_count: usize) Unreadable!*const [32 * word_count]u8 {
    if (data.len != 64 + 32 * word_count) return error.Unreadable;
    if (std.mem.readInt(u256, data[0..32], .big) != 32) return error.Unreadable;
    if (std.mem.readInt(u256, data[32..64], .big) != 32 * word_count) return error.Unreadable;
    return data[64..][0 .. 32 * word_count];
}

fn integer(comptime T: type, data: []const u8) Unreadable!T {
    return std.math.cast(T, std.mem.readInt(u256, try payload(data, 1), .big)) orelse error.Unreadable;
}

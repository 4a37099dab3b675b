//! Receipts in their consensus form, and the Bloom filter over their logs.
//!
//! Spec: yellow paper, 4.3.1; EIP-658, EIP-2718; op deposits, "Deposit Receipt".

const std = @import("std");
const rlp = @import("../rlp.zig");
const evm = @import("../evm/types.zig");
const platform = @import("../platform.zig").current;
const header = @import("header.zig");
const transaction = @import("transaction.zig");
const Bloom = header.Bloom;

/// The version of deposit receipts since Canyon.
pub const CANYON_VERSION = 1;

pub const Receipt = struct {
    type: transaction.Type,
    succeeded: bool,
    gas_used: u64,
    cumulative_gas_used: u64,
    logs: []const evm.Log,
    bloom: Bloom,
    /// The nonce that a deposit's sender had; since Regolith.
    deposit_nonce: ?u64 = null,
    /// Since Canyon. Without it the receipts root does not commit to the nonce.
    deposit_version: ?u64 = null,
    /// The address of the contract that was created.
    created: ?evm.Address = null,

    /// `committed`: the bytes that the receipts root commits to. `stored`: a deposit's nonce is in them before Canyon, too.
    pub fn encode(self: *const Receipt, encoder: *rlp.Encoder, form: enum { committed, stored }) error{OutOfMemory}!void {
        if (self.type != .legacy) try encoder.raw(&.{@intFromEnum(self.type)});
        const list = encoder.open();
        try encoder.int(@as(u8, @intFromBool(self.succeeded)));
        try encoder.int(self.cumulative_gas_used);
        try encoder.bytes(&self.bloom);
        const logs = encoder.open();
        for (self.logs) |log| {
            const item = encoder.open();
            try encoder.bytes(&log.address);
            const topics = encoder.open();
            for (log.topics) |topic| try encoder.bytes(&topic);
            try encoder.close(topics);
            try encoder.bytes(log.data);
            try encoder.close(item);
        }
        try encoder.close(logs);
        if (self.deposit_nonce) |nonce| {
            if (form == .stored or self.deposit_version != null) try encoder.int(nonce);
            if (self.deposit_version) |version| try encoder.int(version);
        }
        try encoder.close(list);
    }
};

/// The filter of the logs' addresses and topics. Spec: yellow paper, 4.3.1.
pub fn bloomOf(logs: []const evm.Log) Bloom {
    var bloom: Bloom = @splat(0);
    for (logs) |log| {
        addTo(&bloom, &log.address);
        for (log.topics) |topic| addTo(&bloom, &topic);
    }
    return bloom;
}

fn addTo(bloom: *Bloom, value: []const u8) void {
    const digest = platform.keccak256(value);
    inline for (.{ 0, 2, 4 }) |start| {
        const bit = std.mem.readInt(u16, digest[start..][0..2], .big) & 2047;
        bloom[255 - bit / 8] |= @as(u8, 1) << @intCast(bit % 8);
    }
}

/// Add the filter of one receipt to that of the block.
pub fn merge(into: *Bloom, other: *const Bloom) void {
    for (into, other) |*byte, more| byte.* |= more;
}

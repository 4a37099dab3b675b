//! Deposits: L2 transactions that L1 forces in, and how each is made unique.
//!
//! Spec: op deposits.

const std = @import("std");
const rlp = @import("../rlp.zig");
const platform = @import("../platform.zig").current;
const receipts = @import("l1/receipts.zig");

/// `InvalidDeposit`: a log of the deposit contract that cannot be read. Deposits may never be left out, so derivation cannot go on.
pub const Error = error{ InvalidDeposit, OutOfMemory };

pub const transaction_type = 0x7e;

/// TransactionDeposited(address,address,uint256,bytes)
const event_topic = [32]u8{
    0xb3, 0x81, 0x35, 0x68, 0xd9, 0x99, 0x1f, 0xc9, 0x51, 0x96, 0x1f, 0xcb, 0x4c, 0x78, 0x48, 0x93,
    0x57, 0x42, 0x40, 0xa2, 0x89, 0x25, 0x60, 0x4d, 0x09, 0xfc, 0x57, 0x7c, 0x55, 0xbb, 0x7c, 0x32,
};

pub const Deposit = struct {
    source_hash: [32]u8,
    from: [20]u8,
    /// null: a contract creation.
    to: ?[20]u8,
    mint: u128,
    value: u256,
    gas_limit: u64,
    is_system: bool,
    data: []const u8,
};

/// Canonical bytes. Spec: op deposits, "The Deposited Transaction Type".
pub fn encode(arena: std.mem.Allocator, deposit: Deposit) error{OutOfMemory}![]const u8 {
    var encoder = rlp.Encoder.init(arena);
    try encoder.raw(&.{transaction_type});
    const list = encoder.open();
    try encoder.bytes(&deposit.source_hash);
    try encoder.bytes(&deposit.from);
    try encoder.bytes(if (deposit.to) |*to| to else "");
    try encoder.int(deposit.mint);
    try encoder.int(deposit.value);
    try encoder.int(deposit.gas_limit);
    try encoder.int(@as(u8, @intFromBool(deposit.is_system)));
    try encoder.bytes(deposit.data);
    try encoder.close(list);
    return encoder.written();
}

pub const Domain = enum(u8) { user = 0, l1_attributes = 1 };

/// Spec: op deposits, "Source hash computation".
pub fn sourceHash(domain: Domain, l1_block_hash: *const [32]u8, position: u64) [32]u8 {
    var inner: [64]u8 = @splat(0);
    inner[0..32].* = l1_block_hash.*;
    std.mem.writeInt(u64, inner[56..64], position, .big);
    var outer: [64]u8 = @splat(0);
    outer[31] = @intFromEnum(domain);
    outer[32..64].* = platform.keccak256(&inner);
    return platform.keccak256(&outer);
}

/// Append the deposits, in canonical bytes, that the L1 block's logs contain. Spec: op derivation, "Deriving the Transaction List".
pub fn appendUserDeposits(
    arena: std.mem.Allocator,
    transactions: *std.ArrayList([]const u8),
    l1_block_hash: *const [32]u8,
    block_receipts: []const []const u8,
    portal: *const [20]u8,
) Error!void {
    var logs: receipts.LogReader = .{ .receipts = block_receipts };
    while (logs.next()) |log| {
        if (!std.mem.eql(u8, log.address, portal)) continue;
        if (log.topics.len == 0 or !std.mem.eql(u8, &log.topics[0], &event_topic)) continue;
        const deposit = decode(log, l1_block_hash) orelse return error.InvalidDeposit;
        try transactions.append(arena, try encode(arena, deposit));
    }
}

/// The deposit that a log describes. The sender in it is aliased already where it is a contract. Spec: op deposits, "Deposit Contract".
fn decode(log: receipts.Log, l1_block_hash: *const [32]u8) ?Deposit {
    if (log.topics.len != 4) return null;
    const from = addressOf(&log.topics[1]) orelse return null;
    const to = addressOf(&log.topics[2]) orelse return null;
    const is_version_0 = std.mem.allEqual(u8, &log.topics[3], 0);
    if (!is_version_0) return null;
    const opaque_data = bytesArgument(log.data) orelse return null;
    const head_bytes = 32 + 32 + 8 + 1;
    if (opaque_data.len < head_bytes) return null;
    const mint = std.mem.readInt(u256, opaque_data[0..32], .big);
    return .{
        .source_hash = sourceHash(.user, l1_block_hash, log.index),
        .from = from,
        .to = if (opaque_data[72] == 0) to else null,
        .mint = std.math.cast(u128, mint) orelse return null,
        .value = std.mem.readInt(u256, opaque_data[32..64], .big),
        .gas_limit = std.mem.readInt(u64, opaque_data[64..72], .big),
        .is_system = false,
        .data = opaque_data[head_bytes..],
    };
}

fn addressOf(topic: *const [32]u8) ?[20]u8 {
    if (!std.mem.allEqual(u8, topic[0..12], 0)) return null;
    return topic[12..32].*;
}

/// The one `bytes` argument of a log, padded with zeros to whole words and no further. Spec: Solidity ABI.
fn bytesArgument(data: []const u8) ?[]const u8 {
    if (data.len < 64 or data.len % 32 != 0) return null;
    if (std.mem.readInt(u256, data[0..32], .big) != 32) return null;
    const length = std.mem.readInt(u256, data[32..64], .big);
    const room = data.len - 64;
    if (length > room or length + 32 <= room) return null;
    const end: usize = @intCast(length);
    if (!std.mem.allEqual(u8, data[64 + end ..], 0)) return null;
    return data[64..][0..end];
}

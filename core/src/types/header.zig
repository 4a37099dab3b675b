//! Block headers.
//!
//! Spec: yellow paper, 4.4; EIP-1559, EIP-4895, EIP-4844, EIP-4788, EIP-7685; op isthmus exec-engine, "Header Withdrawals Root".

const std = @import("std");
const rlp = @import("../rlp.zig");
const evm = @import("../evm/types.zig");
const platform = @import("../platform.zig").current;
const Hash = evm.Hash;

/// keccak256 of the RLP of an empty list.
pub const EMPTY_UNCLES: Hash = @bitCast(@byteSwap(@as(u256, 0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347)));
/// sha256 of nothing: no execution layer requests. Spec: EIP-7685.
pub const EMPTY_REQUESTS: Hash = @bitCast(@byteSwap(@as(u256, 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855)));

pub const Bloom = [256]u8;

/// The fields in the order of their encoding. Those that came with forks are null where a block is older.
pub const Header = struct {
    parent_hash: Hash,
    uncles_hash: Hash = EMPTY_UNCLES,
    fee_recipient: evm.Address,
    state_root: Hash,
    transactions_root: Hash,
    receipts_root: Hash,
    logs_bloom: Bloom,
    difficulty: u256 = 0,
    number: u64,
    gas_limit: u64,
    gas_used: u64,
    timestamp: u64,
    extra_data: []const u8,
    prev_randao: Hash,
    nonce: [8]u8 = @splat(0),
    base_fee: ?u256 = null,
    withdrawals_root: ?Hash = null,
    blob_gas_used: ?u64 = null,
    excess_blob_gas: ?u64 = null,
    parent_beacon_block_root: ?Hash = null,
    requests_hash: ?Hash = null,

    /// Read the canonical encoding; `extra_data` points into it.
    pub fn decode(encoded: []const u8) rlp.Error!Header {
        var fields = try rlp.decodeList(encoded);
        var header: Header = undefined;
        inline for (@typeInfo(Header).@"struct".field_names, @typeInfo(Header).@"struct".field_types) |name, T| {
            if (@typeInfo(T) != .optional) {
                @field(header, name) = try field(T, &fields);
            } else if (fields.isEmpty()) {
                // None follows one that is left out, since nothing is left.
                @field(header, name) = null;
            } else {
                @field(header, name) = try field(@typeInfo(T).optional.child, &fields);
            }
        }
        try fields.end();
        return header;
    }

    pub fn encode(self: *const Header, encoder: *rlp.Encoder) error{OutOfMemory}!void {
        const list = encoder.open();
        inline for (@typeInfo(Header).@"struct".field_names, @typeInfo(Header).@"struct".field_types) |name, T| {
            const value = @field(self, name);
            if (@typeInfo(T) != .optional) {
                try append(T, encoder, value);
            } else if (value) |given| {
                try append(@typeInfo(T).optional.child, encoder, given);
            }
        }
        try encoder.close(list);
    }

    pub fn hash(self: *const Header, arena: std.mem.Allocator) error{OutOfMemory}!Hash {
        var encoder = rlp.Encoder.init(arena);
        defer encoder.deinit();
        try self.encode(&encoder);
        return platform.keccak256(encoder.written());
    }
};

fn field(comptime T: type, fields: *rlp.Cursor) rlp.Error!T {
    return switch (@typeInfo(T)) {
        .int => fields.int(T),
        .array => |array| fields.fixed(array.len),
        else => fields.bytes(),
    };
}

fn append(comptime T: type, encoder: *rlp.Encoder, value: T) error{OutOfMemory}!void {
    switch (@typeInfo(T)) {
        .int => try encoder.int(value),
        .array => try encoder.bytes(&value),
        else => try encoder.bytes(value),
    }
}

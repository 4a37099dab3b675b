//! Transactions of every type that blocks carry: strict decoding, hashes, and who signed.
//!
//! Spec: EIP-2718, EIP-155, EIP-2930, EIP-1559, EIP-4844, EIP-7702; op deposits, "The Deposited Transaction Type".

const std = @import("std");
const rlp = @import("../rlp.zig");
const evm = @import("../evm/types.zig");
const running = @import("../evm/transaction.zig");
const platform = @import("../platform.zig").current;
const Allocator = std.mem.Allocator;
const Address = evm.Address;
const Hash = evm.Hash;

pub const Error = error{ InvalidTransactionEncoding, OutOfMemory };

pub const Type = enum(u8) {
    legacy = 0,
    access_list = 1,
    dynamic_fee = 2,
    blob = 3,
    set_code = 4,
    deposit = 0x7e,
};

/// What only a deposit has. Spec: op deposits, "The Deposited Transaction Type".
pub const Deposit = struct {
    source_hash: Hash,
    sender: Address,
    /// Wei made for the sender before it runs.
    mint: u128,
    is_system: bool,
};

/// Half the order of the curve: a signature's s above it has a twin below. Spec: EIP-2.
const HALF_ORDER: u256 = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

/// A decoded transaction. Its slices point into `raw` or into the allocator's memory. Fees in wei per gas.
pub const Transaction = struct {
    raw: []const u8,
    type: Type,
    /// null: a legacy transaction without replay protection, or a deposit.
    chain_id: ?u256 = null,
    nonce: u64 = 0,
    max_priority_fee: u256 = 0,
    max_fee: u256 = 0,
    gas_limit: u64,
    /// null: a contract creation.
    to: ?Address,
    value: u256,
    data: []const u8,
    access_list: []const evm.AccessListItem = &.{},
    authorizations: []const evm.Authorization = &.{},
    max_fee_per_blob_gas: u256 = 0,
    blob_hashes: []const Hash = &.{},
    /// 0 or 1; anything else was in the encoding and signs nothing.
    y_parity: u8 = 0,
    r: u256 = 0,
    s: u256 = 0,
    deposit: ?Deposit = null,
    /// The encoded fields that the signature is over.
    signed_fields: []const u8 = "",

    /// The one transaction that the bytes are the canonical encoding of.
    pub fn decode(arena: Allocator, raw: []const u8) Error!Transaction {
        return decodeAny(arena, raw) catch |failure| switch (failure) {
            error.InvalidRlp => error.InvalidTransactionEncoding,
            else => |other| other,
        };
    }

    pub fn hash(self: *const Transaction) Hash {
        return platform.keccak256(self.raw);
    }

    /// What the sender signed.
    pub fn signingHash(self: *const Transaction, arena: Allocator) error{OutOfMemory}!Hash {
        var encoder = rlp.Encoder.init(arena);
        defer encoder.deinit();
        if (self.type != .legacy) try encoder.raw(&.{@intFromEnum(self.type)});
        const list = encoder.open();
        try encoder.raw(self.signed_fields);
        if (self.type == .legacy) if (self.chain_id) |id| {
            try encoder.int(id);
            try encoder.raw("\x80\x80");
        };
        try encoder.close(list);
        return platform.keccak256(encoder.written());
    }

    /// Who sent it: the signer, or what a deposit says. null when the signature is none.
    pub fn sender(self: *const Transaction, arena: Allocator) error{OutOfMemory}!?Address {
        if (self.deposit) |deposit| return deposit.sender;
        return recover(&try self.signingHash(arena), self.y_parity, self.r, self.s);
    }

    /// What the EVM is to run for its sender.
    pub fn payload(self: *const Transaction, from: Address, gas_price: u256) running.Payload {
        return .{
            .sender = from,
            .nonce = self.nonce,
            .to = self.to,
            .value = self.value,
            .data = self.data,
            .gas_limit = self.gas_limit,
            .gas_price = gas_price,
            .access_list = self.access_list,
            .blob_hashes = self.blob_hashes,
            .authorizations = self.authorizations,
        };
    }

    /// Wei paid per gas in a block with this base fee; the fee cap is not below it. Spec: EIP-1559.
    pub fn effectiveGasPrice(self: *const Transaction, base_fee: u256) u256 {
        if (self.deposit != null) return 0;
        return @min(self.max_fee, base_fee +| self.max_priority_fee);
    }
};

/// The address whose key made the signature, or null. Spec: yellow paper, appendix F; EIP-2.
pub fn recover(message: *const Hash, y_parity: u8, r: u256, s: u256) ?Address {
    if (y_parity > 1 or s > HALF_ORDER) return null;
    const key = platform.recoverKey(message, &evm.wordToHash(r), &evm.wordToHash(s), y_parity == 1) orelse return null;
    return platform.keccak256(&key)[12..32].*;
}

const DecodeError = rlp.Error || error{OutOfMemory};

fn decodeAny(arena: Allocator, raw: []const u8) DecodeError!Transaction {
    if (raw.len == 0) return error.InvalidRlp;
    if (raw[0] >= 0xc0) return decodeLegacy(raw);
    var fields = try rlp.decodeList(raw[1..]);
    return switch (raw[0]) {
        1 => decodeTyped(arena, .access_list, raw, &fields),
        2 => decodeTyped(arena, .dynamic_fee, raw, &fields),
        3 => decodeTyped(arena, .blob, raw, &fields),
        4 => decodeTyped(arena, .set_code, raw, &fields),
        0x7e => decodeDeposit(raw, &fields),
        else => error.InvalidRlp,
    };
}

fn decodeLegacy(raw: []const u8) DecodeError!Transaction {
    var fields = try rlp.decodeList(raw);
    const start = fields.rest;
    const nonce = try fields.int(u64);
    const price = try fields.int(u256);
    var result = Transaction{
        .raw = raw,
        .type = .legacy,
        .nonce = nonce,
        .max_priority_fee = price,
        .max_fee = price,
        .gas_limit = try fields.int(u64),
        .to = try fields.optionalFixed(20),
        .value = try fields.int(u256),
        .data = try fields.bytes(),
    };
    result.signed_fields = start[0 .. start.len - fields.rest.len];
    const v = try fields.int(u256);
    if (v == 27 or v == 28) {
        result.y_parity = @intCast(v - 27);
    } else if (v >= 35) {
        result.chain_id = (v - 35) >> 1;
        result.y_parity = @intCast((v - 35) & 1);
    } else return error.InvalidRlp;
    return finishSignature(&result, &fields);
}

fn decodeTyped(arena: Allocator, kind: Type, raw: []const u8, fields: *rlp.Cursor) DecodeError!Transaction {
    const start = fields.rest;
    const chain_id = try fields.int(u256);
    const nonce = try fields.int(u64);
    const priority_fee = try fields.int(u256);
    const max_fee = if (kind == .access_list) priority_fee else try fields.int(u256);
    const gas_limit = try fields.int(u64);
    // Blob and set-code transactions create no contracts, and their format has no room for it.
    const to = if (kind == .blob or kind == .set_code) try fields.fixed(20) else try fields.optionalFixed(20);
    var result = Transaction{
        .raw = raw,
        .type = kind,
        .chain_id = chain_id,
        .nonce = nonce,
        .max_priority_fee = priority_fee,
        .max_fee = max_fee,
        .gas_limit = gas_limit,
        .to = to,
        .value = try fields.int(u256),
        .data = try fields.bytes(),
        .access_list = try decodeAccessList(arena, try fields.list()),
    };
    switch (kind) {
        .blob => {
            result.max_fee_per_blob_gas = try fields.int(u256);
            result.blob_hashes = try decodeHashes(arena, try fields.list());
        },
        .set_code => result.authorizations = try decodeAuthorizations(arena, try fields.list()),
        else => {},
    }
    result.signed_fields = start[0 .. start.len - fields.rest.len];
    result.y_parity = try fields.int(u8);
    return finishSignature(&result, fields);
}

fn finishSignature(result: *Transaction, fields: *rlp.Cursor) DecodeError!Transaction {
    result.r = try fields.int(u256);
    result.s = try fields.int(u256);
    try fields.end();
    return result.*;
}

fn decodeDeposit(raw: []const u8, fields: *rlp.Cursor) DecodeError!Transaction {
    const source_hash = try fields.fixed(32);
    const from = try fields.fixed(20);
    const to = try fields.optionalFixed(20);
    const mint = try fields.int(u128);
    const value = try fields.int(u256);
    const gas_limit = try fields.int(u64);
    const is_system = try fields.int(u1) == 1;
    const data = try fields.bytes();
    try fields.end();
    return .{
        .raw = raw,
        .type = .deposit,
        .gas_limit = gas_limit,
        .to = to,
        .value = value,
        .data = data,
        .deposit = .{ .source_hash = source_hash, .sender = from, .mint = mint, .is_system = is_system },
    };
}

fn decodeAccessList(arena: Allocator, list: rlp.Cursor) DecodeError![]const evm.AccessListItem {
    var rest = list;
    if (rest.isEmpty()) return &.{};
    const items = try arena.alloc(evm.AccessListItem, try rest.count());
    for (items) |*item| {
        var entry = try rest.list();
        item.address = try entry.fixed(20);
        item.slots = try decodeHashes(arena, try entry.list());
        try entry.end();
    }
    return items;
}

fn decodeHashes(arena: Allocator, list: rlp.Cursor) DecodeError![]const Hash {
    var rest = list;
    const hashes = try arena.alloc(Hash, try rest.count());
    for (hashes) |*item| item.* = try rest.fixed(32);
    return hashes;
}

fn decodeAuthorizations(arena: Allocator, list: rlp.Cursor) DecodeError![]const evm.Authorization {
    var rest = list;
    const items = try arena.alloc(evm.Authorization, try rest.count());
    for (items) |*item| {
        var fields = try rest.list();
        item.* = .{
            .chain_id = try fields.int(u256),
            .address = try fields.fixed(20),
            .nonce = try fields.int(u64),
            .y_parity = try fields.int(u8),
            .r = try fields.int(u256),
            .s = try fields.int(u256),
        };
        try fields.end();
    }
    return items;
}

//! The span batch: a range of consecutive L2 blocks in one batch, laid out to compress well.
//!
//! The chain id is not in the batch: every replay-protected transaction is one of this chain. Signatures are not checked here.
//! Spec: op delta span batches, "Span batch format"; op isthmus derivation, "Span Batch Updates".

const std = @import("std");
const rlp = @import("../rlp.zig");

pub const Error = error{ InvalidBatch, OutOfMemory };

/// Blocks, and transactions, that one batch may have; and bytes that the variable fields of one transaction may.
const max_elements = 10_000_000;

/// Bytes of a hash that the batch repeats to be checked.
pub const check_bytes = 20;

pub const SpanBatch = struct {
    /// Seconds from L2 genesis to the first block.
    relative_timestamp: u64,
    /// L1 origin of the last block.
    l1_origin_number: u64,
    /// First bytes of the first block's parent hash.
    parent_check: [check_bytes]u8,
    /// First bytes of the hash of the last block's L1 origin.
    l1_origin_check: [check_bytes]u8,
    blocks: []const Block,
    transactions: []const []const u8,

    pub const Block = struct {
        origin_changed: bool,
        /// Where in `transactions` those of the block start, and how many there are.
        first_transaction: u32,
        transaction_count: u32,
    };

    pub fn blockTransactions(self: *const SpanBatch, index: usize) []const []const u8 {
        const block = self.blocks[index];
        return self.transactions[block.first_transaction..][0..block.transaction_count];
    }

    /// L1 origin number of the first block; negative in a nonsensical batch.
    pub fn startEpochNumber(self: *const SpanBatch) i128 {
        var number: i128 = self.l1_origin_number;
        for (self.blocks[1..]) |block| number -= @intFromBool(block.origin_changed);
        return number;
    }

    /// Read the content of a batch, without its version byte. What follows it is ignored, as the spec allows.
    pub fn decode(arena: std.mem.Allocator, content: []const u8, chain_id: u64) Error!SpanBatch {
        var reader: Reader = .{ .rest = content };
        const relative_timestamp = try reader.varint();
        const l1_origin_number = try reader.varint();
        const parent_check = (try reader.take(check_bytes))[0..check_bytes].*;
        const l1_origin_check = (try reader.take(check_bytes))[0..check_bytes].*;
        const block_count = try reader.varint();
        if (block_count == 0 or block_count > max_elements) return error.InvalidBatch;
        const origin_bits = try reader.bits(block_count);
        // Each block takes at least a byte for its count, which bounds the memory by the input.
        if (block_count > reader.rest.len) return error.InvalidBatch;
        const blocks = try arena.alloc(Block, @intCast(block_count));
        var total: u64 = 0;
        for (blocks, 0..) |*block, index| {
            const count = try reader.varint();
            if (count > max_elements - total) return error.InvalidBatch;
            block.* = .{
                .origin_changed = origin_bits.get(index),
                .first_transaction = @intCast(total),
                .transaction_count = @intCast(count),
            };
            total += count;
        }
        return .{
            .relative_timestamp = relative_timestamp,
            .l1_origin_number = l1_origin_number,
            .parent_check = parent_check,
            .l1_origin_check = l1_origin_check,
            .blocks = blocks,
            .transactions = try decodeTransactions(arena, &reader, @intCast(total), chain_id),
        };
    }
};

const legacy = 0;
const access_list = 1;
const dynamic_fee = 2;
const set_code = 4;

/// The fields of a transaction whose size varies. All are encodings; fees, data and lists stand in the order of the transaction's own.
const Content = struct {
    kind: u8,
    value: []const u8,
    fees: []const u8,
    data: []const u8,
    lists: []const u8,
};

fn decodeTransactions(arena: std.mem.Allocator, reader: *Reader, count: usize, chain_id: u64) Error![]const []const u8 {
    const creations = try reader.bits(count);
    const parities = try reader.bits(count);
    const signatures = try reader.take(64 * count);
    const recipients = try reader.take(20 * (count - creations.countSet()));
    const contents = try arena.alloc(Content, count);
    var legacy_count: usize = 0;
    for (contents) |*content| {
        content.* = readContent(reader) catch return error.InvalidBatch;
        legacy_count += @intFromBool(content.kind == legacy);
    }
    const nonces = try arena.alloc(u64, count);
    for (nonces) |*nonce| nonce.* = try reader.varint();
    const gas_limits = try arena.alloc(u64, count);
    for (gas_limits) |*gas_limit| gas_limit.* = try reader.varint();
    const protected = try reader.bits(legacy_count);

    const transactions = try arena.alloc([]const u8, count);
    var recipient_index: usize = 0;
    var legacy_index: usize = 0;
    for (transactions, 0..) |*transaction, index| {
        const content = contents[index];
        var parts: Parts = .{ .content = content, .chain_id = chain_id, .nonce = nonces[index], .gas_limit = gas_limits[index], .parity = parities.get(index) };
        if (creations.get(index)) {
            if (content.kind == set_code) return error.InvalidBatch;
        } else {
            parts.to = recipients[20 * recipient_index ..][0..20];
            recipient_index += 1;
        }
        parts.r = withoutZeros(signatures[64 * index ..][0..32]);
        parts.s = withoutZeros(signatures[64 * index ..][32..64]);
        if (content.kind == legacy) {
            parts.protected = protected.get(legacy_index);
            legacy_index += 1;
        }
        transaction.* = try parts.encode(arena);
    }
    return transactions;
}

/// A transaction to be put together again.
const Parts = struct {
    content: Content,
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
    to: []const u8 = "",
    parity: bool,
    protected: bool = false,
    r: []const u8 = "",
    s: []const u8 = "",

    fn encode(self: *const Parts, arena: std.mem.Allocator) error{OutOfMemory}![]const u8 {
        // The size is known beforehand, so each transaction takes its bytes and no more.
        const length = self.write(Counter{}).count;
        const typed = self.content.kind != legacy;
        const total = @as(usize, @intFromBool(typed)) + rlp.listSize(length);
        const bytes = try arena.alloc(u8, total);
        var position: usize = 0;
        if (typed) {
            bytes[0] = self.content.kind;
            position = 1;
        }
        var head: [9]u8 = undefined;
        const head_size = rlp.writePrefix(&head, 0xc0, length);
        @memcpy(bytes[position..][0..head_size], head[0..head_size]);
        position += head_size;
        const end = self.write(Writer{ .bytes = bytes, .position = position }).position;
        std.debug.assert(end == total);
        return bytes;
    }

    fn write(self: *const Parts, sink: anytype) @TypeOf(sink) {
        var out = sink;
        const content = self.content;
        if (content.kind != legacy) out.int(self.chain_id);
        out.int(self.nonce);
        out.raw(content.fees);
        out.int(self.gas_limit);
        out.string(self.to);
        out.raw(content.value);
        out.raw(content.data);
        out.raw(content.lists);
        const parity: u128 = @intFromBool(self.parity);
        if (content.kind != legacy) {
            out.int(@as(u64, @intFromBool(self.parity)));
        } else if (self.protected) {
            out.int(35 + 2 * @as(u128, self.chain_id) + parity);
        } else {
            out.int(27 + parity);
        }
        out.string(self.r);
        out.string(self.s);
        return out;
    }
};

const Counter = struct {
    count: usize = 0,

    fn int(self: *Counter, value: anytype) void {
        self.count += rlp.intSize(value);
    }

    fn string(self: *Counter, value: []const u8) void {
        self.count += rlp.bytesSize(value);
    }

    fn raw(self: *Counter, value: []const u8) void {
        self.count += value.len;
    }
};

const Writer = struct {
    bytes: []u8,
    position: usize,

    fn int(self: *Writer, value: anytype) void {
        const T = @TypeOf(value);
        var big: [@sizeOf(T)]u8 = undefined;
        std.mem.writeInt(T, &big, value, .big);
        self.string(big[big.len - rlp.intLength(value) ..]);
    }

    fn string(self: *Writer, value: []const u8) void {
        if (value.len != 1 or value[0] >= 0x80) {
            var head: [9]u8 = undefined;
            self.raw(head[0..rlp.writePrefix(&head, 0x80, value.len)]);
        }
        self.raw(value);
    }

    fn raw(self: *Writer, value: []const u8) void {
        @memcpy(self.bytes[self.position..][0..value.len], value);
        self.position += value.len;
    }
};

fn readContent(reader: *Reader) (rlp.Error || Error)!Content {
    if (reader.rest.len == 0) return error.InvalidBatch;
    var kind: u8 = legacy;
    if (reader.rest[0] < 0x80) {
        kind = reader.rest[0];
        if (kind != access_list and kind != dynamic_fee and kind != set_code) return error.InvalidBatch;
        reader.rest = reader.rest[1..];
    }
    const item = try rlp.first(reader.rest);
    if (item.raw.len > max_elements) return error.InvalidBatch;
    reader.rest = reader.rest[item.raw.len..];
    var fields = try item.list();
    const value = try integer(&fields);
    const fees_start = fields.rest;
    _ = try integer(&fields);
    if (kind == dynamic_fee or kind == set_code) _ = try integer(&fields);
    const fees = fees_start[0 .. fees_start.len - fields.rest.len];
    const data = try fields.next();
    _ = try data.bytes();
    const lists = fields.rest;
    if (kind != legacy) try checkAccessList(&fields);
    if (kind == set_code) try checkAuthorizations(&fields);
    try fields.end();
    return .{ .kind = kind, .value = value, .fees = fees, .data = data.raw, .lists = lists };
}

/// The encoding of a number of up to 256 bits.
fn integer(fields: *rlp.Cursor) rlp.Error![]const u8 {
    const item = try fields.next();
    const payload = try item.bytes();
    if (payload.len > 32 or (payload.len > 0 and payload[0] == 0)) return error.InvalidRlp;
    return item.raw;
}

fn checkAccessList(fields: *rlp.Cursor) rlp.Error!void {
    var entries = try fields.list();
    while (!entries.isEmpty()) {
        var entry = try entries.list();
        _ = try entry.fixed(20);
        var keys = try entry.list();
        while (!keys.isEmpty()) _ = try keys.fixed(32);
        try entry.end();
    }
}

fn checkAuthorizations(fields: *rlp.Cursor) rlp.Error!void {
    var entries = try fields.list();
    while (!entries.isEmpty()) {
        var entry = try entries.list();
        _ = try integer(&entry);
        _ = try entry.fixed(20);
        _ = try entry.int(u64);
        _ = try entry.int(u8);
        _ = try integer(&entry);
        _ = try integer(&entry);
        try entry.end();
    }
}

fn withoutZeros(word: []const u8) []const u8 {
    return std.mem.trimStart(u8, word, "\x00");
}

/// A list of bits: a big-endian number whose bit i belongs to item i.
const Bits = struct {
    bytes: []const u8,

    fn get(self: Bits, index: usize) bool {
        return self.bytes[self.bytes.len - 1 - index / 8] >> @intCast(index % 8) & 1 == 1;
    }

    fn countSet(self: Bits) usize {
        var count: usize = 0;
        for (self.bytes) |byte| count += @popCount(byte);
        return count;
    }
};

/// Reads forward and never past the end.
const Reader = struct {
    rest: []const u8,

    fn take(self: *Reader, count: usize) Error![]const u8 {
        if (count > self.rest.len) return error.InvalidBatch;
        const taken = self.rest[0..count];
        self.rest = self.rest[count..];
        return taken;
    }

    /// A base-128 varint below 2^64, least significant group first. Forms longer than necessary are read as other nodes read them.
    fn varint(self: *Reader) Error!u64 {
        var value: u64 = 0;
        for (self.rest, 0..) |byte, index| {
            const group: u64 = byte & 0x7f;
            if (index == 9 and group > 1) return error.InvalidBatch;
            value |= group << @intCast(7 * index);
            if (byte < 0x80) {
                self.rest = self.rest[index + 1 ..];
                return value;
            }
            if (index == 9) return error.InvalidBatch;
        }
        return error.InvalidBatch;
    }

    fn bits(self: *Reader, count: u64) Error!Bits {
        const bytes = try self.take(@intCast((count + 7) / 8));
        const spare: u3 = @intCast(-%count & 7);
        if (spare != 0 and @clz(bytes[0]) < spare) return error.InvalidBatch;
        return .{ .bytes = bytes };
    }
};

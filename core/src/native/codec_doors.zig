//! C doors of the codecs, which let tests compare them with others. `evm/native/codecs.py` is the other side.
//!
//! The answers are written to `out`; the result is their length, -1 for bytes that are not canonical, -2 when there is no room.

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const rlp = @import("../rlp.zig");
const fastlz = @import("../block/fastlz.zig");
const Header = @import("../types/header.zig").Header;
const Transaction = @import("../types/transaction.zig").Transaction;

const not_canonical = -1;
const no_room = -2;

fn answer(encoded: []const u8, out: [*]u8, room: usize) isize {
    if (encoded.len > room) return no_room;
    @memcpy(out[0..encoded.len], encoded);
    return @intCast(encoded.len);
}

/// A header, decoded and encoded again.
export fn lamina_header_recode(data: [*]const u8, length: usize, out: [*]u8, room: usize) isize {
    var arena = Arena.init(std.heap.smp_allocator);
    defer arena.deinit();
    const header = Header.decode(data[0..length]) catch return not_canonical;
    var encoder = rlp.Encoder.init(arena.allocator());
    header.encode(&encoder) catch return no_room;
    return answer(encoder.written(), out, room);
}

/// What a transaction says: rlp([type, hash, signing hash, sender or empty, chain id or empty, nonce, gas limit, to or empty, value, data,
/// fee cap, tip cap, [[address, [slot, ...]], ...], [[chain id, address, nonce, y parity, r, s], ...], [blob hash, ...], mint, is system]).
/// A deposit has no signing hash. A chain id is a list of none or one.
export fn lamina_transaction_read(data: [*]const u8, length: usize, out: [*]u8, room: usize) isize {
    var arena = Arena.init(std.heap.smp_allocator);
    defer arena.deinit();
    const transaction = Transaction.decode(arena.allocator(), data[0..length]) catch return not_canonical;
    var encoder = rlp.Encoder.init(arena.allocator());
    describe(&encoder, &transaction) catch return no_room;
    return answer(encoder.written(), out, room);
}

fn describe(encoder: *rlp.Encoder, transaction: *const Transaction) error{OutOfMemory}!void {
    const list = encoder.open();
    try encoder.int(@intFromEnum(transaction.type));
    try encoder.bytes(&transaction.hash());
    try encoder.bytes(if (transaction.deposit == null) &try transaction.signingHash(encoder.allocator) else "");
    try encoder.bytes(if (try transaction.sender(encoder.allocator)) |sender| &sender else "");
    const chain_id = encoder.open();
    if (transaction.chain_id) |id| try encoder.int(id);
    try encoder.close(chain_id);
    try encoder.int(transaction.nonce);
    try encoder.int(transaction.gas_limit);
    try encoder.bytes(if (transaction.to) |to| &to else "");
    try encoder.int(transaction.value);
    try encoder.bytes(transaction.data);
    try encoder.int(transaction.max_fee);
    try encoder.int(transaction.max_priority_fee);
    const accesses = encoder.open();
    for (transaction.access_list) |item| {
        const entry = encoder.open();
        try encoder.bytes(&item.address);
        const slots = encoder.open();
        for (item.slots) |slot| try encoder.bytes(&slot);
        try encoder.close(slots);
        try encoder.close(entry);
    }
    try encoder.close(accesses);
    const authorizations = encoder.open();
    for (transaction.authorizations) |item| {
        const entry = encoder.open();
        try encoder.int(item.chain_id);
        try encoder.bytes(&item.address);
        try encoder.int(item.nonce);
        try encoder.int(item.y_parity);
        try encoder.int(item.r);
        try encoder.int(item.s);
        try encoder.close(entry);
    }
    try encoder.close(authorizations);
    const blobs = encoder.open();
    for (transaction.blob_hashes) |hash| try encoder.bytes(&hash);
    try encoder.close(blobs);
    try encoder.int(if (transaction.deposit) |deposit| deposit.mint else 0);
    try encoder.int(@as(u8, @intFromBool(if (transaction.deposit) |deposit| deposit.is_system else false)));
    try encoder.close(list);
}

/// The length that FastLZ would make of the bytes.
export fn lamina_fastlz_length(data: [*]const u8, length: usize) u64 {
    return fastlz.compressedLength(data[0..length], &fastlz_table);
}

/// Kept from call to call: clearing 32 KiB takes longer than most transactions do, and drives out what the processor had at hand.
threadlocal var fastlz_table: fastlz.Table = .{ .entries = @splat(0), .base = 0 };

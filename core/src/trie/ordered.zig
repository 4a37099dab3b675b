//! Roots of lists: the trie from rlp(index) to value, for transactions, receipts and withdrawals.
//!
//! The keys are known beforehand, so the trie is never built: nodes are hashed from the leaves up, in key order, and forgotten.

const std = @import("std");
const rlp = @import("../rlp.zig");
const platform = @import("../platform.zig").current;
const trie = @import("trie.zig");

const MAX_NIBBLES = 10;
const Key = struct { nibbles: [MAX_NIBBLES]u8, length: u8 };

/// The root for `count` values. `context.value(index)` gives the encoded bytes of one; they are read once each.
pub fn root(count: usize, context: anytype) error{OutOfMemory}!trie.Hash {
    if (count == 0) return trie.EMPTY_ROOT;
    var item: [33]u8 = undefined;
    const size = try subtree(context, 0, count, count, 0, &item);
    return if (size == 33) item[1..33].* else platform.keccak256(item[0..size]);
}

/// The index that stands at this position when keys are in order: 0 has the key 0x80, which follows 0x7f.
fn indexAt(position: usize, count: usize) usize {
    const small = @min(count, 128) - 1;
    if (position < small) return position + 1;
    return if (position == small) 0 else position;
}

fn keyAt(position: usize, count: usize) Key {
    const index: u64 = indexAt(position, count);
    var encoded: [9]u8 = undefined;
    var size: usize = 1;
    if (index == 0) {
        encoded[0] = 0x80;
    } else if (index < 0x80) {
        encoded[0] = @intCast(index);
    } else {
        const length = rlp.intLength(index);
        encoded[0] = 0x80 + @as(u8, @intCast(length));
        for (0..length) |i| encoded[length - i] = @truncate(index >> @intCast(8 * i));
        size += length;
    }
    std.debug.assert(2 * size <= MAX_NIBBLES);
    var key = Key{ .nibbles = undefined, .length = @intCast(2 * size) };
    for (encoded[0..size], 0..) |byte, i| {
        key.nibbles[2 * i] = byte >> 4;
        key.nibbles[2 * i + 1] = byte & 0xf;
    }
    return key;
}

/// Write the item of the subtree of positions `low` to `high` below `depth` nibbles; its size comes back.
fn subtree(context: anytype, low: usize, high: usize, count: usize, depth: usize, item: *[33]u8) error{OutOfMemory}!usize {
    const first = keyAt(low, count);
    if (high - low == 1) return leaf(first.nibbles[depth..first.length], try context.value(indexAt(low, count)), item);
    const last = keyAt(high - 1, count);
    var common = depth;
    while (first.nibbles[common] == last.nibbles[common]) common += 1;
    if (common > depth) {
        var child: [33]u8 = undefined;
        const child_size = try branch(context, low, high, count, common, &child);
        var compact: [MAX_NIBBLES / 2 + 1]u8 = undefined;
        const path = trie.packPath(&compact, first.nibbles[depth..common], false);
        var out: [64]u8 = undefined;
        const length = rlp.bytesSize(path) + child_size;
        var end = rlp.writePrefix(&out, 0xc0, length);
        if (path.len > 1) end += rlp.writePrefix(out[end..], 0x80, path.len);
        @memcpy(out[end..][0..path.len], path);
        end += path.len;
        @memcpy(out[end..][0..child_size], child[0..child_size]);
        return reference(out[0 .. end + child_size], item);
    }
    return branch(context, low, high, count, depth, item);
}

fn branch(context: anytype, low: usize, high: usize, count: usize, depth: usize, item: *[33]u8) error{OutOfMemory}!usize {
    var out: [3 + 16 * 33 + 1]u8 = undefined;
    var end: usize = 3;
    var start = low;
    for (0..16) |nibble| {
        var stop = start;
        while (stop < high and keyAt(stop, count).nibbles[depth] == nibble) stop += 1;
        if (stop == start) {
            out[end] = 0x80;
            end += 1;
        } else {
            var child: [33]u8 = undefined;
            const size = try subtree(context, start, stop, count, depth + 1, &child);
            @memcpy(out[end..][0..size], child[0..size]);
            end += size;
        }
        start = stop;
    }
    out[end] = 0x80;
    end += 1;
    var head: [9]u8 = undefined;
    const size = rlp.writePrefix(&head, 0xc0, end - 3);
    @memcpy(out[3 - size .. 3], head[0..size]);
    return reference(out[3 - size .. end], item);
}

fn leaf(nibbles: []const u8, value: []const u8, item: *[33]u8) usize {
    var compact: [MAX_NIBBLES / 2 + 1]u8 = undefined;
    const path = trie.packPath(&compact, nibbles, true);
    const length = rlp.bytesSize(path) + rlp.bytesSize(value);
    var head: [32]u8 = undefined;
    var end = rlp.writePrefix(&head, 0xc0, length);
    if (path.len > 1) end += rlp.writePrefix(head[end..], 0x80, path.len);
    @memcpy(head[end..][0..path.len], path);
    end += path.len;
    if (value.len != 1 or value[0] >= 0x80) end += rlp.writePrefix(head[end..], 0x80, value.len);
    const total = end + value.len;
    if (total < 32) {
        @memcpy(item[0..end], head[0..end]);
        @memcpy(item[end..total], value);
        return total;
    }
    // The value may be large: it is hashed where it lies.
    var hasher = platform.Keccak256.init();
    hasher.update(head[0..end]);
    hasher.update(value);
    item[0] = 0xa0;
    item[1..33].* = hasher.final();
    return 33;
}

fn reference(encoding: []const u8, item: *[33]u8) usize {
    if (encoding.len < 32) {
        @memcpy(item[0..encoding.len], encoding);
        return encoding.len;
    }
    item[0] = 0xa0;
    item[1..33].* = platform.keccak256(encoding);
    return 33;
}

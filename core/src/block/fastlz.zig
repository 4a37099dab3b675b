//! How long FastLZ level 1 would make some bytes. Nothing is compressed; only the output's length counts.
//!
//! Spec: op fjord exec-engine, "FastLZ Implementation".

const std = @import("std");

const TABLE_SIZE = 1 << 13;
const MAX_DISTANCE = TABLE_SIZE - 1;
const MAX_LITERALS = 32;
const MAX_MATCH = 262;
/// The last bytes are never the start of a match, the very last ones never part of one.
const TAIL = 13;
const MATCH_TAIL = 4;

/// For each hash of three bytes, where they were last seen.
pub const Table = [TABLE_SIZE]u32;

/// The length, in bytes. `table` is scratch space; the input is below 4 GiB.
pub fn compressedLength(data: []const u8, table: *Table) u64 {
    var length: u64 = 0;
    var anchor: usize = 0;
    if (data.len > TAIL + 2) {
        @memset(table, 0);
        const limit = data.len - TAIL;
        var at: usize = 2;
        while (at < limit) {
            const match = findMatch(data, table, &at, limit) orelse break;
            length += literals(at - anchor);
            const matched = matchLength(data[match + 3 ..], data[at + 3 .. data.len - MATCH_TAIL]);
            length += reference(matched);
            at += matched;
            inline for (0..2) |_| {
                table[slot(sequence(data, at))] = @intCast(at);
                at += 1;
            }
            anchor = at;
        }
    }
    return length + literals(data.len - anchor);
}

/// Goes on from `at` to the next position below the limit whose three bytes stand at an earlier one near enough, which comes back.
fn findMatch(data: []const u8, table: *Table, at: *usize, limit: usize) ?usize {
    while (at.* < limit) {
        const wanted = sequence(data, at.*);
        const entry = &table[slot(wanted)];
        const earlier: usize = entry.*;
        entry.* = @intCast(at.*);
        // The reference steps on before it looks at what it found, so a match at the last position is not taken.
        if (at.* + 1 >= limit) return null;
        if (at.* - earlier <= MAX_DISTANCE and sequence(data, earlier) == wanted) return earlier;
        at.* += 1;
    }
    return null;
}

fn sequence(data: []const u8, at: usize) u32 {
    return @as(u32, data[at]) | @as(u32, data[at + 1]) << 8 | @as(u32, data[at + 2]) << 16;
}

fn slot(value: u32) usize {
    return (value *% 2654435769) >> 19;
}

/// Steps taken comparing both, counting the first difference.
fn matchLength(left: []const u8, right: []const u8) usize {
    for (right, 0..) |byte, i| if (left[i] != byte) return i + 1;
    return right.len;
}

/// Bytes for a run of literals: a control byte for each group.
fn literals(count: usize) u64 {
    return count + (count + MAX_LITERALS - 1) / MAX_LITERALS;
}

/// Bytes for references to so many bytes.
fn reference(matched: usize) u64 {
    const rest = matched - 1;
    return 3 * (rest / MAX_MATCH) + @as(u64, if (rest % MAX_MATCH >= 6) 3 else 2);
}

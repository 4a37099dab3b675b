//! RIPEMD-160.
//!
//! Spec: Dobbertin, Bosselaers, Preneel, "RIPEMD-160: A Strengthened Version of RIPEMD", appendix A

const std = @import("std");

const block_len = 64;

/// The hash of `data`.
pub fn hash(data: []const u8) [20]u8 {
    var state = [5]u32{ 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    var rest = data;
    while (rest.len >= block_len) : (rest = rest[block_len..]) compress(&state, rest[0..block_len]);

    // The padding is a one bit, zeros, and the length in bits, in one block or in two.
    var tail: [2 * block_len]u8 = @splat(0);
    @memcpy(tail[0..rest.len], rest);
    tail[rest.len] = 0x80;
    const end: usize = if (rest.len < block_len - 8) block_len else 2 * block_len;
    std.mem.writeInt(u64, tail[end - 8 ..][0..8], @as(u64, data.len) *% 8, .little);
    compress(&state, tail[0..block_len]);
    if (end > block_len) compress(&state, tail[block_len..]);

    var out: [20]u8 = undefined;
    for (state, 0..) |word, i| std.mem.writeInt(u32, out[4 * i ..][0..4], word, .little);
    return out;
}

/// Which message word each step of the two lines reads.
const left_words = [5][16]u4{
    .{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    .{ 7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8 },
    .{ 3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12 },
    .{ 1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2 },
    .{ 4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13 },
};
const right_words = [5][16]u4{
    .{ 5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12 },
    .{ 6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2 },
    .{ 15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13 },
    .{ 8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14 },
    .{ 12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11 },
};

/// How far each step rotates.
const left_shifts = [5][16]u5{
    .{ 11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8 },
    .{ 7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12 },
    .{ 11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5 },
    .{ 11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12 },
    .{ 9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6 },
};
const right_shifts = [5][16]u5{
    .{ 8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6 },
    .{ 9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11 },
    .{ 9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5 },
    .{ 15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8 },
    .{ 8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11 },
};

const left_constants = [5]u32{ 0, 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xa953fd4e };
const right_constants = [5]u32{ 0x50a28be6, 0x5c4dd124, 0x6d703ef3, 0x7a6d76e9, 0 };

inline fn mix(comptime function: usize, x: u32, y: u32, z: u32) u32 {
    return switch (function) {
        0 => x ^ y ^ z,
        1 => (x & y) | (~x & z),
        2 => (x | ~y) ^ z,
        3 => (x & z) | (y & ~z),
        else => x ^ (y | ~z),
    };
}

inline fn step(comptime function: usize, line: *[5]u32, word: u32, constant: u32, shift: u5) void {
    const a, const b, const c, const d, const e = line.*;
    const sum = a +% mix(function, b, c, d) +% word +% constant;
    line.* = .{ e, std.math.rotl(u32, sum, @as(u32, shift)) +% e, b, std.math.rotl(u32, c, 10), d };
}

fn compress(state: *[5]u32, block: *const [block_len]u8) void {
    var words: [16]u32 = undefined;
    for (&words, 0..) |*word, i| word.* = std.mem.readInt(u32, block[4 * i ..][0..4], .little);
    var left = state.*;
    var right = state.*;
    inline for (0..5) |group| {
        for (0..16) |i| {
            step(group, &left, words[left_words[group][i]], left_constants[group], left_shifts[group][i]);
            step(4 - group, &right, words[right_words[group][i]], right_constants[group], right_shifts[group][i]);
        }
    }
    const first = state[1] +% left[2] +% right[3];
    state[1] = state[2] +% left[3] +% right[4];
    state[2] = state[3] +% left[4] +% right[0];
    state[3] = state[4] +% left[0] +% right[1];
    state[4] = state[0] +% left[1] +% right[2];
    state[0] = first;
}

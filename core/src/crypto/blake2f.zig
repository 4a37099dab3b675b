//! The compression function of BLAKE2b with the number of rounds given.

const std = @import("std");

const initial = [8]u64{
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

const schedule = [10][16]u4{
    .{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    .{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
    .{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
    .{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
    .{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
    .{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
    .{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
    .{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
    .{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
    .{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

inline fn mix(v: *[16]u64, comptime a: usize, comptime b: usize, comptime c: usize, comptime d: usize, x: u64, y: u64) void {
    v[a] = v[a] +% v[b] +% x;
    v[d] = std.math.rotr(u64, v[d] ^ v[a], 32);
    v[c] = v[c] +% v[d];
    v[b] = std.math.rotr(u64, v[b] ^ v[c], 24);
    v[a] = v[a] +% v[b] +% y;
    v[d] = std.math.rotr(u64, v[d] ^ v[a], 16);
    v[c] = v[c] +% v[d];
    v[b] = std.math.rotr(u64, v[b] ^ v[c], 63);
}

/// Mixes the block `m` into the state `h` after `t` bytes (low word first); `last` marks the final block.
///
/// Spec: EIP-152; RFC 7693, section 3.2
pub fn compress(rounds: u32, h: *[8]u64, m: *const [16]u64, t: [2]u64, last: bool) void {
    var v: [16]u64 = h.* ++ initial;
    v[12] ^= t[0];
    v[13] ^= t[1];
    if (last) v[14] = ~v[14];
    var line: usize = 0;
    for (0..rounds) |_| {
        const s = &schedule[line];
        mix(&v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        mix(&v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        mix(&v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        mix(&v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        mix(&v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        mix(&v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        mix(&v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        mix(&v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
        line = if (line == schedule.len - 1) 0 else line + 1;
    }
    for (h, 0..) |*word, i| word.* ^= v[i] ^ v[i + 8];
}

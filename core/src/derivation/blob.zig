//! How rollup data lies in an EIP-4844 blob.
//!
//! A blob is 4096 field elements of 32 bytes; each carries 31 whole bytes and six bits in its first byte, so four together carry 127 bytes.
//! Spec: op ecotone derivation, "Blob Encoding".

const std = @import("std");

pub const elements = 4096;
pub const size = elements * 32;
const encoding_version = 0;
const header_bytes = 4;
const group_elements = 4;
const group_data_bytes = 4 * 31 + 3;
pub const max_data_bytes = elements / group_elements * group_data_bytes - header_bytes;

/// The data that a blob carries, written to the front of `buffer`; null for a blob that is not encoded so: a bit is set where none may
/// be, the version is unknown, the length passes the end, or anything but zeros follows the data.
pub fn decode(buffer: *[max_data_bytes + header_bytes]u8, blob: *const [size]u8) ?[]const u8 {
    for (0..elements) |index| {
        if (blob[32 * index] & 0b1100_0000 != 0) return null;
    }
    if (blob[1] != encoding_version) return null;
    const length: usize = std.mem.readInt(u24, blob[2..5], .big);
    if (length > max_data_bytes) return null;
    const groups = (header_bytes + length + group_data_bytes - 1) / group_data_bytes;
    if (!std.mem.allEqual(u8, blob[groups * group_elements * 32 ..], 0)) return null;
    for (0..groups) |group| {
        const from = blob[group * group_elements * 32 ..][0 .. group_elements * 32];
        const to = buffer[group * group_data_bytes ..][0..group_data_bytes];
        const a, const b, const c, const d = .{ from[0], from[32], from[64], from[96] };
        @memcpy(to[0..31], from[1..32]);
        to[31] = a | (b & 0b0011_0000) << 2;
        @memcpy(to[32..63], from[33..64]);
        to[63] = (b & 0b0000_1111) | (d & 0b0000_1111) << 4;
        @memcpy(to[64..95], from[65..96]);
        to[95] = c | (d & 0b0011_0000) << 2;
        @memcpy(to[96..127], from[97..128]);
    }
    const end = header_bytes + length;
    if (!std.mem.allEqual(u8, buffer[end .. groups * group_data_bytes], 0)) return null;
    return buffer[header_bytes..end];
}

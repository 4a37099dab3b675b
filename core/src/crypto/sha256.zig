//! SHA-256.

const std = @import("std");

/// The hash of `data`. Spec: FIPS 180-4
pub fn hash(data: []const u8) [32]u8 {
    var out: [32]u8 = undefined;
    std.crypto.hash.sha2.Sha256.hash(data, &out, .{});
    return out;
}

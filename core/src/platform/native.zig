//! The host processor.

const std = @import("std");
const platform = @import("../platform.zig");
const accelerators = @import("accelerators.zig");

pub const keccak256 = @import("../crypto/keccak.zig").hash;
pub const precompile = accelerators.precompile;

pub fn recoverKey(hash: *const [32]u8, r: *const [32]u8, s: *const [32]u8, odd_y: bool) ?[64]u8 {
    _ = .{ hash, r, s, odd_y };
    return null;
}

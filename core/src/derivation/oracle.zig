//! The preimage oracle: the one source of everything that the program does not know from its start.
//!
//! Hints tell a host what the next preimages belong to; who serves preimages may ignore them.
//! Spec: op fault proof, "Pre-image key types" and "Pre-image hinting routes".

const std = @import("std");
const platform = @import("../platform.zig");

pub const Error = platform.Error;
pub const Key = [32]u8;

/// Identifiers of local data; the program asks for no others.
pub const Local = enum(u8) {
    l1_head = 1,
    agreed_output_root = 2,
    claimed_output_root = 3,
    claimed_block_number = 4,
    chain_id = 5,
};

pub const KeyType = enum(u8) {
    local = 1,
    keccak256 = 2,
    sha256 = 4,
    blob = 5,
    precompile = 6,
};

pub const Oracle = struct {
    context: *anyopaque,
    /// The bytes live as long as the allocator's memory.
    preimageFn: *const fn (context: *anyopaque, key: *const Key, allocator: std.mem.Allocator) Error![]const u8,
    hintFn: *const fn (context: *anyopaque, text: []const u8) void,
    /// A hint stays as it is until the next one.
    hint_text: [hint_capacity]u8 = undefined,

    const hint_capacity = 192;

    pub fn preimage(self: *const Oracle, key: Key, allocator: std.mem.Allocator) Error![]const u8 {
        return self.preimageFn(self.context, &key, allocator);
    }

    pub fn local(self: *const Oracle, which: Local, allocator: std.mem.Allocator) Error![]const u8 {
        var key: Key = @splat(0);
        key[0] = @intFromEnum(KeyType.local);
        key[31] = @intFromEnum(which);
        return self.preimage(key, allocator);
    }

    /// What a keccak256 hash is of.
    pub fn keccak256(self: *const Oracle, hash: *const [32]u8, allocator: std.mem.Allocator) Error![]const u8 {
        return self.preimage(keyOf(.keccak256, hash), allocator);
    }

    pub fn hint(self: *Oracle, kind: []const u8, parts: []const []const u8) void {
        var end: usize = 0;
        for ([_][]const u8{ kind, " 0x" }) |text| {
            @memcpy(self.hint_text[end..][0..text.len], text);
            end += text.len;
        }
        for (parts) |part| for (part) |byte| {
            self.hint_text[end..][0..2].* = std.fmt.hex(byte);
            end += 2;
        };
        self.hintFn(self.context, self.hint_text[0..end]);
    }
};

/// A key of the oracle: a hash with its first byte replaced by the key's type.
pub fn keyOf(kind: KeyType, hash: *const [32]u8) Key {
    var key = hash.*;
    key[0] = @intFromEnum(kind);
    return key;
}

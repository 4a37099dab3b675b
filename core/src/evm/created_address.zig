//! Where a new contract goes. Spec: yellow paper, section 7, ADDR; EIP-1014

const std = @import("std");
const types = @import("types.zig");
const keccak256 = @import("../platform.zig").current.keccak256;

/// CREATE and creating transactions: the low 20 bytes of the hash of rlp([creator, nonce]).
pub fn byNonce(creator: types.Address, nonce: u64) types.Address {
    var list: [32]u8 = undefined;
    var buffer: [8]u8 = undefined;
    std.mem.writeInt(u64, &buffer, nonce, .big);
    const digits = buffer[@clz(nonce) / 8 ..];
    list[1] = 0x80 + 20;
    list[2..22].* = creator;
    var end: usize = 22;
    if (digits.len == 1 and digits[0] < 0x80) {
        list[end] = digits[0];
        end += 1;
    } else {
        list[end] = 0x80 + @as(u8, @intCast(digits.len));
        end += 1;
        @memcpy(list[end..][0..digits.len], digits);
        end += digits.len;
    }
    list[0] = 0xc0 + @as(u8, @intCast(end - 1));
    return keccak256(list[0..end])[12..].*;
}

/// CREATE2.
pub fn salted(creator: types.Address, salt: u256, init_code: []const u8) types.Address {
    const preimage = [1]u8{0xff} ++ creator ++ types.wordToHash(salt) ++ keccak256(init_code);
    return keccak256(&preimage)[12..].*;
}

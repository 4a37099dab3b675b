//! C doors of the arithmetic and the hash functions. `evm/native/primitives.py` is the other side.

const std = @import("std");
const blake2f = @import("../crypto/blake2f.zig");
const keccak = @import("../crypto/keccak.zig");
const modexp = @import("../crypto/modexp.zig");
const p256 = @import("../crypto/p256.zig");
const ripemd160 = @import("../crypto/ripemd160.zig");
const secp256k1 = @import("../crypto/secp256k1.zig");
const sha256 = @import("../crypto/sha256.zig");
const words = @import("../u256.zig");

export fn lamina_keccak256(data: [*]const u8, len: usize, out: *[32]u8) void {
    keccak.hashInto(out, data[0..len]);
}

/// Operation `code` (its EVM opcode) on big-endian words; `c` is read by ADDMOD and MULMOD only. Returns 0, or 1 for an unknown code.
export fn lamina_u256(code: u8, a_bytes: *const [32]u8, b_bytes: *const [32]u8, c_bytes: *const [32]u8, out: *[32]u8) u32 {
    const a = words.fromBytes(a_bytes);
    const b = words.fromBytes(b_bytes);
    out.* = words.toBytes(switch (code) {
        0x04 => words.divide(a, b),
        0x05 => words.signedDivide(a, b),
        0x06 => words.remainder(a, b),
        0x07 => words.signedRemainder(a, b),
        0x08 => words.addMod(a, b, words.fromBytes(c_bytes)),
        0x09 => words.mulMod(a, b, words.fromBytes(c_bytes)),
        0x0a => words.power(a, b),
        0x0b => words.signExtend(a, b),
        0x12 => @intFromBool(words.signedLess(a, b)),
        0x1a => words.byteAt(a, b),
        0x1b => words.shiftLeft(a, b),
        0x1c => words.shiftRight(a, b),
        0x1d => words.shiftRightArithmetic(a, b),
        0x1e => words.leadingZeros(a),
        else => return 1,
    });
    return 0;
}

/// Returns 1 and the public key x || y, or 0 where the signature has none.
export fn lamina_recover(hash: *const [32]u8, r: *const [32]u8, s: *const [32]u8, odd_y: u8, out: *[64]u8) u32 {
    out.* = secp256k1.recover(hash, r, s, odd_y != 0) orelse return 0;
    return 1;
}

/// The signers' addresses of `count` signatures; where a signature has none, `out_ok` is 0 and its address zero.
export fn lamina_recover_batch(
    count: usize,
    hashes: [*]const [32]u8,
    rs: [*]const [32]u8,
    ss: [*]const [32]u8,
    parities: [*]const u8,
    out_addresses: [*][20]u8,
    out_ok: [*]u8,
) void {
    for (0..count) |i| {
        out_addresses[i] = @splat(0);
        out_ok[i] = 0;
        const key = secp256k1.recover(&hashes[i], &rs[i], &ss[i], parities[i] != 0) orelse continue;
        out_addresses[i] = keccak.hash(&key)[12..32].*;
        out_ok[i] = 1;
    }
}

export fn lamina_sha256(data: [*]const u8, len: usize, out: *[32]u8) void {
    out.* = sha256.hash(data[0..len]);
}

export fn lamina_ripemd160(data: [*]const u8, len: usize, out: *[20]u8) void {
    out.* = ripemd160.hash(data[0..len]);
}

/// `h` is read and written.
export fn lamina_blake2f(rounds: u32, h: *[8]u64, m: *const [16]u64, t: *const [2]u64, last: u8) void {
    blake2f.compress(rounds, h, m, t.*, last != 0);
}

/// `out` is `modulus_len` bytes long. Returns 1, or 0 where there is not enough memory.
export fn lamina_modexp(
    base: [*]const u8,
    base_len: usize,
    exponent: [*]const u8,
    exponent_len: usize,
    modulus: [*]const u8,
    modulus_len: usize,
    out: [*]u8,
) u32 {
    modexp.modexp(
        std.heap.page_allocator,
        base[0..base_len],
        exponent[0..exponent_len],
        modulus[0..modulus_len],
        out[0..modulus_len],
    ) catch return 0;
    return 1;
}

/// Returns 1 where the signature is valid, otherwise 0.
export fn lamina_p256_verify(
    hash: *const [32]u8,
    r: *const [32]u8,
    s: *const [32]u8,
    x: *const [32]u8,
    y: *const [32]u8,
) u32 {
    return @intFromBool(p256.verify(hash, r, s, x, y));
}

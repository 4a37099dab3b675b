//! The C interface that a zkVM provides, name by name. Where the standard leaves the encoding of a number or a point open, it is that of the
//! precompiled contract's EIP, but for BLS12-381 the coordinates have no padding: 48 bytes each.
//!
//! Spec: eth-act zkvm-standards, "c-interface-accelerators", "io-interface", "static-library-and-linker-script",
//! "standard-termination-semantics"

const std = @import("std");

/// Bytes that start at a multiple of eight.
pub fn Bytes(comptime size: usize) type {
    return extern struct { data: [size]u8 align(8) };
}

pub const Bn254Pair = extern struct { g1: Bytes(64), g2: Bytes(128) };
pub const Bls12Pair = extern struct { g1: Bytes(96), g2: Bytes(192) };
pub const Bls12G1Term = extern struct { point: Bytes(96), scalar: Bytes(32) };
pub const Bls12G2Term = extern struct { point: Bytes(192), scalar: Bytes(32) };

comptime {
    // Nothing between the parts and nothing behind them.
    for (.{ .{ Bytes(16), 16 }, .{ Bytes(48), 48 }, .{ Bn254Pair, 192 }, .{ Bls12Pair, 288 }, .{ Bls12G1Term, 128 }, .{ Bls12G2Term, 224 } }) |layout| {
        std.debug.assert(@sizeOf(layout[0]) == layout[1] and @alignOf(layout[0]) == 8);
    }
}

/// What the functions answer.
pub const Status = c_int;
pub const success: Status = 0;
pub const failure: Status = -1;

pub extern fn read_input(buffer: *[*]const u8, size: *usize) callconv(.c) void;
pub extern fn write_output(output: [*]const u8, size: usize) callconv(.c) void;

pub extern fn zkvm_keccak256(data: [*]const u8, length: usize, output: *Bytes(32)) callconv(.c) Status;
pub extern fn zkvm_sha256(data: [*]const u8, length: usize, output: *Bytes(32)) callconv(.c) Status;
/// Twelve zeros, then the hash.
pub extern fn zkvm_ripemd160(data: [*]const u8, length: usize, output: *Bytes(32)) callconv(.c) Status;
pub extern fn zkvm_secp256k1_ecrecover(message: *const Bytes(32), signature: *const Bytes(64), recovery_id: u8, key: *Bytes(64)) callconv(.c) Status;
pub extern fn zkvm_secp256r1_verify(message: *const Bytes(32), signature: *const Bytes(64), key: *const Bytes(64), verified: *bool) callconv(.c) Status;
/// The output has as many bytes as the modulus.
pub extern fn zkvm_modexp(
    base: [*]const u8,
    base_length: usize,
    exponent: [*]const u8,
    exponent_length: usize,
    modulus: [*]const u8,
    modulus_length: usize,
    output: [*]u8,
) callconv(.c) Status;
/// Changes `state`.
pub extern fn zkvm_blake2f(rounds: u32, state: *Bytes(64), block: *const Bytes(128), counters: *const Bytes(16), last: u8) callconv(.c) Status;

pub extern fn zkvm_bn254_g1_add(p: *const Bytes(64), q: *const Bytes(64), result: *Bytes(64)) callconv(.c) Status;
pub extern fn zkvm_bn254_g1_mul(point: *const Bytes(64), scalar: *const Bytes(32), result: *Bytes(64)) callconv(.c) Status;
pub extern fn zkvm_bn254_pairing(pairs: [*]const Bn254Pair, count: usize, verified: *bool) callconv(.c) Status;

pub extern fn zkvm_kzg_point_eval(
    commitment: *const Bytes(48),
    z: *const Bytes(32),
    y: *const Bytes(32),
    proof: *const Bytes(48),
    verified: *bool,
) callconv(.c) Status;
pub extern fn zkvm_bls12_g1_add(p: *const Bytes(96), q: *const Bytes(96), result: *Bytes(96)) callconv(.c) Status;
pub extern fn zkvm_bls12_g1_msm(terms: [*]const Bls12G1Term, count: usize, result: *Bytes(96)) callconv(.c) Status;
pub extern fn zkvm_bls12_g2_add(p: *const Bytes(192), q: *const Bytes(192), result: *Bytes(192)) callconv(.c) Status;
pub extern fn zkvm_bls12_g2_msm(terms: [*]const Bls12G2Term, count: usize, result: *Bytes(192)) callconv(.c) Status;
pub extern fn zkvm_bls12_pairing(pairs: [*]const Bls12Pair, count: usize, verified: *bool) callconv(.c) Status;
pub extern fn zkvm_bls12_map_fp_to_g1(element: *const Bytes(48), result: *Bytes(96)) callconv(.c) Status;
pub extern fn zkvm_bls12_map_fp2_to_g2(element: *const Bytes(96), result: *Bytes(192)) callconv(.c) Status;

/// All of the above.
pub const functions = [_][]const u8{
    "read_input",              "write_output",
    "zkvm_keccak256",          "zkvm_sha256",
    "zkvm_ripemd160",          "zkvm_secp256k1_ecrecover",
    "zkvm_secp256r1_verify",   "zkvm_modexp",
    "zkvm_blake2f",            "zkvm_bn254_g1_add",
    "zkvm_bn254_g1_mul",       "zkvm_bn254_pairing",
    "zkvm_kzg_point_eval",     "zkvm_bls12_g1_add",
    "zkvm_bls12_g1_msm",       "zkvm_bls12_g2_add",
    "zkvm_bls12_g2_msm",       "zkvm_bls12_pairing",
    "zkvm_bls12_map_fp_to_g1", "zkvm_bls12_map_fp2_to_g2",
};

extern var _heap_start: u8;
extern var _heap_end: u8;

/// The memory that the linker script leaves to the program.
pub fn heap() []u8 {
    const start: [*]u8 = @ptrCast(&_heap_start);
    return start[0 .. @intFromPtr(&_heap_end) - @intFromPtr(start)];
}

/// Ends the program; there is no proof of a code other than 0. A zkVM that ends its programs in another way stops at the instruction that none has.
pub fn terminate(code: u8) noreturn {
    asm volatile (
        \\ecall
        \\unimp
        :
        : [number] "{a7}" (@as(usize, 0)),
          [code] "{a0}" (@as(usize, code)),
        : .{ .memory = true });
    unreachable;
}

//! Signatures on NIST's curve P-256.

const std = @import("std");
const modular_inverse = @import("modular_inverse.zig");
const words = @import("../u256.zig");

const Curve = std.crypto.ecc.P256;

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;

/// Whether (r, s) is a signature of `hash` by the key (x, y). A number out of range or a point that is not on the curve is none.
///
/// Spec: EIP-7951; RIP-7212; FIPS 186-5, section 6.4.2
pub fn verify(hash: *const [32]u8, r: *const [32]u8, s: *const [32]u8, x: *const [32]u8, y: *const [32]u8) bool {
    const r_number = words.fromBytes(r);
    const s_number = words.fromBytes(s);
    if (r_number == 0 or r_number >= order or s_number == 0 or s_number >= order) return false;
    // Infinity, written (0, 0), is not on the curve either.
    const key = Curve.fromSerializedAffineCoordinates(x.*, y.*, .big) catch return false;

    // The order is prime, so every s has an inverse.
    const inverse = modular_inverse.inverse(s_number, order).?;
    const hash_scalar = words.toBytes(words.mulMod(words.fromBytes(hash), inverse, order));
    const key_scalar = words.toBytes(words.mulMod(r_number, inverse, order));
    const sum = Curve.mulDoubleBasePublic(Curve.basePoint, hash_scalar, key, key_scalar, .big) catch return false;
    return words.remainder(words.fromBytes(&sum.affineCoordinates().x.toBytes(.big)), order) == r_number;
}

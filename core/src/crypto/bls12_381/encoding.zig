//! Points and field elements of BLS12-381 in bytes: EIP-2537's padded coordinates, and the compressed form of EIP-4844's commitments.

const std = @import("std");
const curve = @import("curve.zig");

const Fp = curve.Fp;
const Fp2 = curve.Fp2;
const G1 = curve.G1;
const G2 = curve.G2;

/// 16 zero bytes, then 48 bytes below p. Spec: EIP-2537, "Field elements encoding".
pub fn readFp(bytes: *const [64]u8) ?Fp {
    if (!std.mem.allEqual(u8, bytes[0..16], 0)) return null;
    return Fp.fromBytes(bytes[16..64]);
}

pub fn readFp2(bytes: *const [128]u8) ?Fp2 {
    return .{ .c0 = readFp(bytes[0..64]) orelse return null, .c1 = readFp(bytes[64..128]) orelse return null };
}

fn writeFp(element: Fp, out: *[64]u8) void {
    @memset(out[0..16], 0);
    element.toBytes(out[16..64]);
}

/// A point of the curve, of whatever order; zeros are infinity. Spec: EIP-2537, "Encoding of points in G1/G2".
pub fn readCurvePoint1(bytes: *const [128]u8) ?G1.Affine {
    const point: G1.Affine = .{
        .x = readFp(bytes[0..64]) orelse return null,
        .y = readFp(bytes[64..128]) orelse return null,
    };
    return if (point.isOnCurve()) point else null;
}

pub fn readCurvePoint2(bytes: *const [256]u8) ?G2.Affine {
    const point: G2.Affine = .{
        .x = readFp2(bytes[0..128]) orelse return null,
        .y = readFp2(bytes[128..256]) orelse return null,
    };
    return if (point.isOnCurve()) point else null;
}

/// A point of the subgroup of order r, or infinity.
pub fn readG1(bytes: *const [128]u8) ?G1.Affine {
    const point = readCurvePoint1(bytes) orelse return null;
    return if (point.isInfinity() or curve.isInG1(point)) point else null;
}

pub fn readG2(bytes: *const [256]u8) ?G2.Affine {
    const point = readCurvePoint2(bytes) orelse return null;
    return if (point.isInfinity() or curve.isInG2(point)) point else null;
}

pub fn writeG1(point: G1.Affine, out: *[128]u8) void {
    writeFp(point.x, out[0..64]);
    writeFp(point.y, out[64..128]);
}

pub fn writeG2(point: G2.Affine, out: *[256]u8) void {
    writeFp(point.x.c0, out[0..64]);
    writeFp(point.x.c1, out[64..128]);
    writeFp(point.y.c0, out[128..192]);
    writeFp(point.y.c1, out[192..256]);
}

const flag_compressed = 0x80;
const flag_infinity = 0x40;
const flag_larger = 0x20;

/// A point of G1 from its x and the three flags in front. Spec: EIP-4844 and consensus-specs "polynomial-commitments" (`validate_kzg_g1`),
/// which take the encoding from draft-irtf-cfrg-pairing-friendly-curves, appendix C.
pub fn readCompressedG1(bytes: *const [48]u8) ?G1.Affine {
    const flags = bytes[0];
    var x_bytes = bytes.*;
    x_bytes[0] &= ~@as(u8, flag_compressed | flag_infinity | flag_larger);
    if (flags & flag_compressed == 0) return null;
    const x = Fp.fromBytes(&x_bytes) orelse return null;
    if (flags & flag_infinity != 0) return if (flags & flag_larger == 0 and x.isZero()) G1.Affine.infinity else null;
    var y = (x.square().mul(x).add(G1.coefficient)).sqrt() orelse return null;
    if ((y.integer() > (curve.p - 1) / 2) != (flags & flag_larger != 0)) y = y.neg();
    const point: G1.Affine = .{ .x = x, .y = y };
    return if (curve.isInG1(point)) point else null;
}

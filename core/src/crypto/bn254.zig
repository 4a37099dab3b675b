//! The precompiled contracts of the curve alt_bn128 (BN254): addition, multiplication, pairing check.
//!
//! Everything about the curve follows from the parameter x: p, r, the trace, the endomorphisms and the length of the Miller loop.
//! Spec: EIP-196, EIP-197.

const std = @import("std");
const pairing_file = @import("bn254/pairing.zig");
const curve = @import("bn254/curve.zig");

const Fp = curve.Fp;
const G1 = curve.G1;
const G2 = curve.G2;

/// The sum of two points; false when one is not a point. Spec: EIP-196.
pub fn add(input: *const [128]u8, out: *[64]u8) bool {
    const p = readG1(input[0..64]) orelse return false;
    const q = readG1(input[64..128]) orelse return false;
    writeG1(p.add(q), out);
    return true;
}

/// A point times a scalar of any 256 bits; false when it is not a point. Spec: EIP-196.
pub fn mul(input: *const [96]u8, out: *[64]u8) bool {
    const p = readG1(input[0..64]) orelse return false;
    const scalar = std.mem.readInt(u256, input[64..96], .big);
    writeG1(curve.multiply(p, scalar), out);
    return true;
}

/// Pairs shared by one Miller loop; bounds the stack.
const batch = 8;
const pair_length = 192;

/// Whether the product of the pairings is one; null when the input is not a list of pairs of points of the right groups. Spec: EIP-197.
pub fn pairing(input: []const u8) ?bool {
    if (input.len % pair_length != 0) return null;
    var product = curve.Tower.Fp12.one;
    var pairs: [batch]pairing_file.Pair = undefined;
    var count: usize = 0;
    var offset: usize = 0;
    while (offset < input.len) : (offset += pair_length) {
        const p = readG1(input[offset..][0..64]) orelse return null;
        const q = readG2(input[offset + 64 ..][0..128]) orelse return null;
        // The pairing with infinity is one.
        if (p.isInfinity() or q.isInfinity()) continue;
        pairs[count] = .{ .p = p, .q = q };
        count += 1;
        if (count == batch) {
            product = product.mul(pairing_file.millerLoop(&pairs));
            count = 0;
        }
    }
    if (count > 0) product = product.mul(pairing_file.millerLoop(pairs[0..count]));
    return pairing_file.finalExponentiation(product).eql(curve.Tower.Fp12.one);
}

/// Coordinates below p, on the curve (whose order is prime), or zeros for infinity.
fn readG1(bytes: *const [64]u8) ?G1.Affine {
    const point: G1.Affine = .{
        .x = Fp.fromBytes(bytes[0..32]) orelse return null,
        .y = Fp.fromBytes(bytes[32..64]) orelse return null,
    };
    return if (point.isOnCurve()) point else null;
}

fn writeG1(point: G1.Affine, out: *[64]u8) void {
    point.x.toBytes(out[0..32]);
    point.y.toBytes(out[32..64]);
}

/// The imaginary part of a coordinate comes first. The point must be in the subgroup of order r.
fn readG2(bytes: *const [128]u8) ?G2.Affine {
    const point: G2.Affine = .{
        .x = .{ .c1 = Fp.fromBytes(bytes[0..32]) orelse return null, .c0 = Fp.fromBytes(bytes[32..64]) orelse return null },
        .y = .{ .c1 = Fp.fromBytes(bytes[64..96]) orelse return null, .c0 = Fp.fromBytes(bytes[96..128]) orelse return null },
    };
    return if (point.isOnCurve() and curve.isInG2(point)) point else null;
}

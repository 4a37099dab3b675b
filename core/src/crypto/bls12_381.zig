//! The precompiled contracts of the curve BLS12-381. Spec: EIP-2537.
//!
//! Every function fails (false, or null for the pairing) on an input of the wrong length, a coordinate that is not canonical, a point that is not
//! on its curve and, where the contract asks for it, one outside the subgroup.

const std = @import("std");
const curve = @import("bls12_381/curve.zig");
const encoding = @import("bls12_381/encoding.zig");
const map = @import("bls12_381/map.zig");
const Product = @import("bls12_381/pairing.zig").Product;

const G1 = curve.G1;
const G2 = curve.G2;
const Allocator = std.mem.Allocator;

/// BLS12_G1ADD. No subgroup check.
pub fn g1Add(input: []const u8, out: *[128]u8) bool {
    if (input.len != 256) return false;
    const p = encoding.readCurvePoint1(input[0..128]) orelse return false;
    const q = encoding.readCurvePoint1(input[128..256]) orelse return false;
    encoding.writeG1(p.add(q), out);
    return true;
}

/// BLS12_G2ADD. No subgroup check.
pub fn g2Add(input: []const u8, out: *[256]u8) bool {
    if (input.len != 512) return false;
    const p = encoding.readCurvePoint2(input[0..256]) orelse return false;
    const q = encoding.readCurvePoint2(input[256..512]) orelse return false;
    encoding.writeG2(p.add(q), out);
    return true;
}

/// BLS12_G1MSM.
pub fn g1Msm(allocator: Allocator, input: []const u8, out: *[128]u8) error{OutOfMemory}!bool {
    const sum = try multiScalar(G1, 128, 2, encoding.readG1, curve.setTermsG1, allocator, input) orelse return false;
    encoding.writeG1(sum, out);
    return true;
}

/// BLS12_G2MSM.
pub fn g2Msm(allocator: Allocator, input: []const u8, out: *[256]u8) error{OutOfMemory}!bool {
    const sum = try multiScalar(G2, 256, 4, encoding.readG2, curve.setTermsG2, allocator, input) orelse return false;
    encoding.writeG2(sum, out);
    return true;
}

/// The sum of scalar times point over the input's pairs: every point as `parts` products with short scalars, all doublings shared.
fn multiScalar(
    comptime G: type,
    comptime point_length: usize,
    comptime parts: usize,
    comptime read: fn (*const [point_length]u8) ?G.Affine,
    comptime setTerms: fn (*[parts]G.Term, *const [G.odd_multiples]G.Affine, u256) void,
    allocator: Allocator,
    input: []const u8,
) error{OutOfMemory}!?G.Affine {
    const pair_length = point_length + 32;
    if (input.len == 0 or input.len % pair_length != 0) return null;
    const count = input.len / pair_length;

    const width = G.odd_multiples;
    const multiples = try allocator.alloc(G.Jacobian, count * width);
    defer allocator.free(multiples);
    for (0..count) |i| {
        const point = read(input[i * pair_length ..][0..point_length]) orelse return null;
        multiples[i * width ..][0..width].* = G.oddMultiples(point);
    }
    const affine = try allocator.alloc(G.Affine, count * width);
    defer allocator.free(affine);
    G.normalise(multiples, affine);

    const terms = try allocator.alloc(G.Term, count * parts);
    defer allocator.free(terms);
    for (0..count) |i| {
        const scalar = std.mem.readInt(u256, input[i * pair_length + point_length ..][0..32], .big);
        setTerms(terms[i * parts ..][0..parts], affine[i * width ..][0..width], scalar);
    }
    return G.sum(terms).toAffine();
}

/// BLS12_PAIRING_CHECK: whether the product of the pairings is one.
pub fn pairing(input: []const u8) ?bool {
    const pair_length = 384;
    if (input.len == 0 or input.len % pair_length != 0) return null;
    var product: Product = .{};
    var offset: usize = 0;
    while (offset < input.len) : (offset += pair_length) {
        const p = encoding.readG1(input[offset..][0..128]) orelse return null;
        const q = encoding.readG2(input[offset + 128 ..][0..256]) orelse return null;
        product.add(p, q);
    }
    return product.isOne();
}

/// BLS12_MAP_FP_TO_G1.
pub fn mapFpToG1(input: []const u8, out: *[128]u8) bool {
    if (input.len != 64) return false;
    const u = encoding.readFp(input[0..64]) orelse return false;
    encoding.writeG1(map.mapToG1(u), out);
    return true;
}

/// BLS12_MAP_FP2_TO_G2.
pub fn mapFp2ToG2(input: []const u8, out: *[256]u8) bool {
    if (input.len != 128) return false;
    const u = encoding.readFp2(input[0..128]) orelse return false;
    encoding.writeG2(map.mapToG2(u), out);
    return true;
}

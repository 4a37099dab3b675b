//! What a blob's polynomial is at a point: half of checking a whole blob against its commitment with a single opening.
//!
//! Spec: consensus-specs deneb, "polynomial-commitments": `compute_challenge`, `evaluate_polynomial_in_evaluation_form`.

const std = @import("std");
const blob = @import("../blob.zig");
const points = @import("blob_points.zig");
const Limbs = points.Limbs;

/// Work memory, half a megabyte: too much for a small stack.
pub const Scratch = struct {
    roots: [blob.elements]Limbs,
    differences: [blob.elements]Limbs,
    products: [blob.elements]Limbs,
};

/// The point that the blob and its commitment name: nobody can choose a blob for a point. `sha256` is the platform's.
pub fn challenge(comptime sha256: fn ([]const u8) [32]u8, buffer: *[32 + blob.size + 48]u8, content: *const [blob.size]u8, commitment: *const [48]u8) [32]u8 {
    buffer[0..16].* = "FSBLOBVERIFY_V1_".*;
    std.mem.writeInt(u128, buffer[16..32], blob.elements, .big);
    buffer[32..][0..blob.size].* = content.*;
    buffer[32 + blob.size ..].* = commitment.*;
    return points.reduced(&sha256(buffer));
}

/// The value at `z`, big-endian; null when an element is not one of the field.
pub fn evaluate(scratch: *Scratch, content: *const [blob.size]u8, evaluation_points: *const [blob.elements]points.Point, z: *const [32]u8) ?[32]u8 {
    const at = points.enter(points.fromBytes(z));
    var product = points.one;
    for (evaluation_points, 0..) |*point, index| {
        const element = points.fromBytes(content[32 * index ..][0..32]);
        if (!points.isReduced(element)) return null;
        const root = points.enter(points.fromBytes(point));
        const difference = points.subtract(at, root);
        if (std.mem.eql(u64, &difference, &points.zero)) return content[32 * index ..][0..32].*;
        scratch.roots[index] = root;
        scratch.differences[index] = difference;
        scratch.products[index] = product;
        product = points.multiply(product, difference);
    }
    // One inversion for all: from the back, each factor's inverse is what is left of the whole product's.
    var inverse = points.invert(product);
    var sum = points.zero;
    var index: usize = blob.elements;
    while (index > 0) {
        index -= 1;
        const each = points.multiply(inverse, scratch.products[index]);
        inverse = points.multiply(inverse, scratch.differences[index]);
        const element = points.fromBytes(content[32 * index ..][0..32]);
        // The element is not in Montgomery form and the others are, so the product is a plain number.
        sum = points.add(sum, points.multiply(points.multiply(element, scratch.roots[index]), each));
    }
    var power = at;
    for (0..std.math.log2_int(usize, blob.elements)) |_| power = points.multiply(power, power);
    const factor = points.multiply(points.subtract(power, points.one), points.inverse_of_count);
    return points.toBytes(points.multiply(sum, factor));
}

//! Signatures on NIST's curve P-256. Variable time: signatures are public.

const base_table = @import("base_table.zig");
const field = @import("p256/field.zig");
const limbs = @import("limbs.zig");
const modular_inverse = @import("modular_inverse.zig");
const weierstrass = @import("weierstrass.zig");
const words = @import("../u256.zig");

const points = weierstrass.Points(field, .minus_three);

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
const b = field.constant(0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b);

/// Widths of the signed digits: the generator's table is computed while compiling, so it may be the larger one.
const point_width = 5;
const base_width = 8;

const generator_multiples = base_table.oddMultiples(.{ .prime = field.prime, .a = -3 }, .{
    .x = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
    .y = 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5,
}, weierstrass.tableSize(base_width), points.Affine, field);

/// Whether (r, s) is a signature of `hash` by the key (x, y). A number out of range or a point that is not on the curve is none.
///
/// Spec: EIP-7951; RIP-7212; FIPS 186-5, section 6.4.2
pub fn verify(hash: *const [32]u8, r: *const [32]u8, s: *const [32]u8, x: *const [32]u8, y: *const [32]u8) bool {
    const r_number = words.fromBytes(r);
    const s_number = words.fromBytes(s);
    if (r_number == 0 or r_number >= order or s_number == 0 or s_number >= order) return false;
    const key = publicKey(words.fromBytes(x), words.fromBytes(y)) orelse return false;

    // The order is prime, so every s has an inverse.
    const inverse = modular_inverse.inverse(s_number, order).?;
    const of_generator = words.mulMod(words.fromBytes(hash), inverse, order);
    const of_key = words.mulMod(r_number, inverse, order);
    const table = points.oddMultiples(weierstrass.tableSize(point_width), key);
    const digits = [2][weierstrass.digitPlaces(4)]i8{
        weierstrass.signedDigits(point_width, 4, limbs.fromWord(of_key), false),
        weierstrass.signedDigits(base_width, 4, limbs.fromWord(of_generator), false),
    };
    const sum = points.multiplySum(2, digits[0].len, &digits, .{ &table, &generator_multiples });
    if (field.isZero(sum.z)) return false;

    // x of the sum is below p, so modulo the order it is r where it is r or r + order.
    const zz = field.square(sum.z);
    if (field.equal(field.multiply(field.fromWord(r_number), zz), sum.x)) return true;
    return r_number < field.prime - order and field.equal(field.multiply(field.fromWord(r_number + order), zz), sum.x);
}

/// The point, or null where a coordinate is not below p or it is not on the curve. Infinity, written (0, 0), is not on it either.
fn publicKey(x: u256, y: u256) ?points.Affine {
    if (x >= field.prime or y >= field.prime) return null;
    const key: points.Affine = .{ .x = field.fromWord(x), .y = field.fromWord(y) };
    const three_x = field.add(field.add(key.x, key.x), key.x);
    const cube = field.multiply(field.square(key.x), key.x);
    return if (field.equal(field.square(key.y), field.add(field.subtract(cube, three_x), b))) key else null;
}

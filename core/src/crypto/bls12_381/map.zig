//! The maps from field elements to the subgroups of BLS12-381: simplified SWU to an isogenous curve, the isogeny, the cofactor.
//!
//! Spec: EIP-2537, "Fp-to-G1 / Fp2-to-G2 mapping" and its appendix field_to_curve; RFC 9380 sections 6.6.2, 6.6.3 and 8.8.

const curve = @import("curve.zig");
const montgomery = @import("../curves/montgomery.zig");
const isogenies = @import("isogenies.zig");

const Fp = curve.Fp;
const Fp2 = curve.Fp2;

pub fn mapToG1(u: Fp) curve.G1.Affine {
    return curve.clearCofactorG1(applyIsogeny(curve.G1, isogenies.isogeny_g1, swuG1(u))).toAffine();
}

pub fn mapToG2(u: Fp2) curve.G2.Affine {
    return curve.clearCofactorG2(applyIsogeny(curve.G2, isogenies.isogeny_g2, swuG2(u))).toAffine();
}

fn Point(comptime F: type) type {
    return struct { x: F, y: F };
}

/// The isogenous curve y^2 = x^3 + a x + b and the non-square z of the map.
fn Parameters(comptime F: type) type {
    return struct { a: F, b: F, z: F };
}

const swu_g1: Parameters(Fp) = .{
    .a = Fp.constant(0x144698a3b8e9433d693a02c96d4982b0ea985383ee66a8d8e8981aefd881ac98936f8da0e0f97f5cf428082d584c1d),
    .b = Fp.constant(0x12e2908d11688030018b12e8753eee3b2016c1f0f24f4070a0b9c14fcef35ef55a23215a316ceaa5d1cc48e98e172be0),
    .z = Fp.constant(11),
};

const swu_g2: Parameters(Fp2) = .{
    .a = Fp2.constant(0, 240),
    .b = Fp2.constant(1012, 1012),
    .z = Fp2.constant(-2, -1),
};

/// The first of the two candidates for x, of which exactly one is on the curve: (-b / a) (1 + 1 / (z^2 u^4 + z u^2)).
fn firstCandidate(comptime F: type, comptime parameters: Parameters(F), zuu: F) F {
    const denominator = zuu.square().add(zuu);
    // b (d + 1) / (-a d); the exceptional case d = 0 takes b / (z a).
    if (denominator.isZero()) return parameters.b.mul(parameters.z.mul(parameters.a).inverse());
    return parameters.b.mul(denominator.add(F.one)).mul(parameters.a.mul(denominator).neg().inverse());
}

fn rightSide(comptime F: type, comptime parameters: Parameters(F), x: F) F {
    return x.square().add(parameters.a).mul(x).add(parameters.b);
}

fn swuG1(u: Fp) Point(Fp) {
    const zuu = swu_g1.z.mul(u.square());
    const x1 = firstCandidate(Fp, swu_g1, zuu);
    const g1 = rightSide(Fp, swu_g1, x1);
    const root = g1.power((Fp.order + 1) / 4);
    if (root.square().eql(g1)) return .{ .x = x1, .y = withSignOf(Fp, u, root) };
    // root^2 = -g1, and the other side is z^3 u^6 g1 = (-z^3) (u^3 root)^2: one exponentiation serves both.
    const root_of_minus_z3 = comptime Fp.constant(montgomery.powerModulo(Fp.order - 11 * 11 * 11, (Fp.order + 1) / 4, Fp.order));
    const y = u.square().mul(u).mul(root).mul(root_of_minus_z3);
    return .{ .x = zuu.mul(x1), .y = withSignOf(Fp, u, y) };
}

fn swuG2(u: Fp2) Point(Fp2) {
    const zuu = swu_g2.z.mul(u.square());
    const x1 = firstCandidate(Fp2, swu_g2, zuu);
    if (rightSide(Fp2, swu_g2, x1).sqrt()) |root| return .{ .x = x1, .y = withSignOf(Fp2, u, root) };
    const x2 = zuu.mul(x1);
    // One of the two sides is a square.
    const root = rightSide(Fp2, swu_g2, x2).sqrt().?;
    return .{ .x = x2, .y = withSignOf(Fp2, u, root) };
}

fn withSignOf(comptime F: type, u: F, y: F) F {
    return if (u.isOdd() == y.isOdd()) y else y.neg();
}

fn applyIsogeny(comptime G: type, comptime isogeny: anytype, point: anytype) G.Jacobian {
    const F = @TypeOf(point.x);
    const x_numerator = polynomial(F, isogeny.x_numerator, point.x);
    const x_denominator = polynomial(F, isogeny.x_denominator, point.x);
    const y_numerator = polynomial(F, isogeny.y_numerator, point.x).mul(point.y);
    const y_denominator = polynomial(F, isogeny.y_denominator, point.x);
    // A common denominator; it is zero for a point of the kernel, which goes to infinity.
    const z = x_denominator.mul(y_denominator);
    return .{ .x = x_numerator.mul(y_denominator).mul(z), .y = y_numerator.mul(x_denominator).mul(z.square()), .z = z };
}

fn polynomial(comptime F: type, comptime coefficients: []const F, x: F) F {
    var value = coefficients[coefficients.len - 1];
    var i = coefficients.len - 1;
    while (i > 0) {
        i -= 1;
        value = value.mul(x).add(coefficients[i]);
    }
    return value;
}

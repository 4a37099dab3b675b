//! The optimal ate pairing on alt_bn128.
//!
//! Papers: Vercauteren, "Optimal Pairings" (2010); Aranha et al., "Faster Explicit Formulas for Computing Pairings over Ordinary Curves" (2011).

const curve = @import("curve.zig");
const miller = @import("../curves/miller.zig");
const nonAdjacentForm = @import("../curves/tower.zig").nonAdjacentForm;

const Fp12 = curve.Tower.Fp12;
const steps = miller.Miller(curve.Tower, curve.Fp, .divide, curve.b_twist);

/// Points of order r, neither of them infinity.
pub const Pair = struct { p: curve.G1.Affine, q: curve.G2.Affine };

const max_pairs = 8;
const loop = nonAdjacentForm(6 * curve.x + 2);

/// The product of f_{6x+2,Q}(P) l_{(6x+2)Q, f(Q)}(P) l_{(6x+2)Q+f(Q), -f^2(Q)}(P) over at most eight pairs, f being the Frobenius map.
pub fn millerLoop(pairs: []const Pair) Fp12 {
    var running: [max_pairs]steps.Running = undefined;
    for (pairs, running[0..pairs.len]) |pair, *t| t.* = steps.Running.start(pair.q.x, pair.q.y);
    var f = Fp12.one;
    for (loop[1..], 0..) |digit, i| {
        if (i > 0) f = f.square();
        for (pairs, running[0..pairs.len]) |*pair, *t| {
            f = steps.multiplyByLine(f, t.double(), pair.p.x, pair.p.y);
            if (digit == 0) continue;
            const q = if (digit > 0) pair.q else pair.q.neg();
            f = steps.multiplyByLine(f, t.add(q.x, q.y), pair.p.x, pair.p.y);
        }
    }
    for (pairs, running[0..pairs.len]) |*pair, *t| {
        const q1 = curve.frobenius(pair.q);
        const q2 = curve.frobenius(q1).neg();
        f = steps.multiplyByLine(f, t.add(q1.x, q1.y), pair.p.x, pair.p.y);
        f = steps.multiplyByLine(f, t.add(q2.x, q2.y), pair.p.x, pair.p.y);
    }
    return f;
}

/// f to a multiple, prime to r, of (p^12 - 1) / r.
/// Paper: Fuentes-Castaneda, Knapp, Rodriguez-Henriquez, "Faster Hashing to G2" (2011), section 5.
pub fn finalExponentiation(value: Fp12) Fp12 {
    // (p^6 - 1)(p^2 + 1); from here on inverting is conjugating.
    var f = value.conjugate().mul(value.inverse());
    f = f.frobenius2().mul(f);
    // 2x(6x^2+3x+1)(p^4-p^2+1)/r = l0 + l1 p + l2 p^2 + l3 p^3 with l2 = 12x^3+6x^2+6x, l1 = l2 - 2x, l0 = l2 + 6x^2 + 1, l3 = l1 - 1.
    const x1 = f.cyclotomicPower(curve.x);
    const x2 = x1.cyclotomicSquare();
    const x6 = x2.cyclotomicSquare().mul(x2);
    const xx6 = x6.cyclotomicPower(curve.x);
    const xxx12 = xx6.cyclotomicSquare().cyclotomicPower(curve.x);
    const l2 = xxx12.mul(xx6).mul(x6);
    const l1 = l2.mul(x2.conjugate());
    const l0 = l2.mul(xx6).mul(f);
    const l3 = l1.mul(f.conjugate());
    return l0.mul(l1.frobenius()).mul(l2.frobenius2()).mul(l3.frobenius2().frobenius());
}

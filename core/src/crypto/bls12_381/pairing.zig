//! The optimal ate pairing on BLS12-381.
//!
//! Papers: Vercauteren, "Optimal Pairings" (2010); Hayashida, Hayasaka, Teruya, "Efficient Final Exponentiation via Cyclotomic Structure for
//! Pairings over Families of Elliptic Curves" (2020).

const curve = @import("curve.zig");
const miller = @import("../curves/miller.zig");
const nonAdjacentForm = @import("../curves/tower.zig").nonAdjacentForm;

pub const Fp12 = curve.Tower.Fp12;
const steps = miller.Miller(curve.Tower, curve.Fp, .multiply, curve.b_twist);

/// Points of order r, neither of them infinity.
pub const Pair = struct { p: curve.G1.Affine, q: curve.G2.Affine };

/// Pairs shared by one Miller loop; bounds the stack.
const batch = 8;
const loop = nonAdjacentForm(curve.x_size);

/// Collects pairs and multiplies their Miller loops, a batch at a time.
pub const Product = struct {
    value: Fp12 = Fp12.one,
    pairs: [batch]Pair = undefined,
    count: usize = 0,

    pub fn add(self: *Product, p: curve.G1.Affine, q: curve.G2.Affine) void {
        // The pairing with infinity is one.
        if (p.isInfinity() or q.isInfinity()) return;
        self.pairs[self.count] = .{ .p = p, .q = q };
        self.count += 1;
        if (self.count == batch) self.flush();
    }

    fn flush(self: *Product) void {
        if (self.count > 0) self.value = self.value.mul(millerLoop(self.pairs[0..self.count]));
        self.count = 0;
    }

    /// Whether the product of the pairings is one.
    pub fn isOne(self: *Product) bool {
        self.flush();
        return finalExponentiation(self.value).eql(Fp12.one);
    }
};

/// The product of f_{x,Q}(P) over at most eight pairs.
fn millerLoop(pairs: []const Pair) Fp12 {
    var running: [batch]steps.Running = undefined;
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
    // x is negative: f_{-n} is 1 / f_n up to a factor that the final exponentiation removes.
    return f.conjugate();
}

/// f to the power 3 (p^12 - 1) / r.
fn finalExponentiation(value: Fp12) Fp12 {
    // (p^6 - 1)(p^2 + 1); from here on inverting is conjugating.
    var f = value.conjugate().mul(value.inverse());
    f = f.frobenius2().mul(f);
    // 3 (p^4 - p^2 + 1) / r = (x - 1)^2 (x + p) (x^2 + p^2 - 1) + 3.
    const a = powerOfX(f).mul(f.conjugate());
    const b = powerOfX(a).mul(a.conjugate());
    const c = powerOfX(b).mul(b.frobenius());
    const d = powerOfX(powerOfX(c)).mul(c.frobenius2()).mul(c.conjugate());
    return d.mul(f.cyclotomicSquare()).mul(f);
}

fn powerOfX(f: Fp12) Fp12 {
    return f.cyclotomicPower(curve.x_size).conjugate();
}

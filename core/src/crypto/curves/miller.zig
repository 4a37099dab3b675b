//! The steps of a Miller loop on a sextic twist y^2 = x^3 + b' over Fp2, and the lines they give at a point of the curve over Fp.
//!
//! T runs in homogeneous coordinates (x = X/Z, y = Y/Z). A line through points of the twist, taken to the curve over Fp12 and scaled by a factor
//! that the final exponentiation removes, has three coefficients in Fp2: one alone, one times xP, one times yP. Where they sit depends on the twist:
//! with b' = b/xi ("divide") the map is (x, y) -> (x w^2, y w^3), with b' = b xi ("multiply") it is (x/w^2, y/w^3).
//!
//! Papers: Costello, Lange, Naehrig, "Faster Pairing Computations on Curves with High-Degree Twists" (2010);
//! Aranha, Karabina, Longa, Gebotys, Lopez, "Faster Explicit Formulas for Computing Pairings over Ordinary Curves" (2011).

/// How the twist comes from the curve.
pub const Twist = enum { divide, multiply };

pub fn Miller(comptime T: type, comptime Fp: type, comptime twist: Twist, comptime b_twist: T.Fp2) type {
    const Fp2 = T.Fp2;
    const Fp12 = T.Fp12;

    return struct {
        pub const Line = struct { alone: Fp2, times_x: Fp2, times_y: Fp2 };

        pub const Running = struct {
            x: Fp2,
            y: Fp2,
            z: Fp2,

            pub fn start(x: Fp2, y: Fp2) Running {
                return .{ .x = x, .y = y, .z = Fp2.one };
            }

            /// T becomes 2T; the tangent at T, scaled by 2YZ.
            pub fn double(t: *Running) Line {
                const a = t.x.mul(t.y).halve();
                const b = t.y.square();
                const c = t.z.square();
                const e = c.double().add(c).mul(b_twist);
                const f = e.double().add(e);
                const g = b.add(f).halve();
                const h = t.y.add(t.z).square().sub(b).sub(c);
                const xx = t.x.square();
                const ee = e.square();
                t.* = .{ .x = a.mul(b.sub(f)), .y = g.square().sub(ee.double().add(ee)), .z = b.mul(h) };
                return .{ .alone = b.sub(e), .times_x = xx.double().add(xx).neg(), .times_y = h };
            }

            /// T becomes T + Q; the line through both, scaled by X - xQ Z. T is neither Q nor -Q.
            pub fn add(t: *Running, qx: Fp2, qy: Fp2) Line {
                const rise = t.y.sub(qy.mul(t.z));
                const run = t.x.sub(qx.mul(t.z));
                const run2 = run.square();
                const run3 = run.mul(run2);
                const g = t.x.mul(run2);
                const h = t.z.mul(rise.square()).add(run3).sub(g.double());
                t.* = .{ .x = run.mul(h), .y = rise.mul(g.sub(h)).sub(run3.mul(t.y)), .z = t.z.mul(run3) };
                return .{ .alone = rise.mul(qx).sub(run.mul(qy)), .times_x = rise.neg(), .times_y = run };
            }
        };

        /// f times the line's value at the point (x, y).
        pub fn multiplyByLine(f: Fp12, line: Line, x: Fp, y: Fp) Fp12 {
            const at_x = line.times_x.scale(x);
            const at_y = line.times_y.scale(y);
            switch (twist) {
                // (at_y) + (at_x + alone v) w
                .divide => {
                    const t0 = f.c0.scale(at_y);
                    const t1 = f.c1.mulBy01(at_x, line.alone);
                    const both = f.c0.add(f.c1).mulBy01(at_y.add(at_x), line.alone);
                    return .{ .c0 = t1.mulByV().add(t0), .c1 = both.sub(t0).sub(t1) };
                },
                // (alone + at_x v) + (at_y v) w
                .multiply => {
                    const t0 = f.c0.mulBy01(line.alone, at_x);
                    const t1 = f.c1.mulBy1(at_y);
                    const both = f.c0.add(f.c1).mulBy01(line.alone, at_x.add(at_y));
                    return .{ .c0 = t1.mulByV().add(t0), .c1 = both.sub(t0).sub(t1) };
                },
            }
        }
    };
}

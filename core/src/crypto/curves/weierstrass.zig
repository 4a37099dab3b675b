//! Points of y^2 = x^3 + b (b not 0) over a field: affine at the doors, Jacobian (x = X/Z^2, y = Y/Z^3) inside.

const std = @import("std");

/// The width of a digit of a scalar: odd digits below 2^4 in size, so tables hold P, 3P .. 15P.
const digit_bits = 5;
const table_length = 1 << (digit_bits - 2);

/// The group of the points of y^2 = x^3 + b.
pub fn Curve(comptime F: type, comptime b: F) type {
    return struct {
        pub const coefficient = b;

        /// (0, 0), which is not on the curve, stands for the point at infinity, as it does in the precompiles' encodings.
        pub const Affine = struct {
            x: F,
            y: F,

            pub const infinity: Affine = .{ .x = F.zero, .y = F.zero };

            pub fn isInfinity(p: Affine) bool {
                return p.x.isZero() and p.y.isZero();
            }

            /// Whether the point satisfies the equation; infinity does.
            pub fn isOnCurve(p: Affine) bool {
                return p.isInfinity() or p.y.square().eql(p.x.square().mul(p.x).add(b));
            }

            pub fn neg(p: Affine) Affine {
                return .{ .x = p.x, .y = p.y.neg() };
            }

            pub fn eql(p: Affine, q: Affine) bool {
                return p.x.eql(q.x) and p.y.eql(q.y);
            }

            /// p + q by chord and tangent.
            pub fn add(p: Affine, q: Affine) Affine {
                if (p.isInfinity()) return q;
                if (q.isInfinity()) return p;
                const slope = if (!p.x.eql(q.x))
                    q.y.sub(p.y).mul(q.x.sub(p.x).inverse())
                else if (p.y.eql(q.y) and !p.y.isZero()) tangent: {
                    const squared = p.x.square();
                    break :tangent squared.double().add(squared).mul(p.y.double().inverse());
                } else return infinity;
                const x = slope.square().sub(p.x).sub(q.x);
                return .{ .x = x, .y = slope.mul(p.x.sub(x)).sub(p.y) };
            }

            pub fn toJacobian(p: Affine) Jacobian {
                return if (p.isInfinity()) Jacobian.infinity else .{ .x = p.x, .y = p.y, .z = F.one };
            }
        };

        /// Z = 0 is the point at infinity. Formulas: Bernstein and Lange, Explicit-Formulas Database, "Jacobian coordinates with a4=0".
        pub const Jacobian = struct {
            x: F,
            y: F,
            z: F,

            pub const infinity: Jacobian = .{ .x = F.one, .y = F.one, .z = F.zero };

            pub fn isInfinity(p: Jacobian) bool {
                return p.z.isZero();
            }

            pub fn neg(p: Jacobian) Jacobian {
                return .{ .x = p.x, .y = p.y.neg(), .z = p.z };
            }

            pub fn double(p: Jacobian) Jacobian {
                const xx = p.x.square();
                const yy = p.y.square();
                const yyyy = yy.square();
                const d = p.x.add(yy).square().sub(xx).sub(yyyy).double();
                const e = xx.double().add(xx);
                const x = e.square().sub(d.double());
                return .{ .x = x, .y = e.mul(d.sub(x)).sub(yyyy.double().double().double()), .z = p.y.mul(p.z).double() };
            }

            pub fn add(p: Jacobian, q: Jacobian) Jacobian {
                if (p.isInfinity()) return q;
                if (q.isInfinity()) return p;
                const pzz = p.z.square();
                const qzz = q.z.square();
                const pu = p.x.mul(qzz);
                const ps = p.y.mul(qzz).mul(q.z);
                const h = q.x.mul(pzz).sub(pu);
                const r = q.y.mul(pzz).mul(p.z).sub(ps);
                if (h.isZero()) return if (r.isZero()) p.double() else infinity;
                return chord(pu, ps, h, r, p.z.mul(q.z).mul(h));
            }

            pub fn addAffine(p: Jacobian, q: Affine) Jacobian {
                if (q.isInfinity()) return p;
                if (p.isInfinity()) return q.toJacobian();
                const zz = p.z.square();
                const h = q.x.mul(zz).sub(p.x);
                const r = q.y.mul(zz).mul(p.z).sub(p.y);
                if (h.isZero()) return if (r.isZero()) p.double() else infinity;
                return chord(p.x, p.y, h, r, p.z.mul(h));
            }

            fn chord(u: F, s: F, h: F, r: F, z: F) Jacobian {
                const hh = h.square();
                const hhh = h.mul(hh);
                const v = u.mul(hh);
                const x = r.square().sub(hhh).sub(v.double());
                return .{ .x = x, .y = r.mul(v.sub(x)).sub(s.mul(hhh)), .z = z };
            }

            pub fn eqlAffine(p: Jacobian, q: Affine) bool {
                if (p.isInfinity() or q.isInfinity()) return p.isInfinity() and q.isInfinity();
                const zz = p.z.square();
                return q.x.mul(zz).eql(p.x) and q.y.mul(zz).mul(p.z).eql(p.y);
            }

            pub fn eql(p: Jacobian, q: Jacobian) bool {
                if (p.isInfinity() or q.isInfinity()) return p.isInfinity() and q.isInfinity();
                const pzz = p.z.square();
                const qzz = q.z.square();
                return p.x.mul(qzz).eql(q.x.mul(pzz)) and p.y.mul(qzz).mul(q.z).eql(q.y.mul(pzz).mul(p.z));
            }

            pub fn toAffine(p: Jacobian) Affine {
                return p.scaled(p.z.inverse());
            }

            fn scaled(p: Jacobian, z_inverse: F) Affine {
                const squared = z_inverse.square();
                return .{ .x = p.x.mul(squared), .y = p.y.mul(squared).mul(z_inverse) };
            }

            /// scalar * p for a scalar known when compiling: the curve parameters, whose digits are few.
            pub fn multiplyConstant(p: Jacobian, comptime scalar: comptime_int) Jacobian {
                const digits = comptime @import("tower.zig").nonAdjacentForm(scalar);
                const negated = p.neg();
                var result = p;
                for (digits[1..]) |digit| {
                    result = result.double();
                    if (digit > 0) result = result.add(p);
                    if (digit < 0) result = result.add(negated);
                }
                return result;
            }
        };

        /// The affine forms of many points with one inversion (Montgomery's trick); infinity stays infinity.
        pub fn normalise(points: []const Jacobian, out: []Affine) void {
            var product = F.one;
            // Products of all z before each point wait in `out` for the way back.
            for (points, out) |point, *slot| {
                slot.x = product;
                if (!point.isInfinity()) product = product.mul(point.z);
            }
            var inverse = product.inverse();
            var i = points.len;
            while (i > 0) {
                i -= 1;
                if (points[i].isInfinity()) {
                    out[i] = Affine.infinity;
                } else {
                    out[i] = points[i].scaled(inverse.mul(out[i].x));
                    inverse = inverse.mul(points[i].z);
                }
            }
        }

        /// P, 3P, 5P .. 15P.
        pub const odd_multiples = table_length;

        pub fn oddMultiples(p: Affine) [table_length]Jacobian {
            var multiples: [table_length]Jacobian = undefined;
            multiples[0] = p.toJacobian();
            const doubled = multiples[0].double();
            for (1..table_length) |i| multiples[i] = multiples[i - 1].add(doubled);
            return multiples;
        }

        /// One product of a sum: a scalar of at most 128 bits, recoded, and the odd multiples of its point.
        pub const Term = struct {
            multiples: [table_length]Affine,
            digits: [130]i8,
            length: usize,

            /// Digits that are 0 or odd and below 16 in size, at most one of any five neighbours not 0.
            pub fn setScalar(term: *Term, scalar: u128, negative: bool) void {
                var rest: u256 = scalar;
                term.length = 0;
                while (rest != 0) : (term.length += 1) {
                    var digit: i8 = 0;
                    if (rest & 1 == 1) {
                        digit = @intCast(rest & ((1 << digit_bits) - 1));
                        if (digit >= 1 << (digit_bits - 1)) digit -= 1 << digit_bits;
                        rest = if (digit < 0) rest + @abs(digit) else rest - @abs(digit);
                    }
                    term.digits[term.length] = if (negative) -digit else digit;
                    rest >>= 1;
                }
            }
        };

        /// The sum of all terms, their doublings shared (Straus).
        pub fn sum(terms: []const Term) Jacobian {
            var position: usize = 0;
            for (terms) |*term| position = @max(position, term.length);
            var result = Jacobian.infinity;
            while (position > 0) {
                position -= 1;
                result = result.double();
                for (terms) |*term| {
                    if (position >= term.length) continue;
                    const digit = term.digits[position];
                    if (digit == 0) continue;
                    const multiple = term.multiples[@abs(digit) / 2];
                    result = result.addAffine(if (digit > 0) multiple else multiple.neg());
                }
            }
            return result;
        }
    };
}

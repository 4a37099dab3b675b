//! The tower Fp2 = Fp[u]/(u^2 + 1), Fp6 = Fp2[v]/(v^3 - xi), Fp12 = Fp6[w]/(w^2 - v) over a prime field, with xi = xi_real + u.
//!
//! Both pairing-friendly curves of the EVM use it: alt_bn128 with xi = 9 + u, BLS12-381 with xi = 1 + u.

const std = @import("std");

/// Paper: Devegili, OhEigeartaigh, Scott, Dahab, "Multiplication and Squaring on Pairing-Friendly Fields" (2006).
pub fn Tower(comptime Fp: type, comptime xi_real: comptime_int) type {
    return struct {
        pub const Fp2 = struct {
            c0: Fp,
            c1: Fp,

            pub const zero: Fp2 = .{ .c0 = Fp.zero, .c1 = Fp.zero };
            pub const one: Fp2 = .{ .c0 = Fp.one, .c1 = Fp.zero };

            pub fn constant(comptime c0: comptime_int, comptime c1: comptime_int) Fp2 {
                return comptime .{ .c0 = Fp.constant(c0), .c1 = Fp.constant(c1) };
            }

            pub fn isZero(a: Fp2) bool {
                return a.c0.isZero() and a.c1.isZero();
            }

            pub fn eql(a: Fp2, b: Fp2) bool {
                return a.c0.eql(b.c0) and a.c1.eql(b.c1);
            }

            pub fn add(a: Fp2, b: Fp2) Fp2 {
                return .{ .c0 = a.c0.add(b.c0), .c1 = a.c1.add(b.c1) };
            }

            pub fn double(a: Fp2) Fp2 {
                return .{ .c0 = a.c0.double(), .c1 = a.c1.double() };
            }

            pub fn sub(a: Fp2, b: Fp2) Fp2 {
                return .{ .c0 = a.c0.sub(b.c0), .c1 = a.c1.sub(b.c1) };
            }

            pub fn neg(a: Fp2) Fp2 {
                return .{ .c0 = a.c0.neg(), .c1 = a.c1.neg() };
            }

            pub fn halve(a: Fp2) Fp2 {
                return .{ .c0 = a.c0.halve(), .c1 = a.c1.halve() };
            }

            pub fn conjugate(a: Fp2) Fp2 {
                return .{ .c0 = a.c0, .c1 = a.c1.neg() };
            }

            pub fn mul(a: Fp2, b: Fp2) Fp2 {
                return .{
                    .c0 = Fp.sumOfProducts(a.c0, b.c0, a.c1.neg(), b.c1),
                    .c1 = Fp.sumOfProducts(a.c0, b.c1, a.c1, b.c0),
                };
            }

            pub fn square(a: Fp2) Fp2 {
                // (c0 + c1)(c0 - c1) = c0^2 - c1^2.
                return .{ .c0 = a.c0.add(a.c1).mul(a.c0.sub(a.c1)), .c1 = a.c0.double().mul(a.c1) };
            }

            pub fn scale(a: Fp2, factor: Fp) Fp2 {
                return .{ .c0 = a.c0.mul(factor), .c1 = a.c1.mul(factor) };
            }

            pub fn inverse(a: Fp2) Fp2 {
                const norm = Fp.sumOfProducts(a.c0, a.c0, a.c1, a.c1).inverse();
                return .{ .c0 = a.c0.mul(norm), .c1 = a.c1.neg().mul(norm) };
            }

            /// A square root of a, or null.
            pub fn sqrt(a: Fp2) ?Fp2 {
                if (a.c1.isZero()) {
                    if (a.c0.sqrt()) |root| return .{ .c0 = root, .c1 = Fp.zero };
                    // -1 is no square in Fp, so -c0 is one.
                    return .{ .c0 = Fp.zero, .c1 = a.c0.neg().sqrt().? };
                }
                // With root^2 = (r0 + r1 u)^2: r0^2 is one of (c0 +- |a|) / 2, whose product -c1^2 / 4 is no square: one of them is, one is not.
                const norm = Fp.sumOfProducts(a.c0, a.c0, a.c1, a.c1).sqrt() orelse return null;
                const candidate = a.c0.add(norm).halve();
                const half = candidate.power((Fp.order + 1) / 4);
                const other = a.c1.mul(half.double().inverse());
                return if (half.square().eql(candidate)) .{ .c0 = half, .c1 = other } else .{ .c0 = other, .c1 = half };
            }

            /// sgn0 for an extension of degree 2. Spec: RFC 9380 section 4.1.
            pub fn isOdd(a: Fp2) bool {
                return a.c0.isOdd() or (a.c0.isZero() and a.c1.isOdd());
            }

            /// a * (xi_real + u).
            pub fn mulByXi(a: Fp2) Fp2 {
                return .{ .c0 = timesXiReal(a.c0).sub(a.c1), .c1 = timesXiReal(a.c1).add(a.c0) };
            }

            fn timesXiReal(a: Fp) Fp {
                return switch (xi_real) {
                    1 => a,
                    9 => a.double().double().double().add(a),
                    else => @compileError("no multiplication by this xi"),
                };
            }
        };

        /// xi ^ ((p - 1) / 6 * i): what the Frobenius map multiplies the coefficient of w^i by, after conjugating it.
        const frobenius_constants: [6]Fp2 = blk: {
            var constants: [6]Fp2 = undefined;
            for (&constants, [6]comptime_int{ 0, 1, 2, 3, 4, 5 }) |*value, i| value.* = xiPower((Fp.order - 1) / 6 * i);
            break :blk constants;
        };

        /// xi ^ exponent, at compile time.
        pub fn xiPower(comptime exponent: comptime_int) Fp2 {
            return comptime blk: {
                @setEvalBranchQuota(100_000);
                const p = Fp.order;
                var re = 1;
                var im = 0;
                var bit = 1;
                while (bit <= exponent) bit <<= 1;
                while (bit > 1) {
                    bit >>= 1;
                    const doubled = 2 * re * im % p;
                    re = @mod(re * re - im * im, p);
                    im = doubled;
                    if (exponent & bit != 0) {
                        const crossed = (re + xi_real * im) % p;
                        re = @mod(xi_real * re - im, p);
                        im = crossed;
                    }
                }
                break :blk Fp2.constant(re, im);
            };
        }

        pub const Fp6 = struct {
            c0: Fp2,
            c1: Fp2,
            c2: Fp2,

            pub const zero: Fp6 = .{ .c0 = Fp2.zero, .c1 = Fp2.zero, .c2 = Fp2.zero };
            pub const one: Fp6 = .{ .c0 = Fp2.one, .c1 = Fp2.zero, .c2 = Fp2.zero };

            pub fn eql(a: Fp6, b: Fp6) bool {
                return a.c0.eql(b.c0) and a.c1.eql(b.c1) and a.c2.eql(b.c2);
            }

            pub fn add(a: Fp6, b: Fp6) Fp6 {
                return .{ .c0 = a.c0.add(b.c0), .c1 = a.c1.add(b.c1), .c2 = a.c2.add(b.c2) };
            }

            pub fn sub(a: Fp6, b: Fp6) Fp6 {
                return .{ .c0 = a.c0.sub(b.c0), .c1 = a.c1.sub(b.c1), .c2 = a.c2.sub(b.c2) };
            }

            pub fn double(a: Fp6) Fp6 {
                return a.add(a);
            }

            pub fn neg(a: Fp6) Fp6 {
                return .{ .c0 = a.c0.neg(), .c1 = a.c1.neg(), .c2 = a.c2.neg() };
            }

            pub fn mulByV(a: Fp6) Fp6 {
                return .{ .c0 = a.c2.mulByXi(), .c1 = a.c0, .c2 = a.c1 };
            }

            pub fn mul(a: Fp6, b: Fp6) Fp6 {
                const t0 = a.c0.mul(b.c0);
                const t1 = a.c1.mul(b.c1);
                const t2 = a.c2.mul(b.c2);
                return .{
                    .c0 = a.c1.add(a.c2).mul(b.c1.add(b.c2)).sub(t1).sub(t2).mulByXi().add(t0),
                    .c1 = a.c0.add(a.c1).mul(b.c0.add(b.c1)).sub(t0).sub(t1).add(t2.mulByXi()),
                    .c2 = a.c0.add(a.c2).mul(b.c0.add(b.c2)).sub(t0).sub(t2).add(t1),
                };
            }

            pub fn scale(a: Fp6, factor: Fp2) Fp6 {
                return .{ .c0 = a.c0.mul(factor), .c1 = a.c1.mul(factor), .c2 = a.c2.mul(factor) };
            }

            /// a * (b0 + b1 v).
            pub fn mulBy01(a: Fp6, b0: Fp2, b1: Fp2) Fp6 {
                const t0 = a.c0.mul(b0);
                const t1 = a.c1.mul(b1);
                return .{
                    .c0 = a.c2.mul(b1).mulByXi().add(t0),
                    .c1 = a.c0.add(a.c1).mul(b0.add(b1)).sub(t0).sub(t1),
                    .c2 = a.c2.mul(b0).add(t1),
                };
            }

            /// a * b1 v.
            pub fn mulBy1(a: Fp6, b1: Fp2) Fp6 {
                return .{ .c0 = a.c2.mul(b1).mulByXi(), .c1 = a.c0.mul(b1), .c2 = a.c1.mul(b1) };
            }

            pub fn inverse(a: Fp6) Fp6 {
                const t0 = a.c0.square().sub(a.c1.mul(a.c2).mulByXi());
                const t1 = a.c2.square().mulByXi().sub(a.c0.mul(a.c1));
                const t2 = a.c1.square().sub(a.c0.mul(a.c2));
                const norm = a.c2.mul(t1).add(a.c1.mul(t2)).mulByXi().add(a.c0.mul(t0));
                return (Fp6{ .c0 = t0, .c1 = t1, .c2 = t2 }).scale(norm.inverse());
            }
        };

        pub const Fp12 = struct {
            c0: Fp6,
            c1: Fp6,

            pub const one: Fp12 = .{ .c0 = Fp6.one, .c1 = Fp6.zero };

            pub fn eql(a: Fp12, b: Fp12) bool {
                return a.c0.eql(b.c0) and a.c1.eql(b.c1);
            }

            /// a ^ (p^6); the inverse of an element whose norm to Fp6 is one.
            pub fn conjugate(a: Fp12) Fp12 {
                return .{ .c0 = a.c0, .c1 = a.c1.neg() };
            }

            pub fn mul(a: Fp12, b: Fp12) Fp12 {
                const t0 = a.c0.mul(b.c0);
                const t1 = a.c1.mul(b.c1);
                return .{
                    .c0 = t1.mulByV().add(t0),
                    .c1 = a.c0.add(a.c1).mul(b.c0.add(b.c1)).sub(t0).sub(t1),
                };
            }

            pub fn square(a: Fp12) Fp12 {
                const product = a.c0.mul(a.c1);
                return .{
                    .c0 = a.c0.add(a.c1).mul(a.c0.add(a.c1.mulByV())).sub(product).sub(product.mulByV()),
                    .c1 = product.double(),
                };
            }

            pub fn inverse(a: Fp12) Fp12 {
                const norm = a.c0.mul(a.c0).sub(a.c1.mul(a.c1).mulByV()).inverse();
                return .{ .c0 = a.c0.mul(norm), .c1 = a.c1.mul(norm).neg() };
            }

            /// a ^ p.
            pub fn frobenius(a: Fp12) Fp12 {
                const k = &frobenius_constants;
                return .{
                    .c0 = .{ .c0 = a.c0.c0.conjugate(), .c1 = a.c0.c1.conjugate().mul(k[2]), .c2 = a.c0.c2.conjugate().mul(k[4]) },
                    .c1 = .{ .c0 = a.c1.c0.conjugate().mul(k[1]), .c1 = a.c1.c1.conjugate().mul(k[3]), .c2 = a.c1.c2.conjugate().mul(k[5]) },
                };
            }

            /// a ^ (p^2).
            pub fn frobenius2(a: Fp12) Fp12 {
                return a.frobenius().frobenius();
            }

            /// The square of an element of the cyclotomic subgroup (order p^4 - p^2 + 1): three squarings in Fp4.
            /// Paper: Granger, Scott, "Faster Squaring in the Cyclotomic Subgroup of Sixth Degree Extensions" (2010).
            pub fn cyclotomicSquare(a: Fp12) Fp12 {
                const x = squareFp4(a.c0.c0, a.c1.c1);
                const y = squareFp4(a.c1.c0, a.c0.c2);
                const z = squareFp4(a.c0.c1, a.c1.c2);
                return .{
                    .c0 = .{ .c0 = threeLessTwo(x[0], a.c0.c0), .c1 = threeLessTwo(y[0], a.c0.c1), .c2 = threeLessTwo(z[0], a.c0.c2) },
                    .c1 = .{ .c0 = threePlusTwo(z[1].mulByXi(), a.c1.c0), .c1 = threePlusTwo(x[1], a.c1.c1), .c2 = threePlusTwo(y[1], a.c1.c2) },
                };
            }

            /// (a + b s)^2 with s^2 = xi.
            fn squareFp4(a: Fp2, b: Fp2) [2]Fp2 {
                const a2 = a.square();
                const b2 = b.square();
                return .{ b2.mulByXi().add(a2), a.add(b).square().sub(a2).sub(b2) };
            }

            fn threeLessTwo(a: Fp2, b: Fp2) Fp2 {
                return a.sub(b).double().add(a);
            }

            fn threePlusTwo(a: Fp2, b: Fp2) Fp2 {
                return a.add(b).double().add(a);
            }

            /// a ^ exponent for an element of the cyclotomic subgroup, where inverting is conjugating: digits -1, 0, 1.
            pub fn cyclotomicPower(a: Fp12, comptime exponent: u64) Fp12 {
                const digits = comptime nonAdjacentForm(exponent);
                const inverted = a.conjugate();
                var result = a;
                for (digits[1..]) |digit| {
                    result = result.cyclotomicSquare();
                    if (digit > 0) result = result.mul(a);
                    if (digit < 0) result = result.mul(inverted);
                }
                return result;
            }
        };
    };
}

fn nonAdjacentLength(comptime value: comptime_int) usize {
    var rest = value;
    var length = 0;
    while (rest != 0) : (length += 1) {
        if (rest & 1 == 1) rest -= 2 - rest % 4;
        rest >>= 1;
    }
    return length;
}

/// The digits -1, 0, 1 of a positive number with no two neighbours other than 0, the most significant (a 1) first.
pub fn nonAdjacentForm(comptime value: comptime_int) [nonAdjacentLength(value)]i8 {
    @setEvalBranchQuota(10_000);
    var digits: [nonAdjacentLength(value)]i8 = @splat(0);
    var rest = value;
    var i = digits.len;
    while (rest != 0) {
        i -= 1;
        if (rest & 1 == 1) {
            digits[i] = 2 - rest % 4;
            rest -= digits[i];
        }
        rest >>= 1;
    }
    return digits;
}

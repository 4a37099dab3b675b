//! Inverses modulo a 256-bit number, by Lehmer's form of Euclid's algorithm: quotients are found from the leading 64 bits alone and
//! applied to the long numbers some thirty bits at a time. Variable time.
//!
//! Spec: Knuth, TAOCP volume 2, 4.5.2, algorithm L; Collins' condition as in Jebelean, "A double-digit Lehmer-Euclid algorithm"

const std = @import("std");
const words = @import("../u256.zig");

/// The number below `modulus` whose product with `a` is 1, or null where there is none.
pub fn inverse(a: u256, modulus: u256) ?u256 {
    std.debug.assert(modulus > 1);
    var x = modulus;
    var y = if (a < modulus) a else words.remainder(a, modulus);
    // x = ±u a and y = ∓v a (mod modulus); `steps_odd` says which sign is x's. The magnitudes never exceed the modulus.
    var u: u256 = 0;
    var v: u256 = 1;
    var steps_odd = false;
    while (y >> 64 != 0) {
        const m = simulate(x, y);
        if (m.g0 == 0) {
            step(&x, &y, &u, &v);
            steps_odd = !steps_odd;
            continue;
        }
        const next_x = difference(m.f0, x, m.g0, y, m.even);
        const next_y = difference(m.g1, y, m.f1, x, m.even);
        const next_u = sum(m.f0, u, m.g0, v);
        const next_v = sum(m.f1, u, m.g1, v);
        x = next_x;
        y = next_y;
        u = next_u;
        v = next_v;
        steps_odd = steps_odd == m.even;
    }
    if (y != 0) {
        // One step brings x below 2^64 too; the rest needs words only.
        step(&x, &y, &u, &v);
        steps_odd = !steps_odd;
        var x1: u64 = @intCast(x);
        var y1: u64 = @intCast(y);
        var m0: u64 = 1;
        var m1: u64 = 0;
        var n0: u64 = 0;
        var n1: u64 = 1;
        while (y1 != 0) {
            const q = x1 / y1;
            // The coefficients stay below the numbers that this loop began with.
            rotate(&x1, &y1, x1 - q * y1);
            rotate(&m0, &m1, m0 + q * m1);
            rotate(&n0, &n1, n0 + q * n1);
            steps_odd = !steps_odd;
        }
        x = x1;
        u = sum(m0, u, n0, v);
    }
    if (x != 1) return null;
    return if (steps_odd) u else modulus - u;
}

/// One step of Euclid's algorithm with a whole division.
fn step(x: *u256, y: *u256, u: *u256, v: *u256) void {
    const q = words.divide(x.*, y.*);
    const rest = x.* -% q *% y.*;
    const next = u.* +% q *% v.*;
    x.* = y.*;
    y.* = rest;
    u.* = v.*;
    v.* = next;
}

inline fn rotate(first: *u64, second: *u64, next: u64) void {
    first.* = second.*;
    second.* = next;
}

const Matrix = struct { f0: u64, f1: u64, g0: u64, g1: u64, even: bool };

/// As many steps as the leading 64 bits of x and the bits of y at the same places decide beyond doubt. x >= y >= 2^64.
fn simulate(x: u256, y: u256) Matrix {
    const shift: u8 = @intCast(192 - words.leadingZeros(x));
    var a1: u64 = @truncate(x >> shift);
    var a2: u64 = @truncate(y >> shift);
    var f0: u64 = 0;
    var f1: u64 = 1;
    var f2: u64 = 0;
    var g0: u64 = 0;
    var g1: u64 = 0;
    var g2: u64 = 1;
    var even = false;
    // Collins' condition keeps the coefficients below 2^32, so nothing here overflows.
    while (a2 >= g2 and a1 - a2 >= g1 + g2) {
        const q = a1 / a2;
        rotate(&a1, &a2, a1 - q * a2);
        f0 = f1;
        rotate(&f1, &f2, f1 + q * f2);
        g0 = g1;
        rotate(&g1, &g2, g1 + q * g2);
        even = !even;
    }
    return .{ .f0 = f0, .f1 = f1, .g0 = g0, .g1 = g1, .even = even };
}

/// f x - g y, or g y - f x where not `positive`. The result is not negative and below x.
fn difference(f: u64, x: u256, g: u64, y: u256, positive: bool) u256 {
    const left = x *% f;
    const right = y *% g;
    return if (positive) left -% right else right -% left;
}

fn sum(f: u64, u: u256, g: u64, v: u256) u256 {
    return u *% f +% v *% g;
}

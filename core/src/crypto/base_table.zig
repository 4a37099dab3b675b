//! Odd multiples of fixed points, computed while compiling.

/// A curve y^2 = x^3 + a x + b over the field of `prime`.
pub const Curve = struct { prime: comptime_int, a: comptime_int };

pub const Point = struct { x: comptime_int, y: comptime_int };

/// P, 3 P, 5 P, ... as `Affine` points of `field`.
pub fn oddMultiples(
    comptime curve: Curve,
    comptime point: Point,
    comptime count: usize,
    comptime Affine: type,
    comptime field: type,
) [count]Affine {
    @setEvalBranchQuota(1_000_000);
    const twice = add(curve, point, point);
    var current = point;
    var table: [count]Affine = undefined;
    for (&table) |*entry| {
        entry.* = .{ .x = field.constant(current.x), .y = field.constant(current.y) };
        current = add(curve, current, twice);
    }
    return table;
}

/// 2^count P.
pub fn doubled(comptime curve: Curve, comptime point: Point, comptime count: usize) Point {
    @setEvalBranchQuota(1_000_000);
    var result: Point = point;
    for (0..count) |_| result = add(curve, result, result);
    return result;
}

/// Neither point is infinity, nor is one the other's negative.
fn add(comptime curve: Curve, comptime p: Point, comptime q: Point) Point {
    const slope = if (p.x == q.x)
        (3 * p.x * p.x + curve.a) * inverse(2 * p.y, curve.prime)
    else
        (q.y - p.y) * inverse(q.x - p.x, curve.prime);
    const x = @mod(slope * slope - p.x - q.x, curve.prime);
    return .{ .x = x, .y = @mod(slope * (p.x - x) - p.y, curve.prime) };
}

fn inverse(comptime a: comptime_int, comptime prime: comptime_int) comptime_int {
    var x: comptime_int = prime;
    var y: comptime_int = @mod(a, prime);
    var u: comptime_int = 0;
    var v: comptime_int = 1;
    while (y != 0) {
        const q = @divTrunc(x, y);
        const rest = x - q * y;
        x = y;
        y = rest;
        const next = u - q * v;
        u = v;
        v = next;
    }
    return u;
}

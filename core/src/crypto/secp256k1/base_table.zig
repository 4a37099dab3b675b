//! Odd multiples of the generator and of 2^128 times it, computed while compiling.

const field = @import("field.zig");
const Affine = @import("point.zig").Affine;

/// Signed digits of the generator's scalars are odd and below 2^(width - 1) in magnitude.
pub const width = 8;
pub const count = 1 << (width - 2);

/// (2 i + 1) G.
pub const low: [count]Affine = oddMultiples(generator);
/// (2 i + 1) 2^128 G.
pub const high: [count]Affine = oddMultiples(shifted);

const Point = struct { x: comptime_int, y: comptime_int };

const generator: Point = .{
    .x = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798,
    .y = 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8,
};

const shifted: Point = blk: {
    @setEvalBranchQuota(1_000_000);
    var point: Point = generator;
    for (0..128) |_| point = add(point, point);
    break :blk point;
};

fn oddMultiples(comptime point: Point) [count]Affine {
    @setEvalBranchQuota(1_000_000);
    const twice = add(point, point);
    var current = point;
    var table: [count]Affine = undefined;
    for (&table) |*entry| {
        entry.* = .{ .x = field.fromWord(current.x), .y = field.fromWord(current.y) };
        current = add(current, twice);
    }
    return table;
}

/// Neither point is infinity, nor is one the other's negative.
fn add(comptime a: Point, comptime b: Point) Point {
    const slope = if (a.x == b.x)
        3 * a.x * a.x * inverse(2 * a.y)
    else
        (b.y - a.y) * inverse(b.x - a.x);
    const x = @mod(slope * slope - a.x - b.x, field.prime);
    return .{ .x = x, .y = @mod(slope * (a.x - x) - a.y, field.prime) };
}

fn inverse(comptime a: comptime_int) comptime_int {
    var x: comptime_int = field.prime;
    var y: comptime_int = @mod(a, field.prime);
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

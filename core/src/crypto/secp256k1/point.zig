//! Points of y^2 = x^3 + 7.

const field = @import("field.zig");

const Element = field.Element;

pub const Affine = struct {
    x: Element,
    y: Element,

    pub fn negated(self: Affine) Affine {
        return .{ .x = self.x, .y = field.negate(self.y) };
    }
};

/// (x / z^2, y / z^3); z = 0 is the point at infinity.
pub const Jacobian = struct {
    x: Element,
    y: Element,
    z: Element,

    pub const infinity: Jacobian = .{ .x = field.one, .y = field.one, .z = field.zero };

    pub fn fromAffine(point: Affine) Jacobian {
        return .{ .x = point.x, .y = point.y, .z = field.one };
    }

    /// Infinity doubles to infinity; there is no point of order two.
    pub fn double(self: Jacobian) Jacobian {
        // The textbook formulas with z halved, which saves additions: l = 3/2 x^2, s = y^2, u = x s.
        const s = field.square(self.y);
        const xx = field.square(self.x);
        const l = field.half(field.add(field.add(xx, xx), xx));
        const u = field.multiply(self.x, s);
        const x = field.subtract(field.subtract(field.square(l), u), u);
        return .{
            .x = x,
            .y = field.subtract(field.multiply(l, field.subtract(u, x)), field.square(s)),
            .z = field.multiply(self.y, self.z),
        };
    }

    /// The sum. `ratio`, where given, receives z of the sum over z of this point; it is meaningless where either point is infinity or
    /// the two have one x.
    pub fn addAffine(self: Jacobian, other: Affine, ratio: ?*Element) Jacobian {
        if (field.isZero(self.z)) return fromAffine(other);
        const zz = field.square(self.z);
        const h = field.subtract(field.multiply(other.x, zz), self.x);
        const i = field.subtract(field.multiply(other.y, field.multiply(zz, self.z)), self.y);
        if (ratio) |out| out.* = h;
        if (field.isZero(h)) return if (field.isZero(i)) self.double() else infinity;
        const h2 = field.square(h);
        const h3 = field.multiply(h, h2);
        const t = field.multiply(self.x, h2);
        const x = field.subtract(field.subtract(field.subtract(field.square(i), h3), t), t);
        return .{
            .x = x,
            .y = field.subtract(field.multiply(i, field.subtract(t, x)), field.multiply(self.y, h3)),
            .z = field.multiply(self.z, h),
        };
    }

    /// Null for infinity.
    pub fn toAffine(self: Jacobian) ?Affine {
        const inverse = field.inverse(self.z) orelse return null;
        const square = field.square(inverse);
        return .{ .x = field.multiply(self.x, square), .y = field.multiply(self.y, field.multiply(square, inverse)) };
    }
};

//! Points of y^2 = x^3 + a x + b over a prime field, for a of 0 and -3, and sums of their multiples. Variable time.
//!
//! A field is a type with `Element`, `zero`, `one`, `add`, `subtract`, `negate`, `half`, `multiply`, `square`, `isZero` and `inverse`.
//!
//! Spec: Hankerson, Menezes, Vanstone, "Guide to Elliptic Curve Cryptography", section 3.2 and algorithm 3.35

pub const Coefficient = enum { zero, minus_three };

pub fn Points(comptime field: type, comptime a: Coefficient) type {
    const Element = field.Element;

    return struct {
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

            /// Null for infinity.
            pub fn toAffine(self: Jacobian) ?Affine {
                const inverse = field.inverse(self.z) orelse return null;
                const square = field.square(inverse);
                return .{ .x = field.multiply(self.x, square), .y = field.multiply(self.y, field.multiply(square, inverse)) };
            }

            /// Infinity doubles to infinity; there is no point of order two.
            pub fn double(self: Jacobian) Jacobian {
                // The textbook formulas with z halved, which saves additions: l = (3 x^2 + a z^4) / 2, s = y^2, u = x s.
                const s = field.square(self.y);
                const third = switch (a) {
                    .zero => field.square(self.x),
                    .minus_three => blk: {
                        const zz = field.square(self.z);
                        break :blk field.multiply(field.subtract(self.x, zz), field.add(self.x, zz));
                    },
                };
                const l = field.half(field.add(field.add(third, third), third));
                const u = field.multiply(self.x, s);
                const x = field.subtract(field.subtract(field.square(l), u), u);
                return .{
                    .x = x,
                    .y = field.subtract(field.multiply(l, field.subtract(u, x)), field.square(s)),
                    .z = field.multiply(self.y, self.z),
                };
            }

            /// The sum. `ratio`, where given, receives z of the sum over z of this point; it is meaningless where either point is
            /// infinity or the two have one x.
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
        };

        /// P, 3 P, 5 P, ..., with one inversion for all. The order of P is above 2 `count`.
        pub fn oddMultiples(comptime count: usize, point: Affine) [count]Affine {
            const twice = Jacobian.fromAffine(point).double();
            // On the isomorphic curve where `twice` is (x, y, 1) additions of it are cheap; z there is z here over `twice.z`.
            const zz = field.square(twice.z);
            const step: Affine = .{ .x = twice.x, .y = twice.y };
            var multiples: [count]Jacobian = undefined;
            var ratios: [count]Element = undefined;
            multiples[0] = .{
                .x = field.multiply(point.x, zz),
                .y = field.multiply(point.y, field.multiply(zz, twice.z)),
                .z = field.one,
            };
            for (1..count) |i| multiples[i] = multiples[i - 1].addAffine(step, &ratios[i]);

            var inverse = field.inverse(field.multiply(multiples[count - 1].z, twice.z)).?;
            var table: [count]Affine = undefined;
            var i: usize = count;
            while (i != 0) {
                i -= 1;
                const square = field.square(inverse);
                table[i] = .{
                    .x = field.multiply(multiples[i].x, square),
                    .y = field.multiply(multiples[i].y, field.multiply(square, inverse)),
                };
                if (i != 0) inverse = field.multiply(inverse, ratios[i]);
            }
            return table;
        }

        /// The sum over all rows of `digits` as multiples of the point whose odd multiples the same row of `tables` has.
        pub fn multiplySum(
            comptime rows: usize,
            comptime places: usize,
            digits: *const [rows][places]i8,
            tables: [rows][]const Affine,
        ) Jacobian {
            var sum = Jacobian.infinity;
            var started = false;
            var place: usize = places;
            while (place != 0) {
                place -= 1;
                if (started) sum = sum.double();
                for (0..rows) |row| {
                    const digit = digits[row][place];
                    if (digit == 0) continue;
                    started = true;
                    const entry = tables[row][@abs(digit) >> 1];
                    sum = sum.addAffine(if (digit < 0) entry.negated() else entry, null);
                }
            }
            return sum;
        }
    };
}

/// How many odd multiples digits of `width` need.
pub fn tableSize(comptime width: comptime_int) comptime_int {
    return 1 << (width - 2);
}

/// The number of digits that a number of `n` limbs may need: one more than it has bits.
pub fn digitPlaces(comptime n: usize) usize {
    return 64 * n + 1;
}

/// The number as a sum of digits times powers of two: every digit is zero or odd and below 2^(width - 1) in magnitude, and of `width`
/// digits in a row at most one is not zero.
pub fn signedDigits(comptime width: comptime_int, comptime n: usize, magnitude: [n]u64, negative: bool) [digitPlaces(n)]i8 {
    var digits: [digitPlaces(n)]i8 = @splat(0);
    const window = 1 << width;
    var carry: u64 = 0;
    var place: usize = 0;
    while (place < digits.len) {
        const index = place / 64;
        const offset: u6 = @intCast(place % 64);
        var bits = if (index < n) magnitude[index] >> offset else 0;
        if (offset > 64 - width and index + 1 < n) bits |= magnitude[index + 1] << @intCast(@as(u7, 64) - offset);
        if (bits & 1 == carry) {
            place += 1;
            continue;
        }
        const value: i16 = @intCast((bits & (window - 1)) + carry);
        carry = @intFromBool(value >= window / 2);
        const digit: i8 = @intCast(if (carry != 0) value - window else value);
        digits[place] = if (negative) -digit else digit;
        place += width;
    }
    return digits;
}

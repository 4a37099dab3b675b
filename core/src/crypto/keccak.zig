//! Keccak-256 as Ethereum uses it (the padding byte is 0x01, not SHA-3's 0x06).
//!
//! There are two permutations. RV64IM has neither a rotation nor and-not: there six lanes of the state are kept complemented, which
//! turns most of chi's `~b & c` into a plain `&` or `|`; which lanes, and what follows for each of the 25 outputs of chi, is worked
//! out at compile time below. Other processors have both, and spend less time on reading lanes again: a round's outputs
//! go into the columns' parities of the next one as they are made.
//!
//! Spec: FIPS 202, section 3; the Keccak team's implementation overview, sections 2.2 (lane complementing) and 2.4

const std = @import("std");
const builtin = @import("builtin");

const rate = 136;
const rate_lanes = rate / 8;

/// The hash of `data`.
pub fn hash(data: []const u8) [32]u8 {
    var out: [32]u8 = undefined;
    hashInto(&out, data);
    return out;
}

/// Writes the hash of `data` to `out`, which may overlap `data`.
pub fn hashInto(out: *[32]u8, data: []const u8) void {
    var state: [25]u64 = @splat(0);
    var rest = data;
    while (rest.len >= rate) : (rest = rest[rate..]) {
        absorb(&state, rest[0..rate]);
        permute(&state);
    }
    finish(&state, rest, out);
}

/// The same hash over data that comes in pieces.
pub const Hasher = struct {
    state: [25]u64,
    pending: [rate]u8,
    pending_len: usize,

    pub fn init() Hasher {
        return .{ .state = @splat(0), .pending = undefined, .pending_len = 0 };
    }

    pub fn update(self: *Hasher, data: []const u8) void {
        var rest = data;
        if (self.pending_len != 0) {
            const taken = @min(rate - self.pending_len, rest.len);
            @memcpy(self.pending[self.pending_len..][0..taken], rest[0..taken]);
            self.pending_len += taken;
            rest = rest[taken..];
            if (self.pending_len < rate) return;
            absorb(&self.state, &self.pending);
            permute(&self.state);
            self.pending_len = 0;
        }
        while (rest.len >= rate) : (rest = rest[rate..]) {
            absorb(&self.state, rest[0..rate]);
            permute(&self.state);
        }
        @memcpy(self.pending[0..rest.len], rest);
        self.pending_len = rest.len;
    }

    /// The hash of everything so far. The hasher is unchanged, so more may follow.
    pub fn final(self: *const Hasher) [32]u8 {
        var state = self.state;
        var out: [32]u8 = undefined;
        finish(&state, self.pending[0..self.pending_len], &out);
        return out;
    }
};

fn absorb(state: *[25]u64, block: *const [rate]u8) void {
    // Without misaligned loads a byte-wise read costs 22 instructions a lane; most buffers of the guest are aligned.
    if (builtin.cpu.arch.isRISCV() and @intFromPtr(block) % 8 == 0) {
        const lanes: *const [rate_lanes]u64 = @ptrCast(@alignCast(block));
        inline for (0..rate_lanes) |i| state[i] ^= std.mem.littleToNative(u64, lanes[i]);
    } else {
        inline for (0..rate_lanes) |i| state[i] ^= std.mem.readInt(u64, block[i * 8 ..][0..8], .little);
    }
}

fn finish(state: *[25]u64, tail: []const u8, out: *[32]u8) void {
    std.debug.assert(tail.len < rate);
    const whole = tail.len / 8;
    for (0..whole) |i| state[i] ^= std.mem.readInt(u64, tail[i * 8 ..][0..8], .little);
    var last: u64 = 0;
    for (tail[whole * 8 ..], 0..) |byte, i| last |= @as(u64, byte) << @intCast(i * 8);
    last |= @as(u64, 1) << @intCast(tail.len % 8 * 8);
    state[whole] ^= last;
    state[rate_lanes - 1] ^= 1 << 63;
    permuteLast(state);
    inline for (0..4) |i| std.mem.writeInt(u64, out[i * 8 ..][0..8], state[i], .little);
}

const round_constants = blk: {
    // iota's constants are bits of a linear feedback shift register over x^8 + x^6 + x^5 + x^4 + 1.
    @setEvalBranchQuota(10_000);
    var constants: [24]u64 = @splat(0);
    var register: u8 = 1;
    for (&constants) |*constant| {
        for (0..7) |j| {
            if (register & 1 != 0) constant.* |= @as(u64, 1) << ((1 << j) - 1);
            register = (register << 1) ^ (if (register & 0x80 != 0) @as(u8, 0x71) else 0);
        }
    }
    break :blk constants;
};

/// rho's rotation of each lane; lane (x, y) is number x + 5y.
const rotation = blk: {
    var rotations: [25]u6 = @splat(0);
    var x: usize = 1;
    var y: usize = 0;
    for (0..24) |t| {
        rotations[x + 5 * y] = ((t + 1) * (t + 2) / 2) % 64;
        const next_y = (2 * x + 3 * y) % 5;
        x = y;
        y = next_y;
    }
    break :blk rotations;
};

/// Where pi moves each lane.
const destination = blk: {
    var destinations: [25]u5 = @splat(0);
    for (0..5) |row| for (0..5) |column| {
        destinations[column + 5 * row] = row + 5 * ((2 * column + 3 * row) % 5);
    };
    break :blk destinations;
};

/// Lanes that are held complemented between rounds.
const complemented = blk: {
    var lanes: [25]bool = @splat(false);
    for ([_]usize{ 1, 2, 8, 12, 17, 20 }) |lane| lanes[lane] = true;
    break :blk lanes;
};

/// Which lanes are complemented after theta, rho and pi of a round that began with `complemented`.
const complemented_in_chi = blk: {
    var column: [5]bool = @splat(false);
    for (complemented, 0..) |flag, lane| column[lane % 5] = column[lane % 5] != flag;
    var lanes: [25]bool = @splat(false);
    for (complemented, 0..) |flag, lane| {
        const theta_flag = column[(lane + 4) % 5] != column[(lane + 1) % 5];
        lanes[destination[lane]] = flag != theta_flag;
    }
    break :blk lanes;
};

inline fn chi(comptime lane: usize, b: *const [25]u64) u64 {
    const row = lane / 5 * 5;
    const next = row + (lane + 1) % 5;
    const after = row + (lane + 2) % 5;
    const wanted = complemented[lane] != complemented_in_chi[lane];
    const p = b[next];
    const q = b[after];
    // `p` and `q` as held; the term is ~P & Q of their true values, or its complement where that is what the output wants.
    if (complemented_in_chi[next] and !complemented_in_chi[after])
        return if (wanted) ~b[lane] ^ (p & q) else b[lane] ^ (p & q);
    if (!complemented_in_chi[next] and complemented_in_chi[after])
        return if (wanted) b[lane] ^ (p | q) else ~b[lane] ^ (p | q);
    if (complemented_in_chi[next])
        return b[lane] ^ (if (wanted) ~p | q else p & ~q);
    return b[lane] ^ (if (wanted) p | ~q else ~p & q);
}

inline fn round(a: *[25]u64, constant: u64) void {
    var c: [5]u64 = undefined;
    inline for (0..5) |x| c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    var d: [5]u64 = undefined;
    inline for (0..5) |x| d[x] = c[(x + 4) % 5] ^ std.math.rotl(u64, c[(x + 1) % 5], 1);
    var b: [25]u64 = undefined;
    inline for (0..25) |lane| b[destination[lane]] = std.math.rotl(u64, a[lane] ^ d[lane % 5], rotation[lane]);
    inline for (0..25) |lane| a[lane] = chi(lane, &b);
    a[0] ^= constant;
}

/// Keccak-f[1600] in place.
pub const permute = if (builtin.cpu.arch.isRISCV()) permuteComplemented else permutePlain;

/// The same where only the hash, the first four lanes, is needed: what the others are afterwards is not said.
const permuteLast = if (builtin.cpu.arch.isRISCV()) permuteComplemented else permutePlainLast;

fn permuteComplemented(state: *[25]u64) void {
    var a = state.*;
    inline for (0..25) |lane| if (complemented[lane]) {
        a[lane] = ~a[lane];
    };
    for (round_constants) |constant| round(&a, constant);
    inline for (0..25) |lane| if (complemented[lane]) {
        a[lane] = ~a[lane];
    };
    state.* = a;
}

/// Where pi takes each lane from.
const source = blk: {
    var sources: [25]u5 = @splat(0);
    for (destination, 0..) |to, from| sources[to] = from;
    break :blk sources;
};

/// A round from `a` to `b`, which do not overlap; of `b`, the first `rows` of five rows. `parity` has the sum of each column, of `a`
/// before and of those rows of `b` afterwards.
inline fn plainRound(comptime rows: usize, b: *[25]u64, a: *const [25]u64, parity: *[5]u64, constant: u64) void {
    // With safety `undefined` is memory filled with a pattern, a sixth of the time; every index is known to the compiler.
    @setRuntimeSafety(false);
    var theta: [5]u64 = undefined;
    inline for (0..5) |x| theta[x] = parity[(x + 4) % 5] ^ std.math.rotl(u64, parity[(x + 1) % 5], 1);
    inline for (0..rows) |y| {
        var row: [5]u64 = undefined;
        inline for (0..5) |x| {
            const from = source[x + 5 * y];
            row[x] = std.math.rotl(u64, a[from] ^ theta[from % 5], rotation[from]);
        }
        inline for (0..5) |x| {
            var lane = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
            if (x + y == 0) lane ^= constant;
            b[x + 5 * y] = lane;
            parity[x] = if (y == 0) lane else parity[x] ^ lane;
        }
    }
}

fn permutePlain(state: *[25]u64) void {
    plainRounds(5, state);
}

fn permutePlainLast(state: *[25]u64) void {
    plainRounds(1, state);
}

/// All rounds, the last of them for `rows` rows.
inline fn plainRounds(comptime rows: usize, state: *[25]u64) void {
    @setRuntimeSafety(false);
    var a = state.*;
    var b: [25]u64 = undefined;
    var parity: [5]u64 = undefined;
    inline for (0..5) |x| parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (0..round_constants.len / 2 - 1) |pair| {
        plainRound(5, &b, &a, &parity, round_constants[2 * pair]);
        plainRound(5, &a, &b, &parity, round_constants[2 * pair + 1]);
    }
    plainRound(5, &b, &a, &parity, round_constants[22]);
    plainRound(rows, state, &b, &parity, round_constants[23]);
}

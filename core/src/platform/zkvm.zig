//! A zkVM that follows the eth-act zkvm-standards: all input at once, public output, and accelerators behind C symbols.
//!
//! The input is a sequence of items: kind (1 byte), length (4 bytes, big-endian), bytes.
//!
//!     0  the configuration, as `config/program.py` makes it
//!     1  local data: the identifier (1 byte), then the value
//!     2  the preimage of a keccak-256 key
//!     4  the preimage of a sha-256 key
//!     5  a blob: commitment (48 bytes), proof (48 bytes), content (131,072 bytes)
//!
//! The input is what the prover says. Each item is hashed once, when it is read, and then found by the key that its hash gives; a blob is opened
//! at the point that it and its commitment name, so its elements are those of the commitment. Local data is not checked here: the program's
//! public values repeat it. An item that is damaged ends the program.

const std = @import("std");
const blob = @import("../derivation/blob.zig");
const blob_check = @import("../derivation/l1/blob_check.zig");
const blob_points = @import("../derivation/l1/blob_points.zig");
const oracles = @import("../derivation/oracle.zig");
const standard = @import("zkvm_standard.zig");
const Allocator = std.mem.Allocator;
const Bytes = standard.Bytes;

pub const precompile = @import("zkvm_precompiles.zig").precompile;

/// Where hashes of what comes in parts put it together; the program sets it before all else.
pub var memory: Allocator = undefined;

/// No proof of a program that failed a safety check.
pub const panic = std.debug.FullPanic(struct {
    fn fail(_: []const u8, _: ?usize) noreturn {
        standard.terminate(exit_panic);
    }
}.fail);

pub const exit_panic = 0xff;

fn hash(comptime function: anytype, data: []const u8) [32]u8 {
    var digest: Bytes(32) = undefined;
    if (function(data.ptr, data.len, &digest) != standard.success) @panic("a hash cannot fail");
    return digest.data;
}

pub fn keccak256(data: []const u8) [32]u8 {
    return hash(standard.zkvm_keccak256, data);
}

pub fn sha256(data: []const u8) [32]u8 {
    return hash(standard.zkvm_sha256, data);
}

/// The hash, right-aligned.
pub fn ripemd160(data: []const u8) [32]u8 {
    return hash(standard.zkvm_ripemd160, data);
}

/// The standard has no hash of parts, so they are put together first.
pub const Keccak256 = struct {
    joined: std.ArrayList(u8) = .empty,

    pub fn init() Keccak256 {
        return .{};
    }

    pub fn update(self: *Keccak256, data: []const u8) void {
        self.joined.appendSlice(memory, data) catch @panic("out of memory");
    }

    /// The end of it.
    pub fn final(self: *Keccak256) [32]u8 {
        defer self.joined.deinit(memory);
        return keccak256(self.joined.items);
    }
};

pub fn recoverKey(message: *const [32]u8, r: *const [32]u8, s: *const [32]u8, odd_y: bool) ?[64]u8 {
    var key: Bytes(64) = undefined;
    const status = standard.zkvm_secp256k1_ecrecover(&.{ .data = message.* }, &.{ .data = r.* ++ s.* }, @intFromBool(odd_y), &key);
    return if (status == standard.success) key.data else null;
}

/// Whether the polynomial behind a commitment has the value y at z.
pub fn opens(commitment: *const [48]u8, z: *const [32]u8, y: *const [32]u8, proof: *const [48]u8) bool {
    var verified = false;
    const status = standard.zkvm_kzg_point_eval(&.{ .data = commitment.* }, &.{ .data = z.* }, &.{ .data = y.* }, &.{ .data = proof.* }, &verified);
    return status == standard.success and verified;
}

pub const InputError = error{ InvalidInput, OutOfMemory };

/// All items by their keys.
pub const Input = struct {
    configuration: []const u8 = "",
    preimages: std.HashMapUnmanaged(oracles.Key, []const u8, KeyContext, 80) = .empty,

    const KeyContext = struct {
        // The end of a key is that of a hash, or a number.
        pub fn hash(_: KeyContext, key: oracles.Key) u64 {
            return std.mem.readInt(u64, key[24..32], .little);
        }

        pub fn eql(_: KeyContext, a: oracles.Key, b: oracles.Key) bool {
            return std.mem.eql(u8, &a, &b);
        }
    };

    pub fn read(gpa: Allocator) InputError!Input {
        var pointer: [*]const u8 = undefined;
        var size: usize = 0;
        standard.read_input(&pointer, &size);
        var rest: []const u8 = if (size == 0) "" else pointer[0..size];
        var input: Input = .{};
        while (rest.len > 0) {
            if (rest.len < 5) return error.InvalidInput;
            const length = std.mem.readInt(u32, rest[1..5], .big);
            if (length > rest.len - 5) return error.InvalidInput;
            try input.add(gpa, rest[0], rest[5..][0..length]);
            rest = rest[5 + @as(usize, length) ..];
        }
        return input;
    }

    fn add(self: *Input, gpa: Allocator, kind: u8, item: []const u8) InputError!void {
        switch (kind) {
            0 => self.configuration = item,
            1 => {
                if (item.len == 0) return error.InvalidInput;
                var key: oracles.Key = @splat(0);
                key[0] = 1;
                key[31] = item[0];
                try self.preimages.put(gpa, key, item[1..]);
            },
            2 => try self.preimages.put(gpa, oracles.keyOf(.keccak256, &keccak256(item)), item),
            4 => try self.preimages.put(gpa, oracles.keyOf(.sha256, &sha256(item)), item),
            5 => try self.addBlob(gpa, item),
            else => return error.InvalidInput,
        }
    }

    fn addBlob(self: *Input, gpa: Allocator, item: []const u8) InputError!void {
        if (item.len != 96 + blob.size) return error.InvalidInput;
        const commitment = item[0..48];
        const content = item[96..][0..blob.size];
        const points = try gpa.create([blob.elements]blob_points.Point);
        defer gpa.destroy(points);
        blob_points.compute(points);
        const buffer = try gpa.create([32 + blob.size + 48]u8);
        defer gpa.destroy(buffer);
        const scratch = try gpa.create(blob_check.Scratch);
        defer gpa.destroy(scratch);
        const z = blob_check.challenge(sha256, buffer, content, commitment);
        const y = blob_check.evaluate(scratch, content, points, &z) orelse return error.InvalidInput;
        if (!opens(commitment, &z, &y, item[48..96])) return error.InvalidInput;

        try self.preimages.put(gpa, oracles.keyOf(.sha256, &sha256(commitment)), commitment);
        for (points, 0..) |*point, index| {
            const key = oracles.keyOf(.blob, &keccak256(&(commitment.* ++ point.*)));
            try self.preimages.put(gpa, key, content[32 * index ..][0..32]);
        }
    }

    /// As the oracle of the program.
    pub fn oracle(self: *Input) oracles.Oracle {
        return .{ .context = self, .preimageFn = get, .hintFn = ignore };
    }

    fn get(context: *anyopaque, key: *const oracles.Key, _: Allocator) oracles.Error![]const u8 {
        const self: *Input = @ptrCast(@alignCast(context));
        return self.preimages.get(key.*) orelse error.MissingPreimage;
    }

    fn ignore(_: *anyopaque, _: []const u8) void {}
};

/// Make bytes public.
pub fn publish(values: []const u8) void {
    standard.write_output(values.ptr, values.len);
}

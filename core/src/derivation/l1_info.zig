//! The first transaction of each L2 block: it tells L2 which L1 block it belongs to, and what L1 fees are.
//!
//! Spec: op deposits, "L1 Attributes Deposited Transaction"; op ecotone, isthmus and jovian l1-attributes.

const std = @import("std");
const predeploys = @import("../block/predeploys.zig");
const config = @import("../config.zig");
const words = @import("../u256.zig");
const deposits = @import("deposits.zig");
const Header = @import("../types/header.zig").Header;
const SystemConfig = config.SystemConfig;

const Form = enum { bedrock, ecotone, isthmus, jovian };

const selectors = [_]u32{ 0x015d8eb9, 0x440a5e20, 0x098999be, 0x3db6be2b };
const lengths = [_]usize{ 4 + 8 * 32, 164, 176, 178 };
const max_length = 4 + 8 * 32;

const default_da_footprint_gas_scalar = 400;

const depositor = [20]u8{ 0xde, 0xad, 0xde, 0xad, 0xde, 0xad, 0xde, 0xad, 0xde, 0xad, 0xde, 0xad, 0xde, 0xad, 0xde, 0xad, 0xde, 0xad, 0x00, 0x01 };

pub const Error = error{ InvalidSystemConfig, OutOfMemory };

/// What the deposit of an L2 block is made of.
pub const Source = struct {
    rollup: *const config.RollupConfig,
    system_config: *const SystemConfig,
    /// The L1 origin.
    hash: *const [32]u8,
    header: *const Header,
    /// Wei; 1 where L1 has no blobs yet.
    blob_base_fee: u256,
    sequence_number: u64,
    l2_timestamp: u64,

    /// The form that the block uses. An upgrade's first block still uses the one before, since the upgrade transactions come after the deposit.
    fn form(self: *const Source) Form {
        const upgrades = [_]struct { fork: config.OpFork, form: Form }{
            .{ .fork = .jovian, .form = .jovian },
            .{ .fork = .isthmus, .form = .isthmus },
            .{ .fork = .ecotone, .form = .ecotone },
        };
        for (upgrades) |upgrade| {
            if (!self.rollup.isActive(upgrade.fork, self.l2_timestamp)) continue;
            if (!self.rollup.isActivation(upgrade.fork, self.l2_timestamp)) return upgrade.form;
        }
        return .bedrock;
    }

    /// The whole transaction in canonical bytes.
    pub fn deposit(self: *const Source, arena: std.mem.Allocator) Error![]const u8 {
        var buffer: [max_length]u8 = undefined;
        const regolith = self.rollup.isActive(.regolith, self.l2_timestamp);
        return deposits.encode(arena, .{
            .source_hash = deposits.sourceHash(.l1_attributes, self.hash, self.sequence_number),
            .from = depositor,
            .to = predeploys.L1_BLOCK,
            .mint = 0,
            .value = 0,
            .gas_limit = if (regolith) 1_000_000 else 150_000_000,
            .is_system = !regolith,
            .data = try self.calldata(&buffer),
        });
    }

    fn calldata(self: *const Source, buffer: *[max_length]u8) Error![]const u8 {
        var out: std.Io.Writer = .fixed(buffer);
        self.write(&out) catch |failure| switch (failure) {
            error.WriteFailed => unreachable, // the buffer holds the longest form
            error.InvalidSystemConfig => return error.InvalidSystemConfig,
        };
        return out.buffered();
    }

    fn write(self: *const Source, out: *std.Io.Writer) (std.Io.Writer.Error || error{InvalidSystemConfig})!void {
        const encoding = self.form();
        const system = self.system_config;
        const base_fee = self.header.base_fee orelse 0;
        try out.writeInt(u32, selectors[@intFromEnum(encoding)], .big);
        if (encoding == .bedrock) {
            try out.writeInt(u256, self.header.number, .big);
            try out.writeInt(u256, self.header.timestamp, .big);
            try out.writeInt(u256, base_fee, .big);
            try out.writeAll(self.hash);
            try out.writeInt(u256, self.sequence_number, .big);
            try writeAddress(out, &system.batcher);
            try out.writeAll(&system.overhead);
            try out.writeAll(&system.scalar);
            return;
        }
        switch (system.scalar[0]) {
            // The base fee's alone; a number from before Ecotone that does not fit counts as the largest that does.
            // Spec: op system-config, "Post-Ecotone Scalar Encoding".
            0 => {
                const number = std.mem.readInt(u256, &system.scalar, .big);
                try out.writeInt(u32, @intCast(@min(number, std.math.maxInt(u32))), .big);
                try out.writeInt(u32, 0, .big);
            },
            1 => {
                try out.writeAll(system.scalar[28..32]);
                try out.writeAll(system.scalar[24..28]);
            },
            else => return error.InvalidSystemConfig,
        }
        try out.writeInt(u64, self.sequence_number, .big);
        try out.writeInt(u64, self.header.timestamp, .big);
        try out.writeInt(u64, self.header.number, .big);
        try out.writeInt(u256, base_fee, .big);
        try out.writeInt(u256, self.blob_base_fee, .big);
        try out.writeAll(self.hash);
        try writeAddress(out, &system.batcher);
        if (encoding == .ecotone) return;
        try out.writeInt(u32, system.operator_fee_scalar, .big);
        try out.writeInt(u64, system.operator_fee_constant, .big);
        if (encoding == .isthmus) return;
        const scalar = system.da_footprint_gas_scalar;
        try out.writeInt(u16, if (scalar == 0) default_da_footprint_gas_scalar else scalar, .big);
    }
};

fn writeAddress(out: *std.Io.Writer, address: *const [20]u8) std.Io.Writer.Error!void {
    try out.splatByteAll(0, 12);
    try out.writeAll(address);
}

/// What the deposit of an L2 block says, as far as derivation goes on from it.
pub const L1Info = struct {
    l1_origin: config.BlockId,
    sequence_number: u64,
    batcher: [20]u8,
    overhead: [32]u8 = @splat(0),
    /// In the versioned form since Ecotone.
    scalar: [32]u8 = @splat(0),
    operator_fee_scalar: u32 = 0,
    operator_fee_constant: u64 = 0,
    da_footprint_gas_scalar: u16 = 0,

    /// Read calldata of any fork's form; null when it is none.
    pub fn decode(data: []const u8) ?L1Info {
        if (data.len < 4) return null;
        const selector = std.mem.readInt(u32, data[0..4], .big);
        const form: Form = @enumFromInt(std.mem.findScalar(u32, &selectors, selector) orelse return null);
        if (data.len != lengths[@intFromEnum(form)]) return null;
        if (form == .bedrock) return decodeBedrock(data[0..lengths[0]]);
        var info: L1Info = .{
            .sequence_number = std.mem.readInt(u64, data[12..20], .big),
            .l1_origin = .{ .hash = data[100..132].*, .number = std.mem.readInt(u64, data[28..36], .big) },
            .batcher = data[144..164].*,
        };
        info.scalar[0] = 1;
        info.scalar[24..28].* = data[8..12].*;
        info.scalar[28..32].* = data[4..8].*;
        if (form == .ecotone) return info;
        info.operator_fee_scalar = std.mem.readInt(u32, data[164..168], .big);
        info.operator_fee_constant = std.mem.readInt(u64, data[168..176], .big);
        if (form == .jovian) info.da_footprint_gas_scalar = std.mem.readInt(u16, data[176..178], .big);
        return info;
    }

    fn decodeBedrock(data: *const [4 + 8 * 32]u8) ?L1Info {
        const number = std.mem.readInt(u256, data[4..36], .big);
        const sequence_number = std.mem.readInt(u256, data[132..164], .big);
        return .{
            .l1_origin = .{ .hash = data[100..132].*, .number = std.math.cast(u64, number) orelse return null },
            .sequence_number = std.math.cast(u64, sequence_number) orelse return null,
            .batcher = data[176..196].*,
            .overhead = data[196..228].*,
            .scalar = data[228..260].*,
        };
    }
};

/// The blob base fee (wei) that L2 sees for an L1 block; null for a number that no L1 block can have.
///
/// Where the rollup sets `pectra_blob_schedule_time`, L1 blocks before it count with Cancun's parameters.
/// Spec: op ecotone l1-attributes; op pectra-blob-schedule derivation.
pub fn blobBaseFee(chain: *const config.Config, header: *const Header) ?u256 {
    const excess = header.excess_blob_gas orelse return 1;
    const late = chain.rollup.pectra_blob_schedule_time;
    const parameters = if (late != null and header.timestamp < late.?) config.BlobParameters.cancun else chain.l1.blobParameters(header.timestamp);
    return fakeExponential(excess, parameters.update_fraction);
}

/// e ^ (numerator / denominator) by Taylor expansion in integers. Spec: EIP-4844, "Helpers".
fn fakeExponential(numerator: u64, denominator: u64) ?u256 {
    var output: u256 = 0;
    var term: u256 = denominator;
    var index: u64 = 1;
    while (term > 0) : (index += 1) {
        output = std.math.add(u256, output, term) catch return null;
        const scaled = std.math.mul(u256, term, numerator) catch return null;
        term = words.divide(scaled, @as(u256, denominator) * index);
    }
    return words.divide(output, denominator);
}

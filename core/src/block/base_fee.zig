//! The base fee of the next block, and the parameters for it that blocks carry in their extra data.
//!
//! Spec: EIP-1559; op exec-engine, "1559 Parameters"; op holocene and jovian exec-engine.

const std = @import("std");
const words = @import("../u256.zig");
const config = @import("../config.zig");
const Header = @import("../types/header.zig").Header;

pub const Error = error{InvalidHeader};

pub const INITIAL_BASE_FEE = 1_000_000_000;
const HOLOCENE_SIZE = 9;
const JOVIAN_SIZE = 17;
pub const MAX_EXTRA_DATA = 32;

pub const Parameters = struct { denominator: u64, elasticity: u64 };

/// The base fee after a block with these numbers. Spec: EIP-1559.
fn follow(base_fee: u256, gas_used: u64, gas_limit: u64, parameters: Parameters) Error!u256 {
    const target = gas_limit / parameters.elasticity;
    if (target == 0 or gas_used == target) return base_fee;
    const distance = if (gas_used > target) gas_used - target else target - gas_used;
    const scaled = std.math.mul(u256, base_fee, distance) catch return error.InvalidHeader;
    const change = words.divide(words.divide(scaled, target), parameters.denominator);
    if (gas_used > target) return std.math.add(u256, base_fee, @max(1, change)) catch error.InvalidHeader;
    return base_fee -| change;
}

/// The base fee of the L2 block after `parent`, by the parameters that `parent` carries since Holocene.
/// Spec: op holocene exec-engine, "Base Fee Computation"; op jovian exec-engine, "Minimum Base Fee".
pub fn next(rollup: *const config.RollupConfig, parent: *const Header, timestamp: u64) Error!u256 {
    const base_fee = parent.base_fee orelse return INITIAL_BASE_FEE;
    var parameters = chainParameters(rollup, timestamp);
    var gas = parent.gas_used;
    var minimum: u64 = 0;
    const extra = parent.extra_data;
    // A genesis block may be older than the form its fork asks for.
    if (rollup.isActive(.holocene, parent.timestamp) and extra.len >= HOLOCENE_SIZE) {
        parameters = decodeParameters(extra[1..9]);
        if (parameters.denominator == 0 or parameters.elasticity == 0) return error.InvalidHeader;
    }
    if (rollup.isActive(.jovian, parent.timestamp)) {
        gas = @max(gas, parent.blob_gas_used orelse 0);
        if (extra.len >= JOVIAN_SIZE) minimum = std.mem.readInt(u64, extra[9..17], .big);
    }
    return @max(minimum, try follow(base_fee, gas, parent.gas_limit, parameters));
}

/// The base fee of the Ethereum block after `parent`. Spec: EIP-1559.
pub fn nextOnEthereum(parent: *const Header) Error!u256 {
    const base_fee = parent.base_fee orelse return INITIAL_BASE_FEE;
    return follow(base_fee, parent.gas_used, parent.gas_limit, .{ .denominator = 8, .elasticity = 2 });
}

/// The chain's own parameters, in force where a block does not carry any.
fn chainParameters(rollup: *const config.RollupConfig, timestamp: u64) Parameters {
    const chain = &rollup.eip1559;
    return .{
        .denominator = if (rollup.isActive(.canyon, timestamp)) chain.denominator_canyon else chain.denominator,
        .elasticity = chain.elasticity,
    };
}

fn decodeParameters(encoded: *const [8]u8) Parameters {
    return .{
        .denominator = std.mem.readInt(u32, encoded[0..4], .big),
        .elasticity = std.mem.readInt(u32, encoded[4..8], .big),
    };
}

/// The extra data of a block made of attributes with these parameters; it points into `out`.
/// Spec: op holocene exec-engine, "Payload Attributes Processing"; op jovian exec-engine, "Minimum Base Fee in Block Header".
pub fn extraData(
    rollup: *const config.RollupConfig,
    timestamp: u64,
    eip1559_params: ?[8]u8,
    min_base_fee: ?u64,
    out: *[JOVIAN_SIZE]u8,
) Error![]const u8 {
    const jovian = rollup.isActive(.jovian, timestamp);
    if ((min_base_fee != null) != jovian) return error.InvalidHeader;
    if (!rollup.isActive(.holocene, timestamp)) return if (eip1559_params == null) "" else error.InvalidHeader;
    const given = eip1559_params orelse return error.InvalidHeader;
    var parameters = decodeParameters(&given);
    if (parameters.denominator == 0) {
        if (parameters.elasticity != 0) return error.InvalidHeader;
        parameters = chainParameters(rollup, timestamp);
    }
    // A parent with zero parameters could have no child.
    if (parameters.elasticity == 0) return error.InvalidHeader;
    out[0] = @intFromBool(jovian);
    std.mem.writeInt(u32, out[1..5], std.math.cast(u32, parameters.denominator) orelse return error.InvalidHeader, .big);
    std.mem.writeInt(u32, out[5..9], std.math.cast(u32, parameters.elasticity) orelse return error.InvalidHeader, .big);
    if (!jovian) return out[0..HOLOCENE_SIZE];
    std.mem.writeInt(u64, out[9..17], min_base_fee.?, .big);
    return out;
}

/// Whether a header of this time may carry the extra data. Spec: op holocene and jovian exec-engine, "in Block Header".
pub fn checkExtraData(rollup: *const config.RollupConfig, timestamp: u64, extra: []const u8) Error!void {
    if (!rollup.isActive(.holocene, timestamp)) {
        if (extra.len > MAX_EXTRA_DATA) return error.InvalidHeader;
        return;
    }
    const jovian = rollup.isActive(.jovian, timestamp);
    if (extra.len != @as(usize, if (jovian) JOVIAN_SIZE else HOLOCENE_SIZE)) return error.InvalidHeader;
    if (extra[0] != @intFromBool(jovian)) return error.InvalidHeader;
    const parameters = decodeParameters(extra[1..9]);
    if (parameters.denominator == 0 or parameters.elasticity == 0) return error.InvalidHeader;
}

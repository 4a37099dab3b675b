//! What an L2 transaction pays besides gas: the L1 data fee and the operator fee; and what it weighs in data availability.
//!
//! Spec: op exec-engine, "L1-Cost fees"; op fjord, isthmus and jovian exec-engine.

const std = @import("std");
const words = @import("../u256.zig");
const fork = @import("../evm/fork.zig");
const fastlz = @import("fastlz.zig");
const attributes = @import("attributes.zig");

const COST_SCALE = 1_000_000;
const FJORD_INTERCEPT = -42_585_600;
const FJORD_COEFFICIENT = 836_500;
const FJORD_MINIMUM_SIZE = 100 * COST_SCALE;
const JOVIAN_OPERATOR_FACTOR = 100;
/// Before Regolith the unsigned transaction was counted, with this allowance for the signature.
const BEDROCK_SIGNATURE_BYTES = 68;

/// Gas of the bytes as L1 calldata. Spec: EIP-2028.
fn calldataGas(raw: []const u8) u64 {
    const zeros = std.mem.countScalar(u8, raw, 0);
    return 4 * zeros + 16 * (raw.len - zeros);
}

/// Estimated compressed size of a signed transaction in millionths of a byte. Spec: op fjord exec-engine, "FastLZ estimator".
pub fn estimatedSizeScaled(raw: []const u8, table: *fastlz.Table) u64 {
    const compressed: i64 = @intCast(fastlz.compressedLength(raw, table));
    return @intCast(@max(FJORD_MINIMUM_SIZE, FJORD_INTERCEPT + FJORD_COEFFICIENT * compressed));
}

/// What one transaction is charged in a block.
pub const Charges = struct {
    /// Wei for its data; null when the number does not fit a word, which no one can pay.
    l1_fee: ?u256 = 0,
    /// Gas that its data weighs since Jovian, else 0.
    da_footprint: u64 = 0,
};

/// The charges of a signed transaction with these bytes.
pub fn charges(info: *const attributes.L1Info, raw: []const u8, table: *fastlz.Table) Charges {
    const is_bedrock = info.usesBedrockFormula();
    if (!info.op.atLeast(.fjord)) {
        return .{ .l1_fee = if (is_bedrock) bedrockFee(info, raw) else ecotoneFee(info, raw) };
    }
    const size = estimatedSizeScaled(raw, table);
    return .{
        .l1_fee = if (is_bedrock) bedrockFee(info, raw) else quotient(product(dataPrice(info), size), COST_SCALE * COST_SCALE),
        // Whatever the formula of the fee.
        .da_footprint = if (info.op.atLeast(.jovian)) size / COST_SCALE * info.da_footprint_gas_scalar else 0,
    };
}

/// Spec: op exec-engine, "Pre-Ecotone".
fn bedrockFee(info: *const attributes.L1Info, raw: []const u8) ?u256 {
    var data_gas = calldataGas(raw);
    if (!info.op.atLeast(.regolith)) data_gas += 16 * BEDROCK_SIGNATURE_BYTES;
    const gas = std.math.add(u256, info.overhead, data_gas) catch return null;
    return quotient(product(product(gas, info.base_fee), info.scalar), COST_SCALE);
}

/// Spec: op exec-engine, "Ecotone L1-Cost fee changes (EIP-4844 DA)".
fn ecotoneFee(info: *const attributes.L1Info, raw: []const u8) ?u256 {
    return quotient(product(dataPrice(info), calldataGas(raw)), 16 * COST_SCALE);
}

/// The scaled price of data, of L1's calldata and blobs together.
fn dataPrice(info: *const attributes.L1Info) ?u256 {
    const calldata = product(info.base_fee, 16 * @as(u64, info.base_fee_scalar)) orelse return null;
    const blobs = product(info.blob_base_fee, info.blob_base_fee_scalar) orelse return null;
    return std.math.add(u256, calldata, blobs) catch null;
}

/// Wei for the operator at this much gas. Spec: op isthmus and jovian exec-engine, "Operator Fee".
pub fn operatorFee(info: *const attributes.L1Info, gas: u64) u256 {
    if (!info.op.atLeast(.isthmus)) return 0;
    const scaled = @as(u128, gas) * info.operator_fee_scalar;
    const variable = if (info.op.atLeast(.jovian)) scaled * JOVIAN_OPERATOR_FACTOR else scaled / COST_SCALE;
    return variable + info.operator_fee_constant;
}

fn product(a: ?u256, b: u256) ?u256 {
    return std.math.mul(u256, a orelse return null, b) catch null;
}

fn quotient(a: ?u256, b: u256) ?u256 {
    return words.divide(a orelse return null, b);
}

//! Whether a signed transaction may stand in a block.
//!
//! Spec: yellow paper, 6.2; EIP-155, EIP-1559, EIP-2681, EIP-3607, EIP-3860, EIP-7623, EIP-7702, EIP-7825; op exec-engine.

const std = @import("std");
const evm = @import("../evm/types.zig");
const fork = @import("../evm/fork.zig");
const running = @import("../evm/transaction.zig");
const Transaction = @import("../types/transaction.zig").Transaction;

/// Why not. The numbers are the positions in `evm/validity.py`'s InvalidReason, from 1.
pub const Reason = enum(u8) {
    type_not_supported = 1,
    wrong_chain_id,
    invalid_signature,
    nonce_too_low,
    nonce_too_high,
    nonce_max,
    gas_limit_too_high,
    block_gas_exceeded,
    da_footprint_exceeded,
    tip_above_fee_cap,
    fee_cap_too_large,
    fee_cap_below_base_fee,
    intrinsic_gas_too_low,
    floor_gas_too_low,
    initcode_too_large,
    sender_not_eoa,
    insufficient_funds,
    blob_creation,
    no_blobs,
    too_many_blobs,
    blob_hash_version,
    blob_fee_cap_too_low,
    block_blob_gas_exceeded,
    empty_authorizations,
    set_code_creation,
    deposit_not_allowed,
};

pub const MAX_INITCODE_SIZE = 49_152;
/// Spec: EIP-7825.
const TRANSACTION_GAS_CAP = 1 << 24;
pub const GAS_PER_BLOB = 1 << 17;

/// What the rules alone say of a signed transaction, its signature aside.
pub fn checkForm(transaction: *const Transaction, rules: fork.Rules) ?Reason {
    const supported = switch (transaction.type) {
        .legacy => true,
        .access_list => rules.since(.berlin),
        .dynamic_fee => rules.since(.london),
        .blob => rules.op == null and rules.since(.cancun),
        .set_code => rules.since(.prague),
        .deposit => return .deposit_not_allowed,
    };
    if (!supported) return .type_not_supported;
    if (transaction.chain_id) |id| {
        if (id != rules.chain_id) return .wrong_chain_id;
    }
    return null;
}

/// What the rules say of the fields once the signer is known.
pub fn checkFields(transaction: *const Transaction, rules: fork.Rules) ?Reason {
    if (transaction.nonce == std.math.maxInt(u64)) return .nonce_max;
    if (transaction.max_priority_fee > transaction.max_fee) return .tip_above_fee_cap;
    if (rules.since(.osaka) and transaction.gas_limit > TRANSACTION_GAS_CAP) return .gas_limit_too_high;
    if (initcodeTooLarge(transaction, rules)) return .initcode_too_large;
    const needed = running.intrinsicGas(rules, &transaction.payload(@splat(0), 0));
    if (transaction.gas_limit < needed.gas) return .intrinsic_gas_too_low;
    if (transaction.gas_limit < needed.floor) return .floor_gas_too_low;
    switch (transaction.type) {
        .blob => if (checkBlobs(transaction, rules)) |reason| return reason,
        .set_code => if (transaction.authorizations.len == 0) return .empty_authorizations,
        else => {},
    }
    return null;
}

pub fn initcodeTooLarge(transaction: *const Transaction, rules: fork.Rules) bool {
    return transaction.to == null and rules.since(.shanghai) and transaction.data.len > MAX_INITCODE_SIZE;
}

/// Spec: EIP-4844, "Block processing"; EIP-7594.
fn checkBlobs(transaction: *const Transaction, rules: fork.Rules) ?Reason {
    const VERSION_KZG = 1;
    const MAX_BLOBS = 6;
    if (transaction.blob_hashes.len == 0) return .no_blobs;
    if (rules.since(.osaka) and transaction.blob_hashes.len > MAX_BLOBS) return .too_many_blobs;
    for (transaction.blob_hashes) |hash| if (hash[0] != VERSION_KZG) return .blob_hash_version;
    return null;
}

/// What validity asks of the sender and of the block. Wei, and wei per gas.
pub const Facts = struct {
    sender_nonce: u64,
    sender_balance: u256,
    /// Whether the sender has code that is not a delegation.
    sender_is_contract: bool,
    base_fee: u256,
    blob_base_fee: u256,
    /// null: more than a word holds.
    l1_fee: ?u256,
    operator_fee: u256,
};

/// What the state says. Spec: yellow paper, 6.2; EIP-3607; op exec-engine, "L1-Cost fees".
pub fn checkState(transaction: *const Transaction, facts: *const Facts) ?Reason {
    if (transaction.nonce < facts.sender_nonce) return .nonce_too_low;
    if (transaction.nonce > facts.sender_nonce) return .nonce_too_high;
    if (facts.sender_is_contract) return .sender_not_eoa;
    if (transaction.max_fee < facts.base_fee) return .fee_cap_below_base_fee;
    if (transaction.type == .blob and transaction.max_fee_per_blob_gas < facts.blob_base_fee) return .blob_fee_cap_too_low;
    const cost = worstCost(transaction, facts) orelse return .insufficient_funds;
    if (facts.sender_balance < cost) return .insufficient_funds;
    return null;
}

/// All that the transaction may cost its sender, or null when that is more than a word holds.
fn worstCost(transaction: *const Transaction, facts: *const Facts) ?u256 {
    const blob_gas = GAS_PER_BLOB * transaction.blob_hashes.len;
    var cost = std.math.mul(u256, transaction.gas_limit, transaction.max_fee) catch return null;
    const blob_cost = std.math.mul(u256, transaction.max_fee_per_blob_gas, blob_gas) catch return null;
    for ([_]u256{ transaction.value, facts.l1_fee orelse return null, facts.operator_fee, blob_cost }) |part| {
        cost = std.math.add(u256, cost, part) catch return null;
    }
    return cost;
}

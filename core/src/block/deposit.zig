//! Executes a deposit: mint, then run for free. It is included whatever happens; one that fails keeps mint and nonce.
//!
//! Spec: op deposits, "Execution"; op regolith overview.

const std = @import("std");
const evm = @import("../evm/types.zig");
const message = @import("../evm/message.zig");
const running = @import("../evm/transaction.zig");
const Account = @import("../evm/state.zig").Account;
const Transaction = @import("../types/transaction.zig").Transaction;
const validity = @import("validity.zig");

pub const Outcome = struct {
    succeeded: bool,
    gas_used: u64,
    /// The sender's nonce before.
    nonce: u64,
    logs: []const evm.Log,
    created: ?evm.Address,
};

/// Whether its gas counts neither against the block nor in the receipt. Spec: op deposits, "The Deposited Transaction Type".
pub fn isUnmetered(machine: *const message.Machine, transaction: *const Transaction) bool {
    return transaction.deposit.?.is_system and !machine.rules.opSince(.regolith);
}

/// Between `beginTransaction` and `finishTransaction`, both by the caller.
pub fn execute(machine: *message.Machine, transaction: *const Transaction) evm.Error!Outcome {
    const state = machine.state;
    const deposit = transaction.deposit.?;
    const sender = try state.account(deposit.sender);
    if (deposit.mint != 0) try state.addBalance(sender, deposit.mint);
    const nonce = sender.info.nonce;
    var payload = transaction.payload(deposit.sender, 0);
    payload.nonce = nonce;

    const all_gas = if (isUnmetered(machine, transaction)) 0 else transaction.gas_limit;
    if (!mayStart(machine, transaction, &payload, sender)) {
        try state.setNonce(sender, nonce +% 1);
        return .{ .succeeded = false, .gas_used = all_gas, .nonce = nonce, .logs = &.{}, .created = null };
    }
    try state.setNonce(sender, nonce + 1);
    const result = try running.execute(machine, &payload);
    return .{
        .succeeded = result.success,
        // Before Regolith a deposit was said to use all that it asked for.
        .gas_used = if (machine.rules.opSince(.regolith)) result.gas_used else all_gas,
        .nonce = nonce,
        .logs = result.logs,
        .created = result.created,
    };
}

fn mayStart(machine: *const message.Machine, transaction: *const Transaction, payload: *const running.Payload, sender: *const Account) bool {
    const rules = machine.rules;
    if (transaction.deposit.?.is_system and rules.opSince(.regolith)) return false;
    if (payload.nonce == std.math.maxInt(u64)) return false;
    const needed = running.intrinsicGas(rules, payload);
    if (transaction.gas_limit < @max(needed.gas, needed.floor)) return false;
    if (sender.info.balance < transaction.value) return false;
    return !validity.initcodeTooLarge(transaction, rules);
}

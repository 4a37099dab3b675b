//! Executes a signed transaction that has been found valid: from buying gas to paying it out.
//!
//! Spec: yellow paper, 6 "Transaction Execution"; op exec-engine, "Fee Vaults"; op isthmus exec-engine, "EVM Fee Semantics".

const std = @import("std");
const evm = @import("../evm/types.zig");
const message = @import("../evm/message.zig");
const running = @import("../evm/transaction.zig");
const Account = @import("../evm/state.zig").Account;
const Transaction = @import("../types/transaction.zig").Transaction;
const L1Info = @import("attributes.zig").L1Info;
const fees = @import("fees.zig");
const predeploys = @import("predeploys.zig");
const validity = @import("validity.zig");

/// What the rollup charges for the transaction; null on Ethereum itself.
pub const RollupCharge = struct { info: *const L1Info, l1_fee: u256 };

/// Between `beginTransaction` and `finishTransaction`, both by the caller. The sender can pay all of it.
pub fn execute(
    machine: *message.Machine,
    transaction: *const Transaction,
    sender: *Account,
    charge: ?RollupCharge,
) evm.Error!running.Result {
    const state = machine.state;
    const environment = machine.environment;
    const price = transaction.effectiveGasPrice(environment.base_fee);
    const gas_limit = transaction.gas_limit;

    var bought = gas_limit * price;
    if (charge) |rollup| bought += rollup.l1_fee + fees.operatorFee(rollup.info, gas_limit);
    bought += environment.blob_base_fee * (validity.GAS_PER_BLOB * transaction.blob_hashes.len);
    try state.subtractBalance(sender, bought);
    try state.setNonce(sender, transaction.nonce + 1);

    const result = try running.execute(machine, &transaction.payload(sender.address, price));

    const base_fee = if (machine.rules.since(.london)) environment.base_fee else 0;
    var given_back = (gas_limit - result.gas_used) * price;
    if (charge) |rollup| {
        const operator_fee = fees.operatorFee(rollup.info, result.gas_used);
        given_back += fees.operatorFee(rollup.info, gas_limit) - operator_fee;
        try state.addBalance(try state.account(predeploys.BASE_FEE_VAULT), result.gas_used * base_fee);
        try state.addBalance(try state.account(predeploys.L1_FEE_VAULT), rollup.l1_fee);
        if (machine.rules.opSince(.isthmus)) {
            try state.addBalance(try state.account(predeploys.OPERATOR_FEE_VAULT), operator_fee);
        }
    }
    if (given_back != 0) try state.addBalance(sender, given_back);
    try state.addBalance(try state.account(environment.coinbase), result.gas_used * (price - base_fee));
    return result;
}

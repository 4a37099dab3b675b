//! What the protocol itself does at the start of a block.
//!
//! Spec: EIP-4788; EIP-2935; op predeploys, "create2Deployer"; op canyon overview.

const std = @import("std");
const evm = @import("../evm/types.zig");
const fork = @import("../evm/fork.zig");
const message = @import("../evm/message.zig");
const State = @import("../evm/state.zig").State;
const predeploys = @import("predeploys.zig");

const CALL_GAS = 30_000_000;
const CREATE2_DEPLOYER_CODE = @embedFile("data/create2_deployer.bin");

/// Change the state as a fork's first block does by itself. All other upgrades come as transactions.
pub fn activate(state: *State, rules: fork.Rules, parent_rules: fork.Rules) evm.Error!void {
    if (!rules.opSince(.canyon) or parent_rules.opSince(.canyon)) return;
    state.beginTransaction(state.allocator);
    try state.setCode(try state.account(predeploys.CREATE2_DEPLOYER), CREATE2_DEPLOYER_CODE);
    state.finishTransaction(rules);
}

/// Store the beacon block root and the parent's hash in their contracts, where these exist.
pub fn begin(machine: *message.Machine, parent_hash: *const evm.Hash, beacon_root: ?*const evm.Hash) evm.Error!void {
    if (machine.rules.since(.cancun)) if (beacon_root) |root| try call(machine, predeploys.BEACON_ROOTS, root);
    if (machine.rules.since(.prague)) try call(machine, predeploys.HISTORY_STORAGE, parent_hash);
}

/// Call a contract as the system: no fee, no nonce, not counted against the block's gas.
fn call(machine: *message.Machine, target: evm.Address, input: []const u8) evm.Error!void {
    const state = machine.state;
    const account = try state.account(target);
    if (!account.info.hasCode()) return;
    state.beginTransaction(state.allocator);
    machine.transaction = .{ .origin = predeploys.SYSTEM };
    _ = try state.warm(account);
    _ = try machine.run(&.{
        .kind = .call,
        .caller = predeploys.SYSTEM,
        .payer = null,
        .owner = account,
        .code_owner = account,
        .value = 0,
        .input = input,
        .gas = CALL_GAS,
        .is_static = false,
    });
    state.finishTransaction(machine.rules);
}

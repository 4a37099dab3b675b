//! What a transaction does once it has been found valid and its gas has been bought.
//!
//! Doors:
//!   * `intrinsicGas(rules, payload)`: what it costs before any code runs, and the floor under what it pays in the end.
//!   * `execute(machine, payload)`: applies authorizations, warms what the rules warm, runs the call or creation, and says how much gas was
//!     used after refunds. The caller has bought `gas_limit` of gas (at least the intrinsic gas and the floor), counted the sender's nonce
//!     and called `state.beginTransaction`; it settles the fees afterwards and calls `state.finishTransaction`.
//! Spec: execution-specs, "fork.py", process_transaction; yellow paper, section 6.2

const std = @import("std");
const types = @import("types.zig");
const gas = @import("gas.zig");
const fork = @import("fork.zig");
const message = @import("message.zig");
const precompiles = @import("precompiles.zig");
const created_address = @import("created_address.zig");
const delegation = @import("delegation.zig");
const Machine = message.Machine;
const Rules = fork.Rules;

pub const Payload = struct {
    sender: types.Address,
    /// The sender's nonce as the transaction gives it: before it was counted.
    nonce: u64,
    /// null: the transaction creates a contract.
    to: ?types.Address,
    value: u256,
    data: []const u8,
    gas_limit: u64,
    /// The effective price in wei.
    gas_price: u256 = 0,
    access_list: []const types.AccessListItem = &.{},
    blob_hashes: []const types.Hash = &.{},
    authorizations: []const types.Authorization = &.{},
};

pub const Result = struct {
    /// After refund and floor.
    gas_used: u64,
    gas_refunded: u64,
    success: bool,
    status: message.Status,
    /// Valid until the machine's next run. Empty for a creation that succeeded.
    output: []const u8,
    created: ?types.Address,
    /// Valid until the state's next transaction begins.
    logs: []const types.Log,
};

pub const Intrinsic = struct {
    gas: u64,
    /// Spec: EIP-7623
    floor: u64,
};

const base_price = 21_000;
const zero_byte_price = 4;
const authorization_price = delegation.new_account_price;
const floor_token_price = 10;

/// Spec: yellow paper, section 6.2, g_0; EIP-2028, EIP-2930, EIP-3860, EIP-7623, EIP-7702
pub fn intrinsicGas(rules: Rules, payload: *const Payload) Intrinsic {
    var zeros: u64 = 0;
    for (payload.data) |byte| zeros += @intFromBool(byte == 0);
    const others = payload.data.len - zeros;
    const byte_price: u64 = if (rules.since(.istanbul)) 16 else 68;
    var total: u64 = base_price + zeros * zero_byte_price + others * byte_price;
    if (payload.to == null) {
        if (rules.since(.homestead)) total += gas.create;
        if (rules.since(.shanghai)) total += gas.init_code_word * gas.words(payload.data.len);
    }
    for (payload.access_list) |item| total += 2_400 + 1_900 * @as(u64, item.slots.len);
    total += authorization_price * @as(u64, payload.authorizations.len);
    const floor = if (rules.since(.prague)) base_price + floor_token_price * (zeros + 4 * others) else 0;
    return .{ .gas = total, .floor = floor };
}

pub fn execute(machine: *Machine, payload: *const Payload) types.Error!Result {
    const state = machine.state;
    const rules = machine.rules;
    machine.transaction = .{ .origin = payload.sender, .gas_price = payload.gas_price, .blob_hashes = payload.blob_hashes };
    const intrinsic = intrinsicGas(rules, payload);
    const gas_for_code: i64 = @intCast(payload.gas_limit - intrinsic.gas);

    const sender = try state.account(payload.sender);
    if (rules.hasAccessSets()) try warmKnown(machine, payload);
    if (payload.authorizations.len > 0) try delegation.apply(machine, payload.authorizations);

    const outcome = try machine.run(&if (payload.to) |to| call: {
        const target = try state.account(to);
        if (rules.hasAccessSets()) _ = try state.warm(target);
        var code = try state.codeOf(target);
        var precompile = precompiles.find(rules, to);
        if (rules.hasDelegation()) if (code.delegate()) |address| {
            const delegate = try state.account(address);
            _ = try state.warm(delegate);
            code = try state.codeOf(delegate);
            precompile = null;
        };
        break :call message.Request{
            .kind = .call,
            .caller = payload.sender,
            .payer = sender,
            .owner = target,
            .code_owner = target,
            .code = code,
            .precompile = precompile,
            .value = payload.value,
            .input = payload.data,
            .gas = gas_for_code,
            .is_static = false,
        };
    } else message.Request{
        .kind = .create,
        .caller = payload.sender,
        .payer = sender,
        .owner = sender,
        .address = created_address.byNonce(payload.sender, payload.nonce),
        .value = payload.value,
        .input = payload.data,
        .gas = gas_for_code,
        .is_static = false,
    });

    return settle(machine, payload, intrinsic, &outcome);
}

/// Spec: EIP-3529, EIP-7623
fn settle(machine: *Machine, payload: *const Payload, intrinsic: Intrinsic, outcome: *const message.Outcome) Result {
    const state = machine.state;
    const spent = payload.gas_limit - @as(u64, @intCast(outcome.gas_left));
    // A transaction that failed keeps the refunds of its authorizations.
    const quotient: u64 = if (machine.rules.since(.london)) 5 else 2;
    const refunded = @min(spent / quotient, @as(u64, @intCast(@max(state.refund, 0))));
    return .{
        .gas_used = @max(spent - refunded, intrinsic.floor),
        .gas_refunded = refunded,
        .success = outcome.status.isSuccess(),
        .status = outcome.status,
        .output = outcome.output,
        .created = outcome.created,
        .logs = state.logs.items,
    };
}

/// Spec: EIP-2929, EIP-2930, EIP-3651
fn warmKnown(machine: *Machine, payload: *const Payload) types.Error!void {
    const state = machine.state;
    try state.warmAddress(payload.sender);
    var buffer: [precompiles.count]u16 = undefined;
    for (precompiles.active(machine.rules, &buffer)) |number| {
        var address: types.Address = @splat(0);
        std.mem.writeInt(u16, address[18..20], number, .big);
        try state.warmAddress(address);
    }
    if (machine.rules.since(.shanghai)) try state.warmAddress(machine.environment.coinbase);
    for (payload.access_list) |item| {
        const owner = try state.unread(item.address);
        _ = try state.warm(owner);
        for (item.slots) |key| _ = try state.warmKey(owner, types.hashToWord(key));
    }
}

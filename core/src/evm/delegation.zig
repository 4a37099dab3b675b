//! Authorizations: accounts that let another account's code run as theirs. Spec: EIP-7702

const std = @import("std");
const types = @import("types.zig");
const code_file = @import("code.zig");
const message = @import("message.zig");
const rlp = @import("../rlp.zig");
const platform = @import("../platform.zig");

pub const new_account_price = 25_000;
const existing_account_price = 12_500;
const signing_prefix = 0x05;
const half_curve_order = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

/// Sets the delegations that are validly signed and in order; the others are passed over. Spec: EIP-7702, "Behavior"
pub fn apply(machine: *message.Machine, authorizations: []const types.Authorization) types.Error!void {
    const state = machine.state;
    for (authorizations) |*authorization| {
        if (authorization.chain_id != 0 and authorization.chain_id != machine.rules.chain_id) continue;
        if (authorization.nonce == std.math.maxInt(u64)) continue;
        const authority = try signer(authorization, machine.allocator) orelse continue;
        const account = try state.account(authority);
        _ = try state.warm(account);
        if (account.info.hasCode() and (try state.codeOf(account)).delegate() == null) continue;
        if (account.info.nonce != authorization.nonce) continue;
        if (account.info.exists) state.refund += new_account_price - existing_account_price;
        const revokes = std.mem.allEqual(u8, &authorization.address, 0);
        try state.setCode(account, if (revokes) "" else &code_file.delegationTo(authorization.address));
        try state.setNonce(account, authorization.nonce + 1);
    }
}

/// Whoever signed it; null when nobody can have.
pub fn signer(authorization: *const types.Authorization, allocator: std.mem.Allocator) types.Error!?types.Address {
    if (authorization.s > half_curve_order or authorization.y_parity > 1) return null;
    var encoder: rlp.Encoder = .init(allocator);
    defer encoder.deinit();
    try encoder.raw(&.{signing_prefix});
    const list = encoder.open();
    try encoder.int(authorization.chain_id);
    try encoder.bytes(&authorization.address);
    try encoder.int(authorization.nonce);
    try encoder.close(list);
    const hash = platform.current.keccak256(encoder.written());
    const r = types.wordToHash(authorization.r);
    const s = types.wordToHash(authorization.s);
    const key = platform.current.recoverKey(&hash, &r, &s, authorization.y_parity == 1) orelse return null;
    return platform.current.keccak256(&key)[12..].*;
}

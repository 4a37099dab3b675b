//! Logs, calls, creations and self-destruction. Spec: yellow paper, appendix H.2, "a0s" and "f0s"

const std = @import("std");
const types = @import("../types.zig");
const gas = @import("../gas.zig");
const state_file = @import("../state.zig");
const precompiles = @import("../precompiles.zig");
const frame_file = @import("../frame.zig");
const Frame = frame_file.Frame;
const Handler = frame_file.Handler;
const Status = frame_file.Status;
const op = frame_file.op;

pub const Call = enum { call, call_code, delegate_call, static_call };

pub fn installLogs(table: *frame_file.Table) void {
    for (0..5) |topics| table[0xa0 + topics] = log(topics);
}

/// The opcodes that Frontier had; later forks only change their prices.
pub fn install(table: *frame_file.Table, comptime s: gas.Schedule) void {
    table[0xf0] = create(false, s);
    table[0xf1] = call(.call, s);
    table[0xf2] = call(.call_code, s);
    table[0xff] = selfDestruct(s);
}

/// Spec: EIP-7
pub fn installDelegateCall(table: *frame_file.Table, comptime s: gas.Schedule) void {
    table[0xf4] = call(.delegate_call, s);
}

/// Spec: EIP-214
pub fn installStaticCall(table: *frame_file.Table, comptime s: gas.Schedule) void {
    table[0xfa] = call(.static_call, s);
}

/// Spec: EIP-1014
pub fn installCreate2(table: *frame_file.Table, comptime s: gas.Schedule) void {
    table[0xf5] = create(true, s);
}

fn log(comptime topic_count: usize) Handler {
    return op(2 + topic_count, 0, 375, struct {
        fn run(frame: *Frame, w: [*]u256, left: *i64) Status {
            if (frame.is_static) return .write_protection;
            const status = frame.expand(left, w[0], w[1]);
            if (status != .running) return status;
            const size: u64 = @truncate(w[1]);
            if (!Frame.charge(left, 375 * topic_count + 8 * size)) return .out_of_gas;
            var topics: [topic_count]types.Hash = undefined;
            for (&topics, w[2..][0..topic_count]) |*topic, word| topic.* = types.wordToHash(word);
            frame.machine.state.log(frame.owner.address, &topics, frame.range(w[0], w[1])) catch |err| return frame.fault(err);
            return .running;
        }
    }.run);
}

/// What a caller may give to a call or creation at most.
inline fn allButA64th(left: i64) i64 {
    return left - @divTrunc(left, 64);
}

fn call(comptime kind: Call, comptime s: gas.Schedule) Handler {
    const has_value = kind == .call or kind == .call_code;
    const operands = if (has_value) 7 else 6;
    const access_sets = s.access_sets;
    const flat_price = s.call;
    const keeps_a_64th = s.keeps_a_64th;
    const empty_is_absent = s.empty_is_absent;
    const delegation = s.delegation;

    return op(operands, 1, 0, struct {
        fn run(frame: *Frame, w: [*]u256, left: *i64) Status {
            return prepare(frame, w, left) catch |err| frame.fault(err);
        }

        fn prepare(frame: *Frame, w: [*]u256, left: *i64) types.Error!Status {
            const state = frame.machine.state;
            const asked_gas = w[0];
            const value = if (has_value) w[2] else 0;
            const ranges = if (has_value) w[3..7] else w[2..6];
            if (kind == .call and value != 0 and frame.is_static) return .write_protection;

            for ([2]usize{ 0, 2 }) |i| {
                const status = frame.expand(left, ranges[i], ranges[i + 1]);
                if (status != .running) return status;
            }

            const target = try state.unread(types.wordToAddress(w[1]));
            if (!try payForAccess(frame, target, left)) return .out_of_gas;
            try state.load(target);
            var code: ?*state_file.Code = null;
            var is_delegated = false;
            if (delegation and target.info.hasCode()) {
                code = try state.codeOf(target);
                if (code.?.delegate()) |address| {
                    const delegate = try state.unread(address);
                    if (!try payForAccess(frame, delegate, left)) return .out_of_gas;
                    try state.load(delegate);
                    code = try state.codeOf(delegate);
                    is_delegated = true;
                }
            }

            var extra: u64 = 0;
            if (value != 0) extra += gas.call_value;
            if (kind == .call) {
                const is_new = if (empty_is_absent) value != 0 and target.info.isEmpty() else !target.info.exists;
                if (is_new) extra += gas.new_account;
            }
            if (!Frame.charge(left, extra)) return .out_of_gas;

            var child_gas: i64 = undefined;
            if (keeps_a_64th) {
                const available = allButA64th(left.*);
                child_gas = if (asked_gas < available) @intCast(asked_gas) else available;
            } else {
                if (asked_gas > left.*) return .out_of_gas;
                child_gas = @intCast(asked_gas);
            }
            left.* -= child_gas;
            if (value != 0) child_gas += gas.call_stipend;

            const keeps_owner = kind == .call_code or kind == .delegate_call;
            frame.request = .{
                .kind = .call,
                .caller = if (kind == .delegate_call) frame.caller else frame.owner.address,
                .payer = if (has_value) frame.owner else null,
                .owner = if (keeps_owner) frame.owner else target,
                .code_owner = target,
                .code = code,
                .precompile = if (is_delegated) null else precompiles.find(frame.machine.rules, target.address),
                .value = if (kind == .delegate_call) frame.value else value,
                .input = frame.range(ranges[0], ranges[1]),
                .gas = child_gas,
                .is_static = frame.is_static or kind == .static_call,
                .output = frame.range(ranges[2], ranges[3]),
            };
            return .waiting;
        }

        inline fn payForAccess(frame: *Frame, target: *state_file.Account, left: *i64) types.Error!bool {
            if (!access_sets) return Frame.charge(left, flat_price);
            const cold = try frame.machine.state.warm(target);
            return Frame.charge(left, if (cold) gas.account_access.cold else gas.account_access.warm);
        }
    }.run);
}

fn create(comptime salted: bool, comptime s: gas.Schedule) Handler {
    const operands = if (salted) 4 else 3;
    const init_code_limit = s.init_code_limit;
    const keeps_a_64th = s.keeps_a_64th;

    return op(operands, 1, gas.create, struct {
        fn run(frame: *Frame, w: [*]u256, left: *i64) Status {
            if (frame.is_static) return .write_protection;
            if (init_code_limit and w[2] > gas.max_init_code_size) return .out_of_gas;
            const status = frame.expand(left, w[1], w[2]);
            if (status != .running) return status;
            const word_price: u64 = (if (salted) gas.keccak_word else 0) + (if (init_code_limit) gas.init_code_word else 0);
            if (!Frame.charge(left, word_price * gas.words(@truncate(w[2])))) return .out_of_gas;
            const child_gas = if (keeps_a_64th) allButA64th(left.*) else left.*;
            left.* -= child_gas;
            frame.request = .{
                .kind = .create,
                .caller = frame.owner.address,
                .payer = frame.owner,
                .owner = frame.owner,
                .value = w[0],
                .input = frame.range(w[1], w[2]),
                .salt = if (salted) w[3] else null,
                .gas = child_gas,
                .is_static = false,
            };
            return .waiting;
        }
    }.run);
}

fn selfDestruct(comptime s: gas.Schedule) Handler {
    const access_sets = s.access_sets;
    const price = s.self_destruct;
    const refund = s.self_destruct_refund;
    const pays_for_new_account = s.keeps_a_64th; // EIP-150 brought both
    const empty_is_absent = s.empty_is_absent;
    const keeps_destroyed = s.keeps_destroyed;

    return op(1, 0, price, struct {
        fn run(frame: *Frame, w: [*]u256, left: *i64) Status {
            if (frame.is_static) return .write_protection;
            return destroy(frame, w, left) catch |err| frame.fault(err);
        }

        fn destroy(frame: *Frame, w: [*]u256, left: *i64) types.Error!Status {
            const state = frame.machine.state;
            const owner = frame.owner;
            const heir = try state.unread(types.wordToAddress(w[0]));
            if (access_sets) {
                if (try state.warm(heir) and !Frame.charge(left, gas.account_access.cold)) return .out_of_gas;
            }
            try state.load(heir);
            if (pays_for_new_account) {
                const is_new = if (empty_is_absent) owner.info.balance != 0 and heir.info.isEmpty() else !heir.info.exists;
                if (is_new and !Frame.charge(left, gas.new_account)) return .out_of_gas;
            }
            const balance = owner.info.balance;
            if (keeps_destroyed) {
                try state.transfer(owner, heir, balance);
                if (state.isCreated(owner)) {
                    try state.setBalance(owner, 0);
                    try state.markDestroyed(owner);
                }
                return .stopped;
            }
            if (!state.isDestroyed(owner)) state.refund += refund;
            try state.addBalance(heir, balance);
            // Where the heir is the contract itself the money is lost.
            try state.setBalance(owner, 0);
            try state.markDestroyed(owner);
            return .stopped;
        }
    }.run);
}

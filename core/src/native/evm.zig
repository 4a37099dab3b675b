//! C doors of the EVM, for tests. `evm/native/` is the other side.

const std = @import("std");
const rlp = @import("../rlp.zig");
const types = @import("../evm/types.zig");
const fork = @import("../evm/fork.zig");
const message = @import("../evm/message.zig");
const precompiles = @import("../evm/precompiles.zig");
const State = @import("../evm/state.zig").State;
const MemoryState = @import("memory_state.zig").MemoryState;
const Steps = @import("steps.zig").Steps;

/// Runs a call at depth 0; a delegation is not followed.
///
/// In: rlp([fork, op_fork + 1 or 0, chain_id, environment, origin, gas_price, [blob_hash, ..], caller, target, value, input, gas,
/// static, traced, accounts]), environment: [number, timestamp, coinbase, gas_limit, base_fee, prev_randao, difficulty, blob_base_fee].
/// Out: rlp([status, gas_left, refund as two's complement, output, [[address, [topic, ..], data], ..], [[address, slot, value], ..]]),
/// with the slots that changed in no particular order. If `traced` is 1 a list of steps follows, as
/// `steps.zig` has them.
/// Returns the length of the answer; -1: the input is malformed; -2: there is no room for the answer; -3: the state could not be read.
export fn lamina_evm_run(input: [*]const u8, input_len: usize, out: [*]u8, out_len: usize) isize {
    var arena = std.heap.ArenaAllocator.init(std.heap.smp_allocator);
    defer arena.deinit();
    const answer = run(arena.allocator(), input[0..input_len]) catch |err| return switch (err) {
        error.InvalidRlp => -1,
        else => -3,
    };
    if (answer.len > out_len) return -2;
    @memcpy(out[0..answer.len], answer);
    return @intCast(answer.len);
}

fn run(allocator: std.mem.Allocator, input: []const u8) ![]const u8 {
    var fields = try rlp.decodeList(input);
    const rules = try decodeRules(&fields);
    const environment = try decodeEnvironment(try fields.list());
    const origin = try fields.fixed(20);
    const gas_price = try fields.int(u256);
    const blob_hashes = try decodeHashes(allocator, try fields.list());
    const caller = try fields.fixed(20);
    const target = try fields.fixed(20);
    const value = try fields.int(u256);
    const data = try fields.bytes();
    const gas = try fields.int(u63);
    const is_static = try fields.int(u8) != 0;
    const is_traced = try fields.int(u8) != 0;
    var memory_state = try MemoryState.decode(allocator, try fields.list());
    try fields.end();

    var state = State.init(allocator, memory_state.source(), 0);
    var machine = message.Machine.init(allocator, &state, &environment, rules);
    machine.transaction = .{ .origin = origin, .gas_price = gas_price, .blob_hashes = blob_hashes };
    var steps: Steps = .{ .encoder = .init(allocator) };
    if (is_traced) machine.tracer = steps.tracer();
    const owner = try state.account(target);
    const outcome = try machine.run(&.{
        .kind = .call,
        .caller = caller,
        .payer = if (value == 0) null else try state.account(caller),
        .owner = owner,
        .code_owner = owner,
        .precompile = precompiles.find(rules, target),
        .value = value,
        .input = data,
        .gas = gas,
        .is_static = is_static,
    });

    var encoder: rlp.Encoder = .init(allocator);
    const list = encoder.open();
    try encoder.int(@intFromEnum(outcome.status));
    try encoder.int(@as(u64, @intCast(outcome.gas_left)));
    try encoder.int(@as(u64, @bitCast(state.refund)));
    try encoder.bytes(outcome.output);
    try encodeLogs(&encoder, state.logs.items);
    const slots = encoder.open();
    for (state.accounts()) |account| {
        var changed = account.changedSlots();
        while (changed.next()) |slot| {
            const triple = encoder.open();
            try encoder.bytes(&account.address);
            try encoder.int(slot.key);
            try encoder.int(slot.value);
            try encoder.close(triple);
        }
    }
    try encoder.close(slots);
    if (is_traced) {
        if (steps.is_incomplete) return error.OutOfMemory;
        const start = encoder.open();
        try encoder.raw(steps.encoder.written());
        try encoder.close(start);
    }
    try encoder.close(list);
    return encoder.written();
}

pub fn encodeLogs(encoder: *rlp.Encoder, logs: []const types.Log) !void {
    const list = encoder.open();
    for (logs) |log| {
        const item = encoder.open();
        try encoder.bytes(&log.address);
        const topics = encoder.open();
        for (log.topics) |topic| try encoder.bytes(&topic);
        try encoder.close(topics);
        try encoder.bytes(log.data);
        try encoder.close(item);
    }
    try encoder.close(list);
}

pub fn decodeRules(fields: *rlp.Cursor) !fork.Rules {
    const eth = std.enums.fromInt(fork.EthFork, try fields.int(u8)) orelse return error.InvalidRlp;
    const op = try fields.int(u8);
    return .{
        .eth = eth,
        .op = if (op == 0) null else std.enums.fromInt(fork.OpFork, op - 1) orelse return error.InvalidRlp,
        .chain_id = try fields.int(u64),
    };
}

pub fn decodeEnvironment(list: rlp.Cursor) !types.Environment {
    var fields = list;
    const environment: types.Environment = .{
        .number = try fields.int(u64),
        .timestamp = try fields.int(u64),
        .coinbase = try fields.fixed(20),
        .gas_limit = try fields.int(u64),
        .base_fee = try fields.int(u256),
        .prev_randao = try fields.fixed(32),
        .difficulty = try fields.int(u256),
        .blob_base_fee = try fields.int(u256),
    };
    try fields.end();
    return environment;
}

fn decodeHashes(allocator: std.mem.Allocator, list: rlp.Cursor) ![]const types.Hash {
    var items = list;
    const hashes = try allocator.alloc(types.Hash, try list.count());
    for (hashes) |*hash| hash.* = try items.fixed(32);
    return hashes;
}

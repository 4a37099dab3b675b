//! C door for Ethereum's state tests: one transaction on a given state, through the tries, validity and execution that blocks use.

const std = @import("std");
const rlp = @import("../rlp.zig");
const types = @import("../evm/types.zig");
const fork = @import("../evm/fork.zig");
const message = @import("../evm/message.zig");
const precompiles = @import("../evm/precompiles.zig");
const draft_bls12 = @import("draft_bls12.zig");
const state_file = @import("../evm/state.zig");
const trie = @import("../trie/trie.zig");
const store = @import("../trie/store.zig");
const keccak = @import("../crypto/keccak.zig");
const trie_state = @import("../block/trie_state.zig");
const validity = @import("../block/validity.zig");
const signed = @import("../block/signed.zig");
const Ancestors = @import("../block/ancestors.zig").Ancestors;
const Transaction = @import("../types/transaction.zig").Transaction;
const MemoryState = @import("memory_state.zig").MemoryState;
const doors = @import("evm.zig");
const Allocator = std.mem.Allocator;

/// The answer where the bytes are no transaction; the other refusals are `validity.Reason`s, and 0 means that it was executed.
const undecodable = 0xff;

/// In: rlp([fork, op_fork + 1 or 0, chain_id, environment, max_blobs, draft, accounts, raw transaction]), as `lamina_evm_run` has
/// them; with `draft` 1 the BLS12-381 contracts are those of EIP-2537's draft. Out: rlp([refusal, state root, logs hash, gas used]).
/// Returns as `lamina_evm_run` does.
export fn lamina_state_test(input: [*]const u8, input_len: usize, out: [*]u8, out_len: usize) isize {
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

const Case = struct {
    rules: fork.Rules,
    environment: types.Environment,
    max_blobs: u64,
    is_draft: bool,
    raw: []const u8,
};

fn run(allocator: Allocator, input: []const u8) ![]const u8 {
    var fields = try rlp.decodeList(input);
    var case: Case = undefined;
    case.rules = try doors.decodeRules(&fields);
    case.environment = try doors.decodeEnvironment(try fields.list());
    case.max_blobs = try fields.int(u64);
    case.is_draft = try fields.int(u8) != 0;
    const pre = try MemoryState.decode(allocator, try fields.list());
    case.raw = try fields.bytes();
    try fields.end();

    var nodes: store.Store = .init(allocator, nothing_behind, std.math.maxInt(usize));
    var codes: store.Store = .init(allocator, nothing_behind, std.math.maxInt(usize));
    const root = try buildTries(allocator, &pre, &nodes, &codes);
    var ancestors: Ancestors = undefined; // `TestSource` answers in its place
    var tries: trie_state.TrieState = try .init(allocator, &nodes, &codes, &ancestors, &root);
    var source: TestSource = .{ .tries = tries.source() };
    var state: state_file.State = .init(allocator, source.source(), 0);
    var machine: message.Machine = .init(allocator, &state, &case.environment, case.rules);
    if (case.is_draft) machine.contracts = &draft_bls12.contracts;

    var refusal: u8 = 0;
    var gas_used: u64 = 0;
    if (Transaction.decode(allocator, case.raw)) |transaction| {
        if (try judge(allocator, &case, &state, &transaction)) |reason| {
            refusal = @intFromEnum(reason);
        } else {
            state.beginTransaction(allocator);
            const sender = try state.account((try transaction.sender(allocator)).?);
            gas_used = (try signed.execute(&machine, &transaction, sender, null)).gas_used;
            state.finishTransaction(case.rules);
        }
    } else |err| switch (err) {
        error.InvalidTransactionEncoding => refusal = undecodable,
        else => |other| return other,
    }

    var logs: rlp.Encoder = .init(allocator);
    try doors.encodeLogs(&logs, state.logs.items);
    var encoder: rlp.Encoder = .init(allocator);
    const list = encoder.open();
    try encoder.int(refusal);
    try encoder.bytes(&(try tries.apply(&state)).state_root);
    try encoder.bytes(&keccak.hash(logs.written()));
    try encoder.int(gas_used);
    try encoder.close(list);
    return encoder.written();
}

fn judge(allocator: Allocator, case: *const Case, state: *state_file.State, transaction: *const Transaction) !?validity.Reason {
    if (validity.checkForm(transaction, case.rules)) |reason| return reason;
    const address = try transaction.sender(allocator) orelse return .invalid_signature;
    if (validity.checkFields(transaction, case.rules)) |reason| return reason;
    if (transaction.gas_limit > case.environment.gas_limit) return .block_gas_exceeded;
    if (transaction.blob_hashes.len > case.max_blobs) return .block_blob_gas_exceeded;
    const sender = try state.account(address);
    return validity.checkState(transaction, &.{
        .sender_nonce = sender.info.nonce,
        .sender_balance = sender.info.balance,
        .sender_is_contract = sender.info.hasCode() and (try state.codeOf(sender)).delegate() == null,
        .base_fee = case.environment.base_fee,
        .blob_base_fee = case.environment.blob_base_fee,
        .l1_fee = 0,
        .operator_fee = 0,
    });
}

/// The state's tries in the stores; the root.
fn buildTries(allocator: Allocator, pre: *const MemoryState, nodes: *store.Store, codes: *store.Store) !types.Hash {
    var changes: trie.Changes = .{};
    var accounts = try trie.Trie.init(allocator, nodes.source(), &trie.EMPTY_ROOT);
    var entries = pre.accounts.iterator();
    while (entries.next()) |entry| {
        var storage = try trie.Trie.init(allocator, nodes.source(), &trie.EMPTY_ROOT);
        var slots = entry.value_ptr.slots.iterator();
        while (slots.next()) |slot| {
            var value: rlp.Encoder = .init(allocator);
            try value.int(slot.value_ptr.*);
            try storage.put(&keccak.hash(&types.wordToHash(slot.key_ptr.*)), value.written());
        }
        const data = &entry.value_ptr.data;
        const info: state_file.Info = .{ .nonce = data.nonce, .balance = data.balance, .code_hash = data.code_hash };
        const encoded = try trie_state.encodeAccount(allocator, &info, &try storage.commit(&changes));
        try accounts.put(&keccak.hash(entry.key_ptr), encoded);
    }
    const root = try accounts.commit(&changes);
    for (changes.created.items) |node| try nodes.add(&node.hash, node.encoding);
    var programs = pre.codes.iterator();
    while (programs.next()) |program| try codes.add(program.key_ptr, program.value_ptr.*);
    return root;
}

const nothing_behind: store.Backing = .{ .context = undefined, .trusted = true, .fetchFn = struct {
    fn fetch(_: *anyopaque, _: Allocator, _: []const store.Hash, _: []?[]const u8) error{OutOfMemory}!void {}
}.fetch };

/// The tries, with the block hashes that state tests have by convention.
const TestSource = struct {
    tries: state_file.Source,

    fn source(self: *TestSource) state_file.Source {
        return .{ .context = self, .vtable = &.{
            .account = account,
            .storage = storage,
            .code = code,
            .block_hash = MemoryState.blockHash,
        } };
    }

    fn of(context: *anyopaque) state_file.Source {
        const self: *TestSource = @ptrCast(@alignCast(context));
        return self.tries;
    }

    fn account(context: *anyopaque, address: *const types.Address) types.Error!?types.AccountData {
        return of(context).vtable.account(of(context).context, address);
    }

    fn storage(context: *anyopaque, address: *const types.Address, root: *const types.Hash, slot: u256) types.Error!u256 {
        return of(context).vtable.storage(of(context).context, address, root, slot);
    }

    fn code(context: *anyopaque, hash: *const types.Hash) types.Error![]const u8 {
        return of(context).vtable.code(of(context).context, hash);
    }
};

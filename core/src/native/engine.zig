//! The native engine's C ABI. `evm/native/engine.py` is the other side.
//!
//! An engine belongs to one chain and keeps trie nodes, codes and headers in memory from block to block. What it does not have it
//! asks for through `fetch` (see `fetch.zig`), in batches. It never writes: what a block changes is in the block's result.
//!
//! Calls, in the order of use. All input is copied or no longer needed when a call returns, unless said otherwise.
//!
//!     engine = lamina_engine_open(config, length, fetch, context, cache_bytes)      null: no valid configuration, or no memory
//!     status = lamina_engine_begin(engine, parent, length, attributes, length, &block)
//!     status = lamina_block_add(block, count, data, lengths, senders, stop, results, &done)
//!     status = lamina_block_list(block)                                            these three are parts of sealing, and may be
//!     status = lamina_block_put(block)                                             left out: see `sealing.zig`
//!     status = lamina_block_encode(block, helper)
//!     status = lamina_block_seal(block, &result)
//!     status = lamina_block_make(&order)                                           begin, add and seal in one call: see `Order`
//!              lamina_block_maker(place, orders, done)                             the same, by a thread that waits for orders
//!              lamina_block_close(block)                                            frees the result, too
//!              lamina_engine_missing(engine, hash)                                  after `missing` or `damaged`
//!              lamina_engine_close(engine)                                          after all its blocks
//!
//! * `config` is the encoding that `config/program.py` makes; `parent` a header's RLP; `attributes` the RLP list that
//!   `block/stateless.zig` describes. The parent's state must be one that `fetch` can serve, or that this engine has made lately.
//! * `data` holds the raw transactions one behind the other, `lengths` (u32) their sizes. `senders` is null or 20 bytes for each;
//!   a known sender is believed, 20 zero bytes mean that it is to be recovered.
//! * `lamina_block_add` writes an `AddResult` for each transaction it has looked at, and their number to `done`. One that is not valid
//!   leaves the block as it was; with `stop` unequal 0 nothing behind it is looked at.
//! * A status other than `ok` means that the block can only be closed.
//! * `result` is described in `result.zig`, and lives until the block is closed.
//!
//! An engine and its blocks must not be used by two threads at the same time, but for `lamina_block_list` and `lamina_block_encode`,
//! whose rules are in `sealing.zig`; different engines are independent. There is no global state. Python's lock is not needed during a
//! call, except inside `fetch`, which takes it itself.

const std = @import("std");
const rlp = @import("../rlp.zig");
const config = @import("../config.zig");
const evm = @import("../evm/types.zig");
const store = @import("../trie/store.zig");
const header_file = @import("../types/header.zig");
const transaction_file = @import("../types/transaction.zig");
const pipeline = @import("../block/pipeline.zig");
const predeploys = @import("../block/predeploys.zig");
const stateless = @import("../block/stateless.zig");
const block_result = @import("result.zig");
const Prefetch = @import("../block/prefetch.zig").Prefetch;
const keccak256 = @import("../platform.zig").current.keccak256;
const callback = @import("fetch.zig");
const sealing = @import("sealing.zig");
const Transaction = transaction_file.Transaction;

pub const Status = enum(c_int) {
    ok = 0,
    malformed_input = 1,
    invalid_attributes = 2,
    missing = 3,
    damaged = 4,
    out_of_memory = 5,
};

pub const Verdict = enum(u32) { included = 0, invalid = 1, malformed = 2 };

pub const AddResult = extern struct {
    verdict: Verdict,
    /// Position in `evm/validity.py`'s InvalidReason from 1, for `invalid`.
    reason: u32 = 0,
    gas_used: u64 = 0,
    /// 1 when the transaction ran to its end.
    succeeded: u32 = 0,
    /// Which transaction of the call it was.
    index: u32,
};

const gpa = std.heap.smp_allocator;

const Engine = struct {
    config: config.Config,
    node_fetch: callback.Fetch,
    code_fetch: callback.Fetch,
    header_fetch: callback.Fetch,
    nodes: store.Store,
    codes: store.Store,
    headers: store.Store,
    open_blocks: usize = 0,
    /// A closed block, whose memory the next one takes over: touching fresh pages takes longer than a transfer.
    spare: ?*Block = null,

    fn sources(self: *Engine) pipeline.Sources {
        return .{ .nodes = &self.nodes, .codes = &self.codes, .headers = &self.headers };
    }
};

const Block = struct {
    memory: sealing.Memory,
    engine: *Engine,
    parent_state_root: evm.Hash,
    builder: pipeline.BlockBuilder,
    sealing: sealing.Sealing,
};

export fn lamina_engine_open(
    encoded: [*]const u8,
    length: usize,
    fetch: callback.Function,
    context: ?*anyopaque,
    cache_bytes: usize,
) ?*Engine {
    const decoded = config.Config.decode(encoded[0..length]) catch return null;
    const self = gpa.create(Engine) catch return null;
    self.* = .{
        .config = decoded,
        .node_fetch = .{ .function = fetch, .context = context, .kind = .node },
        .code_fetch = .{ .function = fetch, .context = context, .kind = .code },
        .header_fetch = .{ .function = fetch, .context = context, .kind = .header },
        .nodes = .init(gpa, self.node_fetch.backing(), cache_bytes),
        .codes = .init(gpa, self.code_fetch.backing(), cache_bytes / 8),
        .headers = .init(gpa, self.header_fetch.backing(), cache_bytes / 64),
    };
    return self;
}

export fn lamina_engine_close(self: *Engine) void {
    std.debug.assert(self.open_blocks == 0);
    self.nodes.deinit();
    self.codes.deinit();
    self.headers.deinit();
    if (self.spare) |block| free(block);
    gpa.destroy(self);
}

/// The hash of what was missing or damaged last.
export fn lamina_engine_missing(self: *const Engine, hash: *[32]u8) void {
    hash.* = self.nodes.missing;
    for ([_]*const store.Store{ &self.codes, &self.headers }) |other| {
        if (!std.mem.allEqual(u8, &other.missing, 0)) hash.* = other.missing;
    }
}

/// How often `fetch` was called, and for how many values.
export fn lamina_engine_fetches(self: *const Engine, calls: *u64, values: *u64) void {
    calls.* = self.nodes.fetches + self.codes.fetches + self.headers.fetches;
    values.* = self.nodes.fetched + self.codes.fetched + self.headers.fetched;
}

export fn lamina_engine_begin(
    self: *Engine,
    parent: [*]const u8,
    parent_length: usize,
    attributes: [*]const u8,
    attributes_length: usize,
    out: *?*Block,
) Status {
    out.* = null;
    const block = take(self) catch return .out_of_memory;
    begin(block, parent[0..parent_length], attributes[0..attributes_length]) catch |failure| {
        free(block);
        return statusOf(failure);
    };
    out.* = block;
    return .ok;
}

fn take(self: *Engine) error{OutOfMemory}!*Block {
    const block = self.spare orelse {
        const made = try gpa.create(Block);
        made.memory = .init(gpa);
        made.engine = self;
        made.sealing = .{};
        return made;
    };
    self.spare = null;
    block.sealing = .{};
    return block;
}

fn free(block: *Block) void {
    block.memory.deinit();
    gpa.destroy(block);
}

fn begin(block: *Block, encoded_parent: []const u8, encoded_attributes: []const u8) !void {
    const engine = block.engine;
    if (engine.open_blocks == 0) {
        engine.nodes.rotate();
        engine.codes.rotate();
        engine.headers.rotate();
    }
    for ([_]*store.Store{ &engine.nodes, &engine.codes, &engine.headers }) |each| each.missing = @splat(0);
    const arena = block.memory.block.allocator();
    const copy = try arena.dupe(u8, encoded_parent);
    const parent = try header_file.Header.decode(copy);
    const parent_hash = keccak256(copy);
    const attributes = try stateless.decodeAttributes(try rlp.decodeList(encoded_attributes));
    try engine.headers.add(&parent_hash, copy);
    block.parent_state_root = parent.state_root;

    try block.builder.init(arena, &engine.config.rollup, engine.sources(), &parent, &parent_hash, &attributes);
    var prefetch = prefetchFor(block);
    for ([_]evm.Address{
        attributes.fee_recipient,
        predeploys.BASE_FEE_VAULT,
        predeploys.L1_FEE_VAULT,
        predeploys.OPERATOR_FEE_VAULT,
        predeploys.L2_TO_L1_MESSAGE_PASSER,
    }) |address| try prefetch.account(address, false);
    for ([_]evm.Address{ predeploys.BEACON_ROOTS, predeploys.HISTORY_STORAGE }) |address| try prefetch.account(address, true);
    for (0..9) |number| try prefetch.slot(predeploys.L1_BLOCK, evm.wordToHash(number));
    try prefetch.run();
    try block.builder.start();
    engine.open_blocks += 1;
}

export fn lamina_block_close(block: *Block) void {
    const engine = block.engine;
    engine.open_blocks -= 1;
    if (engine.spare != null) return free(block);
    block.memory.restart();
    engine.spare = block;
}

export fn lamina_block_add(
    block: *Block,
    count: usize,
    data: [*]const u8,
    lengths: [*]const u32,
    senders: ?[*]const evm.Address,
    stop: c_int,
    results: [*]AddResult,
    done: *usize,
) Status {
    done.* = 0;
    add(block, data, lengths[0..count], senders, stop != 0, results, done) catch |failure| return statusOf(failure);
    return .ok;
}

const Decoded = struct { transaction: ?Transaction, sender: ?evm.Address };

fn add(
    block: *Block,
    data: [*]const u8,
    lengths: []const u32,
    senders: ?[*]const evm.Address,
    stop: bool,
    results: [*]AddResult,
    done: *usize,
) evm.Error!void {
    const arena = block.memory.block.allocator();
    var total: usize = 0;
    for (lengths) |length| total += length;
    var rest: []const u8 = try arena.dupe(u8, data[0..total]);
    const decoded = try arena.alloc(Decoded, lengths.len);
    for (decoded, lengths, 0..) |*each, length, index| {
        each.transaction = Transaction.decode(arena, rest[0..length]) catch |failure| switch (failure) {
            error.InvalidTransactionEncoding => null,
            error.OutOfMemory => return error.OutOfMemory,
        };
        rest = rest[length..];
        each.sender = if (senders) |known| (if (std.mem.allEqual(u8, &known[index], 0)) null else known[index]) else null;
        if (each.sender == null) if (each.transaction) |*transaction| {
            each.sender = try transaction.sender(arena);
        };
    }
    try prefetchTransactions(block, decoded);
    for (decoded, 0..) |*each, index| {
        const result = &results[done.*];
        done.* += 1;
        result.* = .{ .verdict = .malformed, .index = @intCast(index) };
        if (each.transaction) |*transaction| switch (try block.builder.add(transaction, each.sender)) {
            .included => |receipt| {
                result.verdict = .included;
                result.gas_used = receipt.gas_used;
                result.succeeded = @intFromBool(receipt.succeeded);
            },
            .invalid => |reason| {
                result.verdict = .invalid;
                result.reason = @intFromEnum(reason);
            },
        };
        if (stop and result.verdict != .included) return;
    }
}

fn prefetchFor(block: *Block) Prefetch {
    return .{
        .arena = block.memory.block.allocator(),
        .tries = &block.builder.tries,
        .state_root = block.parent_state_root,
    };
}

fn prefetchTransactions(block: *Block, decoded: []const Decoded) evm.Error!void {
    var prefetch = prefetchFor(block);
    for (decoded) |*each| {
        const transaction = if (each.transaction) |*given| given else continue;
        if (each.sender) |sender| try prefetch.account(sender, true);
        if (transaction.to) |to| try prefetch.account(to, true);
        for (transaction.access_list) |item| {
            try prefetch.account(item.address, false);
            for (item.slots) |slot| try prefetch.slot(item.address, slot);
        }
    }
    try prefetch.run();
}

/// Part of sealing, for any thread while another one is at `lamina_block_put` or `lamina_block_encode`.
export fn lamina_block_list(block: *Block) Status {
    block.sealing.list(&block.builder, &block.memory) catch |failure| return statusOf(failure);
    return .ok;
}

/// Part of sealing: what reads the tries.
export fn lamina_block_put(block: *Block) Status {
    block.sealing.put(&block.builder) catch |failure| return statusOf(failure);
    return .ok;
}

/// Part of sealing, after `lamina_block_put`; two threads may do it at the same time, one of them with `helper` unequal 0.
export fn lamina_block_encode(block: *Block, helper: c_int) Status {
    block.sealing.encode(&block.memory, helper != 0) catch |failure| return statusOf(failure);
    return .ok;
}

export fn lamina_block_seal(block: *Block, result: *block_result.Result) Status {
    result.* = seal(block) catch |failure| return statusOf(failure);
    return .ok;
}

/// A whole block, and what has become of it. All senders are recovered, and nothing behind the first transaction that is not valid is
/// looked at. The block is sealed when `done` is `count` and the last one is included; otherwise it can only be closed. Where the status
/// is not `ok`, `block` may be null.
const Order = extern struct {
    engine: *Engine,
    parent: [*]const u8,
    parent_length: usize,
    attributes: [*]const u8,
    attributes_length: usize,
    count: usize,
    data: [*]const u8,
    lengths: [*]const u32,
    results: [*]AddResult,
    done: usize,
    block: ?*Block,
    result: block_result.Result,
    status: Status,
};

/// A whole block in one call: who makes small ones would otherwise spend as much time between calls as in them.
export fn lamina_block_make(order: *Order) Status {
    order.status = make(order);
    return order.status;
}

fn make(order: *Order) Status {
    order.done = 0;
    const begun = lamina_engine_begin(
        order.engine,
        order.parent,
        order.parent_length,
        order.attributes,
        order.attributes_length,
        &order.block,
    );
    const block = order.block orelse return begun;
    const count = order.count;
    const added = lamina_block_add(block, count, order.data, order.lengths, null, 1, order.results, &order.done);
    if (added != .ok or order.done < count or (count > 0 and order.results[count - 1].verdict != .included)) return added;
    return lamina_block_seal(block, &order.result);
}

/// Makes the block of the order that stands in `place` whenever there are eight bytes to read from `orders`, and writes eight to `done`.
/// Returns when either is closed. A thread that waits here begins as soon as there is an order, without Python's lock.
export fn lamina_block_maker(place: *const *Order, orders: std.posix.fd_t, done: std.posix.fd_t) void {
    while (true) {
        // What an eventfd counts, or a pipe carries.
        var signal: [8]u8 = undefined;
        const length = std.posix.read(orders, &signal) catch return;
        if (length != signal.len) return;
        _ = lamina_block_make(@as(*const volatile *Order, place).*);
        if (std.posix.system.write(done, &signal, signal.len) != signal.len) return;
    }
}

fn statusOf(failure: anyerror) Status {
    return switch (failure) {
        error.InvalidRlp => .malformed_input,
        error.InvalidAttributes => .invalid_attributes,
        error.MissingNode, error.MissingPreimage => .missing,
        error.CorruptNode => .damaged,
        else => .out_of_memory,
    };
}

fn seal(block: *Block) evm.Error!block_result.Result {
    const builder = &block.builder;
    const result = try block.sealing.finish(builder, &block.memory);
    const engine = block.engine;
    try engine.headers.add(&result.hash, result.header.data[0..result.header.length]);
    for (builder.state.accounts()) |account| {
        if (account.newCode()) |code| try engine.codes.add(&account.info.code_hash, code);
    }
    return result;
}

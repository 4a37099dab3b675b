//! Doors to derivation, for Python to compare with its own. `evm/native/derivation.py` is the other side.

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const config = @import("../config.zig");
const rlp = @import("../rlp.zig");
const Header = @import("../types/header.zig").Header;
const attributes_file = @import("../derivation/attributes.zig");
const batch = @import("../derivation/batch.zig");
const blob = @import("../derivation/blob.zig");
const brotli = @import("../derivation/brotli.zig");
const chain = @import("../derivation/l1/chain.zig");
const channel_decoder = @import("../derivation/channel_decoder.zig");
const frame = @import("../derivation/frame.zig");
const inflate = @import("../derivation/inflate.zig");
const l2_chain = @import("../derivation/l2_chain.zig");
const pipeline = @import("../derivation/pipeline.zig");
const upgrades = @import("../derivation/upgrades.zig");
const preimages = @import("preimages.zig");

const gpa = std.heap.smp_allocator;

/// How it went.
pub const Status = enum(c_int) {
    ok = 0,
    /// The input is not what it should be.
    invalid = 1,
    out_of_memory = 2,
    missing_preimage = 3,
    /// An authenticated preimage makes no sense.
    corrupt_data = 4,
    /// Derivation cannot go on: a deposit that cannot be read, say.
    critical = 5,
    /// The safe head is of another L1 chain.
    origin_mismatch = 6,

    pub fn of(failure: anyerror) Status {
        return switch (failure) {
            error.OutOfMemory => .out_of_memory,
            error.MissingPreimage, error.MissingNode => .missing_preimage,
            error.CorruptData, error.CorruptNode => .corrupt_data,
            error.OriginMismatch => .origin_mismatch,
            error.InvalidDeposit, error.InvalidSystemConfig, error.InvalidPayload, error.ForeignBlock => .critical,
            else => .invalid,
        };
    }
};

/// Bytes that the caller copies and then gives back through `lamina_derivation_free`.
pub const Bytes = extern struct {
    pointer: ?[*]u8 = null,
    length: usize = 0,

    fn set(self: *Bytes, data: []const u8) error{OutOfMemory}!void {
        if (data.len == 0) return;
        const copy = try gpa.dupe(u8, data);
        self.* = .{ .pointer = copy.ptr, .length = copy.len };
    }
};

export fn lamina_derivation_free(bytes: *Bytes) void {
    if (bytes.pointer) |pointer| gpa.free(pointer[0..bytes.length]);
    bytes.* = .{};
}

const Task = enum(c_int) {
    /// Decompress at most `parameter` bytes.
    zlib = 0,
    brotli = 1,
    /// The data of a blob.
    blob = 2,
    /// The frames of a batcher transaction: a list of [channel id, number, data, is_last].
    frames = 3,
    /// The same without those that are out of order since Holocene.
    pruned_frames = 4,
    /// A batch of the chain `parameter`.
    batch = 5,
    /// The batches of a compressed channel of the chain `parameter`, up to the first thing that cannot be read.
    channel = 6,
    /// All upgrade transactions; no input.
    upgrades = 7,
    /// Whether the bytes are a configuration.
    config = 8,
};

/// Do a task on the input; what comes out is RLP where it is not plain bytes.
export fn lamina_derivation(task: Task, input: [*]const u8, length: usize, parameter: u64, out: *Bytes) Status {
    out.* = .{};
    var arena: Arena = .init(gpa);
    defer arena.deinit();
    const output = perform(arena.allocator(), task, input[0..length], parameter) catch |failure| return .of(failure);
    out.set(output) catch |failure| return .of(failure);
    return .ok;
}

fn perform(arena: std.mem.Allocator, task: Task, input: []const u8, parameter: u64) ![]const u8 {
    switch (task) {
        .zlib => return inflate.decompress(arena, input, @intCast(parameter)),
        .brotli => return brotli.decompress(arena, input, @intCast(parameter)),
        .blob => {
            if (input.len != blob.size) return error.InvalidBlob;
            const buffer = try arena.create([blob.max_data_bytes + 4]u8);
            return blob.decode(buffer, input[0..blob.size]) orelse error.InvalidBlob;
        },
        .frames, .pruned_frames => {
            var frames: std.ArrayList(frame.Frame) = .empty;
            try frame.parse(arena, &frames, input);
            const kept = if (task == .pruned_frames) frame.prune(frames.items) else frames.items;
            return encodeFrames(arena, kept);
        },
        .batch => {
            var encoder = rlp.Encoder.init(arena);
            try encodeBatch(&encoder, try .decode(arena, input, parameter));
            return encoder.written();
        },
        .channel => return encodeChannel(arena, input, parameter),
        .upgrades => return upgrades.unpack(arena),
        .config => {
            _ = try config.Config.decode(input);
            return "";
        },
    }
}

fn encodeFrames(arena: std.mem.Allocator, frames: []const frame.Frame) ![]const u8 {
    var encoder = rlp.Encoder.init(arena);
    const list = encoder.open();
    for (frames) |*each| {
        const item = encoder.open();
        try encoder.bytes(&each.channel_id);
        try encoder.int(each.number);
        try encoder.bytes(each.data);
        try encoder.int(@as(u8, @intFromBool(each.is_last)));
        try encoder.close(item);
    }
    try encoder.close(list);
    return encoder.written();
}

fn encodeChannel(arena: std.mem.Allocator, compressed: []const u8, chain_id: u64) ![]const u8 {
    var batches: channel_decoder.Batches = .{ .rest = try channel_decoder.decompress(arena, compressed, 100_000_000, true) };
    var encoder = rlp.Encoder.init(arena);
    const list = encoder.open();
    while (batches.next() catch null) |encoded| {
        const decoded = batch.Batch.decode(arena, encoded, chain_id) catch |failure| switch (failure) {
            error.OutOfMemory => return error.OutOfMemory,
            error.InvalidBatch => break,
        };
        try encodeBatch(&encoder, decoded);
    }
    try encoder.close(list);
    return encoder.written();
}

/// [0, parent_hash, epoch_number, epoch_hash, timestamp, transactions], or
/// [1, relative_timestamp, l1_origin_number, parent_check, l1_origin_check, [[origin_changed, transactions], ...]].
fn encodeBatch(encoder: *rlp.Encoder, decoded: batch.Batch) !void {
    const list = encoder.open();
    switch (decoded) {
        .singular => |*singular| {
            try encoder.int(@as(u8, 0));
            try encoder.bytes(&singular.parent_hash);
            try encoder.int(singular.epoch_number);
            try encoder.bytes(&singular.epoch_hash);
            try encoder.int(singular.timestamp);
            try encodeList(encoder, singular.transactions);
        },
        .span => |*span| {
            try encoder.int(@as(u8, 1));
            try encoder.int(span.relative_timestamp);
            try encoder.int(span.l1_origin_number);
            try encoder.bytes(&span.parent_check);
            try encoder.bytes(&span.l1_origin_check);
            const blocks = encoder.open();
            for (span.blocks, 0..) |block, index| {
                const item = encoder.open();
                try encoder.int(@as(u8, @intFromBool(block.origin_changed)));
                try encodeList(encoder, span.blockTransactions(index));
                try encoder.close(item);
            }
            try encoder.close(blocks);
        },
    }
    try encoder.close(list);
}

fn encodeList(encoder: *rlp.Encoder, items: []const []const u8) !void {
    const list = encoder.open();
    for (items) |item| try encoder.bytes(item);
    try encoder.close(list);
}

/// Makes a block of encoded attributes: 0 and the block's header, or 1 when they make none. What `header` points to stays valid until the
/// next call.
pub const MakeBlock = *const fn (context: ?*anyopaque, attributes: [*]const u8, length: usize, header: *preimages.View) callconv(.c) c_int;

/// Derive from the safe block `safe_hash` on until the L1 chain that ends in `l1_head` is used up. `head` is then the hash of the last safe
/// block: before Holocene blocks are undone that were made of a span batch with an impossible block.
export fn lamina_derive(
    configuration: [*]const u8,
    configuration_length: usize,
    safe_hash: *const [32]u8,
    l1_head: *const [32]u8,
    preimage: preimages.Function,
    make_block: MakeBlock,
    context: ?*anyopaque,
    head: *[32]u8,
) Status {
    var source = preimages.Source{ .function = preimage, .context = context };
    head.* = derive(configuration[0..configuration_length], safe_hash, l1_head, &source, make_block, context) catch |failure| return .of(failure);
    return .ok;
}

fn derive(
    configuration: []const u8,
    safe_hash: *const [32]u8,
    l1_head: *const [32]u8,
    source: *preimages.Source,
    make_block: MakeBlock,
    context: ?*anyopaque,
) ![32]u8 {
    const decoded = try config.Config.decode(configuration);
    var oracle = source.oracle();
    var scratch: Arena = .init(gpa);
    defer scratch.deinit();
    var l1 = try chain.Chain.init(gpa, &oracle, l1_head);
    defer l1.deinit();
    var l2, const safe = try l2_chain.Chain.init(gpa, scratch.allocator(), &oracle, &decoded.rollup, safe_hash);
    defer l2.deinit();
    var derivation: pipeline.Pipeline = undefined;
    try derivation.init(gpa, &decoded, &l1, &l2, safe);
    defer derivation.deinit();
    while (try derivation.next()) |following| {
        scratch.reset();
        var attributes = following;
        var header: preimages.View = undefined;
        if (try callMake(scratch.allocator(), make_block, context, &attributes, &header) != 0) {
            if (!derivation.reduceToDeposits(&attributes)) continue;
            if (try callMake(scratch.allocator(), make_block, context, &attributes, &header) != 0) return error.InvalidPayload;
        }
        const encoded = header.slice();
        const block = Header.decode(encoded) catch return error.CorruptData;
        const hash = @import("root").platform.keccak256(encoded);
        const made = try l2_chain.describe(scratch.allocator(), &decoded.rollup, &block, &hash, attributes.transactions[0]);
        try derivation.append(made, &attributes);
    }
    return derivation.safe.ref.hash;
}

fn callMake(
    arena: std.mem.Allocator,
    make_block: MakeBlock,
    context: ?*anyopaque,
    attributes: *const pipeline.Attributes,
    header: *preimages.View,
) !c_int {
    const encoded = try encodeAttributes(arena, attributes);
    return make_block(context, encoded.ptr, encoded.len, header);
}

/// [parent_hash, parent_number, l1_origin_hash, l1_origin_number, timestamp, prev_randao, fee_recipient, transactions, gas_limit, with_withdrawals,
/// parent_beacon_block_root, eip1559_params, [min_base_fee], is_last_in_span, derived_from_hash, derived_from_number]; what a fork does
/// not have is empty.
fn encodeAttributes(arena: std.mem.Allocator, attributes: *const pipeline.Attributes) ![]const u8 {
    var encoder = rlp.Encoder.init(arena);
    const list = encoder.open();
    try encoder.bytes(&attributes.parent.hash);
    try encoder.int(attributes.parent.number);
    try encoder.bytes(&attributes.l1_origin.hash);
    try encoder.int(attributes.l1_origin.number);
    try encoder.int(attributes.timestamp);
    try encoder.bytes(&attributes.prev_randao);
    try encoder.bytes(&attributes_file.fee_recipient);
    try encodeList(&encoder, attributes.transactions);
    try encoder.int(attributes.gas_limit);
    try encoder.int(@as(u8, @intFromBool(attributes.with_withdrawals)));
    try encoder.bytes(if (attributes.parent_beacon_block_root) |*root| root else "");
    try encoder.bytes(if (attributes.eip1559_params) |*params| params else "");
    const fee = encoder.open();
    if (attributes.min_base_fee) |wei| try encoder.int(wei);
    try encoder.close(fee);
    try encoder.int(@as(u8, @intFromBool(attributes.is_last_in_span)));
    try encoder.bytes(&attributes.derived_from.hash);
    try encoder.int(attributes.derived_from.number);
    try encoder.close(list);
    return encoder.written();
}

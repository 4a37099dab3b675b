//! The chain's configuration: all that derivation and execution ask about the rollup, and about the L1 it lives on.
//!
//! It has one canonical encoding, made by `config/program.py` and read by `Config.decode`. The encoding is part of the program's initial
//! memory image, so its hash is bound by the absolute prestate. It is an RLP list with fixed field order:
//!
//!     [version = 1, rollup, l1]
//!     rollup = [genesis, block_time, max_sequencer_drift, seq_window_size, channel_timeout, l1_chain_id, l2_chain_id, fork_times,
//!               batch_inbox, deposit_contract, l1_system_config, eip1559, pectra_blob_schedule_time, keep_karst_upgrade_gas]
//!     genesis = [l1_hash, l1_number, l2_hash, l2_number, l2_time, system_config]
//!     system_config = [batcher, overhead, scalar, gas_limit, eip1559_params, operator_fee_scalar, operator_fee_constant, min_base_fee,
//!                      da_footprint_gas_scalar]
//!     fork_times = [regolith, canyon, delta, ecotone, fjord, granite, holocene, isthmus, jovian, karst]
//!     eip1559 = [elasticity, denominator, denominator_canyon]
//!     l1 = [chain_id, [shanghai, cancun, prague, osaka], [[time, target, max, update_fraction], ...]]
//!
//! A time is `[seconds]`, or `[]` for never. Numbers are RLP integers (no leading zero), at most 64 bits; hashes, addresses and words
//! are byte strings of their full length; `keep_karst_upgrade_gas` is 0 or 1. Fork times never decrease, and after one that is
//! missing none follows. The blob schedule ascends by time.

const std = @import("std");
const fork = @import("evm/fork.zig");

pub const OpFork = fork.OpFork;
pub const EthFork = fork.EthFork;

pub const Error = error{InvalidConfig};

pub const version = 1;

/// The largest encoding that fits the program's configuration section.
pub const max_encoded_bytes = 4096 - 8;

/// Values the SystemConfig contract announces and each L1 attributes deposit repeats.
///
/// `scalar` is the raw word, versioned by its first byte; `eip1559_params` is denominator and elasticity, big-endian, zeros meaning the
/// chain's defaults.
/// Spec: op system-config, "System Config Contents".
pub const SystemConfig = struct {
    batcher: [20]u8,
    overhead: [32]u8,
    scalar: [32]u8,
    gas_limit: u64,
    eip1559_params: [8]u8,
    operator_fee_scalar: u32,
    operator_fee_constant: u64,
    min_base_fee: u64,
    da_footprint_gas_scalar: u16,
};

/// A block by hash and number.
pub const BlockId = struct {
    hash: [32]u8,
    number: u64,
};

/// Base fee parameters of the chain before Holocene made them part of each block.
pub const Eip1559 = struct {
    elasticity: u64,
    denominator: u64,
    denominator_canyon: u64,
};

pub const Genesis = struct {
    l1: BlockId,
    l2: BlockId,
    l2_time: u64,
    system_config: SystemConfig,
};

/// Everything about the rollup itself. Times in seconds, windows and timeouts in L1 blocks.
///
/// `max_sequencer_drift` and `channel_timeout` are the values before Fjord and Granite fixed them: ask `maxDrift` and
/// `channelTimeoutAt`.
pub const RollupConfig = struct {
    genesis: Genesis,
    block_time: u64,
    max_sequencer_drift: u64,
    seq_window_size: u64,
    channel_timeout: u64,
    l1_chain_id: u64,
    l2_chain_id: u64,
    /// Activation time of each fork after Bedrock; ask `isActive`.
    fork_times: [OpFork.count - 1]?u64,
    batch_inbox: [20]u8,
    deposit_contract: [20]u8,
    l1_system_config: [20]u8,
    eip1559: Eip1559,
    /// When set and Isthmus is not, L1 blob prices follow Cancun's schedule until this time although L1 runs Prague.
    pectra_blob_schedule_time: ?u64,
    /// The gas that Karst's activation block got for its upgrade transactions stays in the gas limit afterwards.
    keep_karst_upgrade_gas: bool,

    /// When `which` activates; null: never. Bedrock has been active for ever.
    pub fn forkTime(self: *const RollupConfig, which: OpFork) ?u64 {
        return if (which == .bedrock) 0 else self.fork_times[@intFromEnum(which) - 1];
    }

    /// Whether an L2 block of this timestamp follows the rules of `which`.
    pub fn isActive(self: *const RollupConfig, which: OpFork, timestamp: u64) bool {
        const time = self.forkTime(which) orelse return false;
        return timestamp >= time;
    }

    /// The newest fork whose rules a block of this timestamp follows.
    pub fn forkAt(self: *const RollupConfig, timestamp: u64) OpFork {
        var newest: OpFork = .bedrock;
        for (self.fork_times, 1..) |time, index| {
            if (time == null or timestamp < time.?) break;
            newest = @enumFromInt(index);
        }
        return newest;
    }

    /// Whether the block of this timestamp is the first one of `which`; never true for a fork active at genesis.
    pub fn isActivation(self: *const RollupConfig, which: OpFork, timestamp: u64) bool {
        const time = self.forkTime(which) orelse return false;
        return timestamp >= time and timestamp >= self.block_time and timestamp - self.block_time < time;
    }

    /// Seconds an L2 block may be ahead of its L1 origin. Spec: op fjord derivation, "Constant Maximum Sequencer Drift".
    pub fn maxDrift(self: *const RollupConfig, l2_timestamp: u64) u64 {
        return if (self.isActive(.fjord, l2_timestamp)) 1800 else self.max_sequencer_drift;
    }

    /// L1 blocks a channel may stay open, by the timestamp of the L1 origin. Spec: op granite derivation.
    pub fn channelTimeoutAt(self: *const RollupConfig, l1_timestamp: u64) u64 {
        return if (self.isActive(.granite, l1_timestamp)) 50 else self.channel_timeout;
    }

    /// The timestamp of L2 block `number`, or null when there is none that 64 bits can say.
    pub fn timestampOf(self: *const RollupConfig, number: u64) ?u64 {
        if (number < self.genesis.l2.number) return null;
        const elapsed = std.math.mul(u64, number - self.genesis.l2.number, self.block_time) catch return null;
        return std.math.add(u64, self.genesis.l2_time, elapsed) catch null;
    }

    /// The number of the L2 block with this timestamp, or null when there cannot be one.
    pub fn numberAt(self: *const RollupConfig, timestamp: u64) ?u64 {
        if (timestamp < self.genesis.l2_time) return null;
        const elapsed = timestamp - self.genesis.l2_time;
        if (elapsed % self.block_time != 0) return null;
        return std.math.add(u64, self.genesis.l2.number, elapsed / self.block_time) catch null;
    }
};

/// Blobs per block (target and maximum) and how fast their price moves (EIP-7840, EIP-7892).
pub const BlobParameters = struct {
    target: u64,
    max: u64,
    update_fraction: u64,

    /// What holds before any entry of a schedule does.
    pub const cancun: BlobParameters = .{ .target = 3, .max = 6, .update_fraction = 3_338_477 };
};

pub const BlobScheduleEntry = struct {
    time: u64,
    parameters: BlobParameters,
};

/// The L1 chain: which Ethereum rules hold when, and what a blob costs. Times in seconds; null: never.
pub const L1ChainConfig = struct {
    pub const max_blob_schedule = 32;

    chain_id: u64,
    shanghai_time: ?u64,
    cancun_time: ?u64,
    prague_time: ?u64,
    osaka_time: ?u64,
    blob_schedule_entries: [max_blob_schedule]BlobScheduleEntry,
    blob_schedule_length: usize,

    pub fn blobSchedule(self: *const L1ChainConfig) []const BlobScheduleEntry {
        return self.blob_schedule_entries[0..self.blob_schedule_length];
    }

    /// The Ethereum rules that an L1 block of this timestamp follows.
    pub fn forkAt(self: *const L1ChainConfig, timestamp: u64) EthFork {
        if (reached(self.osaka_time, timestamp)) return .osaka;
        if (reached(self.prague_time, timestamp)) return .prague;
        if (reached(self.cancun_time, timestamp)) return .cancun;
        if (reached(self.shanghai_time, timestamp)) return .shanghai;
        return .paris;
    }

    /// Blob parameters at an L1 timestamp; Cancun's before any entry of the schedule holds.
    pub fn blobParameters(self: *const L1ChainConfig, timestamp: u64) BlobParameters {
        var current = BlobParameters.cancun;
        for (self.blobSchedule()) |entry| {
            if (timestamp >= entry.time) current = entry.parameters;
        }
        return current;
    }

    fn reached(time: ?u64, timestamp: u64) bool {
        return time != null and timestamp >= time.?;
    }
};

pub const Config = struct {
    rollup: RollupConfig,
    l1: L1ChainConfig,

    /// Read the canonical encoding. It must be exactly that: no other encoding of the same configuration is accepted.
    pub fn decode(encoded: []const u8) Error!Config {
        var outer: Reader = .{ .rest = encoded };
        var list = try outer.list();
        try outer.end();
        if (try list.integer(u64) != version) return error.InvalidConfig;
        const rollup = try decodeRollup(&list);
        const l1 = try decodeL1(&list);
        try list.end();
        if (l1.chain_id != rollup.l1_chain_id) return error.InvalidConfig;
        return .{ .rollup = rollup, .l1 = l1 };
    }
};

fn decodeRollup(parent: *Reader) Error!RollupConfig {
    var list = try parent.list();
    const genesis = try decodeGenesis(&list);
    const block_time = try list.integer(u64);
    if (block_time == 0) return error.InvalidConfig;
    const max_sequencer_drift = try list.integer(u64);
    const seq_window_size = try list.integer(u64);
    const channel_timeout = try list.integer(u64);
    const l1_chain_id = try list.integer(u64);
    const l2_chain_id = try list.integer(u64);
    const fork_times = try decodeForkTimes(&list);
    const batch_inbox = try list.fixed(20);
    const deposit_contract = try list.fixed(20);
    const l1_system_config = try list.fixed(20);
    const eip1559 = try decodeEip1559(&list);
    const pectra_blob_schedule_time = try list.time();
    const keep_karst_upgrade_gas = try list.boolean();
    try list.end();
    return .{
        .genesis = genesis,
        .block_time = block_time,
        .max_sequencer_drift = max_sequencer_drift,
        .seq_window_size = seq_window_size,
        .channel_timeout = channel_timeout,
        .l1_chain_id = l1_chain_id,
        .l2_chain_id = l2_chain_id,
        .fork_times = fork_times,
        .batch_inbox = batch_inbox,
        .deposit_contract = deposit_contract,
        .l1_system_config = l1_system_config,
        .eip1559 = eip1559,
        .pectra_blob_schedule_time = pectra_blob_schedule_time,
        .keep_karst_upgrade_gas = keep_karst_upgrade_gas,
    };
}

fn decodeGenesis(parent: *Reader) Error!Genesis {
    var list = try parent.list();
    const l1: BlockId = .{ .hash = try list.fixed(32), .number = try list.integer(u64) };
    const l2: BlockId = .{ .hash = try list.fixed(32), .number = try list.integer(u64) };
    const l2_time = try list.integer(u64);
    const system_config = try decodeSystemConfig(&list);
    try list.end();
    return .{ .l1 = l1, .l2 = l2, .l2_time = l2_time, .system_config = system_config };
}

fn decodeSystemConfig(parent: *Reader) Error!SystemConfig {
    var list = try parent.list();
    const result: SystemConfig = .{
        .batcher = try list.fixed(20),
        .overhead = try list.fixed(32),
        .scalar = try list.fixed(32),
        .gas_limit = try list.integer(u64),
        .eip1559_params = try list.fixed(8),
        .operator_fee_scalar = try list.integer(u32),
        .operator_fee_constant = try list.integer(u64),
        .min_base_fee = try list.integer(u64),
        .da_footprint_gas_scalar = try list.integer(u16),
    };
    try list.end();
    return result;
}

fn decodeForkTimes(parent: *Reader) Error![OpFork.count - 1]?u64 {
    var list = try parent.list();
    var times: [OpFork.count - 1]?u64 = undefined;
    var previous: ?u64 = 0;
    for (&times) |*slot| {
        const time = try list.time();
        if (time) |seconds| {
            if (previous == null or seconds < previous.?) return error.InvalidConfig;
        }
        slot.* = time;
        previous = time;
    }
    try list.end();
    return times;
}

fn decodeEip1559(parent: *Reader) Error!Eip1559 {
    var list = try parent.list();
    const result: Eip1559 = .{
        .elasticity = try list.integer(u64),
        .denominator = try list.integer(u64),
        .denominator_canyon = try list.integer(u64),
    };
    try list.end();
    // They divide.
    if (result.elasticity == 0 or result.denominator == 0 or result.denominator_canyon == 0) return error.InvalidConfig;
    return result;
}

fn decodeL1(parent: *Reader) Error!L1ChainConfig {
    var list = try parent.list();
    var result: L1ChainConfig = undefined;
    result.chain_id = try list.integer(u64);
    var times = try list.list();
    result.shanghai_time = try times.time();
    result.cancun_time = try times.time();
    result.prague_time = try times.time();
    result.osaka_time = try times.time();
    try times.end();
    var schedule = try list.list();
    result.blob_schedule_length = 0;
    var previous: u64 = 0;
    while (schedule.rest.len > 0) {
        if (result.blob_schedule_length == L1ChainConfig.max_blob_schedule) return error.InvalidConfig;
        const entry = try decodeBlobScheduleEntry(&schedule);
        if (entry.time < previous) return error.InvalidConfig;
        previous = entry.time;
        result.blob_schedule_entries[result.blob_schedule_length] = entry;
        result.blob_schedule_length += 1;
    }
    try list.end();
    return result;
}

fn decodeBlobScheduleEntry(parent: *Reader) Error!BlobScheduleEntry {
    var list = try parent.list();
    const result: BlobScheduleEntry = .{
        .time = try list.integer(u64),
        .parameters = .{
            .target = try list.integer(u64),
            .max = try list.integer(u64),
            .update_fraction = try list.integer(u64),
        },
    };
    try list.end();
    if (result.parameters.update_fraction == 0) return error.InvalidConfig;
    return result;
}

/// Takes RLP items off the front of `rest`, strictly.
const Reader = struct {
    rest: []const u8,

    fn end(self: Reader) Error!void {
        if (self.rest.len != 0) return error.InvalidConfig;
    }

    fn list(self: *Reader) Error!Reader {
        return .{ .rest = try self.payload(0xc0) };
    }

    fn fixed(self: *Reader, comptime length: usize) Error![length]u8 {
        const value = try self.payload(0x80);
        if (value.len != length) return error.InvalidConfig;
        return value[0..length].*;
    }

    fn integer(self: *Reader, comptime T: type) Error!T {
        const value = try self.payload(0x80);
        if (value.len > @sizeOf(T) or (value.len > 0 and value[0] == 0)) return error.InvalidConfig;
        var result: T = 0;
        for (value) |byte| result = (result << 8) | byte;
        return result;
    }

    fn boolean(self: *Reader) Error!bool {
        return switch (try self.integer(u64)) {
            0 => false,
            1 => true,
            else => error.InvalidConfig,
        };
    }

    fn time(self: *Reader) Error!?u64 {
        var option = try self.list();
        if (option.rest.len == 0) return null;
        const seconds = try option.integer(u64);
        try option.end();
        return seconds;
    }

    /// The payload of the next item, which is a string (`base` 0x80) or a list (`base` 0xc0).
    fn payload(self: *Reader, comptime base: u8) Error![]const u8 {
        if (self.rest.len == 0) return error.InvalidConfig;
        const first = self.rest[0];
        if (base == 0x80 and first < 0x80) return self.take(0, 1);
        if (first < base or (base == 0x80 and first >= 0xc0)) return error.InvalidConfig;
        const short = first - base;
        if (short <= 55) {
            const value = try self.take(1, short);
            // A single byte below 0x80 is its own encoding.
            if (base == 0x80 and value.len == 1 and value[0] < 0x80) return error.InvalidConfig;
            return value;
        }
        const size: usize = short - 55;
        if (size > 2 or self.rest.len < 1 + size or self.rest[1] == 0) return error.InvalidConfig;
        var length: usize = 0;
        for (self.rest[1..][0..size]) |byte| length = (length << 8) | byte;
        if (length <= 55) return error.InvalidConfig;
        return self.take(1 + size, length);
    }

    fn take(self: *Reader, start: usize, length: usize) Error![]const u8 {
        if (self.rest.len - start < length) return error.InvalidConfig;
        const value = self.rest[start..][0..length];
        self.rest = self.rest[start + length ..];
        return value;
    }
};

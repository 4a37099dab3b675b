//! The fault-proof program: derives and executes L2 blocks from an agreed output root on, and says whether a claimed output root is right.
//!
//! Its inputs are the configuration and what the oracle serves: five items of local data (L1 head, agreed output root, claimed output root, claimed
//! block number, chain id) and, by hash, everything else.
//!
//! End of data: a claim below the agreed block is wrong; at the agreed block it is right only if the roots are equal; when L1 is used up before
//! the claimed block, the root of the last derived block is what counts. Who must know which block that was, as a validity proof must,
//! looks at `derived_number`.
//! Spec: op fault proof, "Fault Proof Program".

const std = @import("std");
const Arena = @import("arena.zig").Arena;
const config = @import("config.zig");
const execution = @import("block/pipeline.zig");
const store = @import("trie/store.zig");
const chain = @import("derivation/l1/chain.zig");
const derivation = @import("derivation/pipeline.zig");
const l2_chain = @import("derivation/l2_chain.zig");
const oracles = @import("derivation/oracle.zig");
const attributes_file = @import("derivation/attributes.zig");
const header_file = @import("types/header.zig");
const Allocator = std.mem.Allocator;
const Header = header_file.Header;
const Hash = [32]u8;

/// `WrongChain`: the game is about another chain than the configuration. `InvalidLocalData`: local data of the wrong size.
/// `InvalidPayload`: deposits alone make no valid block. Whatever it is, the claim is not shown to be right.
pub const Error = derivation.Error || execution.ExecuteError ||
    error{ WrongChain, InvalidLocalData, InvalidPayload };

pub const Outcome = struct {
    l1_head: Hash,
    agreed_root: Hash,
    claimed_root: Hash,
    claimed_number: u64,
    /// The last block there is: the claimed one, or the last that L1 gives.
    derived_number: u64,
    derived_root: Hash,

    pub fn isClaimValid(self: *const Outcome) bool {
        // A claim below the agreed block is about a block that is not in question.
        if (self.claimed_number < self.derived_number) return false;
        return std.mem.eql(u8, &self.derived_root, &self.claimed_root);
    }
};

/// What the program may be asked to tell about its work, for measurements.
pub const Progress = struct {
    context: *anyopaque,
    /// Called when a part of the work is done.
    doneFn: *const fn (context: *anyopaque, part: Part, number: u64) void,

    pub const Part = enum(u8) { prologue, attributes, block, finished };

    fn done(self: ?Progress, part: Part, number: u64) void {
        if (self) |progress| progress.doneFn(progress.context, part, number);
    }
};

/// Run the program. `gpa` should take memory back; blocks and state take what they need of it.
pub fn run(gpa: Allocator, configuration: *const config.Config, oracle: *oracles.Oracle, progress: ?Progress) Error!Outcome {
    var program: Program = undefined;
    return program.run(gpa, configuration, oracle, progress);
}

/// An agreed output root's preimage. Spec: op proposals, "L2 Output Commitment Construction".
const Output = struct {
    block_hash: Hash,

    fn read(oracle: *oracles.Oracle, scratch: Allocator, root: *const Hash) Error!Output {
        oracle.hint("l2-output", &.{root});
        const preimage = try oracle.keccak256(root, scratch);
        const is_version_0 = preimage.len == 128 and std.mem.allEqual(u8, preimage[0..32], 0);
        if (!is_version_0) return error.CorruptData;
        return .{ .block_hash = preimage[96..128].* };
    }
};

const Program = struct {
    oracle: *oracles.Oracle,
    config: *const config.Config,
    /// State nodes and headers of L2; what was derived is in here and nowhere else, so nothing is ever dropped.
    nodes: store.Store,
    codes: store.Store,
    headers: store.Store,
    /// Memory of one block's execution.
    block_arena: Arena,
    scratch: Arena,
    l1: chain.Chain,
    l2: l2_chain.Chain,
    pipeline: derivation.Pipeline,
    builder: execution.BlockBuilder,

    fn run(self: *Program, gpa: Allocator, configuration: *const config.Config, oracle: *oracles.Oracle, progress: ?Progress) Error!Outcome {
        self.oracle = oracle;
        self.config = configuration;
        self.scratch = .init(gpa);
        defer self.scratch.deinit();
        const scratch = self.scratch.allocator();
        var outcome: Outcome = .{
            .l1_head = try localHash(oracle, scratch, .l1_head),
            .agreed_root = try localHash(oracle, scratch, .agreed_output_root),
            .claimed_root = try localHash(oracle, scratch, .claimed_output_root),
            .claimed_number = try localNumber(oracle, scratch, .claimed_block_number),
            .derived_number = undefined,
            .derived_root = undefined,
        };
        if (try localNumber(oracle, scratch, .chain_id) != configuration.rollup.l2_chain_id) return error.WrongChain;
        const agreed = try Output.read(oracle, scratch, &outcome.agreed_root);
        self.l2, const safe = try l2_chain.Chain.init(gpa, scratch, oracle, &configuration.rollup, &agreed.block_hash);
        defer self.l2.deinit();
        outcome.derived_number = safe.ref.number;
        outcome.derived_root = outcome.agreed_root;
        if (outcome.claimed_number <= safe.ref.number) return outcome;

        self.nodes = .init(gpa, self.backing(.state_node), std.math.maxInt(usize));
        defer self.nodes.deinit();
        self.codes = .init(gpa, self.backing(.code), std.math.maxInt(usize));
        defer self.codes.deinit();
        self.headers = .init(gpa, self.backing(.header), std.math.maxInt(usize));
        defer self.headers.deinit();
        self.block_arena = .init(gpa);
        defer self.block_arena.deinit();
        self.l1 = try .init(gpa, oracle, &outcome.l1_head);
        defer self.l1.deinit();
        try self.pipeline.init(gpa, configuration, &self.l1, &self.l2, safe);
        defer self.pipeline.deinit();
        Progress.done(progress, .prologue, safe.ref.number);
        // Before Holocene the claimed block counts once all of its span batch is made: a later block in it may undo it.
        var settled_root = outcome.agreed_root;
        while (self.pipeline.settled.ref.number < outcome.claimed_number) {
            const attributes = try self.pipeline.next() orelse break;
            Progress.done(progress, .attributes, attributes.parent.number + 1);
            const made = try self.make(attributes);
            const number = self.pipeline.safe.ref.number;
            if (number <= outcome.claimed_number) {
                outcome.derived_number = number;
                outcome.derived_root = made orelse settled_root;
            }
            if (made != null) Progress.done(progress, .block, number);
            if (self.pipeline.settled.ref.number == outcome.derived_number) settled_root = outcome.derived_root;
        }
        Progress.done(progress, .finished, outcome.derived_number);
        return outcome;
    }

    /// Make the next block and give its output root; null when its attributes make none and another batch may take their place.
    fn make(self: *Program, given: derivation.Attributes) Error!?Hash {
        var attributes = given;
        const sealed = self.execute(&attributes) catch |failure| switch (failure) {
            error.InvalidAttributes, error.InvalidTransaction => again: {
                const was_deposits_only = attributes.transactions.len == attributes.deposit_count;
                if (was_deposits_only) return error.InvalidPayload;
                if (!self.pipeline.reduceToDeposits(&attributes)) return null;
                break :again self.execute(&attributes) catch |twice| return switch (twice) {
                    error.InvalidAttributes, error.InvalidTransaction => error.InvalidPayload,
                    else => twice,
                };
            },
            else => return failure,
        };
        const root = try self.builder.outputRoot(&sealed);
        try self.headers.add(&sealed.hash, sealed.encoded_header);
        self.scratch.reset();
        const first = attributes.transactions[0];
        const block = try l2_chain.describe(self.scratch.allocator(), &self.config.rollup, &sealed.header, &sealed.hash, first);
        try self.pipeline.append(block, &attributes);
        return root;
    }

    fn execute(self: *Program, attributes: *const derivation.Attributes) Error!execution.Sealed {
        self.block_arena.reset();
        const parent_hash = &self.pipeline.safe.ref.hash;
        const parent = Header.decode(try self.headers.get(parent_hash)) catch return error.CorruptData;
        const sources: execution.Sources = .{ .nodes = &self.nodes, .codes = &self.codes, .headers = &self.headers };
        return execution.execute(
            &self.builder,
            self.block_arena.allocator(),
            &self.config.rollup,
            sources,
            &parent,
            parent_hash,
            &.{
                .timestamp = attributes.timestamp,
                .fee_recipient = attributes_file.fee_recipient,
                .prev_randao = attributes.prev_randao,
                .gas_limit = attributes.gas_limit,
                .parent_beacon_block_root = attributes.parent_beacon_block_root,
                .eip1559_params = attributes.eip1559_params,
                .min_base_fee = attributes.min_base_fee,
            },
            attributes.transactions,
        );
    }

    const Kind = enum { state_node, code, header };

    fn backing(self: *Program, comptime kind: Kind) store.Backing {
        // Whoever serves preimages has checked them, or the machine has.
        return .{ .context = self, .fetchFn = Fetch(kind).fetch, .trusted = true };
    }

    fn Fetch(comptime kind: Kind) type {
        return struct {
            fn fetch(context: *anyopaque, arena: Allocator, keys: []const Hash, values: []?[]const u8) error{OutOfMemory}!void {
                const self: *Program = @ptrCast(@alignCast(context));
                for (keys, values) |*key, *value| {
                    self.oracle.hint(switch (kind) {
                        .state_node => "l2-state-node",
                        .code => "l2-code",
                        .header => "l2-block-header",
                    }, &.{key});
                    value.* = self.oracle.keccak256(key, arena) catch |failure| switch (failure) {
                        error.OutOfMemory => return error.OutOfMemory,
                        error.MissingPreimage => null,
                    };
                }
            }
        };
    }
};

fn localHash(oracle: *const oracles.Oracle, scratch: Allocator, which: oracles.Local) Error!Hash {
    const value = try oracle.local(which, scratch);
    return if (value.len == 32) value[0..32].* else error.InvalidLocalData;
}

fn localNumber(oracle: *const oracles.Oracle, scratch: Allocator, which: oracles.Local) Error!u64 {
    const value = try oracle.local(which, scratch);
    return if (value.len == 8) std.mem.readInt(u64, value[0..8], .big) else error.InvalidLocalData;
}

//! Calls and creations: begins frames, runs them one inside the other without recursion, ends them.
//!
//! `Machine.init` makes the machine for a block, `Machine.run` executes one top-level call or creation in it, with the changes in the
//! state's journal. `transaction.zig` and system calls are built on `run`.
//! Spec: execution-specs, "vm/interpreter.py"; yellow paper, sections 7 and 8

const std = @import("std");
const types = @import("types.zig");
const gas = @import("gas.zig");
const fork = @import("fork.zig");
const code_file = @import("code.zig");
const state_file = @import("state.zig");
const frame_file = @import("frame.zig");
const interpreter = @import("interpreter.zig");
const precompiles = @import("precompiles.zig");
const platform = @import("../platform.zig");
const created_address = @import("created_address.zig");
const Allocator = std.mem.Allocator;
const Account = state_file.Account;
const State = state_file.State;
const Frame = frame_file.Frame;
pub const Status = frame_file.Status;

/// A call or creation that is to begin.
pub const Request = struct {
    kind: enum { call, create },
    caller: types.Address,
    /// The account from which `value` is taken; null when none is moved (DELEGATECALL shows its parent's).
    payer: ?*Account,
    /// Call: the account that the code works on. Creation: the creator.
    owner: *Account,
    /// Call: the account whose code it is.
    code_owner: ?*Account = null,
    /// The code to run where that is not `code_owner`'s own, or is known already.
    code: ?*state_file.Code = null,
    precompile: ?u16 = null,
    value: u256,
    /// Input or init code; it stays where it is while the call runs.
    input: []const u8,
    salt: ?u256 = null,
    /// Creation by a transaction, whose nonce has been counted: the new address.
    address: ?types.Address = null,
    gas: i64,
    is_static: bool,
    /// The caller's memory to which the result is copied.
    output: []u8 = &.{},
};

/// How a call or creation ended.
pub const Outcome = struct {
    status: Status,
    gas_left: i64,
    /// What was returned; for a creation only what a revert returned. Valid until the next call at this depth.
    output: []const u8 = &.{},
    created: ?types.Address = null,
};

pub const TransactionContext = struct {
    origin: types.Address = @splat(0),
    /// The effective price in wei.
    gas_price: u256 = 0,
    blob_hashes: []const types.Hash = &.{},
};

/// Room for a frame, kept for the next one at this depth.
const Level = struct {
    frame: Frame,
    stack: [frame_file.stack_limit]u256,
    init_code: []u8,
    init_jump_targets: []u8,
};

pub const Machine = struct {
    /// Memory for the block: frames are kept from call to call.
    allocator: Allocator,
    state: *State,
    environment: *const types.Environment,
    rules: fork.Rules,
    table: *const frame_file.Table,
    transaction: TransactionContext = .{},
    levels: std.ArrayList(*Level) = .empty,
    fault: ?types.Error = null,

    pub fn init(allocator: Allocator, state: *State, environment: *const types.Environment, rules: fork.Rules) Machine {
        return .{
            .allocator = allocator,
            .state = state,
            .environment = environment,
            .rules = rules,
            .table = interpreter.table(rules.eth),
        };
    }

    /// Executes a call or creation at depth 0, whose value the payer has been found to have.
    pub fn run(self: *Machine, request: *const Request) types.Error!Outcome {
        var depth: u16 = 0;
        var frame: *Frame = switch (try self.begin(request, depth)) {
            .frame => |frame| frame,
            .done => |outcome| return outcome,
        };
        var status = frame.run(frame.pc);
        while (true) {
            var outcome: Outcome = undefined;
            switch (status) {
                .fault => return self.fault.?,
                .waiting => {
                    frame.return_data = &.{};
                    switch (try self.begin(&frame.request, depth + 1)) {
                        .frame => |child| {
                            depth += 1;
                            frame = child;
                            status = frame.run(frame.pc);
                            continue;
                        },
                        .done => |done| outcome = done,
                    }
                },
                else => {
                    outcome = try self.end(frame, status);
                    if (depth == 0) return outcome;
                    depth -= 1;
                    frame = &self.levels.items[depth].frame;
                },
            }
            answer(frame, &outcome);
            status = frame.run(frame.pc + 1);
        }
    }

    const Beginning = union(enum) { frame: *Frame, done: Outcome };

    /// Begins a frame, or ends the request at once: it is refused, is to a precompile or to an account without code.
    fn begin(self: *Machine, request: *const Request, depth: u16) types.Error!Beginning {
        if (depth > gas.call_depth) return refused(request, .depth_limit);
        if (request.payer) |payer| {
            if (payer.info.balance < request.value) return refused(request, .insufficient_balance);
        }
        return switch (request.kind) {
            .call => self.beginCall(request, depth),
            .create => self.beginCreation(request, depth),
        };
    }

    fn refused(request: *const Request, status: Status) Beginning {
        return .{ .done = .{ .status = status, .gas_left = request.gas } };
    }

    fn beginCall(self: *Machine, request: *const Request, depth: u16) types.Error!Beginning {
        const state = self.state;
        const snapshot = state.snapshot();
        const value = if (request.payer == null) 0 else request.value;
        if (value != 0) {
            try state.transfer(request.payer.?, request.owner, value);
        } else if (self.rules.clearsEmptyAccounts()) {
            try state.touch(request.owner);
        } else {
            try state.addBalance(request.owner, 0); // even so it exists from now on
        }
        if (request.precompile) |number| return .{ .done = try self.runPrecompile(request, number, snapshot, depth) };
        const code = request.code orelse try state.codeOf(request.code_owner.?);
        if (code.bytes.len == 0) return .{ .done = .{ .status = .stopped, .gas_left = request.gas } };
        const level = try self.levelAt(depth);
        start(self, level, request, request.owner, code.bytes, code, depth, snapshot);
        return .{ .frame = &level.frame };
    }

    fn runPrecompile(self: *Machine, request: *const Request, number: u16, snapshot: state_file.Snapshot, depth: u16) types.Error!Outcome {
        const failure: Status = failure: {
            const price = precompiles.price(self.rules, number, request.input) orelse break :failure .precompile_failed;
            if (price > request.gas) break :failure .out_of_gas;
            const is_identity = number == precompiles.identity;
            const result = if (is_identity) request.input else platform.current.precompile(number, price, request.input, self.allocator) catch |err|
                switch (err) {
                    error.PrecompileFailed => break :failure .precompile_failed,
                    else => |fatal| return fatal,
                };
            defer if (!is_identity) self.allocator.free(result);
            // The result moves to where a frame at this depth would have left it.
            const memory = &(try self.levelAt(depth)).frame.memory;
            memory.len = 0;
            try memory.grow(self.allocator, gas.words(result.len) * 32);
            @memcpy(memory.bytes[0..result.len], result);
            return .{
                .status = .returned,
                .gas_left = request.gas - @as(i64, @intCast(price)),
                .output = memory.bytes[0..result.len],
            };
        };
        self.state.revert(snapshot);
        return .{ .status = failure, .gas_left = 0 };
    }

    fn beginCreation(self: *Machine, request: *const Request, depth: u16) types.Error!Beginning {
        const state = self.state;
        const creator = request.owner;
        const address = request.address orelse address: {
            const nonce = creator.info.nonce;
            if (nonce == std.math.maxInt(u64)) return refused(request, .nonce_limit);
            try state.setNonce(creator, nonce + 1);
            break :address if (request.salt) |salt|
                created_address.salted(creator.address, salt, request.input)
            else
                created_address.byNonce(creator.address, nonce);
        };
        const new = try state.account(address);
        // Not undone when the creation fails.
        if (self.rules.hasAccessSets()) _ = try state.warm(new);
        if (new.info.nonce != 0 or new.info.hasCode() or state.hasStorage(new)) {
            return .{ .done = .{ .status = .address_collision, .gas_left = 0 } };
        }
        const snapshot = state.snapshot();
        try state.markCreated(new);
        if (self.rules.since(.spurious_dragon)) try state.setNonce(new, 1);
        if (request.value != 0) {
            try state.transfer(request.payer.?, new, request.value);
        } else {
            try state.addBalance(new, 0);
        }
        const level = try self.levelAt(depth);
        const code = try padInitCode(self.allocator, level, request.input);
        start(self, level, request, new, code, null, depth, snapshot);
        level.frame.input = &.{};
        level.frame.is_creation = true;
        return .{ .frame = &level.frame };
    }

    fn padInitCode(allocator: Allocator, level: *Level, init_code: []const u8) Allocator.Error![]const u8 {
        const needed = init_code.len + code_file.padding;
        if (level.init_code.len < needed) {
            allocator.free(level.init_code);
            level.init_code = &.{};
            level.init_code = try allocator.alloc(u8, @max(needed, 1024));
        }
        @memcpy(level.init_code[0..init_code.len], init_code);
        @memset(level.init_code[init_code.len..needed], 0);
        return level.init_code[0..init_code.len];
    }

    /// The targets of jumps in init code, which runs once: they are not kept with the code, but in the level's room.
    pub fn initCodeJumpTargets(self: *Machine, frame: *Frame) Allocator.Error![]const u8 {
        const level = self.levels.items[frame.depth];
        const needed = code_file.bitmapSize(frame.code.len);
        if (level.init_jump_targets.len < needed) {
            self.allocator.free(level.init_jump_targets);
            level.init_jump_targets = &.{};
            level.init_jump_targets = try self.allocator.alloc(u8, @max(needed, 128));
        }
        code_file.markJumpTargets(level.init_jump_targets[0..needed], frame.code);
        return level.init_jump_targets[0..needed];
    }

    fn levelAt(self: *Machine, depth: u16) Allocator.Error!*Level {
        if (depth == self.levels.items.len) {
            const level = try self.allocator.create(Level);
            level.frame.memory = .{};
            level.init_code = &.{};
            level.init_jump_targets = &.{};
            try self.levels.append(self.allocator, level);
        }
        return self.levels.items[depth];
    }

    fn start(
        self: *Machine,
        level: *Level,
        request: *const Request,
        owner: *Account,
        code: []const u8,
        stored_code: ?*state_file.Code,
        depth: u16,
        snapshot: state_file.Snapshot,
    ) void {
        const memory = level.frame.memory;
        const bottom: [*]u256 = @as([*]u256, &level.stack) + frame_file.stack_limit;
        level.frame = .{
            .table = self.table,
            .stack_bottom = bottom,
            .stack_full = &level.stack,
            .memory = .{ .bytes = memory.bytes, .len = 0, .capacity = memory.capacity },
            .code = code,
            .jump_targets = if (stored_code) |stored| (if (stored.jump_targets) |targets| targets.ptr else null) else null,
            .stored_code = stored_code,
            .machine = self,
            .owner = owner,
            .caller = request.caller,
            .value = request.value,
            .input = request.input,
            .is_static = request.is_static,
            .is_creation = false,
            .depth = depth,
            .snapshot = snapshot,
            .pc = code.ptr,
            .sp = bottom,
            .gas_left = request.gas,
        };
    }

    /// Ends a frame: keeps its changes or takes them back.
    fn end(self: *Machine, frame: *Frame, status: Status) types.Error!Outcome {
        var outcome: Outcome = .{ .status = status, .gas_left = frame.gas_left, .output = frame.output };
        if (status.isSuccess() and frame.is_creation) {
            outcome.output = &.{};
            outcome.created = frame.owner.address;
            outcome.status = try self.deposit(frame, &outcome.gas_left);
        }
        if (outcome.status.isSuccess()) return outcome;
        self.state.revert(frame.snapshot);
        outcome.created = null;
        if (outcome.status != .reverted) {
            outcome.gas_left = 0;
            outcome.output = &.{};
        }
        return outcome;
    }

    /// Gives a created contract the code that its init code returned. Spec: yellow paper, section 7; EIP-2, EIP-170, EIP-3541
    fn deposit(self: *Machine, frame: *Frame, gas_left: *i64) types.Error!Status {
        const code = frame.output;
        if (self.rules.since(.london) and code.len > 0 and code[0] == 0xef) return .invalid_code_prefix;
        if (self.rules.since(.spurious_dragon) and code.len > gas.max_code_size) return .code_too_large;
        const price = gas.code_deposit_byte * code.len;
        if (price > gas_left.*) {
            // Before EIP-2 the contract then simply stayed without code.
            return if (self.rules.since(.homestead)) .out_of_gas else .stopped;
        }
        gas_left.* -= @intCast(price);
        if (code.len > 0) try self.state.setCode(frame.owner, code);
        return .stopped;
    }

    /// Gives a waiting frame the outcome of its request.
    fn answer(frame: *Frame, outcome: *const Outcome) void {
        const request = &frame.request;
        frame.gas_left += outcome.gas_left;
        frame.return_data = outcome.output;
        frame.sp[0] = switch (request.kind) {
            .call => @intFromBool(outcome.status.isSuccess()),
            .create => if (outcome.created) |address| types.addressToWord(address) else 0,
        };
        if (request.kind == .call) {
            const size = @min(request.output.len, outcome.output.len);
            @memcpy(request.output[0..size], outcome.output[0..size]);
        }
    }
};

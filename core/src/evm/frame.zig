//! One running call or creation, and what its opcodes share.

const std = @import("std");
const types = @import("types.zig");
const gas = @import("gas.zig");
const memory_file = @import("memory.zig");
const code_file = @import("code.zig");
const state_file = @import("state.zig");
const Machine = @import("message.zig").Machine;
const Request = @import("message.zig").Request;
const Account = state_file.Account;

/// Why a frame does not run (any more).
pub const Status = enum(u8) {
    running,
    /// It waits for the call or creation in `request`.
    waiting,

    stopped,
    returned,
    reverted,

    // The exceptional halts: all gas is gone.
    out_of_gas,
    stack_underflow,
    stack_overflow,
    invalid_jump,
    invalid_opcode,
    write_protection,
    return_data_out_of_bounds,
    // Of creations and precompiles.
    address_collision,
    code_too_large,
    invalid_code_prefix,
    precompile_failed,
    // Not begun: the gas is returned.
    depth_limit,
    insufficient_balance,
    nonce_limit,

    /// The block cannot be executed; the machine's `fault` says why.
    fault,

    pub fn isSuccess(self: Status) bool {
        return self == .stopped or self == .returned;
    }
};

/// An opcode: does its work and goes on to the next one, or leaves with a status. `pc` points at the opcode in the padded code; `sp` at
/// the top of the stack, which grows downwards; `gas_left` is never negative.
pub const Handler = *const fn (frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_left: i64) Status;
pub const Table = [256]Handler;

pub const stack_limit = 1024;

pub const Frame = struct {
    table: *const Table,
    /// Where the stack is empty, and where it is full.
    stack_bottom: [*]u256,
    stack_full: [*]u256,
    memory: memory_file.Memory = .{},

    code: []const u8,
    /// A bit for each byte of the code that is a jump's target; null before the first jump.
    jump_targets: ?[*]const u8 = null,
    /// The code as the state keeps it; null for init code.
    stored_code: ?*code_file.Code = null,

    machine: *Machine,
    /// The account whose storage and balance the code works on.
    owner: *Account,
    caller: types.Address,
    value: u256,
    input: []const u8,
    is_static: bool,
    is_creation: bool,
    depth: u16,
    snapshot: state_file.Snapshot,

    /// What the last call returned.
    return_data: []const u8 = &.{},
    /// What the frame returns, in its memory.
    output: []const u8 = &.{},
    request: Request = undefined,

    // Where it stands, noted whenever it does not run.
    pc: [*]const u8 = undefined,
    sp: [*]u256 = undefined,
    gas_left: i64 = undefined,

    /// Number of words on the stack, in bytes.
    pub inline fn stackBytes(self: *const Frame, sp: [*]u256) usize {
        return @intFromPtr(self.stack_bottom) -% @intFromPtr(sp);
    }

    pub inline fn next(self: *Frame, pc: [*]const u8, sp: [*]u256, gas_left: i64) Status {
        return @call(.always_tail, self.table[pc[0]], .{ self, pc, sp, gas_left });
    }

    /// Runs from the opcode at `pc` until the frame waits or has ended.
    pub fn run(self: *Frame, pc: [*]const u8) Status {
        return self.table[pc[0]](self, pc, self.sp, self.gas_left);
    }

    /// Notes where the frame stands and leaves.
    pub noinline fn leave(self: *Frame, pc: [*]const u8, sp: [*]u256, gas_left: i64, status: Status) Status {
        self.pc = pc;
        self.sp = sp;
        self.gas_left = gas_left;
        return status;
    }

    pub fn findJumpTargets(self: *Frame) types.Error!void {
        const targets = if (self.stored_code) |stored|
            try stored.jumpTargets(self.machine.state.allocator)
        else
            try self.machine.initCodeJumpTargets(self);
        self.jump_targets = targets.ptr;
    }

    /// Remembers an error that ends the block.
    pub fn fault(self: *Frame, err: types.Error) Status {
        self.machine.fault = err;
        return .fault;
    }

    /// Charges `amount`; false when it is not there.
    pub inline fn charge(left: *i64, amount: u64) bool {
        // Prices fit 63 bits by far: no operand that they grow with exceeds 2^40.
        left.* -%= @bitCast(amount);
        return left.* >= 0;
    }

    /// Charges for memory up to `offset + size` and makes it usable. Spec: yellow paper, appendix H, M and C_mem
    pub inline fn expand(self: *Frame, left: *i64, offset: u256, size: u256) Status {
        if (size == 0) return .running;
        if ((offset | size) >> 32 != 0) return .out_of_gas;
        const end = @as(u64, @truncate(offset)) +% @as(u64, @truncate(size));
        if (end <= self.memory.len) return .running;
        return self.expandTo(left, end);
    }

    fn expandTo(self: *Frame, left: *i64, end: u64) Status {
        const words = gas.words(end);
        const price = memory_file.cost(words) - memory_file.cost(self.memory.len / 32);
        if (price > std.math.maxInt(i64) or !charge(left, price)) return .out_of_gas;
        self.memory.grow(self.machine.allocator, words * 32) catch |err| return self.fault(err);
        return .running;
    }

    /// A range of memory that `expand` has made usable.
    pub inline fn range(self: *const Frame, offset: u256, size: u256) []u8 {
        if (size == 0) return &.{};
        return self.memory.slice(@truncate(offset & std.math.maxInt(u64)), @truncate(size & std.math.maxInt(u64)));
    }
};

/// An opcode that takes `pops` words, leaves `pushes` (0 or 1) and costs `price` at least.
///
/// `body` gets the words, first the top of the stack, in one of these forms:
///   * `fn (words: [*]const u256) u256`, or with the frame in front: the result of an opcode that costs no more;
///   * `fn (frame, words: [*]u256, gas_left: *i64) Status`: one that can fail; it writes its result over the last word it takes.
pub fn op(comptime pops: usize, comptime pushes: usize, comptime price: comptime_int, comptime body: anytype) Handler {
    const parameters = @typeInfo(@TypeOf(body)).@"fn".param_types.len;
    return struct {
        fn run(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_before: i64) Status {
            // The stack's bounds are checked here, once for all that the body touches.
            @setRuntimeSafety(false);
            if (pops > 0 and frame.stackBytes(sp) < pops * 32) return frame.leave(pc, sp, gas_before, .stack_underflow);
            if (pushes > pops and sp == frame.stack_full) return frame.leave(pc, sp, gas_before, .stack_overflow);
            var gas_left = gas_before - price;
            if (gas_left < 0) return frame.leave(pc, sp, 0, .out_of_gas);
            const top = sp + pops - pushes;
            switch (parameters) {
                1 => if (pushes == 0) body(sp) else {
                    top[0] = body(sp);
                },
                2 => if (pushes == 0) body(frame, sp) else {
                    top[0] = body(frame, sp);
                },
                3 => {
                    const status: Status = body(frame, sp, &gas_left);
                    if (status != .running) return frame.leave(pc, top, gas_left, status);
                },
                else => comptime unreachable,
            }
            return @call(.always_tail, frame.table[pc[1]], .{ frame, pc + 1, top, gas_left });
        }
    }.run;
}

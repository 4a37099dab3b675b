//! Stack manipulation, jumps and the ends of a frame. Spec: yellow paper, appendix H.2, "50s" to "90s", "f0s"

const std = @import("std");
const builtin = @import("builtin");
const frame_file = @import("../frame.zig");
const Frame = frame_file.Frame;
const Handler = frame_file.Handler;
const Status = frame_file.Status;
const op = frame_file.op;

pub fn install(table: *frame_file.Table) void {
    table[0x00] = stop;
    table[0x50] = op(1, 0, 2, pop);
    table[0x56] = jump;
    table[0x57] = jumpIf;
    table[0x58] = programCounter;
    table[0x5a] = gasLeft;
    table[0x5b] = op(0, 0, 1, jumpTarget);
    for (1..33) |size| table[0x5f + size] = push(size);
    for (1..17) |depth| table[0x7f + depth] = duplicate(depth);
    for (1..17) |depth| table[0x8f + depth] = swap(depth);
    table[0xf3] = end(.returned);
    table[0xfe] = invalid;
}

/// Spec: EIP-140
pub fn installRevert(table: *frame_file.Table) void {
    table[0xfd] = end(.reverted);
}

/// Spec: EIP-3855
pub fn installPushZero(table: *frame_file.Table) void {
    table[0x5f] = push(0);
}

fn stop(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_left: i64) Status {
    return frame.leave(pc, sp, gas_left, .stopped);
}

pub fn invalid(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_left: i64) Status {
    return frame.leave(pc, sp, gas_left, .invalid_opcode);
}

inline fn pop(_: [*]const u256) void {}

inline fn jumpTarget(_: [*]const u256) void {}

/// Where a jump to `word` goes, or null when that is no target. The frame's targets are known.
inline fn target(frame: *Frame, targets: [*]const u8, word: u256) ?[*]const u8 {
    if (word >= frame.code.len) return null;
    const position: usize = @truncate(word);
    if (targets[position / 8] >> @intCast(position % 8) & 1 == 0) return null;
    return frame.code.ptr + position;
}

/// Finds the code's targets and does the jump once more.
fn findTargets(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_before: i64) Status {
    frame.findJumpTargets() catch |err| return frame.leave(pc, sp, gas_before, frame.fault(err));
    return frame.next(pc, sp, gas_before);
}

fn jump(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_before: i64) Status {
    @setRuntimeSafety(false); // `target` looks at the bounds itself
    const targets = frame.jump_targets orelse return @call(.always_tail, findTargets, .{ frame, pc, sp, gas_before });
    if (frame.stackBytes(sp) < 32) return frame.leave(pc, sp, gas_before, .stack_underflow);
    const gas_left = gas_before - 8;
    if (gas_left < 0) return frame.leave(pc, sp, 0, .out_of_gas);
    const to = target(frame, targets, sp[0]) orelse return frame.leave(pc, sp, gas_left, .invalid_jump);
    return frame.next(to, sp + 1, gas_left);
}

fn jumpIf(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_before: i64) Status {
    @setRuntimeSafety(false); // as in `jump`
    const targets = frame.jump_targets orelse return @call(.always_tail, findTargets, .{ frame, pc, sp, gas_before });
    if (frame.stackBytes(sp) < 64) return frame.leave(pc, sp, gas_before, .stack_underflow);
    const gas_left = gas_before - 10;
    if (gas_left < 0) return frame.leave(pc, sp, 0, .out_of_gas);
    if (sp[1] == 0) return frame.next(pc + 1, sp + 2, gas_left);
    const to = target(frame, targets, sp[0]) orelse return frame.leave(pc, sp, gas_left, .invalid_jump);
    return frame.next(to, sp + 2, gas_left);
}

fn programCounter(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_before: i64) Status {
    if (sp == frame.stack_full) return frame.leave(pc, sp, gas_before, .stack_overflow);
    const gas_left = gas_before -% 2;
    if (gas_left < 0) return frame.leave(pc, sp, 0, .out_of_gas);
    const top = sp - 1;
    top[0] = @intFromPtr(pc) - @intFromPtr(frame.code.ptr);
    return frame.next(pc + 1, top, gas_left);
}

fn gasLeft(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_before: i64) Status {
    if (sp == frame.stack_full) return frame.leave(pc, sp, gas_before, .stack_overflow);
    const gas_left = gas_before -% 2;
    if (gas_left < 0) return frame.leave(pc, sp, 0, .out_of_gas);
    const top = sp - 1;
    top[0] = @intCast(gas_left);
    return frame.next(pc + 1, top, gas_left);
}

fn push(comptime size: usize) Handler {
    return struct {
        fn run(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_before: i64) Status {
            @setRuntimeSafety(false); // the stack is checked here; code is padded by more than a PUSH32 reads
            if (sp == frame.stack_full) return frame.leave(pc, sp, gas_before, .stack_overflow);
            const gas_left = gas_before - @as(i64, if (size == 0) 2 else 3);
            if (gas_left < 0) return frame.leave(pc, sp, 0, .out_of_gas);
            const top = sp - 1;
            const limbs: *[4]u64 = @ptrCast(&top[0]);
            inline for (limbs, 0..) |*limb, i| limb.* = immediate(pc + 1, size, i);
            return frame.next(pc + 1 + size, top, gas_left);
        }
    }.run;
}

/// Limb `index`, from the lowest, of the big-endian number of `size` bytes at `bytes`.
inline fn immediate(bytes: [*]const u8, comptime size: usize, comptime index: usize) u64 {
    if (size <= 8 * index) return 0;
    const bytes_left = size - 8 * index;
    if (bytes_left >= 8) return std.mem.readInt(u64, bytes[bytes_left - 8 ..][0..8], .big);
    // One wide load where the processor allows it at any address.
    if (builtin.cpu.arch == .x86_64) return std.mem.readInt(u64, bytes[0..8], .big) >> (64 - 8 * bytes_left);
    var limb: u64 = 0;
    inline for (0..bytes_left) |i| limb = limb << 8 | bytes[i];
    return limb;
}

fn duplicate(comptime depth: usize) Handler {
    return struct {
        fn run(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_before: i64) Status {
            @setRuntimeSafety(false); // the stack is checked here
            if (frame.stackBytes(sp) < depth * 32) return frame.leave(pc, sp, gas_before, .stack_underflow);
            if (sp == frame.stack_full) return frame.leave(pc, sp, gas_before, .stack_overflow);
            const gas_left = gas_before - 3;
            if (gas_left < 0) return frame.leave(pc, sp, 0, .out_of_gas);
            const top = sp - 1;
            top[0] = sp[depth - 1];
            return frame.next(pc + 1, top, gas_left);
        }
    }.run;
}

fn swap(comptime depth: usize) Handler {
    return struct {
        fn run(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_before: i64) Status {
            @setRuntimeSafety(false); // the stack is checked here
            if (frame.stackBytes(sp) < (depth + 1) * 32) return frame.leave(pc, sp, gas_before, .stack_underflow);
            const gas_left = gas_before - 3;
            if (gas_left < 0) return frame.leave(pc, sp, 0, .out_of_gas);
            const first = sp[0];
            sp[0] = sp[depth];
            sp[depth] = first;
            return frame.next(pc + 1, sp, gas_left);
        }
    }.run;
}

/// RETURN and REVERT.
fn end(comptime status: Status) Handler {
    return op(2, 0, 0, struct {
        fn run(frame: *Frame, w: [*]u256, left: *i64) Status {
            const expanded = frame.expand(left, w[0], w[1]);
            if (expanded != .running) return expanded;
            frame.output = frame.range(w[0], w[1]);
            return status;
        }
    }.run);
}

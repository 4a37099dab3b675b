//! Shows every opcode before it runs: to find the first step at which two engines part. A machine without a tracer pays nothing for it.

const frame_file = @import("frame.zig");
const Frame = frame_file.Frame;
const Status = frame_file.Status;

pub const Tracer = struct {
    context: *anyopaque,
    /// `pc` points at the opcode, `sp` at the top of the stack, which ends at `frame.stack_bottom`.
    step: *const fn (context: *anyopaque, frame: *const Frame, pc: [*]const u8, sp: [*]const u256, gas_left: i64) void,
};

/// The table of a traced frame; the machine's own has the opcodes.
pub const table: frame_file.Table = @splat(show);

fn show(frame: *Frame, pc: [*]const u8, sp: [*]u256, gas_left: i64) Status {
    const machine = frame.machine;
    const tracer = machine.tracer.?;
    tracer.step(tracer.context, frame, pc, sp, gas_left);
    return @call(.always_tail, machine.table[pc[0]], .{ frame, pc, sp, gas_left });
}

//! Reading and writing memory. Spec: yellow paper, appendix H.2, "50s"; EIP-5656

const std = @import("std");
const math = @import("../../u256.zig");
const gas = @import("../gas.zig");
const frame_file = @import("../frame.zig");
const Frame = frame_file.Frame;
const Status = frame_file.Status;
const op = frame_file.op;

pub fn install(table: *frame_file.Table) void {
    table[0x51] = op(1, 1, 3, load);
    table[0x52] = op(2, 0, 3, store);
    table[0x53] = op(2, 0, 3, storeByte);
    table[0x59] = op(0, 1, 2, size);
}

pub fn installCopy(table: *frame_file.Table) void {
    table[0x5e] = op(3, 0, 3, copy);
}

inline fn load(frame: *Frame, w: [*]u256, left: *i64) Status {
    const status = frame.expand(left, w[0], 32);
    if (status != .running) return status;
    // `expand` has seen to it that the 32 bytes are there.
    w[0] = math.fromBytes(frame.memory.bytes[@as(usize, @truncate(w[0]))..][0..32]);
    return .running;
}

inline fn store(frame: *Frame, w: [*]u256, left: *i64) Status {
    const status = frame.expand(left, w[0], 32);
    if (status != .running) return status;
    frame.memory.bytes[@as(usize, @truncate(w[0]))..][0..32].* = math.toBytes(w[1]);
    return .running;
}

inline fn storeByte(frame: *Frame, w: [*]u256, left: *i64) Status {
    const status = frame.expand(left, w[0], 1);
    if (status != .running) return status;
    frame.memory.bytes[@as(usize, @truncate(w[0]))] = @truncate(w[1]);
    return .running;
}

inline fn size(frame: *Frame, _: [*]const u256) u256 {
    return frame.memory.len;
}

fn copy(frame: *Frame, w: [*]u256, left: *i64) Status {
    const status = frame.expand(left, @max(w[0], w[1]), w[2]);
    if (status != .running) return status;
    if (!Frame.charge(left, gas.copy_word * gas.words(@truncate(w[2])))) return .out_of_gas;
    const destination = frame.range(w[0], w[2]);
    const source = frame.range(w[1], w[2]);
    if (w[0] > w[1]) std.mem.copyBackwards(u8, destination, source) else std.mem.copyForwards(u8, destination, source);
    return .running;
}

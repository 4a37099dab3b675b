//! Frames: the pieces in which a channel travels in batcher transactions.

const std = @import("std");

pub const Error = error{ InvalidFrames, OutOfMemory };

pub const ChannelId = [16]u8;

/// Part `number` of a channel; `is_last` closes it. `data` points into what was parsed.
pub const Frame = struct {
    channel_id: ChannelId,
    number: u16,
    data: []const u8,
    is_last: bool,
};

const max_data_length = 1_000_000;
const derivation_version = 0;
const head_bytes = 16 + 2 + 4;

/// Append the frames of a batcher transaction's, or a blob's, data. One bad frame rejects them all.
/// Spec: op derivation, "Batcher Transaction Format" and "Frame Format".
pub fn parse(allocator: std.mem.Allocator, frames: *std.ArrayList(Frame), data: []const u8) Error!void {
    if (data.len < 2 or data[0] != derivation_version) return error.InvalidFrames;
    var rest = data[1..];
    while (rest.len > 0) {
        if (rest.len < head_bytes + 1) return error.InvalidFrames;
        const length = std.mem.readInt(u32, rest[18..22], .big);
        if (length > max_data_length or length > rest.len - head_bytes - 1) return error.InvalidFrames;
        const last = rest[head_bytes + length];
        if (last > 1) return error.InvalidFrames;
        try frames.append(allocator, .{
            .channel_id = rest[0..16].*,
            .number = std.mem.readInt(u16, rest[16..18], .big),
            .data = rest[head_bytes..][0..length],
            .is_last = last == 1,
        });
        rest = rest[head_bytes + length + 1 ..];
    }
}

/// Drop the frames of one batcher transaction that are out of order, and those of a channel that a first frame cuts off; what stays moves to the
/// front and is returned. A first frame that has cut one off is held against the frame before it, which may have closed a channel of the same id.
/// Spec: op holocene derivation, "Frame Queue".
pub fn prune(frames: []Frame) []Frame {
    var kept: usize = 0;
    for (frames) |next| {
        const stays = while (kept > 0) {
            const previous = frames[kept - 1];
            if (std.mem.eql(u8, &previous.channel_id, &next.channel_id)) {
                break !previous.is_last and next.number == @as(u32, previous.number) + 1;
            }
            if (next.number != 0) break false;
            if (previous.is_last) break true;
            kept -= 1;
        } else true;
        if (!stays) continue;
        frames[kept] = next;
        kept += 1;
    }
    return frames[0..kept];
}

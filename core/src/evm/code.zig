//! Contract code, ready to run: padded, so that the interpreter reads past its end without looking, with its jump targets.

const std = @import("std");
const types = @import("types.zig");
const Allocator = std.mem.Allocator;
const Address = types.Address;

/// Zero bytes behind the code: the STOP at which running off the end stops, and the bytes that a cut PUSH32 reads.
pub const padding = 33;

pub const Code = struct {
    /// The code; `padding` zero bytes follow it in memory.
    bytes: []const u8,
    /// A bit for each position that is a JUMPDEST and not the data of a PUSH. Made at the first jump.
    jump_targets: ?[]const u8 = null,

    pub const empty: Code = .{ .bytes = zeros[0..0], .jump_targets = zeros[0..0] };
    const zeros: [padding]u8 = @splat(0);

    /// A copy of `bytes` with the padding that they need.
    pub fn init(allocator: Allocator, bytes: []const u8) Allocator.Error!Code {
        const padded = try allocator.alloc(u8, bytes.len + padding);
        @memcpy(padded[0..bytes.len], bytes);
        @memset(padded[bytes.len..], 0);
        return .{ .bytes = padded[0..bytes.len] };
    }

    pub fn jumpTargets(self: *Code, allocator: Allocator) Allocator.Error![]const u8 {
        if (self.jump_targets) |known| return known;
        const bitmap = try allocator.alloc(u8, bitmapSize(self.bytes.len));
        markJumpTargets(bitmap, self.bytes);
        self.jump_targets = bitmap;
        return bitmap;
    }

    /// The account that runs in this one's place, if this is a delegation and no program. Spec: EIP-7702, "Delegation indicator".
    pub fn delegate(self: *const Code) ?Address {
        return delegateOf(self.bytes);
    }
};

const delegation_prefix = [3]u8{ 0xef, 0x01, 0x00 };
pub const delegation_size = delegation_prefix.len + 20;

pub fn delegateOf(bytes: []const u8) ?Address {
    if (bytes.len != delegation_size or !std.mem.eql(u8, bytes[0..3], &delegation_prefix)) return null;
    return bytes[3..delegation_size].*;
}

pub fn delegationTo(address: Address) [delegation_size]u8 {
    return delegation_prefix ++ address;
}

pub fn bitmapSize(code_length: usize) usize {
    return (code_length + 7) / 8;
}

/// Writes a bit per byte of the code to `bitmap`. Spec: yellow paper, section 9.4.3, "Jump Destination Validity"
pub fn markJumpTargets(bitmap: []u8, code: []const u8) void {
    const jumpdest = 0x5b;
    const push1 = 0x60;
    const push32 = 0x7f;
    @memset(bitmap, 0);
    var position: usize = 0;
    while (position < code.len) : (position += 1) {
        const opcode = code[position];
        if (opcode == jumpdest) {
            bitmap[position / 8] |= @as(u8, 1) << @intCast(position % 8);
        } else if (opcode >= push1 and opcode <= push32) {
            position += opcode - push1 + 1;
        }
    }
}

test "a JUMPDEST inside the data of a PUSH is no target" {
    var bitmap: [1]u8 = undefined;
    markJumpTargets(&bitmap, &.{ 0x5b, 0x61, 0x5b, 0x5b, 0x5b, 0x60 });
    try std.testing.expectEqual(@as(u8, 0b010001), bitmap[0]);
}

//! The one way in which native code asks Python for stored bytes: many keys in one call.

const std = @import("std");
const store = @import("../trie/store.zig");

/// What the keys are hashes of: trie nodes, codes, block headers, or (in a witness) any of them.
pub const Kind = enum(u32) { node = 0, code = 1, header = 2, any = 3 };

/// The answer: the values one behind the other, and the length of each; `ABSENT` for a key that is not stored. What it points to
/// stays valid until the callback is called again or the call into the library returns.
pub const Answer = extern struct { data: [*]const u8, lengths: [*]const u32 };
pub const ABSENT = std.math.maxInt(u32);

/// `keys` are `count` hashes of 32 bytes. Returns 0, or anything else when nothing could be read.
pub const Function = *const fn (context: ?*anyopaque, kind: Kind, count: u32, keys: [*]const u8, answer: *Answer) callconv(.c) c_int;

pub const Fetch = struct {
    function: Function,
    context: ?*anyopaque,
    kind: Kind,

    pub fn backing(self: *Fetch) store.Backing {
        return .{ .context = self, .fetchFn = fetch, .trusted = false };
    }

    fn fetch(context: *anyopaque, arena: std.mem.Allocator, keys: []const store.Hash, values: []?[]const u8) error{OutOfMemory}!void {
        const self: *Fetch = @ptrCast(@alignCast(context));
        var answer: Answer = undefined;
        const status = self.function(self.context, self.kind, @intCast(keys.len), @ptrCast(keys.ptr), &answer);
        if (status != 0) return;
        var position: usize = 0;
        for (values, answer.lengths[0..keys.len]) |*value, length| {
            if (length == ABSENT) continue;
            value.* = try arena.dupe(u8, answer.data[position..][0..length]);
            position += length;
        }
    }
};

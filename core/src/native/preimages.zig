//! The preimage oracle behind a callback.

const std = @import("std");
const oracles = @import("../derivation/oracle.zig");

/// Bytes that belong to the one who gives them.
pub const View = extern struct {
    pointer: [*]const u8,
    length: usize,

    pub fn slice(self: View) []const u8 {
        return self.pointer[0..self.length];
    }
};

/// Gives the preimage of a key: 0, or anything else when it is not known. What `value` points to stays valid until the next call.
/// `hint` says what the key belongs to, in the form of the spec's hinting routes; it may be empty.
pub const Function = *const fn (context: ?*anyopaque, key: *const [32]u8, hint: View, value: *View) callconv(.c) c_int;

pub const Source = struct {
    function: Function,
    context: ?*anyopaque,
    last_hint: []const u8 = "",
    /// The key that was not known.
    missing: [32]u8 = @splat(0),

    pub fn oracle(self: *Source) oracles.Oracle {
        return .{ .context = self, .preimageFn = get, .hintFn = setHint };
    }

    fn get(context: *anyopaque, key: *const [32]u8, allocator: std.mem.Allocator) oracles.Error![]const u8 {
        const self: *Source = @ptrCast(@alignCast(context));
        var value: View = undefined;
        const text: View = .{ .pointer = self.last_hint.ptr, .length = self.last_hint.len };
        if (self.function(self.context, key, text, &value) != 0) {
            self.missing = key.*;
            return error.MissingPreimage;
        }
        return allocator.dupe(u8, value.slice());
    }

    fn setHint(context: *anyopaque, text: []const u8) void {
        const self: *Source = @ptrCast(@alignCast(context));
        self.last_hint = text;
    }
};

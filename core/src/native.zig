//! Root of the native library: what Python calls through ctypes.

pub const platform = @import("platform/native.zig");

comptime {
    _ = @import("native/primitives.zig");
    _ = @import("native/curves.zig");
}

export fn lamina_abi_version() u32 {
    return 1;
}

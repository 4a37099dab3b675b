//! Root of the native library: what Python calls through ctypes.

pub const platform = @import("platform/native.zig");

comptime {
    _ = @import("native/primitives.zig");
}

export fn lamina_abi_version() u32 {
    return 1;
}

comptime {
    _ = @import("native/curves.zig");
}

//! Root of the native library: what Python calls through ctypes.

pub const platform = @import("platform/native.zig");

comptime {
    _ = @import("native/codec_doors.zig");
    _ = @import("native/curves.zig");
    _ = @import("native/derivation.zig");
    _ = @import("native/engine.zig");
    _ = @import("native/evm.zig");
    _ = @import("native/primitives.zig");
    _ = @import("native/program.zig");
    _ = @import("native/recovery.zig");
    _ = @import("native/state_test.zig");
    _ = @import("native/stateless.zig");
    _ = @import("native/trace.zig");
    _ = @import("native/trie_doors.zig");
    _ = @import("native/vm.zig");
}

export fn lamina_abi_version() u32 {
    return 3;
}

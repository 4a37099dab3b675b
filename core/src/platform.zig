//! What differs between the builds. The root file of a build names its platform: `pub const platform = @import("platform/fpvm.zig");`.
//!
//! A platform declares
//!   * `preimage(key: [32]u8, allocator) Error![]const u8`: the one input. The bytes live as long as the allocator's memory.
//!   * `hint(text: []const u8)`: tells the host what the next preimages belong to; the bytes stay as they are until the next hint.
//!   * `keccak256(data: []const u8) [32]u8`, and `Keccak256` with `init`, `update` and `final` for what comes in parts
//!   * `recoverKey(hash: *const [32]u8, r: *const [32]u8, s: *const [32]u8, odd_y: bool) ?[64]u8`: the signer's public key
//!   * `precompile(address: u16, required_gas: u64, input: []const u8, allocator) PrecompileError![]const u8`: the output of a
//!     precompiled contract whose gas has been charged.

const root = @import("root");

pub const current = if (@hasDecl(root, "platform")) root.platform else @import("platform/native.zig");

pub const Error = error{ MissingPreimage, OutOfMemory };
pub const PrecompileError = error{ PrecompileFailed, OutOfMemory, MissingPreimage };

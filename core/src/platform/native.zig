//! The host processor.

const accelerators = @import("accelerators.zig");

pub const keccak256 = @import("../crypto/keccak.zig").hash;
pub const Keccak256 = @import("../crypto/keccak.zig").Hasher;
pub const precompile = accelerators.precompile;
pub const recoverKey = @import("../crypto/secp256k1.zig").recover;

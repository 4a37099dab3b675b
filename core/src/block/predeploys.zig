//! Addresses that the block transition knows. Spec: op predeploys; EIP-4788; EIP-2935.

const evm = @import("../evm/types.zig");

pub const L1_BLOCK = predeploy(0x15);
pub const L2_TO_L1_MESSAGE_PASSER = predeploy(0x16);
pub const BASE_FEE_VAULT = predeploy(0x19);
pub const L1_FEE_VAULT = predeploy(0x1a);
pub const OPERATOR_FEE_VAULT = predeploy(0x1b);
/// Who makes system calls. Spec: EIP-4788.
pub const SYSTEM = evm.wordToAddress(0xfffffffffffffffffffffffffffffffffffffffe);
/// Spec: EIP-4788.
pub const BEACON_ROOTS = evm.wordToAddress(0x000f3df6d732807ef1319fb7b8bb8522d0beac02);
/// Spec: EIP-2935.
pub const HISTORY_STORAGE = evm.wordToAddress(0x0000f90827f1c53a10cb7a02335b175320002935);
/// Spec: op predeploys, "create2Deployer".
pub const CREATE2_DEPLOYER = evm.wordToAddress(0x13b0d85ccb8bf860b6b79af3029fca081ae9bef2);

fn predeploy(comptime number: u160) evm.Address {
    return evm.wordToAddress(0x4200000000000000000000000000000000000000 + number);
}

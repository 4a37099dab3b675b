//! What the L1 attributes deposit has left in the L1Block predeploy, as far as fees follow it.
//!
//! Spec: op predeploys, "L1Block"; op ecotone, isthmus and jovian l1-attributes.

const std = @import("std");
const evm = @import("../evm/types.zig");
const fork = @import("../evm/fork.zig");
const state = @import("../evm/state.zig");
const predeploys = @import("predeploys.zig");

const BASE_FEE_SLOT = 1;
const SCALARS_SLOT = 3;
const OVERHEAD_SLOT = 5;
const SCALAR_SLOT = 6;
const BLOB_BASE_FEE_SLOT = 7;
const OPERATOR_FEE_SLOT = 8;

/// The numbers in one L2 block, and the fork whose formulas hold. Fees in wei, scalars as L1Block stores them.
pub const L1Info = struct {
    op: fork.OpFork,
    base_fee: u256,
    blob_base_fee: u256 = 0,
    base_fee_scalar: u32 = 0,
    blob_base_fee_scalar: u32 = 0,
    overhead: u256 = 0,
    scalar: u256 = 0,
    operator_fee_scalar: u32 = 0,
    operator_fee_constant: u64 = 0,
    da_footprint_gas_scalar: u16 = 0,

    /// Read the predeploy's slots. Call it when the block's L1 attributes deposit has run.
    pub fn read(current: *state.State, op: fork.OpFork) evm.Error!L1Info {
        const account = try current.account(predeploys.L1_BLOCK);
        var info = L1Info{ .op = op, .base_fee = (try current.slot(account, BASE_FEE_SLOT)).value };
        if (op.atLeast(.ecotone)) {
            const scalars = (try current.slot(account, SCALARS_SLOT)).value;
            info.base_fee_scalar = @truncate(scalars >> 96);
            info.blob_base_fee_scalar = @truncate(scalars >> 64);
            info.blob_base_fee = (try current.slot(account, BLOB_BASE_FEE_SLOT)).value;
        }
        if (info.usesBedrockFormula()) {
            info.overhead = (try current.slot(account, OVERHEAD_SLOT)).value;
            info.scalar = (try current.slot(account, SCALAR_SLOT)).value;
        }
        if (op.atLeast(.isthmus)) {
            const operator = (try current.slot(account, OPERATOR_FEE_SLOT)).value;
            info.operator_fee_constant = @truncate(operator);
            info.operator_fee_scalar = @truncate(operator >> 64);
            if (op.atLeast(.jovian)) info.da_footprint_gas_scalar = @truncate(operator >> 96);
        }
        return info;
    }

    /// Holds before Ecotone, and in Ecotone's first block, whose L1 attributes are still the old ones.
    /// Spec: op ecotone l1-attributes, "On Ecotone activation".
    pub fn usesBedrockFormula(self: *const L1Info) bool {
        return self.blob_base_fee == 0 and self.base_fee_scalar == 0 and self.blob_base_fee_scalar == 0;
    }
};

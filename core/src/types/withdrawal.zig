//! Withdrawals from the beacon chain. L2 blocks have none; plain Ethereum blocks do. Spec: EIP-4895.

const rlp = @import("../rlp.zig");
const evm = @import("../evm/types.zig");

pub const Withdrawal = struct {
    index: u64,
    validator_index: u64,
    address: evm.Address,
    amount_gwei: u64,

    pub fn encode(self: *const Withdrawal, encoder: *rlp.Encoder) error{OutOfMemory}!void {
        const list = encoder.open();
        try encoder.int(self.index);
        try encoder.int(self.validator_index);
        try encoder.bytes(&self.address);
        try encoder.int(self.amount_gwei);
        try encoder.close(list);
    }
};

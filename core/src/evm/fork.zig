//! Which rules a block follows: Ethereum's fork, and the OP Stack's when the chain is a rollup.

/// Ethereum upgrades that change execution rules, in order. The numbers are those of `config/forks.py`.
pub const EthFork = enum(u8) {
    frontier,
    homestead,
    tangerine_whistle,
    spurious_dragon,
    byzantium,
    petersburg,
    istanbul,
    berlin,
    london,
    paris,
    shanghai,
    cancun,
    prague,
    osaka,

    pub fn atLeast(self: EthFork, other: EthFork) bool {
        return @intFromEnum(self) >= @intFromEnum(other);
    }
};

/// OP Stack upgrades in order of activation. The numbers are those of `config/forks.py`.
pub const OpFork = enum(u8) {
    bedrock,
    regolith,
    canyon,
    delta,
    ecotone,
    fjord,
    granite,
    holocene,
    isthmus,
    jovian,
    karst,

    /// How many there are, Bedrock included.
    pub const count = @typeInfo(OpFork).@"enum".field_names.len;

    pub fn atLeast(self: OpFork, other: OpFork) bool {
        return @intFromEnum(self) >= @intFromEnum(other);
    }

    /// The Ethereum rules that an L2 follows from this upgrade on.
    pub fn eth(self: OpFork) EthFork {
        if (self.atLeast(.karst)) return .osaka;
        if (self.atLeast(.isthmus)) return .prague;
        if (self.atLeast(.ecotone)) return .cancun;
        if (self.atLeast(.canyon)) return .shanghai;
        return .paris;
    }
};

/// The rules of one block.
pub const Rules = struct {
    eth: EthFork,
    /// null: plain Ethereum.
    op: ?OpFork = null,
    chain_id: u64,

    pub fn ethereum(fork: EthFork, chain_id: u64) Rules {
        return .{ .eth = fork, .chain_id = chain_id };
    }

    pub fn rollup(fork: OpFork, chain_id: u64) Rules {
        return .{ .eth = fork.eth(), .op = fork, .chain_id = chain_id };
    }

    pub fn since(self: Rules, fork: EthFork) bool {
        return self.eth.atLeast(fork);
    }

    /// False on plain Ethereum.
    pub fn opSince(self: Rules, fork: OpFork) bool {
        return if (self.op) |op| op.atLeast(fork) else false;
    }

    /// Whether empty accounts that a transaction touches disappear. Spec: EIP-161.
    pub fn clearsEmptyAccounts(self: Rules) bool {
        return self.since(.spurious_dragon);
    }

    /// Whether accounts and slots are cheaper after their first use in a transaction. Spec: EIP-2929.
    pub fn hasAccessSets(self: Rules) bool {
        return self.since(.berlin);
    }

    /// Whether an account's code may point to another account's. Spec: EIP-7702.
    pub fn hasDelegation(self: Rules) bool {
        return self.since(.prague);
    }

    /// Whether SELFDESTRUCT deletes only what the same transaction created. Spec: EIP-6780.
    pub fn keepsDestroyedAccounts(self: Rules) bool {
        return self.since(.cancun);
    }
};

//! Which network upgrades exist and in which order: OP Stack forks, and the Ethereum rules that each follows.

/// OP Stack upgrades in order of activation; a fork implies all that come before it.
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

    /// Whether the rules of `fork` hold when `self` is the newest fork that is active.
    pub fn atLeast(self: OpFork, fork: OpFork) bool {
        return @intFromEnum(self) >= @intFromEnum(fork);
    }

    /// The Ethereum rules that an L2 block of this fork follows.
    pub fn ethFork(self: OpFork) EthFork {
        return if (self.atLeast(.karst))
            .osaka
        else if (self.atLeast(.isthmus))
            .prague
        else if (self.atLeast(.ecotone))
            .cancun
        else if (self.atLeast(.canyon))
            .shanghai
        else
            .paris;
    }
};

/// Ethereum upgrades that change execution rules, in order.
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

    /// Whether the rules of `fork` hold when `self` is the newest fork that is active.
    pub fn atLeast(self: EthFork, fork: EthFork) bool {
        return @intFromEnum(self) >= @intFromEnum(fork);
    }
};

//! Prices that changed in the course of the forks, each fork a change of the one before. What never changed stands in the opcode's file.

const EthFork = @import("fork.zig").EthFork;

/// How SSTORE is priced.
pub const StoreRule = enum {
    /// By the current value alone.
    frontier,
    /// By original and current value, 800 for a warm slot. Spec: EIP-2200
    istanbul,
    /// With access sets. Spec: EIP-2929
    berlin,
    /// A smaller refund. Spec: EIP-3529
    london,
};

/// Since EIP-2929: the first access to an account or slot in a transaction, and any other.
pub const Access = struct { cold: u32, warm: u32 };

pub const account_access: Access = .{ .cold = 2600, .warm = 100 };
pub const slot_access: Access = .{ .cold = 2100, .warm = 100 };

pub const Schedule = struct {
    /// Prices before access sets; unused after.
    balance: u32 = 20,
    code_size: u32 = 20,
    code_copy: u32 = 20,
    code_hash: u32 = 400,
    slot_load: u32 = 50,
    call: u32 = 40,

    exponent_byte: u32 = 10,
    self_destruct: u32 = 0,
    self_destruct_refund: i64 = 24_000,
    store: StoreRule = .frontier,
    access_sets: bool = false,
    /// A caller keeps a 64th of its gas, and asking for more than the rest is no error. Spec: EIP-150
    keeps_a_64th: bool = false,
    /// Calls pay for accounts that appear by receiving value, and no others. Spec: EIP-161
    empty_is_absent: bool = false,
    /// Words of init code are paid for and their number is limited. Spec: EIP-3860
    init_code_limit: bool = false,
    /// Calls follow delegations. Spec: EIP-7702
    delegation: bool = false,
    /// Spec: EIP-6780
    keeps_destroyed: bool = false,
};

pub fn schedule(comptime fork: EthFork) Schedule {
    comptime {
        var s: Schedule = .{};
        if (fork.atLeast(.tangerine_whistle)) {
            // Spec: EIP-150
            s.balance = 400;
            s.code_size = 700;
            s.code_copy = 700;
            s.slot_load = 200;
            s.call = 700;
            s.self_destruct = 5000;
            s.keeps_a_64th = true;
        }
        if (fork.atLeast(.spurious_dragon)) {
            s.exponent_byte = 50; // EIP-160
            s.empty_is_absent = true;
        }
        if (fork.atLeast(.istanbul)) {
            // Spec: EIP-1884
            s.balance = 700;
            s.code_hash = 700;
            s.slot_load = 800;
            s.store = .istanbul;
        }
        if (fork.atLeast(.berlin)) {
            s.access_sets = true;
            s.store = .berlin;
        }
        if (fork.atLeast(.london)) {
            s.store = .london;
            s.self_destruct_refund = 0;
        }
        if (fork.atLeast(.shanghai)) s.init_code_limit = true;
        if (fork.atLeast(.cancun)) s.keeps_destroyed = true;
        if (fork.atLeast(.prague)) s.delegation = true;
        return s;
    }
}

pub const code_deposit_byte = 200;
pub const create = 32_000;
pub const call_value = 9_000;
pub const call_stipend = 2_300;
pub const new_account = 25_000;
pub const copy_word = 3;
pub const keccak_word = 6;
pub const init_code_word = 2;

pub const max_code_size = 24_576; // EIP-170
pub const max_init_code_size = 2 * max_code_size; // EIP-3860
pub const call_depth = 1024;

pub fn words(bytes: u64) u64 {
    return (bytes + 31) / 32;
}

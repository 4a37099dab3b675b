//! The opcodes of each fork: each table is the one before with what the fork changed.

const builtin = @import("builtin");
const gas = @import("gas.zig");
const frame_file = @import("frame.zig");
const arithmetic = @import("ops/arithmetic.zig");
const environment = @import("ops/environment.zig");
const memory = @import("ops/memory.zig");
const control = @import("ops/control.zig");
const storage = @import("ops/storage.zig");
const system = @import("ops/system.zig");
const EthFork = @import("fork.zig").EthFork;
const Table = frame_file.Table;

/// Rollups begin with Paris' rules: programs that execute nothing else need not carry older opcodes.
const oldest: EthFork = if (builtin.os.tag == .freestanding) .paris else .frontier;
const fork_count = @typeInfo(EthFork).@"enum".field_names.len;

/// The opcodes of this fork.
pub fn table(fork: EthFork) *const Table {
    return &tables[@intFromEnum(fork) - @intFromEnum(oldest)];
}

const tables: [fork_count - @intFromEnum(oldest)]Table = build: {
    @setEvalBranchQuota(100_000);
    var all: [fork_count]Table = undefined;
    for (&all, 0..) |*t, index| {
        const fork: EthFork = @enumFromInt(index);
        const s = gas.schedule(fork);
        t.* = if (index == 0) frontier() else all[index - 1];
        switch (fork) {
            .homestead => system.installDelegateCall(t, s),
            .byzantium => {
                control.installRevert(t);
                environment.installReturnData(t);
                system.installStaticCall(t, s);
            },
            .constantinople => {
                arithmetic.installShifts(t);
                environment.installCodeHash(t, s);
                system.installCreate2(t, s);
            },
            .istanbul => environment.installChainIdAndSelfBalance(t),
            .london => environment.installBaseFee(t),
            .paris => environment.installRandao(t),
            .shanghai => control.installPushZero(t),
            .cancun => {
                environment.installBlobs(t);
                memory.installCopy(t);
                storage.installTransient(t);
            },
            .osaka => arithmetic.installCountLeadingZeros(t),
            else => {},
        }
        reprice(t, fork, s);
    }
    break :build all[@intFromEnum(oldest)..fork_count].*;
};

fn frontier() Table {
    const s = gas.schedule(.frontier);
    var t: Table = @splat(control.invalid);
    arithmetic.install(&t);
    arithmetic.installPower(&t, s);
    environment.install(&t);
    environment.installAccounts(&t, s);
    memory.install(&t);
    control.install(&t);
    storage.install(&t, s);
    system.installLogs(&t);
    system.install(&t, s);
    return t;
}

/// Puts in place again what the fork has repriced.
fn reprice(comptime t: *Table, comptime fork: EthFork, comptime s: gas.Schedule) void {
    switch (fork) {
        .tangerine_whistle, .spurious_dragon => {
            arithmetic.installPower(t, s);
            environment.installAccounts(t, s);
            storage.install(t, s);
            system.install(t, s);
            system.installDelegateCall(t, s);
        },
        .istanbul, .berlin => {
            environment.installAccounts(t, s);
            environment.installCodeHash(t, s);
            storage.install(t, s);
            installCalls(t, s);
        },
        .london => {
            storage.install(t, s);
            system.install(t, s);
        },
        .shanghai, .cancun => {
            system.install(t, s);
            system.installCreate2(t, s);
        },
        .prague => installCalls(t, s),
        else => {},
    }
}

fn installCalls(comptime t: *Table, comptime s: gas.Schedule) void {
    system.install(t, s);
    system.installDelegateCall(t, s);
    system.installStaticCall(t, s);
    system.installCreate2(t, s);
}

//! The opcodes of each fork: each table is the one before with what the fork changed.

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

/// The opcodes of this fork.
pub fn table(fork: EthFork) *const Table {
    return switch (fork) {
        inline else => |known| comptime &tables[@intFromEnum(known)],
    };
}

const tables: [@typeInfo(EthFork).@"enum".field_names.len]Table = build: {
    @setEvalBranchQuota(100_000);
    var all: [@typeInfo(EthFork).@"enum".field_names.len]Table = undefined;
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
            .petersburg => {
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
    break :build all;
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

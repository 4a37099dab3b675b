//! Recovers the senders of transactions, for callers that spread them over threads. `evm/native/senders.py` is the other side.

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const evm = @import("../evm/types.zig");
const Transaction = @import("../types/transaction.zig").Transaction;

/// `data` holds `count` raw transactions one behind the other, `lengths` their sizes. Senders that are zero are filled in; they stay zero
/// for deposits, for what is no transaction, and where the signature has no signer. Returns 1, or 0 where there is not enough memory.
/// Any number of threads may be in here.
export fn lamina_recover_senders(count: usize, data: [*]const u8, lengths: [*]const u32, senders: [*]evm.Address) u32 {
    var arena = Arena.init(std.heap.smp_allocator);
    defer arena.deinit();
    var position: usize = 0;
    for (lengths[0..count], senders[0..count]) |length, *sender| {
        const raw = data[position..][0..length];
        position += length;
        if (!std.mem.allEqual(u8, sender, 0)) continue;
        const transaction = Transaction.decode(arena.allocator(), raw) catch |failure| switch (failure) {
            error.InvalidTransactionEncoding => continue,
            error.OutOfMemory => return 0,
        };
        if (transaction.deposit != null) continue;
        sender.* = (transaction.sender(arena.allocator()) catch return 0) orelse continue;
        arena.reset();
    }
    return 1;
}

//! Recovers the senders of many transactions on all processors: the only threads there are, and only in the native library.

const std = @import("std");
const Arena = @import("../arena.zig").Arena;
const evm = @import("../evm/types.zig");
const Transaction = @import("../types/transaction.zig").Transaction;

/// A sender to find; it stays null where the signature has none.
pub const Job = struct { transaction: *const Transaction, sender: *?evm.Address };

/// What a thread takes at a time: about half a millisecond of work.
const SHARE = 16;
const MAX_HELPERS = 7;
const STACK_BYTES = 1 << 20;

/// Fill in all senders. The jobs are independent, so that it does not matter who does which.
pub fn run(gpa: std.mem.Allocator, jobs: []const Job) error{OutOfMemory}!void {
    var queue = Queue{ .gpa = gpa, .jobs = jobs };
    var helpers: [MAX_HELPERS]std.Thread = undefined;
    const others = (std.Thread.getCpuCount() catch 1) - 1;
    const useful = @min(MAX_HELPERS, others, (jobs.len -| 1) / SHARE);
    var started: usize = 0;
    while (started < useful) : (started += 1) {
        // Where the system has no thread to give, the ones that run do it all.
        helpers[started] = std.Thread.spawn(.{ .stack_size = STACK_BYTES }, Queue.work, .{&queue}) catch break;
    }
    queue.work();
    for (helpers[0..started]) |helper| helper.join();
    if (queue.failed.load(.acquire)) return error.OutOfMemory;
}

const Queue = struct {
    gpa: std.mem.Allocator,
    jobs: []const Job,
    next: std.atomic.Value(usize) = .init(0),
    failed: std.atomic.Value(bool) = .init(false),

    fn work(self: *Queue) void {
        var arena = Arena.init(self.gpa);
        defer arena.deinit();
        while (true) {
            const start = self.next.fetchAdd(SHARE, .monotonic);
            if (start >= self.jobs.len) return;
            for (self.jobs[start..@min(start + SHARE, self.jobs.len)]) |job| {
                job.sender.* = job.transaction.sender(arena.allocator()) catch {
                    self.failed.store(true, .release);
                    return;
                };
            }
        }
    }
};

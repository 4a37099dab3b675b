//! The logs of an L1 block, out of its receipts.

const std = @import("std");
const rlp = @import("../../rlp.zig");

pub const Log = struct {
    address: *const [20]u8,
    topics: []const [32]u8,
    data: []const u8,
    /// Its position among all logs of the block.
    index: u64,
};

/// Gives the logs of transactions that succeeded, in order.
///
/// A receipt of a transaction type that is not known yet is read as the known ones are, and left out when that fails.
/// Spec: op derivation, "On Future-Proof Transaction Log Derivation".
pub const LogReader = struct {
    receipts: []const []const u8,
    logs: rlp.Cursor = .{ .rest = "" },
    index: u64 = 0,
    topics: [max_topics][32]u8 = undefined,

    const max_topics = 4;

    /// The next log; it lives until the next call.
    pub fn next(self: *LogReader) ?Log {
        while (true) {
            if (!self.logs.isEmpty()) {
                if (self.readLog()) |log| return log else |_| {
                    self.logs = .{ .rest = "" };
                    continue;
                }
            }
            if (self.receipts.len == 0) return null;
            const receipt = self.receipts[0];
            self.receipts = self.receipts[1..];
            self.logs = logsOf(receipt) catch .{ .rest = "" };
        }
    }

    fn readLog(self: *LogReader) rlp.Error!Log {
        var fields = try self.logs.list();
        const address = try fields.bytes();
        if (address.len != 20) return error.InvalidRlp;
        var list = try fields.list();
        var count: usize = 0;
        while (!list.isEmpty()) : (count += 1) {
            if (count == max_topics) return error.InvalidRlp;
            self.topics[count] = try list.fixed(32);
        }
        const data = try fields.bytes();
        try fields.end();
        defer self.index += 1;
        return .{ .address = address[0..20], .topics = self.topics[0..count], .data = data, .index = self.index };
    }

    /// The logs of a receipt, none when its transaction failed.
    fn logsOf(receipt: []const u8) rlp.Error!rlp.Cursor {
        if (receipt.len == 0) return error.InvalidRlp;
        const is_typed = receipt[0] < 0x80;
        var fields = try rlp.decodeList(if (is_typed) receipt[1..] else receipt);
        const status = try fields.bytes();
        _ = try fields.bytes();
        _ = try fields.bytes();
        const logs = try fields.list();
        const succeeded = status.len == 1 and status[0] == 1;
        return if (succeeded) logs else .{ .rest = "" };
    }
};

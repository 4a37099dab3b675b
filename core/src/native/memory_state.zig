//! A state that is held in memory whole: what the doors for tests run on.
//! Encoding: rlp([[address, nonce, balance, code, [[slot, value], ..]], ..]), slots and values as integers.

const std = @import("std");
const rlp = @import("../rlp.zig");
const types = @import("../evm/types.zig");
const state_file = @import("../evm/state.zig");
const keccak = @import("../crypto/keccak.zig");

pub const MemoryState = struct {
    accounts: std.AutoHashMapUnmanaged(types.Address, Entry) = .empty,
    codes: std.AutoHashMapUnmanaged(types.Hash, []const u8) = .empty,

    const Entry = struct {
        data: types.AccountData,
        slots: std.AutoHashMapUnmanaged(u256, u256) = .empty,
    };

    /// Reads accounts from RLP; the code stays where it is.
    pub fn decode(allocator: std.mem.Allocator, encoded: rlp.Cursor) !MemoryState {
        var self: MemoryState = .{};
        var list = encoded;
        while (!list.isEmpty()) {
            var fields = try list.list();
            const address = try fields.fixed(20);
            var entry: Entry = .{ .data = .{ .nonce = try fields.int(u64), .balance = try fields.int(u256) } };
            const program = try fields.bytes();
            entry.data.code_hash = keccak.hash(program);
            try self.codes.put(allocator, entry.data.code_hash, program);
            var slots = try fields.list();
            try fields.end();
            while (!slots.isEmpty()) {
                var pair = try slots.list();
                const key = try pair.int(u256);
                const value = try pair.int(u256);
                try pair.end();
                if (value != 0) try entry.slots.put(allocator, key, value);
            }
            // No trie is made: any root that is not the empty one tells the state to ask.
            if (entry.slots.count() > 0) entry.data.storage_root = @splat(0xff);
            try self.accounts.put(allocator, address, entry);
        }
        return self;
    }

    pub fn source(self: *MemoryState) state_file.Source {
        return .{ .context = self, .vtable = &.{ .account = account, .storage = storage, .code = code, .block_hash = blockHash } };
    }

    fn of(context: *anyopaque) *MemoryState {
        return @ptrCast(@alignCast(context));
    }

    fn account(context: *anyopaque, address: *const types.Address) types.Error!?types.AccountData {
        return if (of(context).accounts.get(address.*)) |entry| entry.data else null;
    }

    fn storage(context: *anyopaque, address: *const types.Address, _: *const types.Hash, slot: u256) types.Error!u256 {
        const entry = of(context).accounts.getPtr(address.*) orelse return error.MissingNode;
        return entry.slots.get(slot) orelse 0;
    }

    fn code(context: *anyopaque, hash: *const types.Hash) types.Error![]const u8 {
        return of(context).codes.get(hash.*) orelse error.MissingPreimage;
    }

    /// By convention of Ethereum's state tests: the hash of the number's decimal digits.
    fn blockHash(_: *anyopaque, number: u64) types.Error!types.Hash {
        var digits: [20]u8 = undefined;
        return keccak.hash(std.fmt.bufPrint(&digits, "{d}", .{number}) catch unreachable);
    }
};

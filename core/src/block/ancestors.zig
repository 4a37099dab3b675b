//! Hashes of a block's ancestors, found by walking from header to parent. Spec: yellow paper, appendix H, BLOCKHASH.

const std = @import("std");
const evm = @import("../evm/types.zig");
const store = @import("../trie/store.zig");
const Header = @import("../types/header.zig").Header;
const Hash = evm.Hash;

/// How far BLOCKHASH looks back.
pub const LIMIT = 256;

pub const Ancestors = struct {
    /// Encoded headers by hash.
    headers: *store.Store,
    parent_number: u64,
    /// Hash of the parent, its parent, and so on, as far as known.
    hashes: [LIMIT]Hash,
    known: usize,

    pub fn init(headers: *store.Store, parent: *const Header, parent_hash: *const Hash) Ancestors {
        var self = Ancestors{ .headers = headers, .parent_number = parent.number, .hashes = undefined, .known = 1 };
        self.hashes[0] = parent_hash.*;
        if (parent.number > 0) {
            self.hashes[1] = parent.parent_hash;
            self.known = 2;
        }
        return self;
    }

    /// The hash of one of the last 256 blocks.
    pub fn hashOf(self: *Ancestors, number: u64) evm.Error!Hash {
        std.debug.assert(number <= self.parent_number and self.parent_number - number < LIMIT);
        const distance: usize = @intCast(self.parent_number - number);
        while (self.known <= distance) : (self.known += 1) {
            const encoded = try self.headers.get(&self.hashes[self.known - 1]);
            const header = Header.decode(encoded) catch return error.CorruptNode;
            if (header.number != self.parent_number - (self.known - 1)) return error.CorruptNode;
            self.hashes[self.known] = header.parent_hash;
        }
        return self.hashes[distance];
    }
};

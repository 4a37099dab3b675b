//! Values that the parts of the EVM exchange. Hashes and addresses are big-endian bytes, as on the wire; words are u256.

const std = @import("std");
const platform = @import("../platform.zig");
const trie = @import("../trie/trie.zig");

pub const Address = [20]u8;
pub const Hash = [32]u8;

/// keccak256 of nothing: the code hash of an account without code.
pub const empty_code_hash: Hash = hex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
/// keccak256 of the RLP of an empty string: the root of an empty trie.
pub const empty_trie_root: Hash = hex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// What aborts a block: a part of the state that is not there or not what its hash promises. Nothing computed after one of these
/// may be used.
pub const Error = platform.Error || trie.Error;

/// An account as the state trie holds it.
pub const AccountData = struct {
    nonce: u64 = 0,
    balance: u256 = 0,
    code_hash: Hash = empty_code_hash,
    storage_root: Hash = empty_trie_root,
};

pub const Log = struct {
    address: Address,
    topics: []const Hash,
    data: []const u8,
};

pub const AccessListItem = struct {
    address: Address,
    slots: []const Hash,
};

/// A signed permission to set the signer's delegation. Spec: EIP-7702, "Set code transaction".
pub const Authorization = struct {
    chain_id: u256,
    address: Address,
    nonce: u64,
    y_parity: u8,
    r: u256,
    s: u256,
};

/// What the block's header tells the EVM.
pub const Environment = struct {
    number: u64,
    timestamp: u64,
    coinbase: Address,
    gas_limit: u64,
    base_fee: u256 = 0,
    prev_randao: Hash = @splat(0),
    /// Before Paris only.
    difficulty: u256 = 0,
    blob_base_fee: u256 = 1,
};

pub fn addressToWord(address: Address) u256 {
    return std.mem.readInt(u160, &address, .big);
}

/// The address in the low 20 bytes of a word.
pub fn wordToAddress(word: u256) Address {
    var address: Address = undefined;
    std.mem.writeInt(u160, &address, @truncate(word), .big);
    return address;
}

pub fn hashToWord(hash: Hash) u256 {
    return std.mem.readInt(u256, &hash, .big);
}

pub fn wordToHash(word: u256) Hash {
    var hash: Hash = undefined;
    std.mem.writeInt(u256, &hash, word, .big);
    return hash;
}

fn hex(comptime digits: *const [64]u8) Hash {
    var hash: Hash = undefined;
    _ = std.fmt.hexToBytes(&hash, digits) catch unreachable;
    return hash;
}

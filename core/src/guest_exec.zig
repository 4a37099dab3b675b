//! The program that executes one block from its witness, for tests and measurements; never a mode of the fault-proof program.
//!
//! Its one input besides preimages is local key 1: the task that `block/stateless.zig` describes. State nodes, code and ancestors'
//! headers are read by keccak keys. Precompiles all run inside. It exits with 0 when the block has the expected hash, with 1 when it
//! has another one or cannot be, with 2 for a task that is none. Its output is the hash it came to and the gas used, 8 bytes, big-endian.

const std = @import("std");
const fpvm = @import("platform/fpvm.zig");
const stateless = @import("block/stateless.zig");
const store = @import("trie/store.zig");
const Allocator = std.mem.Allocator;

pub const platform = struct {
    pub const keccak256 = fpvm.keccak256;
    pub const Keccak256 = fpvm.Keccak256;
    pub const recoverKey = fpvm.recoverKey;
    pub const precompile = @import("platform/accelerators.zig").precompile;
};
pub const panic = fpvm.panic;

comptime {
    _ = fpvm; // brings the start code in
}

const KeyType = struct {
    const local = 1;
    const keccak = 2;
};

pub fn main() noreturn {
    run() catch |failure| switch (failure) {
        error.OutOfMemory => fpvm.exit(fpvm.exit_out_of_memory, "out of memory"),
        error.InvalidAttributes, error.InvalidTransaction => fpvm.exit(fpvm.exit_invalid, @errorName(failure)),
        else => fpvm.exit(fpvm.exit_panic, @errorName(failure)),
    };
}

fn run() stateless.Error!noreturn {
    const heap = fpvm.heap();
    var key: store.Hash = @splat(0);
    key[0] = KeyType.local;
    key[31] = 1;
    const task = try stateless.Task.decode(heap, try fpvm.preimage(key, heap));
    var nothing: u8 = undefined;
    // The machine checks what it serves.
    var witness = store.Store.init(heap, .{ .context = &nothing, .fetchFn = fetch, .trusted = true }, std.math.maxInt(usize));
    const sealed = try task.execute(heap, &witness);
    const valid = std.mem.eql(u8, &sealed.hash, &task.expected_hash);
    var output: [40]u8 = undefined;
    output[0..32].* = sealed.hash;
    std.mem.writeInt(u64, output[32..], sealed.header.gas_used, .big);
    fpvm.exit(if (valid) fpvm.exit_valid else fpvm.exit_invalid, &output);
}

fn fetch(_: *anyopaque, arena: Allocator, keys: []const store.Hash, values: []?[]const u8) error{OutOfMemory}!void {
    for (keys, values) |hash, *value| {
        var key = hash;
        key[0] = KeyType.keccak;
        value.* = fpvm.preimage(key, arena) catch |failure| switch (failure) {
            error.OutOfMemory => return error.OutOfMemory,
            error.MissingPreimage => null,
        };
    }
}

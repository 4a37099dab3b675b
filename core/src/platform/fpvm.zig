//! The fault-proof VM (docs/fpvm.md): start code, ecalls, memory, and the end of a program.
//!
//! A root file for this platform declares
//!
//!     pub const platform = @import("platform/fpvm.zig");
//!     pub const panic = platform.panic;
//!     comptime { _ = platform; }
//!     pub fn main() noreturn { ... platform.exit(0, ""); }

const std = @import("std");
const keccak = @import("../crypto/keccak.zig");
const root = @import("root");
const secp256k1 = @import("../crypto/secp256k1.zig");

/// Exit codes of a program: 0 the claim is valid, 1 it is invalid, from 2 on the program failed. The VM's own faults start at 0xf0.
pub const exit_valid = 0;
pub const exit_invalid = 1;
pub const exit_panic = 2;
pub const exit_out_of_memory = 3;

/// Bytes of the configuration section, its length prefix included.
pub const configuration_size = 0x10000;

const leaf = 32;
const memory_end = 1 << 32;

const Ecall = struct {
    const set_key = 1;
    const read = 2;
    const exit = 93;
};

extern const _heap_start: u8;
extern const _configuration: [configuration_size]u8;

comptime {
    // Assembled, so that the compiler cannot take the zeros that stand here for what the program will read.
    asm (
        \\.section .configuration,"a",@progbits
        \\.balign 32
        \\.globl _configuration
        \\_configuration:
        \\.zero 65536
        \\.section .text.start,"ax",@progbits
        \\.globl _start
        \\_start:
        \\  lui sp, %hi(_stack_top)
        \\  addi sp, sp, %lo(_stack_top)
        \\  call lamina_main
        \\  unimp
    );
}

export fn lamina_main() callconv(.c) noreturn {
    root.main();
}

/// The configuration that the program was loaded with: the section's first eight bytes, big-endian, are its length.
pub fn configuration() []const u8 {
    const size = std.mem.readInt(u64, _configuration[0..8], .big);
    return _configuration[8..][0..size];
}

var heap_state: std.heap.FixedBufferAllocator = undefined;
var heap_ready = false;

/// All memory above the program, about 3.7 GB. Only the newest allocation can be given back.
pub fn heap() std.mem.Allocator {
    return heapState().allocator();
}

/// The state behind `heap`; set its `end_index` back to give everything newer back at once.
pub fn heapState() *std.heap.FixedBufferAllocator {
    if (!heap_ready) {
        const start: [*]u8 = @ptrCast(@constCast(&_heap_start));
        heap_state = .init(start[0 .. memory_end - @intFromPtr(start)]);
        heap_ready = true;
    }
    return &heap_state;
}

var last_hint: []const u8 = "";

/// Tells the host what the next preimages belong to. The bytes must stay as they are until the next hint: every key that is
/// set carries them, so that a host which joins in the middle of a run hears of them too. The VM ignores them.
pub fn hint(text: []const u8) void {
    last_hint = text;
}

/// The preimage of a key of the oracle. Its bytes live as long as the allocator's memory; they are not freed one by one.
pub fn preimage(key: [32]u8, allocator: std.mem.Allocator) error{ MissingPreimage, OutOfMemory }![]const u8 {
    var buffer: [leaf]u8 align(leaf) = key;
    setKey(&buffer);
    std.debug.assert(read(&buffer, 8) == 8);
    const size: usize = @intCast(std.mem.readInt(u64, buffer[0..8], .big));
    if (size > memory_end) return error.OutOfMemory;
    const result = try allocator.alignedAlloc(u8, .fromByteUnits(leaf), std.mem.alignForward(usize, size, leaf));
    var position: usize = 0;
    while (position < size) position += read(@alignCast(result.ptr + position), leaf);
    return result[0..size];
}

fn setKey(key: *align(leaf) const [leaf]u8) void {
    asm volatile ("ecall"
        :
        : [number] "{a7}" (Ecall.set_key),
          [key] "{a0}" (key),
          [hint] "{a1}" (last_hint.ptr),
          [size] "{a2}" (last_hint.len),
        : .{ .memory = true });
}

fn read(destination: [*]align(leaf) u8, wanted: usize) usize {
    return asm volatile ("ecall"
        : [count] "={a0}" (-> usize),
        : [number] "{a7}" (Ecall.read),
          [destination] "{a0}" (destination),
          [wanted] "{a1}" (wanted),
        : .{ .memory = true });
}

/// Ends the program. A host shows the output's bytes; the VM ignores them.
pub fn exit(code: u8, output: []const u8) noreturn {
    asm volatile ("ecall"
        :
        : [number] "{a7}" (Ecall.exit),
          [code] "{a0}" (@as(usize, code)),
          [output] "{a1}" (output.ptr),
          [size] "{a2}" (output.len),
        : .{ .memory = true });
    unreachable;
}

/// What a failed safety check or `@panic` does: the program ends with `exit_panic`, its output says why.
pub const panic = std.debug.FullPanic(struct {
    fn fail(message: []const u8, _: ?usize) noreturn {
        exit(exit_panic, message);
    }
}.fail);

pub const keccak256 = keccak.hash;
pub const Keccak256 = keccak.Hasher;
pub const recoverKey = secp256k1.recover;

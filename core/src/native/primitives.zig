//! C doors of the arithmetic and the hash functions. `evm/native/primitives.py` is the other side.

const keccak = @import("../crypto/keccak.zig");
const words = @import("../u256.zig");

export fn lamina_keccak256(data: [*]const u8, len: usize, out: *[32]u8) void {
    keccak.hashInto(out, data[0..len]);
}

/// Operation `code` (its EVM opcode) on big-endian words; `c` is read by ADDMOD and MULMOD only. Returns 0, or 1 for an unknown code.
export fn lamina_u256(code: u8, a_bytes: *const [32]u8, b_bytes: *const [32]u8, c_bytes: *const [32]u8, out: *[32]u8) u32 {
    const a = words.fromBytes(a_bytes);
    const b = words.fromBytes(b_bytes);
    out.* = words.toBytes(switch (code) {
        0x04 => words.divide(a, b),
        0x05 => words.signedDivide(a, b),
        0x06 => words.remainder(a, b),
        0x07 => words.signedRemainder(a, b),
        0x08 => words.addMod(a, b, words.fromBytes(c_bytes)),
        0x09 => words.mulMod(a, b, words.fromBytes(c_bytes)),
        0x0a => words.power(a, b),
        0x0b => words.signExtend(a, b),
        0x12 => @intFromBool(words.signedLess(a, b)),
        0x1a => words.byteAt(a, b),
        0x1b => words.shiftLeft(a, b),
        0x1c => words.shiftRight(a, b),
        0x1d => words.shiftRightArithmetic(a, b),
        0x1e => words.leadingZeros(a),
        else => return 1,
    });
    return 0;
}

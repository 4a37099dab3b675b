//! Instruction words into a form that runs fast. docs/fpvm.md, section 4.

// zig fmt: off
pub const Operation = enum(u8) {
    // What a zeroed place means: nothing is decoded here yet.
    undecoded,
    // Register and register.
    add, sub, sll, slt, sltu, xor, srl, sra, @"or", @"and",
    mul, mulh, mulhsu, mulhu, div, divu, rem, remu,
    addw, subw, sllw, srlw, sraw, mulw, divw, divuw, remw, remuw,
    // Register and immediate.
    addi, slli, slti, sltiu, xori, srli, srai, ori, andi,
    addiw, slliw, srliw, sraiw,
    lui, auipc,
    jal, jalr,
    beq, bne, blt, bge, bltu, bgeu,
    lb, lh, lw, ld, lbu, lhu, lwu,
    sb, sh, sw, sd,
    fence,
    // These leave the fast loop.
    ecall, ebreak, illegal, end_of_memory,
};
// zig fmt: on

pub const Instruction = extern struct {
    operation: Operation = .undecoded,
    /// `dropped` for x0.
    rd: u8 = dropped,
    rs1: u8 = 0,
    rs2: u8 = 0,
    immediate: i32 = 0,

    /// Index of the register that takes writes to x0.
    pub const dropped = 32;

    /// The immediate, sign-extended.
    pub inline fn value(self: Instruction) u64 {
        return @bitCast(@as(i64, self.immediate));
    }
};

pub fn decode(word: u32) Instruction {
    const funct3: u3 = @truncate(word >> 12);
    const funct7: u7 = @truncate(word >> 25);
    const signed: i32 = @bitCast(word);
    const rd: u8 = @as(u5, @truncate(word >> 7));
    var result: Instruction = .{
        .operation = .illegal,
        .rd = if (rd == 0) Instruction.dropped else rd,
        .rs1 = @as(u5, @truncate(word >> 15)),
        .rs2 = @as(u5, @truncate(word >> 20)),
        .immediate = signed >> 20,
    };
    switch (@as(u7, @truncate(word))) {
        0x37, 0x17 => |opcode| {
            result.operation = if (opcode == 0x37) .lui else .auipc;
            result.immediate = signed & ~@as(i32, 0xfff);
        },
        0x6f => {
            result.operation = .jal;
            const scattered = (word >> 20 & 0x7fe) | (word >> 9 & 0x800) | (word & 0xff000);
            result.immediate = @as(i32, @bitCast(scattered)) | ((signed >> 31) << 20);
        },
        0x67 => if (funct3 == 0) {
            result.operation = .jalr;
        },
        0x63 => {
            const by_funct3 = [8]Operation{ .beq, .bne, .illegal, .illegal, .blt, .bge, .bltu, .bgeu };
            result.operation = by_funct3[funct3];
            const scattered = (word >> 7 & 0x1e) | (word >> 20 & 0x7e0) | (word << 4 & 0x800);
            result.immediate = @as(i32, @bitCast(scattered)) | ((signed >> 31) << 12);
        },
        0x03 => {
            const by_funct3 = [8]Operation{ .lb, .lh, .lw, .ld, .lbu, .lhu, .lwu, .illegal };
            result.operation = by_funct3[funct3];
        },
        0x23 => {
            const by_funct3 = [8]Operation{ .sb, .sh, .sw, .sd, .illegal, .illegal, .illegal, .illegal };
            result.operation = by_funct3[funct3];
            result.immediate = (signed >> 25 << 5) | rd;
        },
        0x13 => {
            const by_funct3 = [8]Operation{ .addi, .slli, .slti, .sltiu, .xori, .srli, .ori, .andi };
            result.operation = by_funct3[funct3];
            if (funct3 == 1 or funct3 == 5) {
                const funct6 = word >> 26;
                result.immediate &= 63;
                if (funct6 == 0x10 and funct3 == 5) {
                    result.operation = .srai;
                } else if (funct6 != 0) {
                    result.operation = .illegal;
                }
            }
        },
        0x1b => {
            result.operation = switch (funct3) {
                0 => .addiw,
                1 => if (funct7 == 0) .slliw else .illegal,
                5 => if (funct7 == 0) .srliw else if (funct7 == 0x20) .sraiw else .illegal,
                else => .illegal,
            };
            if (funct3 != 0) result.immediate &= 31;
        },
        0x33 => {
            const plain = [8]Operation{ .add, .sll, .slt, .sltu, .xor, .srl, .@"or", .@"and" };
            const multiply = [8]Operation{ .mul, .mulh, .mulhsu, .mulhu, .div, .divu, .rem, .remu };
            result.operation = switch (funct7) {
                0 => plain[funct3],
                1 => multiply[funct3],
                0x20 => if (funct3 == 0) .sub else if (funct3 == 5) .sra else .illegal,
                else => .illegal,
            };
        },
        0x3b => {
            const plain = [8]Operation{ .addw, .sllw, .illegal, .illegal, .illegal, .srlw, .illegal, .illegal };
            const multiply = [8]Operation{ .mulw, .illegal, .illegal, .illegal, .divw, .divuw, .remw, .remuw };
            result.operation = switch (funct7) {
                0 => plain[funct3],
                1 => multiply[funct3],
                0x20 => if (funct3 == 0) .subw else if (funct3 == 5) .sraw else .illegal,
                else => .illegal,
            };
        },
        0x0f => if (funct3 == 0) {
            result.operation = .fence;
        },
        0x73 => if (word == 0x73) {
            result.operation = .ecall;
        } else if (word == 0x0010_0073) {
            result.operation = .ebreak;
        },
        else => {},
    }
    return result;
}

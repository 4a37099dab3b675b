//! The fault-proof VM, fast: runs to an exact step and says what the state is there. docs/fpvm.md is what it must do.
//!
//! Every place that can hold an instruction has a slot for its decoded form, filled in when it is first executed and dropped
//! when it is written. The loop jumps from operation to operation and leaves only for ecalls, faults and bad jump targets.

const std = @import("std");
const arithmetic = @import("arithmetic.zig");
const decoding = @import("decode.zig");
const memory_module = @import("memory.zig");
const Instruction = decoding.Instruction;
const Memory = memory_module.Memory;
const Marks = memory_module.Marks;
const State = @import("state.zig").State;

const leaf_size = memory_module.leaf_size;
const memory_size = memory_module.size;
const page_size = memory_module.page_size;
const slot_count = memory_size / 4;
const slot_size = @sizeOf(Instruction);
const allocator = std.heap.smp_allocator;

const Fault = enum(u8) {
    illegal_instruction = 0xf0,
    bad_pc = 0xf1,
    address_out_of_range = 0xf2,
    breakpoint = 0xf3,
    unknown_ecall = 0xf4,
    bad_argument = 0xf5,
};

/// Why `run` came back.
pub const Outcome = enum(u32) {
    /// The step that was asked for is reached.
    stopped = 0,
    /// The program has ended.
    exited = 1,
    /// The next step reads a preimage that was not supplied yet.
    needs_preimage = 2,
    /// The next step reads at or past the end of its preimage: no proof of it can exist.
    past_end = 3,
};

/// Why the fast loop came back: at the limit, before an instruction that it does not execute, or after a jump to a bad place.
const Pause = enum { limit, ecall, breakpoint, illegal, out_of_range, bad_target };

pub const Machine = struct {
    state: State = .{},
    memory: Memory,
    slots: []Instruction,
    /// The preimage of the state's key, once it was supplied.
    preimage: ?[]const u8 = null,
    /// What the program said at its last SET_KEY.
    hint: []const u8 = "",

    pub fn init() memory_module.Error!Machine {
        var memory = try Memory.init();
        errdefer memory.deinit();
        return .{ .memory = memory, .slots = try reserveSlots() };
    }

    fn reserveSlots() memory_module.Error![]Instruction {
        // One more than there are places, so that running off the end of memory needs no check.
        const slots = try memory_module.reserve(Instruction, slot_count + 1);
        slots[slot_count].operation = .end_of_memory;
        return slots;
    }

    pub fn deinit(self: *Machine) void {
        self.memory.deinit();
        memory_module.release(Instruction, self.slots);
        self.forgetPreimage();
        allocator.free(self.hint);
    }

    pub fn fork(self: *const Machine) memory_module.Error!Machine {
        var memory = try self.memory.fork();
        errdefer memory.deinit();
        const slots = try reserveSlots();
        errdefer memory_module.release(Instruction, slots);
        const preimage = if (self.preimage) |bytes| try allocator.dupe(u8, bytes) else null;
        errdefer if (preimage) |bytes| allocator.free(bytes);
        const hint = try allocator.dupe(u8, self.hint);
        return .{ .state = self.state, .memory = memory, .slots = slots, .preimage = preimage, .hint = hint };
    }

    /// Sets all of the state but the memory.
    pub fn setState(self: *Machine, state: State) void {
        self.state = state;
        self.forgetPreimage();
    }

    /// Supplies the preimage of the state's key, without the length prefix.
    pub fn supply(self: *Machine, bytes: []const u8) memory_module.Error!void {
        const copy = try allocator.dupe(u8, bytes);
        self.forgetPreimage();
        self.preimage = copy;
    }

    fn forgetPreimage(self: *Machine) void {
        if (self.preimage) |bytes| allocator.free(bytes);
        self.preimage = null;
    }

    /// Writes to memory from outside, as a loader does.
    pub fn write(self: *Machine, address: u64, bytes: []const u8) void {
        if (bytes.len == 0) return;
        self.prepareWrite(address, bytes.len);
        @memcpy(self.memory.bytes[address..][0..bytes.len], bytes);
    }

    /// Runs until the state's step counter is `stop_at`, or until something else stops it.
    pub fn run(self: *Machine, stop_at: u64) Outcome {
        const state = &self.state;
        while (!state.exited and state.step < stop_at) {
            if (state.pc & 3 != 0 or state.pc >= memory_size) {
                self.fault(.bad_pc);
                continue;
            }
            switch (self.runFast(stop_at)) {
                .limit, .bad_target => {},
                .illegal => self.fault(.illegal_instruction),
                .breakpoint => self.fault(.breakpoint),
                .out_of_range => self.fault(.address_out_of_range),
                .ecall => if (self.ecall()) |outcome| return outcome,
            }
        }
        return if (state.exited) .exited else .stopped;
    }

    fn fault(self: *Machine, code: Fault) void {
        self.state.step += 1;
        self.state.exited = true;
        self.state.exit_code = @backingInt(code);
    }

    /// Null when the step is made.
    fn ecall(self: *Machine) ?Outcome {
        const state = &self.state;
        const registers = &state.registers;
        const pointer = registers[10];
        const is_leaf = pointer < memory_size and pointer % leaf_size == 0;
        switch (registers[17]) {
            1 => {
                if (!is_leaf) {
                    self.fault(.bad_argument);
                    return null;
                }
                state.preimage_key = self.memory.bytes[pointer..][0..leaf_size].*;
                state.preimage_offset = 0;
                self.forgetPreimage();
                self.rememberHint(registers[11], registers[12]);
            },
            2 => {
                const wanted = registers[11];
                if (!is_leaf or wanted == 0 or wanted > leaf_size) {
                    self.fault(.bad_argument);
                    return null;
                }
                const preimage = self.preimage orelse return .needs_preimage;
                const value_size = 8 + @as(u64, preimage.len);
                if (state.preimage_offset >= value_size) return .past_end;
                var prefix: [8]u8 = undefined;
                std.mem.writeInt(u64, &prefix, preimage.len, .big);
                const count = @min(wanted, value_size - state.preimage_offset);
                self.prepareWrite(pointer, count);
                const from_prefix = if (state.preimage_offset < 8) @min(count, 8 - state.preimage_offset) else 0;
                const destination = self.memory.bytes[pointer..][0..count];
                if (from_prefix > 0) @memcpy(destination[0..from_prefix], prefix[state.preimage_offset..][0..from_prefix]);
                if (count > from_prefix) @memcpy(destination[from_prefix..], preimage[state.preimage_offset + from_prefix - 8 ..][0 .. count - from_prefix]);
                state.preimage_offset += count;
                registers[10] = count;
            },
            93 => {
                state.exited = true;
                state.exit_code = @intCast(@min(pointer, 255));
                state.step += 1;
                return null;
            },
            else => {
                self.fault(.unknown_ecall);
                return null;
            },
        }
        state.pc += 4;
        state.step += 1;
        return null;
    }

    /// A hint helps the host and binds nobody, so a strange one is no hint.
    fn rememberHint(self: *Machine, address: u64, size: u64) void {
        allocator.free(self.hint);
        self.hint = "";
        if (size > 1 << 24 or address > memory_size - size) return;
        self.hint = allocator.dupe(u8, self.memory.bytes[address..][0..size]) catch "";
    }

    /// Marks the pages of a write within memory and drops what was decoded of it.
    fn prepareWrite(self: *Machine, address: u64, count: u64) void {
        var page = address / page_size;
        while (page <= (address + count - 1) / page_size) : (page += 1) {
            self.memory.touch(@intCast(page));
            if (!self.memory.marks[page].code) continue;
            const first = @max(address, page * page_size) / 4;
            const last = @min(address + count - 1, page * page_size + page_size - 1) / 4;
            @memset(self.slots[first .. last + 1], .{ .operation = .undecoded });
        }
    }

    fn storeSlow(self: *Machine, comptime T: type, address: u64, value: T) void {
        @branchHint(.cold);
        self.prepareWrite(address, @sizeOf(T));
        std.mem.writeInt(T, self.memory.bytes[address..][0..@sizeOf(T)], value, .little);
    }

    fn decodeSlot(self: *Machine, slot: *Instruction) void {
        @branchHint(.cold);
        const address = (@intFromPtr(slot) - @intFromPtr(self.slots.ptr)) / slot_size * 4;
        self.memory.marks[address / page_size].code = true;
        slot.* = decoding.decode(std.mem.readInt(u32, self.memory.bytes[address..][0..4], .little));
    }

    /// Executes instructions up to the limit. On return the state's pc and step are right; the instruction at pc is not
    /// executed, whatever the reason. The caller has checked that pc is good and that a step is left.
    fn runFast(self: *Machine, stop_at: u64) Pause {
        // All arithmetic here wraps on purpose and all indices are checked by hand.
        @setRuntimeSafety(false);
        const registers = &self.state.registers;
        const bytes = self.memory.bytes.ptr;
        const marks = self.memory.marks.ptr;
        const slots = self.slots.ptr;
        var left = stop_at - self.state.step;
        var slot: [*]Instruction = slots + self.state.pc / 4;
        var pause: Pause = .limit;

        loop: switch (slot[0].operation) {
            .undecoded => {
                self.decodeSlot(&slot[0]);
                continue :loop slot[0].operation;
            },
            inline .add, .sub, .sll, .slt, .sltu, .xor, .srl, .sra, .@"or", .@"and", .mul, .mulh, .mulhsu, .mulhu, .div, .divu, .rem, .remu, .addw, .subw, .sllw, .srlw, .sraw, .mulw, .divw, .divuw, .remw, .remuw => |operation| {
                const i = slot[0];
                registers[i.rd] = arithmetic.compute(operation, registers[i.rs1], registers[i.rs2]);
                slot += 1;
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            inline .addi, .slli, .slti, .sltiu, .xori, .srli, .srai, .ori, .andi, .addiw, .slliw, .srliw, .sraiw => |operation| {
                const i = slot[0];
                registers[i.rd] = arithmetic.compute(operation, registers[i.rs1], i.value());
                slot += 1;
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            .lui => {
                registers[slot[0].rd] = slot[0].value();
                slot += 1;
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            .auipc => {
                registers[slot[0].rd] = addressOf(slots, slot) +% slot[0].value();
                slot += 1;
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            inline .lb, .lh, .lw, .ld, .lbu, .lhu, .lwu => |operation| {
                const T = switch (operation) {
                    .lb => i8,
                    .lh => i16,
                    .lw => i32,
                    .ld => i64,
                    .lbu => u8,
                    .lhu => u16,
                    .lwu => u32,
                    else => comptime unreachable,
                };
                const i = slot[0];
                const address = registers[i.rs1] +% i.value();
                if (address > memory_size - @sizeOf(T)) {
                    pause = .out_of_range;
                    break :loop;
                }
                const value = std.mem.readInt(T, bytes[address..][0..@sizeOf(T)], .little);
                registers[i.rd] = @bitCast(@as(i64, value));
                slot += 1;
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            inline .sb, .sh, .sw, .sd => |operation| {
                const T = switch (operation) {
                    .sb => u8,
                    .sh => u16,
                    .sw => u32,
                    .sd => u64,
                    else => comptime unreachable,
                };
                const i = slot[0];
                const address = registers[i.rs1] +% i.value();
                if (address > memory_size - @sizeOf(T)) {
                    pause = .out_of_range;
                    break :loop;
                }
                const value: T = @truncate(registers[i.rs2]);
                const within = address % page_size <= page_size - @sizeOf(T);
                if (within and @as(u8, @bitCast(marks[address / page_size])) == @as(u8, @bitCast(Marks.plain))) {
                    std.mem.writeInt(T, bytes[address..][0..@sizeOf(T)], value, .little);
                } else {
                    self.storeSlow(T, address, value);
                }
                slot += 1;
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            inline .beq, .bne, .blt, .bge, .bltu, .bgeu => |operation| {
                const i = slot[0];
                if (arithmetic.holds(operation, registers[i.rs1], registers[i.rs2])) {
                    const target = addressOf(slots, slot) +% i.value();
                    if (target & 3 != 0 or target >= memory_size) return self.leaveTo(target, stop_at - left + 1);
                    slot = slots + target / 4;
                } else {
                    slot += 1;
                }
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            .jal => {
                const address = addressOf(slots, slot);
                const target = address +% slot[0].value();
                registers[slot[0].rd] = address + 4;
                if (target & 3 != 0 or target >= memory_size) return self.leaveTo(target, stop_at - left + 1);
                slot = slots + target / 4;
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            .jalr => {
                const i = slot[0];
                const target = (registers[i.rs1] +% i.value()) & ~@as(u64, 1);
                registers[i.rd] = addressOf(slots, slot) + 4;
                if (target & 3 != 0 or target >= memory_size) return self.leaveTo(target, stop_at - left + 1);
                slot = slots + target / 4;
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            .fence => {
                slot += 1;
                left -= 1;
                if (left == 0) break :loop;
                continue :loop slot[0].operation;
            },
            .ecall => pause = .ecall,
            .ebreak => pause = .breakpoint,
            .illegal => pause = .illegal,
            .end_of_memory => pause = .bad_target,
        }
        self.state.pc = addressOf(slots, slot);
        self.state.step = stop_at - left;
        return pause;
    }

    fn leaveTo(self: *Machine, target: u64, step: u64) Pause {
        self.state.pc = target;
        self.state.step = step;
        return .bad_target;
    }

    inline fn addressOf(slots: [*]Instruction, slot: [*]Instruction) u64 {
        return (@intFromPtr(slot) -% @intFromPtr(slots)) / slot_size * 4;
    }
};

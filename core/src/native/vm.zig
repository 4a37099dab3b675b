//! The doors to the fault-proof VM. A handle comes from `lamina_vm_new` or `lamina_vm_fork` and is used by one thread at a time.

const std = @import("std");
const memory = @import("../vm/memory.zig");
const state = @import("../vm/state.zig");
const Machine = @import("../vm/machine.zig").Machine;

const allocator = std.heap.smp_allocator;

/// What is known without hashing.
pub const Info = extern struct {
    step: u64,
    pc: u64,
    preimage_offset: u64,
    registers: [32]u64,
    preimage_key: [32]u8,
    exit_code: u8,
    exited: u8,
};

fn own(machine: memory.Error!Machine) ?*Machine {
    const place = allocator.create(Machine) catch return null;
    place.* = machine catch {
        allocator.destroy(place);
        return null;
    };
    return place;
}

/// A machine with zeroed memory and state; null when there is no memory.
export fn lamina_vm_new() ?*Machine {
    return own(Machine.init());
}

/// A copy at the same state; null when there is no memory.
export fn lamina_vm_fork(machine: *const Machine) ?*Machine {
    return own(machine.fork());
}

export fn lamina_vm_free(machine: *Machine) void {
    machine.deinit();
    allocator.destroy(machine);
}

/// Runs until the step counter is `stop_at`; the result is a `machine.Outcome`.
export fn lamina_vm_run(machine: *Machine, stop_at: u64) u32 {
    return @backingInt(machine.run(stop_at));
}

/// The encoded state, the memory root brought up to date.
export fn lamina_vm_state(machine: *Machine, out: *[state.encoded_size]u8) void {
    const root = machine.memory.root();
    out.* = machine.state.encode(&root);
}

/// Sets all of the state but the memory; false when the bytes encode none.
export fn lamina_vm_set_state(machine: *Machine, encoded: *const [state.encoded_size]u8) bool {
    machine.setState(state.State.decode(encoded) orelse return false);
    return true;
}

export fn lamina_vm_info(machine: *const Machine, out: *Info) void {
    out.* = .{
        .step = machine.state.step,
        .pc = machine.state.pc,
        .preimage_offset = machine.state.preimage_offset,
        .registers = machine.state.registers[0..32].*,
        .preimage_key = machine.state.preimage_key,
        .exit_code = machine.state.exit_code,
        .exited = @intFromBool(machine.state.exited),
    };
}

/// Supplies the preimage of the state's key; false when there is no memory.
export fn lamina_vm_supply(machine: *Machine, bytes: [*]const u8, count: usize) bool {
    machine.supply(bytes[0..count]) catch return false;
    return true;
}

/// Address and size of the last hint; good until the machine runs on.
export fn lamina_vm_hint(machine: *const Machine, count: *usize) [*]const u8 {
    count.* = machine.hint.len;
    return machine.hint.ptr;
}

/// Writes to memory; false when the range is not within it.
export fn lamina_vm_write(machine: *Machine, address: u64, bytes: [*]const u8, count: usize) bool {
    if (count > memory.size or address > memory.size - count) return false;
    machine.write(address, bytes[0..count]);
    return true;
}

/// Reads memory; false when the range is not within it.
export fn lamina_vm_read(machine: *const Machine, address: u64, out: [*]u8, count: usize) bool {
    if (count > memory.size or address > memory.size - count) return false;
    @memcpy(out[0..count], machine.memory.bytes[address..][0..count]);
    return true;
}

/// The proof of the leaf that holds an address, against the present root.
export fn lamina_vm_proof(machine: *Machine, address: u32, out: *[memory.proof_size]u8) void {
    out.* = machine.memory.proof(address);
}

/// The pages that were ever written, in no order: their number, and as many of them as there is room for.
export fn lamina_vm_pages(machine: *const Machine, out: [*]u32, room: usize) usize {
    const present = machine.memory.present.items;
    const count = @min(room, present.len);
    @memcpy(out[0..count], present[0..count]);
    return present.len;
}

//! Storage and transient storage. Spec: EIP-2200, EIP-2929, EIP-3529, EIP-1153

const types = @import("../types.zig");
const gas = @import("../gas.zig");
const frame_file = @import("../frame.zig");
const Frame = frame_file.Frame;
const Status = frame_file.Status;
const op = frame_file.op;

const set_price = 20_000;
const reset_price = 5_000;

pub fn install(table: *frame_file.Table, comptime s: gas.Schedule) void {
    table[0x54] = op(1, 1, 0, load(if (s.access_sets) null else s.slot_load));
    table[0x55] = op(2, 0, 0, store(s.store));
}

pub fn installTransient(table: *frame_file.Table) void {
    table[0x5c] = op(1, 1, 100, transientLoad);
    table[0x5d] = op(2, 0, 100, transientStore);
}

fn load(comptime flat_price: ?u32) fn (*Frame, [*]u256, *i64) Status {
    return struct {
        fn run(frame: *Frame, w: [*]u256, left: *i64) Status {
            return tryLoad(frame, w, left) catch |err| frame.fault(err);
        }

        fn tryLoad(frame: *Frame, w: [*]u256, left: *i64) types.Error!Status {
            const state = frame.machine.state;
            if (flat_price) |price| {
                if (!Frame.charge(left, price)) return .out_of_gas;
            } else {
                const key = try state.warmKey(frame.owner, w[0]);
                if (!Frame.charge(left, if (key.cold) gas.slot_access.cold else gas.slot_access.warm)) return .out_of_gas;
                if (key.slot.loaded) {
                    w[0] = key.slot.value;
                    return .running;
                }
            }
            w[0] = (try state.slot(frame.owner, w[0])).value;
            return .running;
        }
    }.run;
}

fn store(comptime rule: gas.StoreRule) fn (*Frame, [*]u256, *i64) Status {
    return struct {
        fn run(frame: *Frame, w: [*]u256, left: *i64) Status {
            if (frame.is_static) return .write_protection;
            return tryStore(frame, w[0], w[1], left) catch |err| frame.fault(err);
        }

        fn tryStore(frame: *Frame, key: u256, value: u256, left: *i64) types.Error!Status {
            const state = frame.machine.state;
            // With no more than a call's stipend nothing may be written, so that a transfer cannot.
            if (rule != .frontier and left.* <= gas.call_stipend) return .out_of_gas;
            var price: u64 = 0;
            if (rule == .berlin or rule == .london) {
                if ((try state.warmKey(frame.owner, key)).cold) price += gas.slot_access.cold;
            }
            const slot = try state.slot(frame.owner, key);
            price += if (rule == .frontier)
                priceByValue(slot.value, value)
            else
                priceByChange(slot.original, slot.value, value);
            if (!Frame.charge(left, price)) return .out_of_gas;
            state.refund += if (rule == .frontier)
                @as(i64, if (slot.value != 0 and value == 0) 15_000 else 0)
            else
                refundByChange(slot.original, slot.value, value);
            if (slot.value != value) try state.setSlot(frame.owner, slot, value);
            return .running;
        }

        fn priceByValue(current: u256, new: u256) u64 {
            return if (current == 0 and new != 0) set_price else reset_price;
        }

        const warm_price: u64 = if (rule == .istanbul) 800 else gas.slot_access.warm;
        const change_price: u64 = if (rule == .istanbul) reset_price else reset_price - gas.slot_access.cold;
        const clear_refund: i64 = if (rule == .london) change_price + 1_900 else 15_000;

        fn priceByChange(original: u256, current: u256, new: u256) u64 {
            if (current == new or original != current) return warm_price;
            return if (original == 0) set_price else change_price;
        }

        fn refundByChange(original: u256, current: u256, new: u256) i64 {
            if (current == new) return 0;
            if (original == current) return if (original != 0 and new == 0) clear_refund else 0;
            var refund: i64 = 0;
            if (original != 0) {
                if (current == 0) refund -= clear_refund;
                if (new == 0) refund += clear_refund;
            }
            if (original == new) {
                const paid = if (original == 0) set_price else change_price;
                refund += @intCast(paid - warm_price);
            }
            return refund;
        }
    }.run;
}

fn transientLoad(frame: *Frame, w: [*]const u256) u256 {
    return frame.machine.state.transientValue(frame.owner, w[0]);
}

fn transientStore(frame: *Frame, w: [*]u256, _: *i64) Status {
    if (frame.is_static) return .write_protection;
    frame.machine.state.setTransient(frame.owner, w[0], w[1]) catch |err| return frame.fault(err);
    return .running;
}

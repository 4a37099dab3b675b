//! What a contract can ask about itself, the transaction, other accounts and the block. Spec: yellow paper, appendix H.2, "30s" and "40s"

const math = @import("../../u256.zig");
const types = @import("../types.zig");
const gas = @import("../gas.zig");
const frame_file = @import("../frame.zig");
const Account = @import("../state.zig").Account;
const Frame = frame_file.Frame;
const Status = frame_file.Status;
const op = frame_file.op;
const Words = [*]const u256;

const base = 2;

pub fn install(table: *frame_file.Table) void {
    table[0x30] = op(0, 1, base, address);
    table[0x32] = op(0, 1, base, origin);
    table[0x33] = op(0, 1, base, caller);
    table[0x34] = op(0, 1, base, callValue);
    table[0x35] = op(1, 1, 3, inputLoad);
    table[0x36] = op(0, 1, base, inputSize);
    table[0x37] = op(3, 0, 3, inputCopy);
    table[0x38] = op(0, 1, base, codeSize);
    table[0x39] = op(3, 0, 3, codeCopy);
    table[0x3a] = op(0, 1, base, gasPrice);
    table[0x40] = op(1, 1, 20, blockHash);
    table[0x41] = op(0, 1, base, coinbase);
    table[0x42] = op(0, 1, base, timestamp);
    table[0x43] = op(0, 1, base, number);
    table[0x44] = op(0, 1, base, difficulty);
    table[0x45] = op(0, 1, base, gasLimit);
}

/// Spec: EIP-211
pub fn installReturnData(table: *frame_file.Table) void {
    table[0x3d] = op(0, 1, base, returnDataSize);
    table[0x3e] = op(3, 0, 3, returnDataCopy);
}

/// The opcodes that read other accounts, whose price has changed most often.
pub fn installAccounts(table: *frame_file.Table, comptime s: gas.Schedule) void {
    table[0x31] = op(1, 1, 0, accountReader(if (s.access_sets) null else s.balance, balanceOf));
    table[0x3b] = op(1, 1, 0, accountReader(if (s.access_sets) null else s.code_size, codeSizeOf));
    table[0x3c] = op(4, 0, 0, codeCopyFrom(if (s.access_sets) null else s.code_copy));
}

/// Spec: EIP-1052
pub fn installCodeHash(table: *frame_file.Table, comptime s: gas.Schedule) void {
    table[0x3f] = op(1, 1, 0, accountReader(if (s.access_sets) null else s.code_hash, codeHashOf));
}

/// Spec: EIP-1344, EIP-1884
pub fn installChainIdAndSelfBalance(table: *frame_file.Table) void {
    table[0x46] = op(0, 1, base, chainId);
    table[0x47] = op(0, 1, 5, selfBalance);
}

/// Spec: EIP-3198
pub fn installBaseFee(table: *frame_file.Table) void {
    table[0x48] = op(0, 1, base, baseFee);
}

/// Spec: EIP-4399
pub fn installRandao(table: *frame_file.Table) void {
    table[0x44] = op(0, 1, base, randao);
}

/// Spec: EIP-4844, EIP-7516
pub fn installBlobs(table: *frame_file.Table) void {
    table[0x49] = op(1, 1, 3, blobHash);
    table[0x4a] = op(0, 1, base, blobBaseFee);
}

inline fn address(frame: *Frame, _: Words) u256 {
    return types.addressToWord(frame.owner.address);
}

inline fn origin(frame: *Frame, _: Words) u256 {
    return types.addressToWord(frame.machine.transaction.origin);
}

inline fn caller(frame: *Frame, _: Words) u256 {
    return types.addressToWord(frame.caller);
}

inline fn callValue(frame: *Frame, _: Words) u256 {
    return frame.value;
}

/// Bytes of `source` from `offset` on, zeros behind its end.
fn copyPadded(destination: []u8, source: []const u8, offset: u256) void {
    const start: usize = if (offset < source.len) @truncate(offset) else source.len;
    const available = @min(source.len - start, destination.len);
    @memcpy(destination[0..available], source[start..][0..available]);
    @memset(destination[available..], 0);
}

fn inputLoad(frame: *Frame, w: Words) u256 {
    if (w[0] >> 32 == 0) {
        const offset: usize = @truncate(w[0]);
        if (offset + 32 <= frame.input.len) return math.fromBytes(frame.input[offset..][0..32]);
    }
    var word: [32]u8 = undefined;
    copyPadded(&word, frame.input, w[0]);
    return math.fromBytes(&word);
}

inline fn inputSize(frame: *Frame, _: Words) u256 {
    return frame.input.len;
}

inline fn codeSize(frame: *Frame, _: Words) u256 {
    return frame.code.len;
}

/// Charges for `size` bytes copied to memory at `to`.
fn prepareCopy(frame: *Frame, left: *i64, to: u256, size: u256) Status {
    const status = frame.expand(left, to, size);
    if (status != .running) return status;
    if (!Frame.charge(left, gas.copy_word * gas.words(@truncate(size)))) return .out_of_gas;
    return .running;
}

fn inputCopy(frame: *Frame, w: [*]u256, left: *i64) Status {
    const status = prepareCopy(frame, left, w[0], w[2]);
    if (status != .running) return status;
    copyPadded(frame.range(w[0], w[2]), frame.input, w[1]);
    return .running;
}

fn codeCopy(frame: *Frame, w: [*]u256, left: *i64) Status {
    const status = prepareCopy(frame, left, w[0], w[2]);
    if (status != .running) return status;
    copyPadded(frame.range(w[0], w[2]), frame.code, w[1]);
    return .running;
}

inline fn gasPrice(frame: *Frame, _: Words) u256 {
    return frame.machine.transaction.gas_price;
}

inline fn returnDataSize(frame: *Frame, _: Words) u256 {
    return frame.return_data.len;
}

fn returnDataCopy(frame: *Frame, w: [*]u256, left: *i64) Status {
    const status = prepareCopy(frame, left, w[0], w[2]);
    if (status != .running) return status;
    // Unlike the other copies this one knows no padding. `expand` has checked that the size is small, unless it is 0.
    const length = frame.return_data.len;
    if (w[1] > length or w[2] > length - @as(usize, @truncate(w[1]))) return .return_data_out_of_bounds;
    @memcpy(frame.range(w[0], w[2]), frame.return_data[@truncate(w[1])..][0..@truncate(w[2])]);
    return .running;
}

/// The account whose address is `word`, read once it is paid for; null when it cannot be.
fn payForAccount(frame: *Frame, left: *i64, word: u256, comptime flat_price: ?u32) types.Error!?*Account {
    const state = frame.machine.state;
    const target = try state.unread(types.wordToAddress(word));
    if (flat_price) |price| {
        if (!Frame.charge(left, price)) return null;
    } else {
        const cold = try state.warm(target);
        if (!Frame.charge(left, if (cold) gas.account_access.cold else gas.account_access.warm)) return null;
    }
    try state.load(target);
    return target;
}

/// An opcode that replaces an address by what `read` says about its account. Without a flat price it has that of EIP-2929.
fn accountReader(
    comptime flat_price: ?u32,
    comptime read: fn (*Frame, *Account) types.Error!u256,
) fn (*Frame, [*]u256, *i64) Status {
    return struct {
        fn run(frame: *Frame, w: [*]u256, left: *i64) Status {
            const target = payForAccount(frame, left, w[0], flat_price) catch |err| return frame.fault(err);
            w[0] = read(frame, target orelse return .out_of_gas) catch |err| return frame.fault(err);
            return .running;
        }
    }.run;
}

fn balanceOf(_: *Frame, target: *Account) types.Error!u256 {
    return target.info.balance;
}

fn codeSizeOf(frame: *Frame, target: *Account) types.Error!u256 {
    return (try frame.machine.state.codeOf(target)).bytes.len;
}

fn codeHashOf(_: *Frame, target: *Account) types.Error!u256 {
    // Where the fork still has accounts that exist and are empty, they have the hash of empty code; since EIP-161 there are none.
    if (!target.info.exists or target.info.isEmpty()) return 0;
    return types.hashToWord(target.info.code_hash);
}

fn codeCopyFrom(comptime flat_price: ?u32) fn (*Frame, [*]u256, *i64) Status {
    return struct {
        fn run(frame: *Frame, w: [*]u256, left: *i64) Status {
            const status = prepareCopy(frame, left, w[1], w[3]);
            if (status != .running) return status;
            const target = payForAccount(frame, left, w[0], flat_price) catch |err| return frame.fault(err);
            const code = frame.machine.state.codeOf(target orelse return .out_of_gas) catch |err| return frame.fault(err);
            copyPadded(frame.range(w[1], w[3]), code.bytes, w[2]);
            return .running;
        }
    }.run;
}

fn blockHash(frame: *Frame, w: [*]u256, _: *i64) Status {
    const current = frame.machine.environment.number;
    const asked = w[0];
    if (asked >= current or current - asked > 256) {
        w[0] = 0;
        return .running;
    }
    w[0] = types.hashToWord(frame.machine.state.blockHash(@truncate(asked)) catch |err| return frame.fault(err));
    return .running;
}

inline fn coinbase(frame: *Frame, _: Words) u256 {
    return types.addressToWord(frame.machine.environment.coinbase);
}

inline fn timestamp(frame: *Frame, _: Words) u256 {
    return frame.machine.environment.timestamp;
}

inline fn number(frame: *Frame, _: Words) u256 {
    return frame.machine.environment.number;
}

inline fn difficulty(frame: *Frame, _: Words) u256 {
    return frame.machine.environment.difficulty;
}

inline fn randao(frame: *Frame, _: Words) u256 {
    return types.hashToWord(frame.machine.environment.prev_randao);
}

inline fn gasLimit(frame: *Frame, _: Words) u256 {
    return frame.machine.environment.gas_limit;
}

inline fn chainId(frame: *Frame, _: Words) u256 {
    return frame.machine.rules.chain_id;
}

inline fn selfBalance(frame: *Frame, _: Words) u256 {
    return frame.owner.info.balance;
}

inline fn baseFee(frame: *Frame, _: Words) u256 {
    return frame.machine.environment.base_fee;
}

inline fn blobHash(frame: *Frame, w: Words) u256 {
    const hashes = frame.machine.transaction.blob_hashes;
    return if (w[0] < hashes.len) types.hashToWord(hashes[@truncate(w[0])]) else 0;
}

inline fn blobBaseFee(frame: *Frame, _: Words) u256 {
    return frame.machine.environment.blob_base_fee;
}

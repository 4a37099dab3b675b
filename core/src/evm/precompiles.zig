//! The precompiled contracts: which addresses have one, and what a call costs. What they compute is the platform's business.

const std = @import("std");
const types = @import("types.zig");
const gas = @import("gas.zig");
const fork = @import("fork.zig");
const math = @import("../u256.zig");
const platform = @import("../platform.zig");
const Rules = fork.Rules;

pub const ecrecover = 0x01;
pub const sha256 = 0x02;
pub const ripemd160 = 0x03;
pub const identity = 0x04;
pub const modexp = 0x05;
pub const bn254_add = 0x06;
pub const bn254_multiply = 0x07;
pub const bn254_pairing = 0x08;
pub const blake2f = 0x09;
pub const point_evaluation = 0x0a;
pub const bls12_g1_add = 0x0b;
pub const bls12_g1_msm = 0x0c;
pub const bls12_g2_add = 0x0d;
pub const bls12_g2_msm = 0x0e;
pub const bls12_pairing = 0x0f;
pub const bls12_map_fp_to_g1 = 0x10;
pub const bls12_map_fp2_to_g2 = 0x11;
pub const p256_verify = 0x100;

/// How many there are on any fork.
pub const count = bls12_map_fp2_to_g2 + 1;

/// The number of the precompile at this address under these rules.
pub fn find(rules: Rules, address: types.Address) ?u16 {
    if (!std.mem.allEqual(u8, address[0..18], 0)) return null;
    const number = std.mem.readInt(u16, address[18..20], .big);
    return if (isActive(rules, number)) number else null;
}

fn isActive(rules: Rules, number: u16) bool {
    return switch (number) {
        ecrecover...identity => true,
        modexp...bn254_pairing => rules.since(.byzantium),
        blake2f => rules.since(.istanbul),
        point_evaluation => rules.since(.cancun),
        bls12_g1_add...bls12_map_fp2_to_g2 => rules.since(.prague),
        // On L2 since Fjord, long before L1.
        p256_verify => rules.since(.osaka) or rules.opSince(.fjord),
        else => false,
    };
}

/// All numbers that `find` can answer under these rules: addresses that are warm from the start. Spec: EIP-2929
pub fn active(rules: Rules, buffer: *[count]u16) []const u16 {
    var found: usize = 0;
    for ([_]u16{p256_verify} ++ comptime numbers(1, bls12_map_fp2_to_g2)) |number| {
        if (isActive(rules, number)) {
            buffer[found] = number;
            found += 1;
        }
    }
    return buffer[0..found];
}

fn numbers(comptime first: u16, comptime last: u16) [last - first + 1]u16 {
    var all: [last - first + 1]u16 = undefined;
    for (&all, first..) |*number, value| number.* = value;
    return all;
}

/// The longest input an L2 accepts, so that a fault proof can put the worst call into one L1 transaction; null: any.
/// Spec: op granite, isthmus, jovian and karst exec-engine, "Precompile Input Size Restrictions"
pub fn inputLimit(rules: Rules, number: u16) ?usize {
    if (rules.opSince(.jovian)) return switch (number) {
        bn254_pairing => if (rules.opSince(.karst)) 57_600 else 81_984,
        bls12_g1_msm => 288_960,
        bls12_g2_msm => 278_784,
        bls12_pairing => 156_672,
        else => null,
    };
    return switch (number) {
        bn254_pairing => if (rules.opSince(.granite)) 112_687 else null,
        bls12_g1_msm => if (rules.opSince(.isthmus)) 513_760 else null,
        bls12_g2_msm => if (rules.opSince(.isthmus)) 488_448 else null,
        bls12_pairing => if (rules.opSince(.isthmus)) 235_008 else null,
        else => null,
    };
}

/// What a call with this input costs; null: it fails at any price.
pub fn price(rules: Rules, number: u16, input: []const u8) ?u64 {
    if (inputLimit(rules, number)) |limit| if (input.len > limit) return null;
    const word_count = gas.words(input.len);
    const istanbul = rules.since(.istanbul);
    return switch (number) {
        ecrecover => 3000,
        sha256 => 60 + 12 * word_count,
        ripemd160 => 600 + 120 * word_count,
        identity => 15 + 3 * word_count,
        modexp => modexpPrice(rules, input),
        bn254_add => if (istanbul) 150 else 500,
        bn254_multiply => if (istanbul) 6_000 else 40_000,
        bn254_pairing => if (istanbul) 45_000 + 34_000 * (input.len / 192) else 100_000 + 80_000 * (input.len / 192),
        blake2f => if (input.len == 213) std.mem.readInt(u32, input[0..4], .big) else null,
        point_evaluation => 50_000,
        bls12_g1_add => 375,
        bls12_g1_msm => msmPrice(input.len / 160, 12_000, &g1_discounts),
        bls12_g2_add => 600,
        bls12_g2_msm => msmPrice(input.len / 288, 22_500, &g2_discounts),
        bls12_pairing => 37_700 + 32_600 * (input.len / 384),
        bls12_map_fp_to_g1 => 5_500,
        bls12_map_fp2_to_g2 => 23_800,
        // Spec: op fjord exec-engine, "secp256r1 Precompile"; EIP-7951
        p256_verify => if (rules.since(.osaka)) 6_900 else 3_450,
        else => unreachable,
    };
}

// Multi-scalar multiplication. Spec: EIP-2537, "Gas schedule", "G1 and G2 MSM"

fn msmPrice(pairs: u64, multiplication: u64, discounts: *const [128]u16) u64 {
    if (pairs == 0) return 0;
    return pairs * multiplication * discounts[@min(pairs, discounts.len) - 1] / 1000;
}

/// Thousandths of the price of separate multiplications, by the number of pairs.
const g1_discounts = [128]u16{
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677,
    673,  669, 665, 661, 658, 654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627,
    625,  623, 621, 619, 617, 615, 613, 611, 609, 608, 606, 604, 603, 601, 599, 598,
    596,  595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577, 576,
    575,  574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559,
    558,  557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545, 544,
    543,  542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531,
    530,  529, 528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519,
};

const g2_discounts = [128]u16{
    1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717,
    711,  704,  699, 693, 688, 683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646,
    643,  640,  637, 634, 632, 629, 627, 624, 622, 620, 618, 615, 613, 611, 609, 607,
    606,  604,  602, 600, 598, 597, 595, 593, 592, 590, 589, 587, 586, 584, 583, 582,
    580,  579,  578, 576, 575, 574, 573, 571, 570, 569, 568, 567, 566, 565, 563, 562,
    561,  560,  559, 558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549, 548, 547,
    546,  545,  545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535,
    534,  533,  532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524,
};

// Modular exponentiation.

const Lengths = struct { base: u256, exponent: u256, modulus: u256 };

/// Spec: EIP-198, EIP-2565, EIP-7823, EIP-7883
fn modexpPrice(rules: Rules, input: []const u8) ?u64 {
    const lengths: Lengths = .{ .base = wordAt(input, 0), .exponent = wordAt(input, 32), .modulus = wordAt(input, 64) };
    const longest = @max(lengths.base, lengths.modulus);
    if (rules.since(.osaka) and @max(longest, lengths.exponent) > 1024) return null;
    const minimum: u64 = if (rules.since(.osaka)) 500 else if (rules.since(.berlin)) 200 else 0;
    // Numbers of more than 2^32 bytes cost more than any gas there is.
    if (longest >> 32 != 0) return std.math.maxInt(u64);

    const head = exponentHead(input, lengths);
    const head_bits: u64 = if (head == 0) 0 else 255 - @clz(head);
    const byte_factor: u256 = if (rules.since(.osaka)) 16 else 8;
    const by_length = (lengths.exponent -| 32) *| byte_factor;
    const iterations = @max(by_length +| head_bits, 1);

    const size: u64 = @truncate(longest);
    const word_count = (size + 7) / 8;
    const complexity: u256 = if (rules.since(.osaka))
        (if (size <= 32) 16 else 2 * word_count * word_count)
    else if (rules.since(.berlin))
        word_count * word_count
    else
        squareComplexity(size);
    const divisor: u256 = if (rules.since(.osaka)) 1 else if (rules.since(.berlin)) 3 else 20;
    const total = math.divide(complexity *| iterations, divisor);
    if (total >> 63 != 0) return std.math.maxInt(u64);
    return @max(minimum, @as(u64, @truncate(total)));
}

/// Spec: EIP-198, mult_complexity
fn squareComplexity(size: u64) u64 {
    if (size <= 64) return size * size;
    if (size <= 1024) return size * size / 4 + 96 * size - 3072;
    return size * size / 16 + 480 * size - 199_680;
}

/// The exponent's first 32 bytes, or all of a shorter one.
fn exponentHead(input: []const u8, lengths: Lengths) u256 {
    const size: usize = @truncate(@min(lengths.exponent, 32));
    if (size == 0 or lengths.base >= input.len) return 0;
    const word = wordAt(input, 96 + @as(usize, @truncate(lengths.base)));
    return math.shiftRight(8 * (32 - size), word);
}

/// 32 bytes of the input, which zeros follow without end.
fn wordAt(input: []const u8, offset: usize) u256 {
    var word: [32]u8 = @splat(0);
    if (offset < input.len) {
        const size = @min(32, input.len - offset);
        @memcpy(word[0..size], input[offset..][0..size]);
    }
    return math.fromBytes(&word);
}

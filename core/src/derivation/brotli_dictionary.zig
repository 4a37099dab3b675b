//! Brotli's static dictionary: words by length, and the 121 ways to change them.
//!
//! `data/brotli_dictionary.bin` is the 122,784 bytes of RFC 7932, appendix A, taken from `c/common/dictionary.bin` of google/brotli;
//! SHA-256 20e42eb1b511c21806d4d227d07e5dd06877d8ce7b3a817f378f313653f35c70. Spec: RFC 7932, section 8 and appendices A and B.

const std = @import("std");

pub const data = @embedFile("data/brotli_dictionary.bin");

pub const min_word_length = 4;
pub const max_word_length = 24;
/// The longest prefix and suffix around the longest word.
pub const max_transformed_length = 5 + max_word_length + 8;

/// There are 1 << bits words of a length.
const word_count_bits = [max_word_length + 1]u5{ 0, 0, 0, 0, 10, 10, 11, 11, 10, 10, 10, 10, 10, 9, 9, 8, 7, 7, 8, 7, 7, 6, 6, 5, 5 };

const offsets = blk: {
    var result: [max_word_length + 1]u32 = undefined;
    var offset: u32 = 0;
    for (&result, word_count_bits, 0..) |*slot, count_bits, length| {
        slot.* = offset;
        if (length >= min_word_length) offset += length << count_bits;
    }
    std.debug.assert(offset == data.len);
    break :blk result;
};

/// The changed word that number `id` of the words of this length means, written to `buffer`; null when there is none.
pub fn word(buffer: *[max_transformed_length]u8, length: usize, id: usize) ?[]const u8 {
    if (length < min_word_length or length > max_word_length) return null;
    const count_bits = word_count_bits[length];
    const transform_index = id >> count_bits;
    if (transform_index >= transforms.len) return null;
    const start = offsets[length] + length * (id & ((@as(usize, 1) << count_bits) - 1));
    return transforms[transform_index].apply(buffer, data[start..][0..length]);
}

const Change = union(enum) { identity, uppercase_first, uppercase_all, omit_first: u8, omit_last: u8 };

const Transform = struct {
    prefix: []const u8,
    change: Change,
    suffix: []const u8,

    fn apply(self: Transform, buffer: *[max_transformed_length]u8, original: []const u8) []const u8 {
        const kept = switch (self.change) {
            .omit_first => |count| original[@min(count, original.len)..],
            .omit_last => |count| original[0 .. original.len -| count],
            else => original,
        };
        var end: usize = 0;
        for ([_][]const u8{ self.prefix, kept, self.suffix }) |part| {
            @memcpy(buffer[end..][0..part.len], part);
            end += part.len;
        }
        const changed = buffer[self.prefix.len..][0..kept.len];
        switch (self.change) {
            .uppercase_first => _ = uppercase(changed),
            .uppercase_all => {
                var position: usize = 0;
                while (position < changed.len) position += uppercase(changed[position..]);
            },
            else => {},
        }
        return buffer[0..end];
    }
};

/// Change the first character, UTF-8 in a simplified model, and return its size. Spec: RFC 7932, section 8, "Ferment".
fn uppercase(text: []u8) usize {
    if (text[0] < 0xc0) {
        if (text[0] >= 'a' and text[0] <= 'z') text[0] ^= 32;
        return 1;
    }
    if (text[0] < 0xe0) {
        if (text.len > 1) text[1] ^= 32;
        return 2;
    }
    if (text.len > 2) text[2] ^= 5;
    return 3;
}

const transforms = [121]Transform{
    .{ .prefix = "", .change = .identity, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = " " },
    .{ .prefix = " ", .change = .identity, .suffix = " " },
    .{ .prefix = "", .change = .{ .omit_first = 1 }, .suffix = "" },
    .{ .prefix = "", .change = .uppercase_first, .suffix = " " },
    .{ .prefix = "", .change = .identity, .suffix = " the " },
    .{ .prefix = " ", .change = .identity, .suffix = "" },
    .{ .prefix = "s ", .change = .identity, .suffix = " " },
    .{ .prefix = "", .change = .identity, .suffix = " of " },
    .{ .prefix = "", .change = .uppercase_first, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = " and " },
    .{ .prefix = "", .change = .{ .omit_first = 2 }, .suffix = "" },
    .{ .prefix = "", .change = .{ .omit_last = 1 }, .suffix = "" },
    .{ .prefix = ", ", .change = .identity, .suffix = " " },
    .{ .prefix = "", .change = .identity, .suffix = ", " },
    .{ .prefix = " ", .change = .uppercase_first, .suffix = " " },
    .{ .prefix = "", .change = .identity, .suffix = " in " },
    .{ .prefix = "", .change = .identity, .suffix = " to " },
    .{ .prefix = "e ", .change = .identity, .suffix = " " },
    .{ .prefix = "", .change = .identity, .suffix = "\"" },
    .{ .prefix = "", .change = .identity, .suffix = "." },
    .{ .prefix = "", .change = .identity, .suffix = "\">" },
    .{ .prefix = "", .change = .identity, .suffix = "\n" },
    .{ .prefix = "", .change = .{ .omit_last = 3 }, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = "]" },
    .{ .prefix = "", .change = .identity, .suffix = " for " },
    .{ .prefix = "", .change = .{ .omit_first = 3 }, .suffix = "" },
    .{ .prefix = "", .change = .{ .omit_last = 2 }, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = " a " },
    .{ .prefix = "", .change = .identity, .suffix = " that " },
    .{ .prefix = " ", .change = .uppercase_first, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = ". " },
    .{ .prefix = ".", .change = .identity, .suffix = "" },
    .{ .prefix = " ", .change = .identity, .suffix = ", " },
    .{ .prefix = "", .change = .{ .omit_first = 4 }, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = " with " },
    .{ .prefix = "", .change = .identity, .suffix = "'" },
    .{ .prefix = "", .change = .identity, .suffix = " from " },
    .{ .prefix = "", .change = .identity, .suffix = " by " },
    .{ .prefix = "", .change = .{ .omit_first = 5 }, .suffix = "" },
    .{ .prefix = "", .change = .{ .omit_first = 6 }, .suffix = "" },
    .{ .prefix = " the ", .change = .identity, .suffix = "" },
    .{ .prefix = "", .change = .{ .omit_last = 4 }, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = ". The " },
    .{ .prefix = "", .change = .uppercase_all, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = " on " },
    .{ .prefix = "", .change = .identity, .suffix = " as " },
    .{ .prefix = "", .change = .identity, .suffix = " is " },
    .{ .prefix = "", .change = .{ .omit_last = 7 }, .suffix = "" },
    .{ .prefix = "", .change = .{ .omit_last = 1 }, .suffix = "ing " },
    .{ .prefix = "", .change = .identity, .suffix = "\n\t" },
    .{ .prefix = "", .change = .identity, .suffix = ":" },
    .{ .prefix = " ", .change = .identity, .suffix = ". " },
    .{ .prefix = "", .change = .identity, .suffix = "ed " },
    .{ .prefix = "", .change = .{ .omit_first = 9 }, .suffix = "" },
    .{ .prefix = "", .change = .{ .omit_first = 7 }, .suffix = "" },
    .{ .prefix = "", .change = .{ .omit_last = 6 }, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = "(" },
    .{ .prefix = "", .change = .uppercase_first, .suffix = ", " },
    .{ .prefix = "", .change = .{ .omit_last = 8 }, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = " at " },
    .{ .prefix = "", .change = .identity, .suffix = "ly " },
    .{ .prefix = " the ", .change = .identity, .suffix = " of " },
    .{ .prefix = "", .change = .{ .omit_last = 5 }, .suffix = "" },
    .{ .prefix = "", .change = .{ .omit_last = 9 }, .suffix = "" },
    .{ .prefix = " ", .change = .uppercase_first, .suffix = ", " },
    .{ .prefix = "", .change = .uppercase_first, .suffix = "\"" },
    .{ .prefix = ".", .change = .identity, .suffix = "(" },
    .{ .prefix = "", .change = .uppercase_all, .suffix = " " },
    .{ .prefix = "", .change = .uppercase_first, .suffix = "\">" },
    .{ .prefix = "", .change = .identity, .suffix = "=\"" },
    .{ .prefix = " ", .change = .identity, .suffix = "." },
    .{ .prefix = ".com/", .change = .identity, .suffix = "" },
    .{ .prefix = " the ", .change = .identity, .suffix = " of the " },
    .{ .prefix = "", .change = .uppercase_first, .suffix = "'" },
    .{ .prefix = "", .change = .identity, .suffix = ". This " },
    .{ .prefix = "", .change = .identity, .suffix = "," },
    .{ .prefix = ".", .change = .identity, .suffix = " " },
    .{ .prefix = "", .change = .uppercase_first, .suffix = "(" },
    .{ .prefix = "", .change = .uppercase_first, .suffix = "." },
    .{ .prefix = "", .change = .identity, .suffix = " not " },
    .{ .prefix = " ", .change = .identity, .suffix = "=\"" },
    .{ .prefix = "", .change = .identity, .suffix = "er " },
    .{ .prefix = " ", .change = .uppercase_all, .suffix = " " },
    .{ .prefix = "", .change = .identity, .suffix = "al " },
    .{ .prefix = " ", .change = .uppercase_all, .suffix = "" },
    .{ .prefix = "", .change = .identity, .suffix = "='" },
    .{ .prefix = "", .change = .uppercase_all, .suffix = "\"" },
    .{ .prefix = "", .change = .uppercase_first, .suffix = ". " },
    .{ .prefix = " ", .change = .identity, .suffix = "(" },
    .{ .prefix = "", .change = .identity, .suffix = "ful " },
    .{ .prefix = " ", .change = .uppercase_first, .suffix = ". " },
    .{ .prefix = "", .change = .identity, .suffix = "ive " },
    .{ .prefix = "", .change = .identity, .suffix = "less " },
    .{ .prefix = "", .change = .uppercase_all, .suffix = "'" },
    .{ .prefix = "", .change = .identity, .suffix = "est " },
    .{ .prefix = " ", .change = .uppercase_first, .suffix = "." },
    .{ .prefix = "", .change = .uppercase_all, .suffix = "\">" },
    .{ .prefix = " ", .change = .identity, .suffix = "='" },
    .{ .prefix = "", .change = .uppercase_first, .suffix = "," },
    .{ .prefix = "", .change = .identity, .suffix = "ize " },
    .{ .prefix = "", .change = .uppercase_all, .suffix = "." },
    .{ .prefix = "\xc2\xa0", .change = .identity, .suffix = "" },
    .{ .prefix = " ", .change = .identity, .suffix = "," },
    .{ .prefix = "", .change = .uppercase_first, .suffix = "=\"" },
    .{ .prefix = "", .change = .uppercase_all, .suffix = "=\"" },
    .{ .prefix = "", .change = .identity, .suffix = "ous " },
    .{ .prefix = "", .change = .uppercase_all, .suffix = ", " },
    .{ .prefix = "", .change = .uppercase_first, .suffix = "='" },
    .{ .prefix = " ", .change = .uppercase_first, .suffix = "," },
    .{ .prefix = " ", .change = .uppercase_all, .suffix = "=\"" },
    .{ .prefix = " ", .change = .uppercase_all, .suffix = ", " },
    .{ .prefix = "", .change = .uppercase_all, .suffix = "," },
    .{ .prefix = "", .change = .uppercase_all, .suffix = "(" },
    .{ .prefix = "", .change = .uppercase_all, .suffix = ". " },
    .{ .prefix = " ", .change = .uppercase_all, .suffix = "." },
    .{ .prefix = "", .change = .uppercase_all, .suffix = "='" },
    .{ .prefix = " ", .change = .uppercase_all, .suffix = ". " },
    .{ .prefix = " ", .change = .uppercase_first, .suffix = "=\"" },
    .{ .prefix = " ", .change = .uppercase_all, .suffix = "='" },
    .{ .prefix = " ", .change = .uppercase_first, .suffix = "='" },
};

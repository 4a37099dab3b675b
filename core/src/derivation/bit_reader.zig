//! Bits of a compressed stream, least significant bit of each byte first, as deflate and brotli have them.

pub const Error = error{EndOfInput};

pub const BitReader = struct {
    input: []const u8,
    /// The next byte to be taken into `buffer`.
    position: usize = 0,
    buffer: u64 = 0,
    /// How many bits of `buffer` are input; those above are zero.
    available: u32 = 0,

    pub fn init(input: []const u8) BitReader {
        return .{ .input = input };
    }

    /// Take in input until at least 56 bits are there, or the input ends.
    pub fn refill(self: *BitReader) void {
        if (self.available >= 48) return;
        if (self.input.len - self.position >= 8) {
            // Whole bytes only, so that position and available keep saying what was consumed.
            while (self.available <= 56) {
                self.buffer |= @as(u64, self.input[self.position]) << @intCast(self.available);
                self.position += 1;
                self.available += 8;
            }
            return;
        }
        while (self.available <= 56 and self.position < self.input.len) {
            self.buffer |= @as(u64, self.input[self.position]) << @intCast(self.available);
            self.position += 1;
            self.available += 8;
        }
    }

    /// The next bits without consuming them; zeros past the end of the input. Call `refill` first.
    pub fn peek(self: *const BitReader, comptime T: type, count: u5) T {
        return @intCast(self.buffer & ((@as(u64, 1) << count) - 1));
    }

    /// Consume bits that were looked at.
    pub fn consume(self: *BitReader, count: u32) Error!void {
        if (count > self.available) return error.EndOfInput;
        self.buffer >>= @intCast(count);
        self.available -= count;
    }

    /// The next `count` bits (at most 31) as a number.
    pub fn take(self: *BitReader, count: u5) Error!u32 {
        if (self.available < count) self.refill();
        const value = self.peek(u32, count);
        try self.consume(count);
        return value;
    }

    /// Consume the rest of the current byte and return it.
    pub fn takeToByte(self: *BitReader) u8 {
        const count: u5 = @intCast(self.available % 8);
        const value = self.peek(u8, count);
        self.buffer >>= count;
        self.available -= count;
        return value;
    }

    /// Consume up to `count` whole bytes, at a byte boundary, and return them.
    pub fn takeBytes(self: *BitReader, count: usize) []const u8 {
        const start = self.position - self.available / 8;
        const end = start + @min(count, self.input.len - start);
        self.position = end;
        self.buffer = 0;
        self.available = 0;
        return self.input[start..end];
    }

    /// How many bytes are consumed, in part or whole.
    pub fn bytesTouched(self: *const BitReader) usize {
        return self.position - self.available / 8;
    }
};

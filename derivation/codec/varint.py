"""A reader over bytes for the span batch format: base-128 varints, bit lists, fixed slices."""

from derivation.codec.errors import BatchError

_MAX_VARINT_BYTES = 10


def encode_uvarint(value: int) -> bytes:
    """An unsigned 64-bit integer as base-128 varint, least significant group first.

    Spec: protobuf encoding, "Base 128 Varints".
    """
    if not 0 <= value < 1 << 64:
        raise BatchError(f"{value} does not fit an unsigned 64-bit varint")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_bits(bits: int, count: int) -> bytes:
    """A bit list of `count` bits, bit i of the integer for item i: big-endian, padded on the left to whole bytes."""
    return bits.to_bytes((count + 7) // 8, "big")


class Reader:
    """Reads forward through `data` and never past its end: then it raises BatchError naming what was read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes."""
        end = self.offset + count
        if end > len(self.data):
            raise BatchError(f"{what}: needs {count} bytes, {len(self.data) - self.offset} are left")
        taken = self.data[self.offset : end]
        self.offset = end
        return taken

    def uvarint(self, what: str) -> int:
        """The next varint, below 2**64. Forms longer than necessary are read as other nodes read them."""
        data, offset = self.data, self.offset
        value = shift = 0
        for position in range(offset, min(offset + _MAX_VARINT_BYTES, len(data))):
            byte = data[position]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 1 << 64:
                    raise BatchError(f"{what}: varint at byte {offset} does not fit 64 bits")
                self.offset = position + 1
                return value
            shift += 7
        raise BatchError(f"{what}: varint at byte {offset} does not end")

    def bits(self, count: int, what: str) -> int:
        """The next bit list of `count` bits as an integer whose bit i belongs to item i."""
        value = int.from_bytes(self.take((count + 7) // 8, what), "big")
        if value.bit_length() > count:
            raise BatchError(f"{what}: more than {count} bits are set")
        return value

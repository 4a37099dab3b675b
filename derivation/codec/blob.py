"""How rollup data lies in an EIP-4844 blob.

A blob is 4096 field elements of 32 bytes that must stay below the field's modulus, so each carries 254 bits: 31 whole
bytes, and six bits in its first byte. Four elements together carry 127 bytes.
Spec: op ecotone derivation, "Blob Encoding".
"""

from config.constants import BLOB_BYTES, MAX_BLOB_DATA_BYTES
from derivation.codec.errors import BlobError

BLOB_ENCODING_VERSION = 0
_GROUP_BYTES = 4 * 32
_GROUP_DATA_BYTES = 4 * 31 + 3
_GROUPS = BLOB_BYTES // _GROUP_BYTES
_HEADER_BYTES = 4
_SIX_BITS = 0b0011_1111


def encode_blob(data: bytes) -> bytes:
    """The blob (131,072 bytes) that carries `data` (at most 130,044 bytes).

    Raises BlobError when `data` is too long. Spec: op ecotone derivation, "Blob Encoding".
    """
    if len(data) > MAX_BLOB_DATA_BYTES:
        raise BlobError(f"{len(data)} bytes do not fit a blob, which holds {MAX_BLOB_DATA_BYTES}")
    stream = bytes((BLOB_ENCODING_VERSION,)) + len(data).to_bytes(3, "big") + data
    used_groups = -(-len(stream) // _GROUP_DATA_BYTES)
    stream = stream.ljust(used_groups * _GROUP_DATA_BYTES, b"\x00")
    parts: list[bytes] = []
    for start in range(0, len(stream), _GROUP_DATA_BYTES):
        x, y, z = stream[start + 31], stream[start + 63], stream[start + 95]
        parts += (
            bytes((x & _SIX_BITS,)),
            stream[start : start + 31],
            bytes(((y & 0x0F) | (x & 0xC0) >> 2,)),
            stream[start + 32 : start + 63],
            bytes((z & _SIX_BITS,)),
            stream[start + 64 : start + 95],
            bytes(((z & 0xC0) >> 2 | (y & 0xF0) >> 4,)),
            stream[start + 96 : start + 127],
        )
    return b"".join(parts).ljust(BLOB_BYTES, b"\x00")


def decode_blob(blob: bytes) -> bytes:
    """The data that a blob (131,072 bytes) carries.

    Raises BlobError for a wrong size, an element with one of its two top bits set, an unknown version, a length past
    the blob's end, or anything but zeros after the data: each data has exactly one blob.
    Spec: op ecotone derivation, "Blob Encoding".
    """
    if len(blob) != BLOB_BYTES:
        raise BlobError(f"a blob has {BLOB_BYTES} bytes, got {len(blob)}")
    if max(blob[::32]) > _SIX_BITS:
        raise BlobError("a field element of the blob uses its two top bits")
    if blob[1] != BLOB_ENCODING_VERSION:
        raise BlobError(f"blob encoding version {blob[1]} is not known")
    length = int.from_bytes(blob[2:5], "big")
    if length > MAX_BLOB_DATA_BYTES:
        raise BlobError(f"blob claims {length} bytes of data, it holds at most {MAX_BLOB_DATA_BYTES}")
    used_groups = -(-(length + _HEADER_BYTES) // _GROUP_DATA_BYTES)
    if any(blob[used_groups * _GROUP_BYTES :]):
        raise BlobError(f"blob has other bytes than zeros after its {length} bytes of data")
    parts: list[bytes] = []
    for start in range(0, used_groups * _GROUP_BYTES, _GROUP_BYTES):
        a, b, c, d = blob[start], blob[start + 32], blob[start + 64], blob[start + 96]
        parts += (
            blob[start + 1 : start + 32],
            bytes((a | (b & 0x30) << 2,)),
            blob[start + 33 : start + 64],
            bytes(((b & 0x0F) | (d & 0x0F) << 4,)),
            blob[start + 65 : start + 96],
            bytes((c | (d & 0x30) << 2,)),
            blob[start + 97 : start + 128],
        )
    stream = b"".join(parts)
    data_end = _HEADER_BYTES + length
    if any(stream[data_end:]):
        raise BlobError(f"blob has other bytes than zeros after its {length} bytes of data")
    return stream[_HEADER_BYTES:data_end]

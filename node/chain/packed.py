"""How blocks and receipts lie in the store: compressed, each by itself.

Receipts of 200 calls are 425 kB of zeros and repeated addresses, of which 33 are left. The database compresses nothing:
most of what it holds are hashes, and it would try again whenever it merges its files.
"""

import brotli

from config.errors import CriticalError

_PACKED = b"\x00"
"""What compressed values begin with. RLP lists, as schema version 2 stored them, begin with bytes from 0xc0 on."""

_QUALITY = 1
"""Some 500 MB/s; the next higher one takes twice as long for a tenth less."""


def pack(rlp: bytes) -> bytes:
    """What is stored for an RLP list."""
    compressed: bytes = brotli.compress(rlp, quality=_QUALITY)
    return _PACKED + compressed


def unpack(stored: bytes, what: str) -> bytes:
    """The RLP list that was stored, by this version or the one before. Raises CriticalError naming `what` for damaged bytes."""
    if stored[:1] != _PACKED:
        return stored
    try:
        rlp: bytes = brotli.decompress(stored[1:])
    except brotli.error as error:
        raise CriticalError(
            f"{what} cannot be decompressed: the data directory is damaged; "
            "restore it, or delete it and derive the chain again from L1"
        ) from error
    return rlp

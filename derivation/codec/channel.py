"""Channels: batches in sequence, compressed.

Decompression is incremental: only as much is inflated as the next batch needs, and never past the protocol's limit.
What can be decoded of a broken or cut-off stream counts: everything that its longest sound prefix yields.
Spec: op derivation, "Channel Format"; op fjord derivation, "Brotli Channel Compression".
"""

import zlib
from collections.abc import Iterable
from enum import Enum
from itertools import pairwise
from typing import Protocol

import brotli

from derivation.codec.errors import ChannelError
from evm.types.rlp import encode as rlp_encode

BROTLI_VERSION_BYTE = 1
_ZLIB_LOW_NIBBLES = (8, 15)
_PIECE_BYTES = 4096
_OUTPUT_LIMIT = 1 << 16


class Compression(Enum):
    """How a channel is compressed."""

    ZLIB = "zlib"
    BROTLI = "brotli"


def compression_of(compressed: bytes) -> Compression:
    """Which compression a channel's first byte announces. Raises ChannelError when it is none that exists.

    Spec: op fjord derivation, "Brotli Channel Compression".
    """
    if not compressed:
        raise ChannelError("the channel is empty")
    first = compressed[0]
    if first & 0x0F in _ZLIB_LOW_NIBBLES:
        return Compression.ZLIB
    if first == BROTLI_VERSION_BYTE:
        return Compression.BROTLI
    raise ChannelError(f"channel starts with 0x{first:02x}, which announces no known compression")


def batches_to_rlp(batches: Iterable[bytes]) -> bytes:
    """The uncompressed channel: each encoded batch (version byte included) as an RLP string, in sequence."""
    return b"".join(rlp_encode(batch) for batch in batches)


def compress_channel(
    rlp_batches: bytes, compression: Compression = Compression.BROTLI, level: int | None = None
) -> bytes:
    """The channel's bytes. `level`: brotli quality 0 to 11 (default 10) or zlib level 0 to 9 (default 9)."""
    if compression is Compression.ZLIB:
        return zlib.compress(rlp_batches, 9 if level is None else level)
    compressed: bytes = brotli.compress(rlp_batches, quality=10 if level is None else level)
    return bytes((BROTLI_VERSION_BYTE,)) + compressed


class _Inflater(Protocol):
    broken: bool
    """Whether the stream could not be decoded any further (a stream that merely ends early is not broken)."""

    def next_piece(self) -> bytes:
        """More output, empty at the end."""


class _ZlibInflater:
    """Raw deflate behind a checked zlib header. The checksum is not read: a stream may lack its end."""

    def __init__(self, compressed: bytes) -> None:
        if len(compressed) < 2:
            raise ChannelError("zlib channel without a whole header")
        method, flags = compressed[0], compressed[1]
        if method & 0x0F != 8 or method >> 4 > 7 or (method << 8 | flags) % 31:
            raise ChannelError(f"bad zlib header 0x{compressed[:2].hex()}")
        if flags & 0x20:
            raise ChannelError("zlib channel wants a preset dictionary, which channels do not have")
        self._compressed = compressed
        self._offset = 2
        self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._ended = False
        self.broken = False

    def next_piece(self) -> bytes:
        while not self._ended:
            piece = self._compressed[self._offset : self._offset + _PIECE_BYTES]
            if not piece:
                break
            self._offset += len(piece)
            before = self._inflate.copy()
            try:
                output = self._inflate.decompress(piece)
                self._ended = self._inflate.eof
            except zlib.error:
                output = _longest_sound_output(before, piece)
                self._ended = self.broken = True
            if output:
                return output
        self._ended = True
        return b""


def _longest_sound_output(inflate: "zlib._Decompress", piece: bytes) -> bytes:
    output = bytearray()
    for index in range(len(piece)):
        try:
            output += inflate.decompress(piece[index : index + 1])
        except zlib.error:
            break
    return bytes(output)


class _BrotliInflater:
    """Feeds the decoder piece by piece and takes its output in steps, so that no output is held but the last step."""

    def __init__(self, compressed: bytes) -> None:
        self._compressed = compressed
        self._offset = 1
        self._decoder = brotli.Decompressor()
        self._draining = False
        self._produced = 0
        self._ended = False
        self.broken = False

    def next_piece(self) -> bytes:
        while not self._ended:
            fed = self._offset
            try:
                output = self._step()
            except brotli.error:
                self._ended = self.broken = True
                return self._salvage(fed)
            if output:
                self._produced += len(output)
                return output
        return b""

    def _step(self) -> bytes:
        """One call into the decoder: a new piece, or more output of the last one (until there is none)."""
        if self._draining:
            output: bytes = self._decoder.process(b"", output_buffer_limit=_OUTPUT_LIMIT)
            self._draining = bool(output)
        elif self._decoder.is_finished() or self._offset >= len(self._compressed):
            self._ended = True
            output = b""
        else:
            piece = self._compressed[self._offset : self._offset + _PIECE_BYTES]
            self._offset += len(piece)
            self._draining = True
            output = self._decoder.process(piece, output_buffer_limit=_OUTPUT_LIMIT)
        return output

    def _salvage(self, fed: int) -> bytes:
        """Decode again up to the piece that failed, then byte by byte: what comes out beyond what was given already."""
        decoder = brotli.Decompressor()
        produced = 0
        extra = bytearray()
        last_piece = max(1, fed - _PIECE_BYTES)
        stop = min(fed + _PIECE_BYTES, len(self._compressed))
        for start, end in pairwise([*range(1, last_piece, _PIECE_BYTES), *range(last_piece, stop + 1)]):
            try:
                output = decoder.process(self._compressed[start:end], output_buffer_limit=_OUTPUT_LIMIT)
                while output:
                    surplus = produced + len(output) - self._produced
                    produced += len(output)
                    if surplus > 0:
                        extra += output[-surplus:]
                    output = decoder.process(b"", output_buffer_limit=_OUTPUT_LIMIT)
            except brotli.error:
                break
            if decoder.is_finished():
                break
        self._produced += len(extra)
        return bytes(extra)


class ChannelDecoder:
    """Takes the batches out of a complete channel, one by one.

    `max_rlp_bytes` is the most decompressed bytes that count: a batch that ends past it ends the channel.
    The constructor raises ChannelError when the compression is unknown or, with `brotli_allowed` False (before Fjord),
    not allowed.
    """

    def __init__(self, compressed: bytes, max_rlp_bytes: int, brotli_allowed: bool = True) -> None:
        self.compression = compression_of(compressed)
        if self.compression is Compression.BROTLI and not brotli_allowed:
            raise ChannelError("channel is compressed with brotli before Fjord")
        self._inflater: _Inflater = (
            _ZlibInflater(compressed) if self.compression is Compression.ZLIB else _BrotliInflater(compressed)
        )
        self._max_rlp_bytes = max_rlp_bytes
        self._buffer = bytearray()
        self._ended = False
        self.consumed = 0
        """Decompressed bytes that the batches read so far took."""

    def next_batch(self) -> bytes | None:
        """The next encoded batch (version byte included), None at the channel's end.

        Raises ChannelError when what follows is no RLP string, is cut off, broken, or passes the size limit, and when
        the channel holds no batch at all; after that the channel has ended. Spec: op derivation, "Channel Format".
        """
        if self._ended:
            return None
        try:
            batch = self._read_string()
        except ChannelError:
            self._ended = True
            raise
        if batch is None:
            self._ended = True
        return batch

    def _fill(self, count: int) -> bool:
        while len(self._buffer) < count:
            piece = self._inflater.next_piece()
            if not piece:
                return False
            self._buffer += piece
        return True

    def _read_string(self) -> bytes | None:
        if not self._fill(1):
            if self._inflater.broken:
                raise ChannelError(f"the compressed stream is broken after {self.consumed} decompressed bytes")
            if self.consumed == 0:
                raise ChannelError("the channel holds no batch")
            return None
        prefix = self._buffer[0]
        if prefix >= 0xC0:
            raise ChannelError(f"channel holds an RLP list at byte {self.consumed}, expected a batch as RLP string")
        if prefix < 0x80:
            return self._take(0, 1)
        if prefix <= 0xB7:
            return self._take(1, prefix - 0x80)
        size_bytes = prefix - 0xB7
        if not self._fill(1 + size_bytes):
            raise self._cut_off()
        digits = self._buffer[1 : 1 + size_bytes]
        length = int.from_bytes(digits, "big")
        if digits[0] == 0 or length < 56:
            raise ChannelError(f"channel holds a non-canonical RLP length at byte {self.consumed}")
        return self._take(1 + size_bytes, length)

    def _take(self, header: int, length: int) -> bytes:
        end = header + length
        if self.consumed + end > self._max_rlp_bytes:
            raise ChannelError(
                f"batch at byte {self.consumed} of the channel ends at {self.consumed + end}, "
                f"past the limit of {self._max_rlp_bytes} bytes"
            )
        if not self._fill(end):
            raise self._cut_off()
        content = bytes(self._buffer[header:end])
        if header == 1 and length == 1 and content[0] < 0x80:
            raise ChannelError(f"channel holds a non-canonical RLP byte at byte {self.consumed}")
        del self._buffer[:end]
        self.consumed += end
        return content

    def _cut_off(self) -> ChannelError:
        return ChannelError(
            f"channel ends within the batch at byte {self.consumed} ({len(self._buffer)} bytes of it are there)"
        )

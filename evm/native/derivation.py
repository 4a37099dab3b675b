"""Derivation in the native library: its codecs, and whole derivations over preimages.

For comparing it with `derivation/`, and for what wants the core's own answer. What a function returns is plain data: byte
strings, or RLP lists as `rlp` decodes them, in the order that `core/src/native/derivation.zig` documents.
"""

import ctypes
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any

from rlp import decode

from evm.native.library import load_library

Preimage = Callable[[bytes, str], bytes | None]
"""The preimage of a key of the oracle, or None when it is not known; the text is the hint that the key belongs to."""

MakeBlock = Callable[[list[Any]], bytes | None]
"""The header (RLP) of the block that attributes make, or None when they make none."""

MAX_DECOMPRESSED_BYTES = 100_000_000


class DerivationStatus(IntEnum):
    """Why there is no result."""

    INVALID = 1
    OUT_OF_MEMORY = 2
    MISSING_PREIMAGE = 3
    CORRUPT_DATA = 4
    CRITICAL = 5
    ORIGIN_MISMATCH = 6


class NativeDerivationError(ValueError):
    """The library gave no result; `status` says why."""

    def __init__(self, status: int) -> None:
        self.status = DerivationStatus(status)
        super().__init__(f"the native library's derivation answered: {self.status.name.lower().replace('_', ' ')}")


class _Task(IntEnum):
    ZLIB = 0
    BROTLI = 1
    BLOB = 2
    FRAMES = 3
    PRUNED_FRAMES = 4
    BATCH = 5
    CHANNEL = 6
    UPGRADES = 7
    CONFIG = 8


class _Bytes(ctypes.Structure):
    _fields_ = (("pointer", ctypes.c_void_p), ("length", ctypes.c_size_t))

    def copy(self) -> bytes:
        return ctypes.string_at(self.pointer, self.length) if self.length else b""


PREIMAGE_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char * 32), _Bytes, ctypes.POINTER(_Bytes)
)
_MAKE_BLOCK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(_Bytes))


@cache
def _library() -> ctypes.CDLL:
    library = load_library()
    library.lamina_derivation.argtypes = (
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint64,
        ctypes.POINTER(_Bytes),
    )
    library.lamina_derivation.restype = ctypes.c_int
    library.lamina_derivation_free.argtypes = (ctypes.POINTER(_Bytes),)
    library.lamina_derivation_free.restype = None
    library.lamina_derive.argtypes = (
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_char_p,
        ctypes.c_char_p,
        PREIMAGE_CALLBACK,
        _MAKE_BLOCK,
        ctypes.c_void_p,
        ctypes.c_char_p,
    )
    library.lamina_derive.restype = ctypes.c_int
    return library


def _perform(task: _Task, data: bytes, parameter: int = 0) -> bytes:
    library = _library()
    out = _Bytes()
    status = library.lamina_derivation(task, data, len(data), parameter, ctypes.byref(out))
    if status:
        raise NativeDerivationError(status)
    try:
        return out.copy()
    finally:
        library.lamina_derivation_free(ctypes.byref(out))


def inflate_zlib(compressed: bytes, limit: int = MAX_DECOMPRESSED_BYTES) -> bytes:
    """What can be decompressed of a zlib stream, at most `limit` bytes. Raises NativeDerivationError for a bad header."""
    return _perform(_Task.ZLIB, compressed, limit)


def decompress_brotli(compressed: bytes, limit: int = MAX_DECOMPRESSED_BYTES) -> bytes:
    """What can be decompressed of a brotli stream, at most `limit` bytes."""
    return _perform(_Task.BROTLI, compressed, limit)


def decode_blob(blob: bytes) -> bytes:
    """The data that a blob carries. Raises NativeDerivationError when it is not encoded as rollup data is."""
    return _perform(_Task.BLOB, blob)


def parse_frames(data: bytes, prune: bool = False) -> list[Any]:
    """[channel id, number, data, is_last] of each frame of a batcher transaction; with `prune` only those in order."""
    return list(decode(_perform(_Task.PRUNED_FRAMES if prune else _Task.FRAMES, data)))


def decode_batch(data: bytes, chain_id: int) -> list[Any]:
    """A batch with its version byte. Raises NativeDerivationError when it is malformed."""
    return list(decode(_perform(_Task.BATCH, data, chain_id)))


def decode_channel(compressed: bytes, chain_id: int) -> list[Any]:
    """The batches of a compressed channel, up to the first thing in it that cannot be read."""
    return list(decode(_perform(_Task.CHANNEL, compressed, chain_id)))


def upgrade_transactions() -> list[list[bytes]]:
    """The deposits of each upgrade that has any: Ecotone, Fjord, Isthmus, Jovian, Karst."""
    return [list(transactions) for transactions in decode(_perform(_Task.UPGRADES, b""))]


def check_program_config(encoded: bytes) -> None:
    """Raises NativeDerivationError when this is no encoding of `config.program.program_config`."""
    _perform(_Task.CONFIG, encoded)


class PreimageCallback:
    """A preimage function as the library calls it: keeps what it hands out alive, and an error until the call returns."""

    def __init__(self, preimage: Preimage) -> None:
        self.error: Exception | None = None
        self._preimage = preimage
        self._kept: ctypes.Array[ctypes.c_char] | None = None
        self.function = PREIMAGE_CALLBACK(self._serve)

    def _serve(self, _context: int | None, key: Any, hint: Any, out: Any) -> int:
        try:
            value = self._preimage(bytes(key.contents), hint.copy().decode("ascii"))
        except Exception as error:  # noqa: BLE001 - raised again when the library's call returns
            self.error = error
            return 1
        if value is None:
            return 1
        self._kept = _give(value, out)
        return 0


class _MakeBlockCallback:
    """The same for the function that makes blocks."""

    def __init__(self, make_block: MakeBlock) -> None:
        self.error: Exception | None = None
        self._make_block = make_block
        self._kept: ctypes.Array[ctypes.c_char] | None = None
        self.function = _MAKE_BLOCK(self._make)

    def _make(self, _context: int | None, data: int, length: int, out: Any) -> int:
        try:
            header = self._make_block(list(decode(ctypes.string_at(data, length))))
        except Exception as error:  # noqa: BLE001 - raised again when the library's call returns
            self.error = error
            return 1
        if header is None:
            return 1
        self._kept = _give(header, out)
        return 0


def _give(value: bytes, out: Any) -> "ctypes.Array[ctypes.c_char]":
    buffer = ctypes.create_string_buffer(value, len(value))
    out.contents.pointer = ctypes.addressof(buffer)
    out.contents.length = len(value)
    return buffer


def derive(config: bytes, safe_hash: bytes, l1_head: bytes, preimage: Preimage, make_block: MakeBlock) -> bytes:
    """Derive from an L2 block on until the L1 chain that ends in `l1_head` is used up; `make_block` sees all attributes.

    Answers the hash of the last safe block. Before Holocene blocks are undone that came from a span batch with a block
    that `make_block` refuses: attributes with an earlier parent follow, or the answer is an earlier block.
    `config` is from `config.program.program_config`. Raises NativeDerivationError, or what a callback raised.
    """
    if len(safe_hash) != 32 or len(l1_head) != 32:
        raise ValueError("block hashes have 32 bytes")
    preimages = PreimageCallback(preimage)
    blocks = _MakeBlockCallback(make_block)
    head = ctypes.create_string_buffer(32)
    status = _library().lamina_derive(
        config, len(config), safe_hash, l1_head, preimages.function, blocks.function, None, head
    )
    error = preimages.error or blocks.error
    if error is not None:
        raise error
    if status:
        raise NativeDerivationError(status)
    return head.raw

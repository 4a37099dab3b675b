"""The opcodes that a transaction runs in the native engine. `core/src/native/steps.zig` and `trace.zig` are the other side."""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from evm.engine.stateless import StatelessCase
from evm.native.fetch import CALLBACK, Fetcher, Kind
from evm.native.library import load_library
from evm.native.task import encode_task
from evm.types import Hash32
from evm.types.rlp import Rlp, as_bytes, as_int, as_list, split_items

MAX_HASHED_MEMORY = 1 << 16
"""Bytes from the start of a memory that `Step.memory_crc` is of."""

_WINDOW_BYTES = 16 << 20


@dataclass(frozen=True)
class Step:
    """An opcode before it runs. `gas_left` in gas, `depth` 0 for the transaction's own message, the stack from its bottom.

    `memory_size` in bytes; `memory_crc` is the CRC-32 of the first `MAX_HASHED_MEMORY` of them.
    """

    pc: int
    opcode: int
    gas_left: int
    depth: int
    stack: tuple[int, ...]
    memory_size: int
    memory_crc: int


class _Text(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t))


@cache
def _library() -> ctypes.CDLL:
    library = load_library()
    library.lamina_trace.argtypes = (
        ctypes.c_char_p,
        ctypes.c_size_t,
        CALLBACK,
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_uint64,
        ctypes.c_size_t,
        ctypes.POINTER(_Text),
    )
    library.lamina_trace.restype = ctypes.c_int
    library.lamina_trace_free.argtypes = (ctypes.POINTER(_Text),)
    library.lamina_trace_free.restype = None
    return library


def native_steps(case: StatelessCase, index: int, window_bytes: int = _WINDOW_BYTES) -> Iterator[Step]:
    """The steps of the block's transaction `index`. They come in windows, for each of which the block is run again.

    A transaction that does not get into the block has none. Raises ValueError when the block cannot be run that far,
    NativeLibraryMissing.
    """
    skipped = 0
    while True:
        encoded = _window(case, index, skipped, window_bytes)
        steps = split_items(encoded)
        yield from map(read_step, steps)
        if len(encoded) <= window_bytes:
            return
        skipped += len(steps)


def _window(case: StatelessCase, index: int, skip: int, size: int) -> bytes:
    def values(_kind: Kind, keys: Sequence[Hash32]) -> list[bytes | None]:
        return [case.witness.get(key) for key in keys]

    fetcher = Fetcher(values)
    task = encode_task(case)
    text = _Text()
    failed = _library().lamina_trace(task, len(task), fetcher.callback, None, index, skip, size, ctypes.byref(text))
    fetcher.reraise()
    if failed:
        raise ValueError(f"the native engine cannot run block {case.number} up to its transaction {index}")
    try:
        return ctypes.string_at(text.data, text.length) if text.length else b""
    finally:
        _library().lamina_trace_free(ctypes.byref(text))


def read_step(item: Rlp) -> Step:
    """A step as the library encodes it."""
    pc, opcode, gas_left, depth, stack, memory_size, memory_crc = as_list(item, "step", 7)
    return Step(
        as_int(pc, "pc"),
        as_int(opcode, "opcode"),
        as_int(gas_left, "gas left"),
        as_int(depth, "depth"),
        tuple(int.from_bytes(as_bytes(word, "word"), "big") for word in as_list(stack, "stack")),
        as_int(memory_size, "memory size"),
        as_int(memory_crc, "memory checksum"),
    )

"""Who sent many transactions, found on all processors at once. `core/src/native/recovery.zig` is the other side.

The threads are Python's, which wait for the library without the interpreter's lock.
"""

import ctypes
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import accumulate

from config.types import Address
from evm.native.library import load_library

FEW = 16
"""Fewer than this are recovered before another thread has begun."""

_ADDRESS_BYTES = 20
_MOST_THREADS = 8
_SHARES = 4
"""Shares of the work for each thread: one that is held up by other processes takes fewer."""


@cache
def _recover() -> "ctypes._NamedFuncPointer":
    function: ctypes._NamedFuncPointer = load_library().lamina_recover_senders
    function.argtypes = (ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    function.restype = ctypes.c_uint32
    return function


@cache
def _helpers(_process: int) -> tuple[int, ThreadPoolExecutor]:
    # By process: threads do not survive a fork.
    count = min(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, _MOST_THREADS
    )
    return count, ThreadPoolExecutor(max(count - 1, 1), thread_name_prefix="senders")


def recover_senders(transactions: Sequence[bytes], known: Sequence[Address | None] | None = None) -> bytes:
    """The senders' addresses one behind the other, those that are not `known` recovered from the signatures.

    20 zero bytes stand for deposits, for bytes that are no transaction, and where the signature has no signer.
    """
    count = len(transactions)
    unknown = bytes(_ADDRESS_BYTES)
    given = bytes(_ADDRESS_BYTES * count) if known is None else b"".join(sender or unknown for sender in known)
    if len(given) != _ADDRESS_BYTES * count:
        raise ValueError(f"{count} transactions, but {len(given)} bytes of senders")
    senders = ctypes.create_string_buffer(given, len(given))
    data = b"".join(transactions)
    lengths = (ctypes.c_uint32 * count)(*map(len, transactions))
    starts = (0, *accumulate(lengths))
    place, sizes, out = _address(data), ctypes.addressof(lengths), ctypes.addressof(senders)
    threads, helpers = _helpers(os.getpid())
    share = max(FEW, -(-count // (threads * _SHARES)))
    shares = iter(range(0, count, share))

    def work() -> bool:
        # `next` of a range's iterator is one step for the interpreter, so each share is taken once.
        done = True
        for start in shares:
            length = min(share, count - start)
            done &= bool(_recover()(length, place + starts[start], sizes + 4 * start, out + _ADDRESS_BYTES * start))
        return done

    others = [helpers.submit(work) for _ in range(min(threads - 1, (count - 1) // share))]
    try:
        succeeded = work()
    finally:
        wait(others)  # they write into memory that goes with this call
    if not (succeeded and all(other.result() for other in others)):
        raise MemoryError(f"no memory to recover the senders of {count} transactions")
    return senders.raw


def _address(data: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0

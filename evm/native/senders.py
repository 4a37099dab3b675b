"""Who sent many transactions, found on all processors at once. `core/src/native/recovery.zig` is the other side."""

import ctypes
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from functools import cache
from itertools import accumulate

from config.types import Address
from evm.native.helpers import helpers, processors
from evm.native.library import load_library

FEW = 16
"""Fewer than this are recovered before another thread has begun."""

_ADDRESS_BYTES = 20
_SHARES = 4
"""Shares of the work for each thread: one that is held up by other processes takes fewer."""


@cache
def _recover() -> "ctypes._NamedFuncPointer":
    function: ctypes._NamedFuncPointer = load_library().lamina_recover_senders
    function.argtypes = (ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    function.restype = ctypes.c_uint32
    return function


def recover_senders(transactions: Sequence[bytes], known: Sequence[Address | None] | None = None) -> bytes:
    """The senders' addresses one behind the other, those that are not `known` recovered from the signatures.

    20 zero bytes stand for deposits, for bytes that are no transaction, and where the signature has no signer.
    """
    return b"".join(senders for _, _, senders in senders_in_shares(transactions, known))


def senders_in_shares(
    transactions: Sequence[bytes], known: Sequence[Address | None] | None = None
) -> Iterator[tuple[int, int, bytes]]:
    """As `recover_senders`, in order and a share at a time: first transaction, the one behind the last, senders.

    Others go on with the next shares while the caller does something with this one.
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
    pool = helpers()
    share = max(FEW, -(-count // (processors() * _SHARES)))

    def recover(start: int) -> bool:
        length = min(share, count - start)
        return bool(_recover()(length, place + starts[start], sizes + 4 * start, out + _ADDRESS_BYTES * start))

    shares = range(0, count, share)
    tasks = {} if pool is None or len(shares) < 2 else {start: pool.submit(recover, start) for start in shares}
    own: dict[int, bool] = {}
    try:
        for start in shares:
            while start not in own and not (start in tasks and tasks[start].done()):
                # Rather than wait, take the last share that nobody has begun.
                free = next((each for each in reversed(shares) if each not in own and _take(tasks.get(each))), None)
                if free is None:
                    wait([tasks[start]])
                else:
                    own[free] = recover(free)
            stop = min(start + share, count)
            if not (own[start] if start in own else tasks[start].result()):
                raise MemoryError(f"no memory to recover the senders of {count} transactions")
            yield start, stop, bytes(memoryview(senders)[_ADDRESS_BYTES * start : _ADDRESS_BYTES * stop])
    finally:
        # They write into memory that goes with this call.
        wait([task for task in tasks.values() if not task.cancel()])


def _take(task: "Future[bool] | None") -> bool:
    """Whether a share is the caller's: nobody else was to do it, or has begun to."""
    return task is None or task.cancel()


def _address(data: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0

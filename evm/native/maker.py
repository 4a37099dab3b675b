"""A thread that makes blocks in native code, and begins at once: it waits outside the interpreter for orders.

A thread of Python's begins when it gets the interpreter's lock. Whoever gave it the work goes on and keeps that for
milliseconds, in which a small block is made several times over.
"""

import ctypes
import os
import sys
from functools import cache
from threading import Lock, Thread

from evm.native.helpers import processors
from evm.native.library import load_library

_SIGNAL = (1).to_bytes(8, sys.byteorder)


class BlockMaker:
    """One thread in `lamina_block_maker`. Any engine may use it, one order at a time."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._busy = Lock()
        self._order = ctypes.c_void_p()
        orders, self._orders = _channel()
        self._done, done = _channel()
        run = library.lamina_block_maker
        run.argtypes, run.restype = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int), None
        place = ctypes.addressof(self._order)
        Thread(target=run, args=(place, orders, done), name="block maker", daemon=True).start()

    def start(self, order: int) -> bool:
        """Begin with the order at this address; False when the thread is at another one. `wait` must follow a True."""
        if not self._busy.acquire(blocking=False):
            return False
        self._order.value = order
        os.write(self._orders, _SIGNAL)
        return True

    def wait(self) -> None:
        """Return when the order is executed."""
        os.read(self._done, len(_SIGNAL))
        self._busy.release()


def _channel() -> tuple[int, int]:
    """What signals are read from, and what they are written to."""
    if hasattr(os, "eventfd"):
        # Not a pipe: Linux runs its reader on the writer's processor, since writers mostly wait for an answer then.
        both = os.eventfd(0)
        return both, both
    return os.pipe()


def block_maker() -> BlockMaker | None:
    """The one of this process; None where there is but one processor."""
    return None if processors() < 2 else _maker(os.getpid(), load_library())


@cache
def _maker(_process: int, library: ctypes.CDLL) -> BlockMaker:
    # By process: threads do not survive a fork.
    return BlockMaker(library)

"""Threads that help the one which uses the native library, on the other processors.

They are Python's, which wait for the library without the interpreter's lock.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

_MOST_THREADS = 8


def helpers() -> ThreadPoolExecutor | None:
    """One thread for each processor but the caller's; None where there is only that one."""
    count = processors()
    return None if count < 2 else _pool(os.getpid(), count - 1)


def processors() -> int:
    """How many processors this process may use, up to eight."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, _MOST_THREADS)


@cache
def _pool(_process: int, threads: int) -> ThreadPoolExecutor:
    # By process: threads do not survive a fork.
    return ThreadPoolExecutor(threads, thread_name_prefix="native")

"""How a process starts helper processes of its own."""

import logging
import multiprocessing
import os
import time
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

_LOW_PRIORITY = 15
"""Niceness that leaves a process some 3 % of a processor that others want whole."""

_SESSION_PRIORITY = Path("/proc/self/autogroup")

_ATTEMPTS = 10
"""Linux lets users other than root change a session's priority once in a tenth of a second, all of them together."""

log = logging.getLogger("lamina.workers")

_forked = False


def worker_context() -> ForkServerContext | SpawnContext:
    """The context for worker processes: new interpreters, or, in a process that itself was forked by a server, that server."""
    return multiprocessing.get_context("forkserver") if _forked else multiprocessing.get_context("spawn")


def stay_with_fork_server() -> None:
    """In a process that a fork server made: its workers come from the same server, with everything that is loaded there.

    CPython 3.11 means to do so, but does not see in the forked process that the server runs, and would start a new, empty one.
    """
    global _forked
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]
    _forked = True


def take_idle_time_only() -> None:
    """Give the calling process, which must not lead a process group, a small share of the processor where others want it.

    Where Linux shares the processor out among sessions (sched_autogroup), niceness counts within one only, so the process
    gets a session of its own, and that session the small share. Linux also puts processes that become ready on a processor
    which does nothing but work of the idle policy, as if it were free.
    """
    os.setsid()
    os.nice(_LOW_PRIORITY)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    if not _SESSION_PRIORITY.exists():
        return
    for _ in range(_ATTEMPTS):
        try:
            _SESSION_PRIORITY.write_text(str(_LOW_PRIORITY))
        except BlockingIOError:
            time.sleep(0.15)
        except OSError as error:
            log.warning("only niceness holds process %d back: %s", os.getpid(), error)
            return
        else:
            return
    log.warning("only niceness holds process %d back: others kept changing their sessions' priorities", os.getpid())

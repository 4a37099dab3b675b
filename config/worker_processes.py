"""How a process starts helper processes of its own."""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext

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

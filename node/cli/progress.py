"""Progress of commands that work off a known number of things: a bar on stderr, results being on stdout."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LINE_EVERY = 10.0
"""Seconds between two lines where no bar can be drawn."""


@contextmanager
def counted(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Shows how many of `total` are done; call what comes out after each. A single thing shows nothing."""
    if total <= 1:
        yield lambda: None
    elif sys.stderr.isatty():
        with _bar(what, total) as advance:
            yield advance
    else:
        yield _lines(what, total)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Results scroll above the bar where both are on the terminal; a file or pipe must get them untouched.
    terminal = sys.stdout.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def _lines(what: str, total: int) -> Callable[[], None]:
    done = 0
    last = time.monotonic()

    def advance() -> None:
        nonlocal done, last
        done += 1
        if time.monotonic() - last >= _LINE_EVERY:
            last = time.monotonic()
            print(f"{done} of {total} {what}", file=sys.stderr, flush=True)

    return advance

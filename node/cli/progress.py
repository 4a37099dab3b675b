"""Progress of commands that work off many things, on stderr, results being on stdout."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_LINE_EVERY = 10.0
"""Seconds between two lines where no bar can be drawn."""


def _print_result(text: str) -> None:
    print(text, flush=True)


@dataclass(frozen=True)
class Progress:
    """Call `done` after each thing, `result` for a line of output: it does not get mixed up with the bar."""

    done: Callable[[], None]
    result: Callable[[str], None] = _print_result


@contextmanager
def counted(what: str, total: int) -> Iterator[Progress]:
    """Shows how many of `total` are done. A single thing shows nothing."""
    if total <= 1:
        yield Progress(lambda: None)
    elif sys.stderr.isatty():
        with _bar(what, total) as progress:
            yield progress
    else:
        yield Progress(_lines(what, total))


@contextmanager
def _bar(what: str, total: int) -> Iterator[Progress]:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn(what),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)

    def above_the_bar(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False, highlight=False)

    with progress.Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(what, total=total)
        # Where both are the terminal, results go through the bar's console; a file or pipe gets them straight.
        yield Progress(lambda: bar.advance(task), above_the_bar if sys.stdout.isatty() else _print_result)


def _lines(what: str, total: int) -> Callable[[], None]:
    count = 0
    last = time.monotonic()

    def advance() -> None:
        nonlocal count, last
        count += 1
        if time.monotonic() - last >= _LINE_EVERY:
            last = time.monotonic()
            print(f"{count} of {total} {what}", file=sys.stderr, flush=True)

    return advance


@contextmanager
def described() -> Iterator[Callable[[str], None]]:
    """For work whose end is not known: shows the newest of the lines that it is given, elsewhere than on a terminal one
    every ten seconds."""
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True, highlight=False, markup=False).status("") as status:
            yield lambda line: status.update(line)
        return
    last = time.monotonic()

    def show(line: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY:
            last = time.monotonic()
            print(line, file=sys.stderr, flush=True)

    yield show

"""Messages within messages in tests of Hypothesis."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def calls_may_nest() -> Iterator[None]:
    """Hypothesis lowers Python's recursion limit below what 1,024 nested messages need."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)

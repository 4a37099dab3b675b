"""Memory for Python's frames, in one piece.

CPython 3.11 and 3.12 keep the frames of plain calls in chunks of 16 KiB. A call that finds its chunk full gets another
one from the operating system, and gives it back when it returns. Where a loop happens to run at the end of a chunk,
every call in it costs two system calls and a page fault: of the 3.5 ms that py-evm takes for a transaction of 120,000 gas,
up to 1.4 more, and how much depends on nothing but how deep the calls above are nested.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_SLOTS = 1 << 16
"""Values (of 8 bytes) that the frame of `with_frame_room` claims to need: just more than half a MiB, so that its chunk
has one MiB. What it claims it never touches, so it takes no memory; the other half of the chunk is for what it calls."""


def with_frame_room(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function with room for the frames of a few thousand calls within each other, and answer what it answers.

    It is for what a thread begins with: the room is there until the function returns. Deeper calls work as ever.
    """
    return function(*args, **kwargs)


with_frame_room.__code__ = with_frame_room.__code__.replace(co_stacksize=_SLOTS)

"""Calls that get room for their frames."""

import resource
import sys
from collections.abc import Callable

import pytest

from config.frame_stack import with_frame_room

_CALLS = 200
_DEPTHS = range(400)
"""Of calls of over 100 bytes each: more than two chunks of 16 KiB."""


def _leaf(number: int) -> int:
    return number


# Its frame is larger than one of `_below`: at one depth or another it is the one that does not fit.
_leaf.__code__ = _leaf.__code__.replace(co_stacksize=64)


def _calls() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for number in range(_CALLS):
        _leaf(number)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def _below(depth: int, function: Callable[[], int]) -> int:
    return function() if depth == 0 else _below(depth - 1, function)


def _most_faults() -> int:
    return max(_below(depth, _calls) for depth in _DEPTHS)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts page faults as Linux does")
def test_calls_at_no_depth_ask_the_system_for_memory() -> None:
    assert with_frame_room(_most_faults) < _CALLS / 4


@pytest.mark.skipif(
    sys.version_info >= (3, 13) or not sys.platform.startswith("linux"), reason="as CPython 3.11 does it on Linux"
)
def test_without_room_calls_at_some_depth_do() -> None:
    assert _most_faults() >= _CALLS


def test_the_functions_answer_and_errors_come_through() -> None:
    def divide(dividend: int, *, by: int) -> int:
        return dividend // by

    assert with_frame_room(divide, 6, by=2) == 3
    with pytest.raises(ZeroDivisionError):
        with_frame_room(divide, 6, by=0)


def test_calls_may_go_deeper_than_the_room() -> None:
    def down(depth: int, *more: int) -> int:
        return depth if depth == 0 else down(depth - 1, *more)

    assert with_frame_room(down, 900, *range(100)) == 0

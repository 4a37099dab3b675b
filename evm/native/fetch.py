"""How native code asks for stored bytes: many keys in one call. `core/src/native/fetch.zig` is the other side."""

import ctypes
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

from config.types import Hash32

_ABSENT = 0xFFFF_FFFF
_KEY_BYTES = 32


class Kind(IntEnum):
    """What the keys are hashes of; `ANY` in a witness."""

    NODE = 0
    CODE = 1
    HEADER = 2
    ANY = 3


_KINDS = tuple(Kind)

Fetch = Callable[[Kind, Sequence[Hash32]], Sequence[bytes | None]]
"""The value of each key, None where it is not stored."""


class Answer(ctypes.Structure):
    """The values one behind the other, and the length of each."""

    _fields_ = (("data", ctypes.c_char_p), ("lengths", ctypes.POINTER(ctypes.c_uint32)))


CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p, ctypes.POINTER(Answer)
)


class Fetcher:
    """A Python function as the callback that native code calls. It must live as long as what it was given to.

    What the function raises is kept, and raised again by `reraise` when the native call has returned.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._kept: tuple[Any, ...] = ()
        self._raised: BaseException | None = None
        self.callback = CALLBACK(self._answer)

    def _answer(self, _context: int | None, kind: int, count: int, keys: int, answer: Any) -> int:
        try:
            raw = ctypes.string_at(keys, count * _KEY_BYTES)
            hashes = [Hash32(raw[start : start + _KEY_BYTES]) for start in range(0, len(raw), _KEY_BYTES)]
            values = self._fetch(_KINDS[kind], hashes)
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - see below
            # Nothing may pass through native code; `reraise` brings it back.
            self._raised = error
            return 1
        lengths = (ctypes.c_uint32 * count)(*(_ABSENT if value is None else len(value) for value in values))
        data = b"".join(value for value in values if value)
        self._kept = (data, lengths)
        answer.contents.data = data
        answer.contents.lengths = lengths
        return 0

    def reraise(self) -> None:
        """Raise what the function has raised since the last time."""
        raised, self._raised = self._raised, None
        if raised is not None:
            raise raised

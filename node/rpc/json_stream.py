"""JSON values out of a stream of bytes that has nothing between them, as geth speaks it on its IPC socket."""

import re

_IN_STRING = re.compile(rb'["\\]')
_OUTSIDE = re.compile(rb'["{}\[\]]')
_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_OPENING = frozenset(b"{[")


class JsonStreamError(ValueError):
    """What came cannot be told apart into values any more."""


class JsonStream:
    """Finds where objects and arrays end. Whether each is sound JSON is for whoever parses it."""

    def __init__(self, limit: int) -> None:
        """`limit`: bytes of the longest value."""
        self._limit = limit
        self._buffer = bytearray()
        self._position = 0
        self._depth = 0
        self._in_string = False

    def feed(self, data: bytes) -> list[bytes]:
        """The values that these bytes complete. Raises JsonStreamError when something else than an object or an array
        begins, or a value is longer than the limit; nothing can be read after that."""
        self._buffer += data
        values: list[bytes] = []
        while self._step(values):
            pass
        if self._depth == 0 and (rest := self._buffer.strip()):
            raise JsonStreamError(f"no JSON object or array begins with {bytes(rest[:20])!r}")
        if len(self._buffer) > self._limit:
            raise JsonStreamError(f"message is larger than {self._limit} bytes")
        return values

    def _step(self, values: list[bytes]) -> bool:
        """Go to the next byte that matters; False when there is none yet."""
        found = (_IN_STRING if self._in_string else _OUTSIDE).search(self._buffer, self._position)
        if found is None:
            self._position = max(self._position, len(self._buffer))
            return False
        byte = self._buffer[found.start()]
        self._position = found.end()
        if self._in_string:
            if byte == _BACKSLASH:
                self._position += 1
            else:
                self._in_string = False
        elif self._depth == 0:
            if byte not in _OPENING or self._buffer[: found.start()].strip():
                raise JsonStreamError(f"no JSON object or array begins with {bytes(self._buffer[:20])!r}")
            self._depth = 1
        elif byte == _QUOTE:
            self._in_string = True
        else:
            self._depth += 1 if byte in _OPENING else -1
            if self._depth == 0:
                self._complete(values)
        return True

    def _complete(self, values: list[bytes]) -> None:
        if self._position > self._limit:
            raise JsonStreamError(f"message is larger than {self._limit} bytes")
        values.append(bytes(self._buffer[: self._position]).lstrip())
        del self._buffer[: self._position]
        self._position = 0

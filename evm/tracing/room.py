"""Bounds the memory that traces take."""

from evm.tracing.tracer import TraceTooLarge

DEFAULT_ROOM_BYTES = 128 << 20


class Room:
    """Memory that the tracers of one request share; they say what they keep."""

    def __init__(self, size: int = DEFAULT_ROOM_BYTES) -> None:
        self._size = size
        self._left = size

    def take(self, size: int) -> None:
        """About so many bytes more are kept. Raises TraceTooLarge when there is no room for them."""
        self._left -= size
        if self._left < 0:
            raise TraceTooLarge(
                f"the trace takes more than {self._size >> 20} MiB: trace one transaction instead of a block, use the "
                "struct logger's limit and disableStack, or the callTracer's onlyTopCall"
            )

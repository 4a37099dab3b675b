"""Blocks that the native engine makes while the caller does something else, on another processor where there is one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import wait
from threading import Event

from evm.native.engine import MANY, BlockOrder, Made, NativeEngine
from evm.native.helpers import helpers
from evm.native.maker import block_maker
from evm.types import Header, PayloadAttributes

_LONGEST_START = 0.001
"""Seconds to wait for a thread of Python's; where it is not there by then, its work may be done afterwards."""

class Making(ABC):
    """A block in the making. It holds the engine until it is closed."""

    _made: Made | None = None

    @abstractmethod
    def _finish(self) -> Made:
        """The block, made elsewhere or else here."""

    @abstractmethod
    def _abandon(self) -> None:
        """Wait for whoever is at it, and give back what nobody has taken."""

    def finish(self) -> Made:
        """What `NativeEngine.make` gives for it; raises as that does. To be asked once."""
        self._made = self._finish()
        return self._made

    def close(self) -> None:
        """Give the block's memory back."""
        if self._made is None:
            self._abandon()
        else:
            self._made[0].close()


def start_making(
    engine: NativeEngine, parent: Header, attributes: PayloadAttributes, transactions: Sequence[bytes]
) -> Making:
    """Begin to make the block of these raw transactions."""
    kind = _SmallBlock if len(transactions) < MANY else _LargeBlock
    return kind(engine, parent, attributes, transactions)


class _SmallBlock(Making):
    """One native call, by the thread that waits for such."""

    def __init__(
        self, engine: NativeEngine, parent: Header, attributes: PayloadAttributes, transactions: Sequence[bytes]
    ) -> None:
        self._order = BlockOrder(engine, parent, attributes, transactions)
        maker = block_maker()
        self._maker = maker if maker is not None and maker.start(self._order.address) else None

    def _finish(self) -> Made:
        if self._maker is None:
            self._order.execute()
        self._wait()
        return self._order.made()

    def _abandon(self) -> None:
        self._wait()
        self._order.discard()

    def _wait(self) -> None:
        if self._maker is not None:
            self._maker.wait()
            self._maker = None


class _LargeBlock(Making):
    """Several calls, which share their work out to further threads themselves."""

    def __init__(
        self, engine: NativeEngine, parent: Header, attributes: PayloadAttributes, transactions: Sequence[bytes]
    ) -> None:
        self._begun = Event()

        def make() -> Made:
            self._begun.set()
            return engine.make(parent, attributes, transactions)

        self._make = make
        pool = helpers()
        self._task = None if pool is None else pool.submit(make)
        if self._task is not None:
            # It cannot begin, and soon be without the interpreter's lock, while this thread has that.
            self._begun.wait(_LONGEST_START)

    def _finish(self) -> Made:
        if self._task is None or self._task.cancel():
            return self._make()
        return self._task.result()

    def _abandon(self) -> None:
        if self._task is None or self._task.cancel():
            return
        wait([self._task])
        if self._task.exception() is None:
            self._task.result()[0].close()

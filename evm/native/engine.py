"""The native engine: blocks of one chain, with state served from Python. `core/src/native/engine.zig` is the other side.

This is the low door: it speaks headers, attributes and raw transactions, and gives back what a block has changed.
"""

import ctypes
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from types import TracebackType
from typing import Any, Self

from config.errors import CriticalError
from config.rollup import RollupConfig
from config.types import Address, to_hex
from evm.engine.errors import InvalidPayload
from evm.native.fetch import CALLBACK, Fetch, Fetcher
from evm.native.helpers import helpers
from evm.native.library import load_library
from evm.native.result import BlockResult, NativeBlockResult
from evm.native.senders import FEW, senders_in_shares
from evm.native.task import encode_attributes, encode_config
from evm.types import Header, PayloadAttributes
from evm.validity import InvalidReason

DEFAULT_CACHE_BYTES = 256 << 20
"""Most memory that the engine keeps trie nodes in from block to block; codes and headers take an eighth more."""

_REASONS = tuple(InvalidReason)
_UNKNOWN_SENDER = bytes(20)
MANY = 100
"""A block of so many transactions is sealed by two threads: with less, the second would hardly have begun."""


class _Status(IntEnum):
    OK = 0
    MALFORMED_INPUT = 1
    INVALID_ATTRIBUTES = 2
    MISSING = 3
    DAMAGED = 4
    OUT_OF_MEMORY = 5


class _AddResult(ctypes.Structure):
    _fields_ = (
        ("verdict", ctypes.c_uint32),
        ("reason", ctypes.c_uint32),
        ("gas_used", ctypes.c_uint64),
        ("succeeded", ctypes.c_uint32),
        ("index", ctypes.c_uint32),
    )


class _Order(ctypes.Structure):
    """`Order` of `engine.zig`."""

    _fields_ = (
        ("engine", ctypes.c_void_p),
        ("parent", ctypes.c_char_p),
        ("parent_length", ctypes.c_size_t),
        ("attributes", ctypes.c_char_p),
        ("attributes_length", ctypes.c_size_t),
        ("count", ctypes.c_size_t),
        ("data", ctypes.c_char_p),
        ("lengths", ctypes.POINTER(ctypes.c_uint32)),
        ("results", ctypes.POINTER(_AddResult)),
        ("done", ctypes.c_size_t),
        ("block", ctypes.c_void_p),
        ("result", BlockResult),
        ("status", ctypes.c_int),
    )


_INCLUDED, _INVALID, _MALFORMED = range(3)
_HANDLE, _SIZE, _BYTES, _INT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_int
_PLACE, _HANDLES, _U64S = ctypes.c_void_p, ctypes.POINTER(_HANDLE), ctypes.POINTER(ctypes.c_uint64)
_RESULT, _SIZES = ctypes.POINTER(BlockResult), ctypes.POINTER(_SIZE)
_DOORS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "lamina_engine_open": (_HANDLE, (_BYTES, _SIZE, CALLBACK, ctypes.c_void_p, _SIZE)),
    "lamina_engine_close": (None, (_HANDLE,)),
    "lamina_engine_missing": (None, (_HANDLE, _BYTES)),
    "lamina_engine_fetches": (None, (_HANDLE, _U64S, _U64S)),
    "lamina_engine_begin": (_INT, (_HANDLE, _BYTES, _SIZE, _BYTES, _SIZE, _HANDLES)),
    "lamina_block_add": (_INT, (_HANDLE, _SIZE, _BYTES, _PLACE, _BYTES, _INT, _PLACE, _SIZES)),
    "lamina_block_list": (_INT, (_HANDLE,)),
    "lamina_block_put": (_INT, (_HANDLE,)),
    "lamina_block_encode": (_INT, (_HANDLE, _INT)),
    "lamina_block_seal": (_INT, (_HANDLE, _RESULT)),
    "lamina_block_make": (_INT, (_PLACE,)),
    "lamina_block_close": (None, (_HANDLE,)),
}


@cache
def _door(name: str) -> "ctypes._NamedFuncPointer":
    function: ctypes._NamedFuncPointer = getattr(load_library(), name)
    function.restype, function.argtypes = _DOORS[name]
    return function


@dataclass(frozen=True)
class Added:
    """What became of a transaction: included when `reason` is None and it was not `malformed`."""

    gas_used: int = 0
    succeeded: bool = False
    reason: InvalidReason | None = None
    malformed: bool = False

    @property
    def included(self) -> bool:
        """Whether it is in the block now."""
        return self.reason is None and not self.malformed


class NativeEngine:
    """Makes blocks of one chain. One thread at a time may use it and its blocks; the interpreter runs on meanwhile.

    `fetch` serves trie nodes, codes and headers by hash: see `evm.native.fetch`.
    Raises NativeLibraryMissing where the library is not there.
    """

    def __init__(self, rollup: RollupConfig, fetch: Fetch, cache_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._fetcher = Fetcher(fetch)
        config = encode_config(rollup)
        handle = _door("lamina_engine_open")(config, len(config), self._fetcher.callback, None, cache_bytes)
        if not handle:
            raise CriticalError(f"the native engine cannot use the configuration of chain {rollup.l2_chain_id}")
        self._handle: int | None = handle

    def close(self) -> None:
        """Give its memory back. All its blocks must have been closed."""
        if self._handle is not None:
            _door("lamina_engine_close")(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def fetches(self) -> tuple[int, int]:
        """How often `fetch` was called, and for how many values."""
        calls, values = ctypes.c_uint64(), ctypes.c_uint64()
        _door("lamina_engine_fetches")(self._handle, ctypes.byref(calls), ctypes.byref(values))
        return calls.value, values.value

    def begin(self, parent: Header, attributes: PayloadAttributes) -> "NativeBlock":
        """A block without transactions; those of the attributes are not added.

        Raises InvalidPayload when no block can follow from them, CriticalError when the parent's state is not there.
        """
        encoded = encode_attributes(attributes)
        block = _HANDLE()
        what = f"block {parent.number + 1}"
        status = _door("lamina_engine_begin")(
            self._handle, parent.raw, len(parent.raw), encoded, len(encoded), ctypes.byref(block)
        )
        self._check(status, what)
        assert block.value is not None
        return NativeBlock(self, block.value, what)

    def make(
        self, parent: Header, attributes: PayloadAttributes, transactions: Sequence[bytes]
    ) -> "Made":
        """The block of these raw transactions up to the first that is not valid, their senders recovered.

        It is sealed, and has a `result`, when all are in it. Besides: how many were tried, and what became of the last. Raises
        as `begin`, `NativeBlock.add` and `NativeBlock.seal` do.
        """
        if len(transactions) < MANY:
            order = BlockOrder(self, parent, attributes, transactions)
            order.execute()
            return order.made()
        block = self.begin(parent, attributes)
        try:
            done, _, last = block.add_all(transactions)
            if last.included:
                block.seal()
        except BaseException:
            block.close()
            raise
        return block, done, last

    def _check(self, status: int, what: str) -> None:
        self._fetcher.reraise()
        if status == _Status.OK:
            return
        if status == _Status.INVALID_ATTRIBUTES:
            raise InvalidPayload(f"{what}: the payload attributes do not fit the fork or the parent")
        if status in (_Status.MISSING, _Status.DAMAGED):
            missing = ctypes.create_string_buffer(32)
            _door("lamina_engine_missing")(self._handle, missing)
            how = "is missing" if status == _Status.MISSING else "is damaged"
            raise CriticalError(
                f"{what}: {to_hex(missing.raw)} {how}: the state is incomplete; rebuild it from L1 or restore the data directory"
            )
        if status == _Status.OUT_OF_MEMORY:
            raise MemoryError(f"{what}: the native engine got no memory")
        raise ValueError(f"{what}: the native engine cannot read its input")


class BlockOrder:
    """A block to be made in one call; it must live until that has returned.

    Between calls there may be a wait for the interpreter's lock, which is longer than what is done in them.
    """

    def __init__(
        self, engine: NativeEngine, parent: Header, attributes: PayloadAttributes, transactions: Sequence[bytes]
    ) -> None:
        encoded = encode_attributes(attributes)
        count = len(transactions)
        self._engine = engine
        self._what = f"block {parent.number + 1}"
        self._results = (_AddResult * count)()
        self._order = _Order(
            engine._handle,
            parent.raw,
            len(parent.raw),
            encoded,
            len(encoded),
            count,
            b"".join(transactions),
            (ctypes.c_uint32 * count)(*map(len, transactions)),
            self._results,
        )
        self.address = ctypes.addressof(self._order)
        """What `lamina_block_make` takes."""

    def execute(self) -> None:
        """Make the block, here and now."""
        _door("lamina_block_make")(self.address)

    def made(self) -> "Made":
        """As `NativeEngine.make`, once the order has been executed."""
        order, block = self._order, self._take()
        try:
            self._engine._check(order.status, self._what)
        except BaseException:
            block.close()
            raise
        last = _added(self._results[order.done - 1]) if order.count else Added()
        if last.included:
            block.result = NativeBlockResult(order.result)
        return block, order.done, last

    def discard(self) -> None:
        """Give back the memory of a block that nobody has asked for."""
        self._take().close()

    def _take(self) -> "NativeBlock":
        block = NativeBlock(self._engine, self._order.block, self._what)
        self._order.block = None
        return block


class NativeBlock:
    """A block in the making. Close it, or use it as a context manager."""

    def __init__(self, engine: NativeEngine, handle: int | None, what: str) -> None:
        self._engine = engine
        self._handle = handle
        self._what = what
        self._tried = 0
        self.result: NativeBlockResult | None = None
        """The sealed block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give its memory back."""
        if self.result is not None:
            self.result.release()
        if self._handle is not None:
            _door("lamina_block_close")(self._handle)
            self._handle = None

    def add(
        self, transactions: Sequence[bytes], senders: Sequence[Address | None] | None = None, stop: bool = False
    ) -> list[Added]:
        """Execute raw transactions at the end of the block, skipping those that are not valid; with `stop`, up to the first such.

        `senders` that are given are believed. Raises CriticalError when a part of the state is not there; the block is
        lost then.
        """
        results, done = self._add(transactions, senders, stop)
        return [_added(results[index]) for index in range(done)]

    def add_all(
        self, transactions: Sequence[bytes], senders: Sequence[Address | None] | None = None
    ) -> tuple[int, int, Added]:
        """As `add` up to the first that is not valid: how many there were, the gas they used, what became of the last."""
        results, done = self._add(transactions, senders, True)
        if not done:
            return 0, 0, Added()
        gas = sum(memoryview(bytes(results)).cast("Q")[1 : 3 * done : 3])
        return done, gas, _added(results[done - 1])

    def _add(
        self, transactions: Sequence[bytes], senders: Sequence[Address | None] | None, stop: bool
    ) -> "tuple[ctypes.Array[_AddResult], int]":
        count = len(transactions)
        self._tried += count
        lengths = (ctypes.c_uint32 * count)(*map(len, transactions))
        results = (_AddResult * count)()
        done = 0
        with closing(self._shares(transactions, senders)) as shares:
            for start, end, known in shares:
                done += self._add_share(transactions[start:end], start, lengths, known, stop, results)
                if stop and done and results[done - 1].verdict != _INCLUDED:
                    break
        return results, done

    def _shares(
        self, transactions: Sequence[bytes], senders: Sequence[Address | None] | None
    ) -> Generator[tuple[int, int, bytes | None], None, None]:
        """Transactions from one number to another with their senders: the next share's are recovered meanwhile."""
        count = len(transactions)
        # Recovering a few takes less time than waking threads up.
        if (count if senders is None else senders.count(None)) > FEW:
            yield from senders_in_shares(transactions, senders)
            return
        known = None if senders is None else b"".join(sender or _UNKNOWN_SENDER for sender in senders)
        if known is not None and len(known) != count * len(_UNKNOWN_SENDER):
            raise ValueError(f"{count} transactions, but {len(known)} bytes of senders")
        yield 0, count, known

    def _add_share(
        self,
        transactions: Sequence[bytes],
        start: int,
        lengths: "ctypes.Array[ctypes.c_uint32]",
        known: bytes | None,
        stop: bool,
        results: "ctypes.Array[_AddResult]",
    ) -> int:
        done = _SIZE()
        status = _door("lamina_block_add")(
            self._handle,
            len(transactions),
            b"".join(transactions),
            ctypes.addressof(lengths) + start * ctypes.sizeof(ctypes.c_uint32),
            known,
            stop,
            ctypes.addressof(results) + start * ctypes.sizeof(_AddResult),
            ctypes.byref(done),
        )
        self._engine._check(status, self._what)
        return done.value

    def seal(self) -> NativeBlockResult:
        """Finish the block. Raises CriticalError when a part of the state is not there.

        What the result holds beside the header has to be read before the block is closed.
        """
        pool = helpers() if self._tried >= MANY else None
        if pool is not None:
            self._seal_in_part(pool)
        result = BlockResult()
        self._engine._check(_door("lamina_block_seal")(self._handle, ctypes.byref(result)), self._what)
        self.result = NativeBlockResult(result)
        return self.result

    def _seal_in_part(self, pool: ThreadPoolExecutor) -> None:
        """What two threads can do at the same time; what the helper has not begun with by then is left to the sealing."""
        tasks = [pool.submit(_door("lamina_block_list"), self._handle)]
        try:
            statuses = [_door("lamina_block_put")(self._handle)]
            if statuses[0] == _Status.OK:
                tasks.append(pool.submit(_door("lamina_block_encode"), self._handle, True))
                statuses.append(_door("lamina_block_encode")(self._handle, False))
        finally:
            wait([task for task in tasks if not task.cancel()])
        statuses += [task.result() for task in tasks if not task.cancelled()]
        for status in statuses:
            self._engine._check(status, self._what)


def _added(result: _AddResult) -> Added:
    if result.verdict == _INVALID:
        return Added(reason=_REASONS[result.reason - 1])
    if result.verdict == _MALFORMED:
        return Added(malformed=True)
    return Added(gas_used=result.gas_used, succeeded=bool(result.succeeded))


Made = tuple[NativeBlock, int, Added]
"""What `NativeEngine.make` gives: the block, how many transactions were tried, what became of the last."""

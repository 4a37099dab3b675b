"""The native engine of one chain: executes blocks in `core/`, reading the state that it lacks from the store in batches.

`core/src/native/engine.zig` describes the interface.
"""

import ctypes
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import Any

from config.errors import CriticalError
from config.l1_chain import L1ChainConfig
from config.program import program_config
from config.rollup import RollupConfig
from evm.engine.block_hashes import HeaderSource, MissingAncestor
from evm.engine.blocks import BlockInputs
from evm.engine.errors import InvalidPayload
from evm.native.library import load_library
from evm.native.result import NativeBlock
from evm.store.state import MissingCode, StateStore
from evm.trie import MissingTrieNode
from evm.types import Address, Hash32, Header, short
from evm.types.rlp import RlpInput, encode, int_to_rlp
from evm.validity import InvalidReason

DEFAULT_CACHE_BYTES = 64 << 20

_ABSENT = 0xFFFF_FFFF
_UNKNOWN_SENDER = bytes(20)
_REASONS = tuple(InvalidReason)


class _Kind(IntEnum):
    NODE = 0
    CODE = 1
    HEADER = 2


class _Status(IntEnum):
    OK = 0
    MALFORMED_INPUT = 1
    INVALID_ATTRIBUTES = 2
    INVALID_TRANSACTION = 3
    MISSING = 4
    DAMAGED = 5
    OUT_OF_MEMORY = 6


class _Verdict(IntEnum):
    INCLUDED = 0
    INVALID = 1
    MALFORMED = 2


class _Answer(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("lengths", ctypes.c_void_p))


class _Slice(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _AddResult(ctypes.Structure):
    _fields_ = (
        ("verdict", ctypes.c_uint32),
        ("reason", ctypes.c_uint32),
        ("gas_used", ctypes.c_uint64),
        ("succeeded", ctypes.c_uint32),
        ("index", ctypes.c_uint32),
    )


_FETCH = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.c_uint32,
    ctypes.c_void_p,
    ctypes.POINTER(_Answer),
)

_POINTER = ctypes.c_void_p
_BYTES = ctypes.c_char_p
_SIZE = ctypes.c_size_t
_OUT = ctypes.POINTER(ctypes.c_void_p)

_SIGNATURES: dict[str, tuple[tuple[Any, ...], Any]] = {
    "lamina_engine_open": ((_BYTES, _SIZE, _FETCH, _POINTER, _SIZE), _POINTER),
    "lamina_engine_close": ((_POINTER,), None),
    "lamina_engine_missing": ((_POINTER, _BYTES), None),
    "lamina_engine_fetches": (
        (_POINTER, ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ctypes.c_uint64)),
        None,
    ),
    "lamina_engine_begin": ((_POINTER, _BYTES, _SIZE, _BYTES, _SIZE, _OUT), ctypes.c_int),
    "lamina_block_add": (
        (
            _POINTER,
            _SIZE,
            _BYTES,
            ctypes.POINTER(ctypes.c_uint32),
            _BYTES,
            ctypes.c_int,
            ctypes.POINTER(_AddResult),
            ctypes.POINTER(_SIZE),
        ),
        ctypes.c_int,
    ),
    "lamina_block_seal": ((_POINTER, ctypes.POINTER(_Slice)), ctypes.c_int),
    "lamina_block_close": ((_POINTER,), None),
}


@cache
def _function(name: str) -> Any:
    function = getattr(load_library(), name)
    function.argtypes, function.restype = _SIGNATURES[name]
    return function


class NativeTransactionRefused(Exception):
    """A transaction that the native engine does not put into the block. `reason` is None when it cannot be decoded."""

    def __init__(self, index: int, reason: InvalidReason | None) -> None:
        super().__init__(f"transaction {index}: {'it cannot be decoded' if reason is None else reason.value}")
        self.index = index
        self.reason = reason


class NativeSession:
    """A native engine with its caches. One block at a time; not to be used by two threads at once.

    What it reads comes from `state` and `headers`; it writes nothing. `cache_bytes` bounds the trie nodes, codes and
    headers that it keeps from block to block. Raises NativeLibraryMissing where there is no library.
    """

    def __init__(
        self, rollup: RollupConfig, state: StateStore, headers: HeaderSource, cache_bytes: int = DEFAULT_CACHE_BYTES
    ) -> None:
        self._state = state
        self._headers = headers
        self._failure: BaseException | None = None
        self._served: tuple[bytes, Any] = (b"", None)
        self._fetch = _FETCH(self._serve)
        config = program_config(rollup, _no_l1_forks(rollup))
        self._handle = _function("lamina_engine_open")(config, len(config), self._fetch, None, cache_bytes)
        if not self._handle:
            raise CriticalError(
                f"the native engine does not take the configuration of chain {rollup.l2_chain_id}: library and node do not "
                "belong together; build the library anew with `make core`, or run with --engine pyevm"
            )

    def close(self) -> None:
        """Release memory. All blocks must be closed."""
        if self._handle:
            _function("lamina_engine_close")(self._handle)
            self._handle = None

    def __del__(self) -> None:
        self.close()

    @property
    def fetches(self) -> tuple[int, int]:
        """How often the store was asked, and for how many values."""
        calls, values = ctypes.c_uint64(), ctypes.c_uint64()
        _function("lamina_engine_fetches")(self._handle, ctypes.byref(calls), ctypes.byref(values))
        return calls.value, values.value

    def begin(self, parent: Header, inputs: BlockInputs) -> "NativeOpenBlock":
        """Begin a block. Raises InvalidPayload, and CriticalError when something of the parent's state is missing."""
        attributes = encode(_attributes(inputs))
        raw = parent.encode()
        block = ctypes.c_void_p()
        status = _function("lamina_engine_begin")(
            self._handle, raw, len(raw), attributes, len(attributes), ctypes.byref(block)
        )
        self._check(status, f"the block after {parent}")
        return NativeOpenBlock(self, block, parent)

    def execute(
        self, parent: Header, inputs: BlockInputs, transactions: Sequence[bytes], senders: Sequence[Address] = ()
    ) -> NativeBlock:
        """The block with exactly these transactions. Raises NativeTransactionRefused for the first that may not be in it."""
        with self.begin(parent, inputs) as block:
            block.add_all(transactions, senders)
            return block.seal()

    # --- the other direction ---

    def _serve(self, _context: object, kind: int, count: int, keys: int, answer: Any) -> int:
        # An exception must not cross into the library: it is kept, and raised when the call returns.
        try:
            packed = ctypes.string_at(keys, 32 * count)
            values = [self._load(kind, Hash32(packed[start : start + 32])) for start in range(0, 32 * count, 32)]
        except BaseException as error:  # noqa: BLE001
            self._failure = error
            return 1
        lengths = (ctypes.c_uint32 * count)(*(_ABSENT if value is None else len(value) for value in values))
        data = b"".join(value for value in values if value is not None)
        self._served = (data, lengths)  # The library reads them after this returns.
        answer.contents.data = data
        answer.contents.lengths = ctypes.addressof(lengths)
        return 0

    def _load(self, kind: int, key: Hash32) -> bytes | None:
        if kind == _Kind.NODE:
            return self._state.get(key)
        if kind == _Kind.CODE:
            return self._state.code(key)
        header = self._headers.header_by_hash(key)
        return None if header is None else header.encode()

    def _check(self, status: int, what: str) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        if status == _Status.OK:
            return
        if status == _Status.INVALID_ATTRIBUTES:
            raise InvalidPayload(f"{what}: the native engine finds that the payload attributes do not fit the fork")
        if status in (_Status.MISSING, _Status.DAMAGED):
            buffer = ctypes.create_string_buffer(32)
            _function("lamina_engine_missing")(self._handle, buffer)
            raise self._missing(Hash32(buffer.raw))
        if status == _Status.OUT_OF_MEMORY:
            raise MemoryError(f"{what}: the native engine has no more memory")
        raise CriticalError(
            f"{what}: the native engine cannot read its input (status {status}); report it with this block"
        )

    def _missing(self, key: Hash32) -> CriticalError:
        if self._state.get(key) is None:
            if self._headers.header_by_hash(key) is None:
                return MissingTrieNode(key, "") if key != bytes(32) else MissingAncestor("an ancestor is missing")
            return MissingCode(key)
        return CriticalError(f"the native engine could not read {short(key)}, which is in the store: report it")


class NativeOpenBlock:
    """A block in the making. Close it, or leave its `with`, in any case."""

    def __init__(self, session: NativeSession, handle: ctypes.c_void_p, parent: Header) -> None:
        self._session = session
        self._handle: ctypes.c_void_p | None = handle
        self._parent = parent

    def __enter__(self) -> "NativeOpenBlock":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release it."""
        if self._handle is not None:
            _function("lamina_block_close")(self._handle)
            self._handle = None

    def add(self, raw: bytes, sender: Address | None = None) -> tuple[int, bool]:
        """Execute one transaction: its gas, and whether it succeeded. Raises NativeTransactionRefused."""
        (result,) = self._add([raw], [] if sender is None else [sender], stop=True)
        _raise_refused(result)
        return result.gas_used, bool(result.succeeded)

    def add_all(self, transactions: Sequence[bytes], senders: Sequence[Address] = ()) -> None:
        """Execute all of them. Raises NativeTransactionRefused for the first that may not be in the block.

        `senders`: who signed each, where that is known; believed.
        """
        if transactions:
            results = self._add(transactions, senders, stop=True)
            _raise_refused(results[-1])

    def _add(self, transactions: Sequence[bytes], senders: Sequence[Address], *, stop: bool) -> list[_AddResult]:
        count = len(transactions)
        results = (_AddResult * count)()
        done = ctypes.c_size_t()
        status = _function("lamina_block_add")(
            self._handle,
            count,
            b"".join(transactions),
            (ctypes.c_uint32 * count)(*map(len, transactions)),
            b"".join(sender or _UNKNOWN_SENDER for sender in senders) if senders else None,
            stop,
            results,
            ctypes.byref(done),
        )
        self._session._check(status, f"transactions after {self._parent}")
        return results[: done.value]

    def seal(self) -> NativeBlock:
        """Finish the block."""
        result = _Slice()
        status = _function("lamina_block_seal")(self._handle, ctypes.byref(result))
        self._session._check(status, f"the block after {self._parent}")
        return NativeBlock.decode(ctypes.string_at(result.data, result.length), self._parent.state_root)


def _raise_refused(result: _AddResult) -> None:
    if result.verdict == _Verdict.MALFORMED:
        raise NativeTransactionRefused(result.index, None)
    if result.verdict == _Verdict.INVALID:
        raise NativeTransactionRefused(result.index, _REASONS[result.reason - 1])


def _attributes(inputs: BlockInputs) -> list[RlpInput]:
    """As `core/src/block/stateless.zig` wants them. What is in the extra data is said by its parameters."""
    extra = inputs.extra_data
    return [
        int_to_rlp(inputs.timestamp),
        inputs.fee_recipient,
        inputs.prev_randao,
        int_to_rlp(inputs.gas_limit),
        inputs.parent_beacon_block_root or b"",
        extra[1:9] if len(extra) in (9, 17) else b"",
        [int_to_rlp(int.from_bytes(extra[9:17], "big"))] if len(extra) == 17 else [],
    ]


def _no_l1_forks(rollup: RollupConfig) -> L1ChainConfig:
    # Execution asks nothing of the L1 chain, but the configuration's encoding has a place for it.
    return L1ChainConfig(rollup.l1_chain_id, None, None, None, None, ())

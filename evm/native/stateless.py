"""Executes a block from its witness in the native library. `core/src/native/stateless.zig` is the other side."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from config.errors import CriticalError
from config.types import Hash32, to_hex
from evm.engine.errors import InvalidPayload
from evm.engine.stateless import StatelessCase
from evm.native.fetch import CALLBACK, Fetcher, Kind
from evm.native.library import load_library
from evm.native.task import encode_task


class _Status(IntEnum):
    COMPUTED = 0
    MALFORMED_TASK = 1
    INVALID_ATTRIBUTES = 2
    INVALID_TRANSACTION = 3
    MISSING_PREIMAGE = 4
    DAMAGED_PREIMAGE = 5
    OUT_OF_MEMORY = 6


class _Result(ctypes.Structure):
    _fields_ = (
        ("hash", ctypes.c_uint8 * 32),
        ("expected_hash", ctypes.c_uint8 * 32),
        ("gas_used", ctypes.c_uint64),
        ("missing", ctypes.c_uint8 * 32),
    )


@dataclass(frozen=True)
class ComputedBlock:
    """What a block came to: its hash, and the gas its transactions used."""

    hash: Hash32
    gas_used: int


def execute_stateless_natively(case: StatelessCase) -> ComputedBlock:
    """The block.

    Raises CriticalError when the witness lacks something or holds something damaged, InvalidPayload when no block has
    these attributes and transactions, NativeLibraryMissing.
    """
    execute = load_library().lamina_stateless
    execute.restype = ctypes.c_int
    execute.argtypes = (ctypes.c_char_p, ctypes.c_size_t, CALLBACK, ctypes.c_void_p, ctypes.POINTER(_Result))

    def values(_kind: Kind, keys: Sequence[Hash32]) -> list[bytes | None]:
        return [case.witness.get(key) for key in keys]

    fetcher = Fetcher(values)
    task = encode_task(case)
    result = _Result()
    status = _Status(execute(task, len(task), fetcher.callback, None, ctypes.byref(result)))
    fetcher.reraise()
    what = f"block {case.number}"
    missing = to_hex(bytes(result.missing))
    if status == _Status.COMPUTED:
        return ComputedBlock(Hash32(bytes(result.hash)), result.gas_used)
    if status in (_Status.INVALID_ATTRIBUTES, _Status.INVALID_TRANSACTION):
        raise InvalidPayload(f"{what}: {status.name.lower().replace('_', ' ')}")
    if status == _Status.MISSING_PREIMAGE:
        raise CriticalError(f"{what}: the witness lacks {missing}: ask for a complete one")
    if status == _Status.DAMAGED_PREIMAGE:
        raise CriticalError(f"{what}: the witness holds {missing}, but not as what it is used for")
    if status == _Status.OUT_OF_MEMORY:
        raise MemoryError(f"{what}: the native library got no memory")
    raise ValueError(f"{what}: the native library cannot read the task made of it")

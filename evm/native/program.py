"""The fault-proof program in the native library: the same source as the program in the VM, over a preimage callback."""

import ctypes
from dataclasses import dataclass
from functools import cache

from evm.native.derivation import (
    PREIMAGE_CALLBACK,
    DerivationStatus,
    NativeDerivationError,
    Preimage,
    PreimageCallback,
)
from evm.native.library import load_library


@dataclass(frozen=True)
class ProgramOutcome:
    """What the program came to: the last block there is, and whether the claim is right."""

    derived_root: bytes
    derived_number: int
    is_valid: bool


class PreimageNotServed(NativeDerivationError):
    """The program needs a preimage that was not served; `key` is the oracle's key."""

    def __init__(self, key: bytes) -> None:
        super().__init__(DerivationStatus.MISSING_PREIMAGE)
        self.key = key


class _Outcome(ctypes.Structure):
    _fields_ = (
        ("derived_root", ctypes.c_uint8 * 32),
        ("derived_number", ctypes.c_uint64),
        ("is_valid", ctypes.c_bool),
        ("missing", ctypes.c_uint8 * 32),
    )


@cache
def _library() -> ctypes.CDLL:
    library = load_library()
    library.lamina_program.argtypes = (
        ctypes.c_char_p,
        ctypes.c_size_t,
        PREIMAGE_CALLBACK,
        ctypes.c_void_p,
        ctypes.POINTER(_Outcome),
    )
    library.lamina_program.restype = ctypes.c_int
    return library


def run_program(config: bytes, preimage: Preimage) -> ProgramOutcome:
    """Run the program with a configuration (`config.program.program_config`) over preimages.

    Raises PreimageNotServed, NativeDerivationError when it cannot come to an outcome, or what the callback raised.
    """
    callback = PreimageCallback(preimage)
    outcome = _Outcome()
    status = _library().lamina_program(config, len(config), callback.function, None, ctypes.byref(outcome))
    if callback.error is not None:
        raise callback.error
    if status == DerivationStatus.MISSING_PREIMAGE:
        raise PreimageNotServed(bytes(outcome.missing))
    if status:
        raise NativeDerivationError(status)
    return ProgramOutcome(bytes(outcome.derived_root), outcome.derived_number, outcome.is_valid)

"""Finds and loads the native library, once per process."""

import ctypes
import sys
from functools import cache
from pathlib import Path

ABI_VERSION = 3
"""What `lamina_abi_version` of a library that fits this code returns (`core/src/native.zig`)."""

LIBRARY_PATH = Path(__file__).resolve().parent / ("liblamina.dylib" if sys.platform == "darwin" else "liblamina.so")
"""Where `core/build.py` puts it, and where the wheel has it."""

_HOW_TO_BUILD = "build it with `python core/build.py native` (or `make core`), or reinstall with `pip install .`"


class NativeLibraryMissing(RuntimeError):
    """There is no native library that fits. The message says how to build it."""


@cache
def load_library() -> ctypes.CDLL:
    """The native library. Calls release the GIL.

    Raises NativeLibraryMissing where it is not built, cannot be loaded, or belongs to another version of the code.
    """
    if not LIBRARY_PATH.exists():
        raise NativeLibraryMissing(f"the native library is not at {LIBRARY_PATH}: {_HOW_TO_BUILD}")
    try:
        library = ctypes.CDLL(str(LIBRARY_PATH))
    except OSError as error:
        raise NativeLibraryMissing(f"the native library cannot be loaded ({error}): {_HOW_TO_BUILD}") from error
    version = library.lamina_abi_version
    version.argtypes, version.restype = (), ctypes.c_uint32
    found = version()
    if found != ABI_VERSION:
        raise NativeLibraryMissing(
            f"{LIBRARY_PATH} has interface version {found}, this code needs {ABI_VERSION}: {_HOW_TO_BUILD}"
        )
    return library


def is_available() -> bool:
    """Whether `load_library` succeeds."""
    try:
        load_library()
    except NativeLibraryMissing:
        return False
    return True

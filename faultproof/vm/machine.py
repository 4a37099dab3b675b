"""The fast machine: the native library's VM behind Python's face."""

import ctypes
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Protocol

from config.errors import CriticalError
from config.types import ZERO_HASH
from evm.native.library import NativeLibraryMissing, load_library
from faultproof.preimage import PreimageSource
from faultproof.vm.memory import MEMORY_SIZE, PAGE_SIZE, PROOF_SIZE
from faultproof.vm.reference import past_end
from faultproof.vm.state import ENCODED_SIZE, State

_STOPPED, _EXITED, _NEEDS_PREIMAGE, _PAST_END = range(4)

# The library keeps the interpreter out while it runs, and with it the handling of Ctrl-C: so it runs about a second at a time.
_STEPS_AT_A_TIME = 1 << 29


class Machine(Protocol):
    """A run of a program that can be stopped at any step."""

    @property
    def source(self) -> PreimageSource:
        """Where preimages come from."""

    @property
    def moment(self) -> State:
        """The state without hashing: its memory root means nothing."""

    def state(self) -> State:
        """The state, with the memory root."""

    def run(self, stop_at: int) -> None:
        """Runs until the step counter is `stop_at` or the program has ended. Raises MissingPreimage."""

    def leaf_proof(self, address: int) -> bytes:
        """The proof of the leaf that holds an address. Spec: docs/fpvm.md, section 2"""

    def read(self, address: int, size: int) -> bytes:
        """Bytes of memory. Raises ValueError when the range is not within it."""

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of every page that is not zero, in order."""

    def fork(self) -> "Machine":
        """A copy that goes its own way."""


class _Info(ctypes.Structure):
    _fields_ = (
        ("step", ctypes.c_uint64),
        ("pc", ctypes.c_uint64),
        ("preimage_offset", ctypes.c_uint64),
        ("registers", ctypes.c_uint64 * 32),
        ("preimage_key", ctypes.c_ubyte * 32),
        ("exit_code", ctypes.c_uint8),
        ("exited", ctypes.c_uint8),
    )


_HANDLE, _U64, _SIZE, _BYTES = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_size_t, ctypes.c_char_p
_DOORS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "lamina_vm_new": (_HANDLE, ()),
    "lamina_vm_fork": (_HANDLE, (_HANDLE,)),
    "lamina_vm_free": (None, (_HANDLE,)),
    "lamina_vm_run": (ctypes.c_uint32, (_HANDLE, _U64)),
    "lamina_vm_state": (None, (_HANDLE, _BYTES)),
    "lamina_vm_set_state": (ctypes.c_bool, (_HANDLE, _BYTES)),
    "lamina_vm_info": (None, (_HANDLE, ctypes.POINTER(_Info))),
    "lamina_vm_supply": (ctypes.c_bool, (_HANDLE, _BYTES, _SIZE)),
    "lamina_vm_hint": (_HANDLE, (_HANDLE, ctypes.POINTER(_SIZE))),
    "lamina_vm_write": (ctypes.c_bool, (_HANDLE, _U64, _BYTES, _SIZE)),
    "lamina_vm_read": (ctypes.c_bool, (_HANDLE, _U64, _BYTES, _SIZE)),
    "lamina_vm_proof": (None, (_HANDLE, ctypes.c_uint32, _BYTES)),
    "lamina_vm_pages": (_SIZE, (_HANDLE, ctypes.POINTER(ctypes.c_uint32), _SIZE)),
}


@cache
def _door(name: str) -> Callable[..., Any]:
    try:
        function = getattr(load_library(), name)
    except NativeLibraryMissing as error:
        raise CriticalError(str(error)) from error
    function.restype, function.argtypes = _DOORS[name]
    return function  # type: ignore[no-any-return]


class NativeMachine:
    """The machine of `core/src/vm`. One thread at a time may use it; while it runs, other Python threads run too."""

    def __init__(self, handle: int | None, source: PreimageSource) -> None:
        if handle is None:
            raise CriticalError(
                "no address space for the fault-proof VM: it reserves 13 GB and uses what a program touches"
            )
        self._handle: int | None = handle
        self._source = source
        self._last_hint = b""

    @classmethod
    def load(cls, state: State, pages: Iterator[tuple[int, bytes]], source: PreimageSource) -> "NativeMachine":
        """A machine at a state with the pages of its memory; the state's memory root is not compared with theirs."""
        machine = cls(_door("lamina_vm_new")(), source)
        for number, page in pages:
            machine.write(number * PAGE_SIZE, page)
        machine.set_state(state)
        return machine

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle is not None:
            _door("lamina_vm_free")(handle)
            self._handle = None

    @property
    def source(self) -> PreimageSource:
        """Where preimages come from."""
        return self._source

    @property
    def moment(self) -> State:
        """The state without hashing: its memory root means nothing."""
        info = _Info()
        _door("lamina_vm_info")(self._handle, ctypes.byref(info))
        return State(
            memory_root=ZERO_HASH,
            preimage_key=bytes(info.preimage_key),
            preimage_offset=info.preimage_offset,
            pc=info.pc,
            step=info.step,
            exit_code=info.exit_code,
            exited=bool(info.exited),
            registers=list(info.registers),
        )

    def state(self) -> State:
        """The state, with the memory root."""
        encoded = ctypes.create_string_buffer(ENCODED_SIZE)
        _door("lamina_vm_state")(self._handle, encoded)
        return State.decode(encoded.raw)

    def run(self, stop_at: int) -> None:
        """Runs until the step counter is `stop_at` or the program has ended. Raises MissingPreimage."""
        run = _door("lamina_vm_run")
        step = self.moment.step
        while step < stop_at:
            pause = min(stop_at, step + _STEPS_AT_A_TIME)
            outcome = run(self._handle, pause)
            if outcome == _EXITED:
                return
            if outcome == _STOPPED:
                step = pause
                continue
            moment = self.moment
            if outcome == _PAST_END:
                raise past_end(moment.preimage_key, moment.preimage_offset)
            self._supply(moment.preimage_key)

    def _supply(self, key: bytes) -> None:
        size = ctypes.c_size_t()
        address = _door("lamina_vm_hint")(self._handle, ctypes.byref(size))
        hint = ctypes.string_at(address, size.value) if size.value else b""
        if hint and hint != self._last_hint:
            self._source.hint(hint)
            self._last_hint = hint
        preimage = self._source.preimage(key)
        if not _door("lamina_vm_supply")(self._handle, preimage, len(preimage)):
            raise CriticalError(f"no memory for a preimage of {len(preimage)} bytes")

    def leaf_proof(self, address: int) -> bytes:
        """The proof of the leaf that holds an address. Spec: docs/fpvm.md, section 2"""
        if not 0 <= address < MEMORY_SIZE:
            raise ValueError(f"address {address:#x} is not within the VM's memory of 2^32 bytes")
        out = ctypes.create_string_buffer(PROOF_SIZE)
        _door("lamina_vm_proof")(self._handle, address, out)
        return out.raw

    def read(self, address: int, size: int) -> bytes:
        """Bytes of memory. Raises ValueError when the range is not within it."""
        if not 0 <= address <= MEMORY_SIZE - size:
            raise ValueError(f"{size} bytes at {address:#x} are not within the VM's memory of 2^32 bytes")
        out = ctypes.create_string_buffer(size)
        _door("lamina_vm_read")(self._handle, address, out, size)
        return out.raw

    def write(self, address: int, data: bytes) -> None:
        """Writes a range of memory, as a loader does. Raises ValueError when it is not within memory."""
        if not 0 <= address <= MEMORY_SIZE - len(data):
            raise ValueError(f"{len(data)} bytes at {address:#x} are not within the VM's memory of 2^32 bytes")
        _door("lamina_vm_write")(self._handle, address, data, len(data))

    def set_state(self, state: State) -> None:
        """Sets all of the state but the memory."""
        _door("lamina_vm_set_state")(self._handle, state.encode())

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of every page that is not zero, in order."""
        pages = _door("lamina_vm_pages")
        count = pages(self._handle, None, 0)
        numbers = (ctypes.c_uint32 * count)()
        pages(self._handle, numbers, count)
        for number in sorted(numbers):
            page = self.read(number * PAGE_SIZE, PAGE_SIZE)
            if any(page):
                yield number, page

    def fork(self) -> "NativeMachine":
        """A copy that goes its own way."""
        return NativeMachine(_door("lamina_vm_fork")(self._handle), self._source)

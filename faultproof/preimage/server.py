"""Preimages from another process that speaks the OP Stack's preimage protocol, as `op-program --server` and kona's host do.

The process gets two pairs of pipes: it reads hints at descriptor 3 and acknowledges them at 4, reads requests at 5 and answers
them at 6. A hint is its length (4 bytes, big-endian) and its text, acknowledged by one byte. A request is a key, answered by
the preimage's length (8 bytes, big-endian) and the preimage.

Spec: op-stack fault proof, "Pre-image communication"
"""

import fcntl
import os
import shlex
import shutil
import signal
import time
from types import TracebackType
from typing import BinaryIO

from config.errors import CriticalError
from faultproof.preimage.keys import check_preimage
from faultproof.preimage.sources import MissingPreimage

_FIRST_DESCRIPTOR = 3
_OUT_OF_THE_WAY = 100
_GRACE_SECONDS = 5.0


class ServerSource:
    """A preimage server, started for as long as the context lasts."""

    def __init__(self, command: str) -> None:
        """`command` is a program with its arguments, as a shell would take it apart.

        Raises CriticalError when there is no such program.
        """
        words = shlex.split(command)
        if not words or shutil.which(words[0]) is None:
            raise CriticalError(f"there is no program {words[0] if words else command!r} to serve preimages")
        self._command = command
        pipes = [_pipe() for _ in range(4)]
        (hint_read, self._hint_out), (self._hint_in, hint_write) = pipes[0], pipes[1]
        (key_read, self._key_out), (self._key_in, value_write) = pipes[2], pipes[3]
        theirs = (hint_read, hint_write, key_read, value_write)
        actions = [(os.POSIX_SPAWN_DUP2, ours.fileno(), _FIRST_DESCRIPTOR + place) for place, ours in enumerate(theirs)]
        self._process = os.posix_spawnp(words[0], words, os.environ, file_actions=actions)
        for stream in theirs:
            stream.close()

    def __enter__(self) -> "ServerSource":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server: it sees the end of its input, and is killed when it has not gone some seconds later."""
        if self._process == 0:
            return
        for stream in (self._hint_out, self._hint_in, self._key_out, self._key_in):
            stream.close()
        patience = time.monotonic() + _GRACE_SECONDS
        while os.waitpid(self._process, os.WNOHANG) == (0, 0):
            if time.monotonic() > patience:
                os.kill(self._process, signal.SIGKILL)
                os.waitpid(self._process, 0)
                break
            time.sleep(0.01)
        self._process = 0

    def hint(self, text: bytes) -> None:
        """Passes a hint on and waits for the acknowledgement."""
        self._send(self._hint_out, len(text).to_bytes(4, "big") + text)
        if not self._hint_in.read(1):
            raise MissingPreimage(f"the preimage server {self._command!r} has ended at hint {text[:80]!r}")

    def preimage(self, key: bytes) -> bytes:
        """Asks for a preimage. Raises MissingPreimage when the server ends instead, InvalidPreimage when it lies."""
        self._send(self._key_out, key)
        length = self._key_in.read(8)
        size = int.from_bytes(length, "big")
        preimage = self._key_in.read(size) if len(length) == 8 else b""
        if len(length) < 8 or len(preimage) < size:
            raise MissingPreimage(f"the preimage server {self._command!r} has ended at key 0x{key.hex()}")
        check_preimage(key, preimage)
        return preimage

    def _send(self, stream: BinaryIO, message: bytes) -> None:
        try:
            stream.write(message)
        except BrokenPipeError as error:
            raise MissingPreimage(f"the preimage server {self._command!r} has ended") from error


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    """Reading and writing end, at descriptors above those that a server expects, and closed in programs that are started."""
    ends = []
    for descriptor, mode in zip(os.pipe(), ("rb", "wb"), strict=True):
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
        os.close(descriptor)
        ends.append(os.fdopen(moved, mode, buffering=-1 if mode == "rb" else 0))
    reading, writing = ends
    return reading, writing  # type: ignore[return-value]

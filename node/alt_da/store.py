"""Payloads on disk, one file each, named by their commitment."""

import contextlib
import os
import tempfile
from pathlib import Path

from derivation.codec import Commitment
from node.alt_da.commitments import fits


class InputStore:
    """Keeps what it was given, over power loss too: a payload is on disk before its commitment is given away."""

    def __init__(self, directory: Path) -> None:
        """Makes the directory if there is none. Raises OSError."""
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def put(self, commitment: Commitment, payload: bytes) -> None:
        """Store a payload. Raises ValueError when it is not what the commitment says, OSError when it cannot be kept."""
        if not fits(commitment, payload):
            raise ValueError(f"{commitment} does not stand for these {len(payload)} bytes")
        path = self._path(commitment)
        if path.exists():
            return
        handle, name = tempfile.mkstemp(dir=self._directory, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def get(self, commitment: Commitment) -> bytes | None:
        """The payload, None when there is none. Raises ValueError when the file is damaged, OSError."""
        try:
            payload = self._path(commitment).read_bytes()
        except FileNotFoundError:
            return None
        if not fits(commitment, payload):
            raise ValueError(f"the stored bytes of {commitment} are damaged")
        return payload

    def _path(self, commitment: Commitment) -> Path:
        return self._directory / commitment.encode().hex()

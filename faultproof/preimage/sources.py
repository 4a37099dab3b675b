"""Where preimages come from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from config.errors import CriticalError
from faultproof.preimage.keys import InvalidPreimage, check_preimage


class MissingPreimage(CriticalError):
    """A preimage that this source does not have. No step that reads it can be proven, so the run must not go on."""


class PreimageSource(Protocol):
    """Answers the program's only question."""

    def preimage(self, key: bytes) -> bytes:
        """The preimage of a key, without length prefix. Raises MissingPreimage."""

    def hint(self, text: bytes) -> None:
        """The program says what the next preimages belong to."""


class MemorySource:
    """Preimages by key."""

    def __init__(self, preimages: Mapping[bytes, bytes]) -> None:
        self._preimages = preimages

    def preimage(self, key: bytes) -> bytes:
        """The preimage of a key. Raises MissingPreimage."""
        try:
            return self._preimages[key]
        except KeyError:
            raise MissingPreimage(f"no preimage of key 0x{key.hex()}") from None

    def hint(self, text: bytes) -> None:
        """Everything is here already."""


class DirectorySource:
    """A directory with a file per preimage, named after the key in lower-case hex without 0x, holding the preimage's bytes.

    What op-program keeps in its `--datadir` is read, too: files named `0x<key>.txt` that hold hex.
    Preimages of hashes are checked, so a damaged file is an error and never a wrong answer.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, key: bytes) -> Path:
        """The file of a key."""
        return self.directory / key.hex()

    def preimage(self, key: bytes) -> bytes:
        """The preimage of a key. Raises MissingPreimage, InvalidPreimage."""
        preimage = self._read(key)
        if preimage is None:
            raise MissingPreimage(f"no preimage of key 0x{key.hex()} in {self.directory}")
        check_preimage(key, preimage)
        return preimage

    def _read(self, key: bytes) -> bytes | None:
        try:
            return self.path(key).read_bytes()
        except FileNotFoundError:
            pass
        path = self.directory / f"0x{key.hex()}.txt"
        try:
            return bytes.fromhex(path.read_text().strip().removeprefix("0x"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise InvalidPreimage(f"{path} does not hold hex: {error}") from error

    def hint(self, text: bytes) -> None:
        """Everything is here already."""

    def store(self, key: bytes, preimage: bytes) -> None:
        """Keeps a preimage. A reader never sees half of it. Raises InvalidPreimage."""
        check_preimage(key, preimage)
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self.directory / f".{key.hex()}.{os.getpid()}"
        partial.write_bytes(preimage)
        partial.replace(self.path(key))


class RecordingSource:
    """Asks a directory first and another source for what is not there, and keeps the answers in the directory."""

    def __init__(self, source: PreimageSource, directory: Path) -> None:
        self._source = source
        self._recorded = DirectorySource(directory)

    def preimage(self, key: bytes) -> bytes:
        """The preimage of a key. Raises MissingPreimage."""
        try:
            return self._recorded.preimage(key)
        except MissingPreimage:
            preimage = self._source.preimage(key)
        self._recorded.store(key, preimage)
        return preimage

    def hint(self, text: bytes) -> None:
        """Passed on."""
        self._source.hint(text)

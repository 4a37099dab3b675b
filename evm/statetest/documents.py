"""Finds test files: JSON documents on disk, in directories, and inside tar archives."""

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ARCHIVE_SUFFIXES = (".tar", ".tar.xz", ".tar.gz", ".tar.bz2", ".tgz")


@dataclass(frozen=True)
class Document:
    """A test file: where it was found (`archive:member` inside an archive) and its bytes."""

    name: str
    content: bytes


def find_documents(paths: Sequence[Path]) -> Iterator[Document]:
    """Every JSON file at, below or inside the paths, in a stable order. Archives are unpacked in memory.

    Raises ValueError for a path that is not there, is neither JSON nor an archive, or is a damaged archive.
    """
    for path in paths:
        if path.is_dir():
            inside = (entry for entry in sorted(path.rglob("*")) if entry.is_file())
            for entry in inside:
                if entry.suffix == ".json" or _is_archive(entry):
                    yield from _documents_of(entry)
        elif not path.is_file():
            raise ValueError(f"{path}: there is no such file or directory")
        elif path.suffix == ".json" or _is_archive(path):
            yield from _documents_of(path)
        else:
            raise ValueError(f"{path} is neither a .json file nor an archive ({', '.join(ARCHIVE_SUFFIXES)})")


def _is_archive(path: Path) -> bool:
    return path.name.endswith(ARCHIVE_SUFFIXES)


def _documents_of(path: Path) -> Iterator[Document]:
    if not _is_archive(path):
        yield Document(str(path), path.read_bytes())
        return
    try:
        with tarfile.open(path) as archive:
            # In the order of the archive: a compressed one can only be read forwards.
            for member in archive:
                if member.isfile() and member.name.endswith(".json"):
                    file = archive.extractfile(member)
                    if file is not None:
                        yield Document(f"{path.name}:{member.name}", file.read())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"the archive {path} cannot be read: {error}") from error

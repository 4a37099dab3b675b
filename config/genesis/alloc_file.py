"""Reading and writing the accounts of a genesis state: geth's `alloc` JSON, plain or zstd-compressed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import zstandard

from config.genesis.account import Alloc, GenesisAccount
from config.types import Address, from_hex, to_hex

MAX_DOCUMENT_BYTES = 1 << 30
"""More than any genesis in use; a file that unpacks to more is refused."""

DICTIONARY_NAMES = ("zstd-dictionary.bin", "dictionary")
"""Where a compressed file's dictionary is looked for, next to the file, when none is named."""


def load_alloc(path: Path, dictionary: Path | None = None) -> Alloc:
    """The accounts in a file: a bare `alloc` object or a whole genesis document, `.json` or `.json.zst`.

    `dictionary` is the zstd dictionary; without it one is looked for next to a `.zst` file. Addresses may come with or
    without `0x`.

    Raises:
        ValueError: the file is not such a document; the message names the file.
    """
    document = read_document(path, dictionary)
    return alloc_from_json(cast(Mapping[str, Any], document.get("alloc", document)))


def dump_alloc(alloc: Alloc, path: Path) -> None:
    """Writes a bare `alloc` object, sorted by address."""
    path.write_text(json.dumps(alloc_to_json(alloc), indent=1) + "\n", encoding="utf-8")


def alloc_from_json(raw: Mapping[str, Any]) -> Alloc:
    """The accounts of an `alloc` object. Raises ValueError naming the address that cannot be read."""
    alloc: Alloc = {}
    for key, value in raw.items():
        try:
            alloc[Address(from_hex(key, 20))] = GenesisAccount.from_json(value)
        except (ValueError, AttributeError) as error:
            raise ValueError(f"The genesis account {key[:80]!r} cannot be read: {error}") from error
    return alloc


def alloc_to_json(alloc: Alloc) -> dict[str, Any]:
    """The `alloc` object of a genesis document, sorted by address."""
    return {to_hex(address): alloc[address].to_json() for address in sorted(alloc)}


def read_document(path: Path, dictionary: Path | None = None) -> dict[str, Any]:
    """The JSON object in a plain or zstd-compressed file. Raises ValueError when there is none."""
    raw = path.read_bytes()
    if path.suffix == ".zst":
        raw = _unpack(path, raw, dictionary or _neighbour_dictionary(path))
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path.name} holds a JSON {type(document).__name__}, expected an object.")
    return document


def _neighbour_dictionary(path: Path) -> Path | None:
    return next((path.parent / name for name in DICTIONARY_NAMES if (path.parent / name).is_file()), None)


def _unpack(path: Path, raw: bytes, dictionary: Path | None) -> bytes:
    table = zstandard.ZstdCompressionDict(dictionary.read_bytes()) if dictionary else None
    decompressor = zstandard.ZstdDecompressor(dict_data=table).decompressobj()
    try:
        parameters = zstandard.get_frame_parameters(raw)
        declared = parameters.content_size
        if declared != zstandard.CONTENTSIZE_UNKNOWN and declared > MAX_DOCUMENT_BYTES:
            raise ValueError(f"{path.name} unpacks to {declared} bytes, more than the {MAX_DOCUMENT_BYTES} allowed.")
        pieces: list[bytes] = []
        total = 0
        for start in range(0, len(raw), 1 << 16):
            piece = decompressor.decompress(raw[start : start + (1 << 16)])
            total += len(piece)
            if total > MAX_DOCUMENT_BYTES:
                raise ValueError(f"{path.name} unpacks to more than the {MAX_DOCUMENT_BYTES} bytes allowed.")
            pieces.append(piece)
    except zstandard.ZstdError as error:
        hint = "its dictionary is needed" if dictionary is None else f"is {dictionary.name} its dictionary?"
        raise ValueError(f"{path.name} cannot be unpacked ({error}); {hint}") from error
    return b"".join(pieces)

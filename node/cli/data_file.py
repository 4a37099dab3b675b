"""Files of bytes that commands read: binary or hex."""

from pathlib import Path


def read_data(path: Path) -> bytes:
    """The file's bytes; a file of hex digits (with or without 0x) counts as what they spell."""
    raw = path.read_bytes()
    digits = raw.strip().removeprefix(b"0x")
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        return raw

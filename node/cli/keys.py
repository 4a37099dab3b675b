"""Private keys given on the command line."""

from pathlib import Path

from config.types import from_hex


def private_key(text: str | None, file: Path | None) -> bytes:
    """The 32-byte key from `--private-key` or `--private-key.file`, exactly one of which must be given.

    Raises ValueError saying what is missing or malformed, never repeating the key.
    """
    if (text is None) == (file is None):
        raise ValueError(
            "give the account's key with --private-key (or its environment variable) or --private-key.file"
        )
    source = "--private-key" if file is None else str(file)
    raw = text if file is None else file.read_text()
    try:
        return from_hex((raw or "").strip(), 32)
    except ValueError:
        raise ValueError(f"{source} does not hold a private key of 32 bytes in hex") from None

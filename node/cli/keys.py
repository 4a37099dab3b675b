"""Private keys given on the command line."""

from pathlib import Path

from config.types import from_hex


def private_key(text: str | None, file: Path | None, flag: str = "--private-key") -> bytes:
    """The 32-byte key from `--private-key` or `--private-key.file`, exactly one of which must be given.

    `flag` is where `text` comes from.

    Raises ValueError saying what is missing or malformed, never repeating the key.
    """
    if text is None and file is None:
        raise ValueError(f"give the account's key with {flag} (or its environment variable) or {flag}.file")
    if text is not None and file is not None:
        raise ValueError(
            f"the account's key is given twice, with {flag} (or its environment variable) and with {flag}.file"
        )
    source = flag if file is None else str(file)
    raw = text if file is None else file.read_text()
    try:
        return from_hex((raw or "").strip(), 32)
    except ValueError:
        raise ValueError(f"{source} does not hold a private key of 32 bytes in hex") from None

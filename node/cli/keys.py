"""Where commands take an account's key from: text, a file with it in hex, or a key file sealed with a password."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from config.types import from_hex

KeystoreFile = Annotated[
    Path | None,
    typer.Option("--keystore", help="A key file sealed with a password (lamina account, geth). Asks for it."),
]
PasswordFile = Annotated[
    Path | None, typer.Option("--password", help="A file whose first line is the password of the key file.")
]


def private_key(
    text: str | None,
    file: Path | None,
    keystore: Path | None = None,
    password: Path | None = None,
    *,
    flag: str = "--private-key",
) -> bytes:
    """The 32-byte key from `--private-key`, `--private-key.file` or `--keystore`, exactly one of which must be given.

    `flag` is where `text` comes from.

    Raises ValueError saying what is missing or malformed, never repeating the key or the password.
    """
    given = sum(way is not None for way in (text, file, keystore))
    if given == 0:
        raise ValueError(
            f"give the account's key with {flag} (or its environment variable), {flag}.file or --keystore"
        )
    if given > 1:
        raise ValueError(
            f"the account's key is given twice: one of {flag} (or its environment variable), {flag}.file and --keystore "
            "is enough"
        )
    if keystore is not None:
        return _from_keystore(keystore, password)
    if password is not None:
        raise ValueError("--password belongs to --keystore: a key in hex has none")
    if file is None:
        return hex_key(text or "", flag)
    return hex_key(file.read_text(), str(file))


def hex_key(text: str, source: str) -> bytes:
    """A key written in hex, with or without 0x. Raises ValueError naming `source`, never repeating the text."""
    digits = text.strip()
    try:
        return from_hex(digits if digits.startswith("0x") else "0x" + digits, 32)
    except ValueError:
        raise ValueError(f"{source} does not hold a private key of 32 bytes in hex") from None


def _from_keystore(path: Path, password: Path | None) -> bytes:
    from node.keystore.directory import read_key

    if path.is_dir():
        raise ValueError(f"{path} is a directory: give the file of one account (lamina account list --keystore {path})")
    return read_key(path, password_from(password, f"password of {path.name}", "--password"))


def password_from(file: Path | None, question: str, flag: str, *, confirm: bool = False) -> str:
    """The first line of a file, else what is typed at the terminal (twice to `confirm` it).

    Raises ValueError without either. The path is not repeated: it may be a password that was given in its place.
    """
    if file is not None:
        try:
            lines = file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ValueError(f"the file that {flag} names cannot be read: {reason}") from None
        return lines[0] if lines else ""
    if not sys.stdin.isatty():
        raise ValueError(f"there is no terminal to ask for the {question}: give a file with it ({flag} FILE)")
    typed: str = typer.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True)
    return typed

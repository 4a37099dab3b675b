"""A directory of key files, as geth keeps it: one file per account, named after the time it was made and its address."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.types import Address, to_hex
from evm.types.signature import address_of
from node.keystore.sealed_key import STANDARD, KeystoreError, ScryptCost, address_in, open_key, seal_key


@dataclass(frozen=True)
class AccountFile:
    """An account and the file with its key."""

    address: Address
    path: Path


class KeyDirectory:
    """Finds, adds and changes key files. Files of the same address may exist beside each other, as in geth."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def accounts(self) -> tuple[Sequence[AccountFile], Sequence[str]]:
        """The accounts in the order of their files' names, which is that of their making, and what is wrong with files that
        are none."""
        found: list[AccountFile] = []
        wrong: list[str] = []
        for path in sorted(self.path.iterdir()) if self.path.is_dir() else ():
            if path.name.startswith(".") or path.name.endswith("~") or not path.is_file():
                continue
            try:
                found.append(AccountFile(address_in(_read(path), str(path)), path))
            except KeystoreError as error:
                wrong.append(str(error))
        return found, wrong

    def find(self, address: Address) -> AccountFile:
        """The account of an address. Raises KeystoreError when there is none, or more than one file of it."""
        accounts, _ = self.accounts()
        files = [account for account in accounts if account.address == address]
        if not files:
            raise KeystoreError(
                f"there is no key of {to_hex(address)} in {self.path} (lamina account list shows what is)"
            )
        if len(files) > 1:
            names = ", ".join(account.path.name for account in files)
            raise KeystoreError(f"there are several keys of {to_hex(address)} in {self.path}: name one of {names}")
        return files[0]

    def add(self, key: bytes, password: str, now: float, cost: ScryptCost = STANDARD) -> AccountFile:
        """Seal a key in a new file; `now` is the time in seconds. Raises KeystoreError when its account is there already."""
        address = address_of(key)
        if any(account.address == address for account in self.accounts()[0]):
            raise KeystoreError(f"the key of {to_hex(address)} is in {self.path} already")
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.path / _file_name(address, now)
        _write(path, seal_key(key, password, cost))
        return AccountFile(address, path)


def read_key(path: Path, password: str) -> bytes:
    """The key in a file. Raises KeystoreError."""
    return open_key(_read(path), password, str(path))


def change_password(path: Path, old: str, new: str, cost: ScryptCost = STANDARD) -> AccountFile:
    """Seal the key in a file anew. The file has either form at any time. Raises KeystoreError."""
    key = read_key(path, old)
    _write(path, seal_key(key, new, cost))
    return AccountFile(address_of(key), path)


def _file_name(address: Address, now: float) -> str:
    when = datetime.fromtimestamp(now, UTC)
    return f"UTC--{when:%Y-%m-%dT%H-%M-%S}.{when.microsecond * 1000:09d}Z--{address.hex()}"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        raise KeystoreError(f"{path} is no key file (JSON of web3 secret storage, version 3)") from None
    except OSError as error:
        raise KeystoreError(f"{path} cannot be read: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    """Nobody else may read it, and it is whole on the disk before it is found under its name."""
    partial = path.with_name(f".{path.name}.part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

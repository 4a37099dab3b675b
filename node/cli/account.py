"""`lamina account`: key files sealed with passwords, interchangeable with geth's."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.keys import PasswordFile, hex_key, password_from

if TYPE_CHECKING:
    from node.keystore import AccountFile, KeyDirectory
    from node.keystore.sealed_key import ScryptCost

account = typer.Typer(help="Make and change accounts' key files, as geth keeps them.", no_args_is_help=True)

DataDirOrNone = Annotated[
    Path | None, typer.Option("--datadir", help="A node's data directory: its keystore directory is used.")
]
Keystore = Annotated[Path | None, typer.Option("--keystore", help="The directory of key files.")]
LightKdf = Annotated[
    bool, typer.Option("--lightkdf", help="Passwords are tried in less time and memory, by an attacker, too.")
]
Which = Annotated[str, typer.Argument(help="The account's address, or its key file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@account.command()
def new(
    keystore: Keystore = None,
    datadir: DataDirOrNone = None,
    password: PasswordFile = None,
    lightkdf: LightKdf = False,
    as_json: AsJson = False,
) -> None:
    """Make a key and keep it in a new file. Without the password it is lost: there is no other copy.

    Examples: lamina account new --datadir ./data; lamina account new --keystore ./keys --password password.txt --json
    """
    directory = _directory(keystore, datadir)
    sealed = directory.add(_new_key(), _new_password(password, "--password"), time.time(), _cost(lightkdf))
    _show([sealed], as_json)


@account.command("list")
def show_all(keystore: Keystore = None, datadir: DataDirOrNone = None, as_json: AsJson = False) -> None:
    """List the accounts, oldest first, and name files that are no key files.

    Example: lamina account list --datadir ./data --json
    """
    found, wrong = _directory(keystore, datadir).accounts()
    for problem in wrong:
        typer.echo(problem, err=True)
    if as_json:
        print(json.dumps([_facts(item) for item in found]))
    else:
        _show(found, False)


@account.command("import")
def take_in(
    file: Annotated[Path, typer.Argument(help="A file with the private key in hex.")],
    keystore: Keystore = None,
    datadir: DataDirOrNone = None,
    password: PasswordFile = None,
    lightkdf: LightKdf = False,
    as_json: AsJson = False,
) -> None:
    """Keep a key that is in a file, in hex, in a key file as well. The first file stays: delete it when it is not needed.

    Example: lamina account import key.hex --datadir ./data
    """
    directory = _directory(keystore, datadir)
    key = hex_key(file.read_text(), str(file))
    _show([directory.add(key, _new_password(password, "--password"), time.time(), _cost(lightkdf))], as_json)


@account.command()
def update(
    which: Which,
    keystore: Keystore = None,
    datadir: DataDirOrNone = None,
    password: PasswordFile = None,
    new_password: Annotated[
        Path | None, typer.Option("--new-password", help="A file whose first line is the new password.")
    ] = None,
    lightkdf: LightKdf = False,
    as_json: AsJson = False,
) -> None:
    """Change the password of a key file.

    Examples: lamina account update 0x7ef5..4aef8 --datadir ./data;
    lamina account update ./keys/UTC--2026-.. --password old.txt --new-password new.txt
    """
    from node.keystore.directory import change_password

    path = _file(which, keystore, datadir)
    old = password_from(password, f"password of {path.name}", "--password")
    _show([change_password(path, old, _new_password(new_password, "--new-password"), _cost(lightkdf))], as_json)


@account.command()
def inspect(
    which: Which,
    keystore: Keystore = None,
    datadir: DataDirOrNone = None,
    password: PasswordFile = None,
    private: Annotated[bool, typer.Option("--private", help="Print the private key, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open a key file and print its address and public key: the password is right, and the file is whole.

    Example: lamina account inspect ./keys/UTC--2026-.. --password password.txt
    """
    from coincurve import PrivateKey

    from config.types import to_hex
    from evm.types.signature import address_of
    from node.keystore.directory import read_key

    path = _file(which, keystore, datadir)
    key = read_key(path, password_from(password, f"password of {path.name}", "--password"))
    facts = {
        "address": _checksummed(address_of(key)),
        "publicKey": to_hex(PrivateKey(key).public_key.format(compressed=False)),
    }
    if private:
        facts["privateKey"] = to_hex(key)
    if as_json:
        print(json.dumps(facts))
        return
    for label, name in (("address", "address"), ("public key", "publicKey"), ("private key", "privateKey")):
        if name in facts:
            print(f"{label:<12} {facts[name]}")


def _directory(keystore: Path | None, datadir: Path | None) -> "KeyDirectory":
    from node.keystore import KeyDirectory

    if keystore is not None:
        return KeyDirectory(keystore)
    if datadir is None:
        raise ValueError("say where the key files are: --keystore DIR, or --datadir DIR of a node")
    return KeyDirectory(datadir / "keystore")


def _file(which: str, keystore: Path | None, datadir: Path | None) -> Path:
    from config.types import to_address

    if Path(which).is_file():
        return Path(which)
    try:
        address = to_address(which if which.startswith("0x") else "0x" + which)
    except ValueError:
        raise ValueError(f"{which} is neither a file nor an address") from None
    return _directory(keystore, datadir).find(address).path


def _new_key() -> bytes:
    from coincurve import PrivateKey

    # From the system's source of randomness, and never a number that is too large for the curve.
    return bytes(PrivateKey().secret)


def _new_password(file: Path | None, flag: str) -> str:
    return password_from(file, "new password", flag, confirm=True)


def _cost(light: bool) -> "ScryptCost":
    from node.keystore.sealed_key import LIGHT, STANDARD

    return LIGHT if light else STANDARD


def _checksummed(address: bytes) -> str:
    from eth_utils.address import to_checksum_address

    return str(to_checksum_address(address))


def _facts(item: "AccountFile") -> dict[str, Any]:
    return {"address": _checksummed(item.address), "file": str(item.path)}


def _show(accounts: "Sequence[AccountFile]", as_json: bool) -> None:
    for item in accounts:
        print(json.dumps(_facts(item)) if as_json else f"{_checksummed(item.address)}  {item.path}")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(account, name="account")

"""A private key under a password: "Web3 Secret Storage" version 3, as geth writes it.

Spec: ethereum.org, "Web3 secret storage definition"; go-ethereum, accounts/keystore.
"""

import json
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from config.types import Address, from_hex
from evm.types import keccak256
from evm.types.signature import address_of

_KEY_BYTES = 32
_SALT_BYTES = 32


class KeystoreError(ValueError):
    """A file that holds no key that can be used, or a password that does not open it. Never says anything secret."""


@dataclass(frozen=True)
class ScryptCost:
    """How long it takes to try a password: `n` rounds (a power of two) with memory, `p` times."""

    n: int
    p: int


STANDARD = ScryptCost(1 << 18, 1)
"""A quarter of a GiB and about a second, as in geth."""
LIGHT = ScryptCost(1 << 12, 6)
"""4 MiB and a tenth of that, as with geth's --lightkdf: for keys that are worth little."""
_R = 8


def seal_key(key: bytes, password: str, cost: ScryptCost = STANDARD) -> str:
    """The JSON text of a key file that `password` opens."""
    salt, iv = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(16)
    derived = _derive(password, salt, cost)
    sealed = _cipher(derived[:16], iv, key)
    document = {
        "address": address_of(key).hex(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "ciphertext": sealed.hex(),
            "cipherparams": {"iv": iv.hex()},
            "kdf": "scrypt",
            "kdfparams": {"dklen": _KEY_BYTES, "n": cost.n, "p": cost.p, "r": _R, "salt": salt.hex()},
            "mac": keccak256(derived[16:] + sealed).hex(),
        },
        "id": str(uuid.uuid4()),
        "version": 3,
    }
    return json.dumps(document)


def open_key(text: str, password: str, source: str) -> bytes:
    """The 32-byte key in a key file of version 3, made by whatever client, with scrypt or PBKDF2.

    Raises KeystoreError naming `source` when it is no such file or the password is another.
    """
    from eth_account import Account

    document = _document(text, source)
    try:
        key = bytes(Account.decrypt(document, password))
        address = address_of(key) if len(key) == _KEY_BYTES else None
    except (KeyError, TypeError, ValueError, NotImplementedError, MemoryError) as error:
        if str(error) == "MAC mismatch":
            raise KeystoreError(f"the password does not open {source}") from None
        raise KeystoreError(f"{source} cannot be opened: its contents are damaged or of an unknown kind") from None
    if address is None:
        raise KeystoreError(f"{source} holds {len(key)} bytes, not a key of {_KEY_BYTES}")
    if "address" in document and address_in(text, source) != address:
        raise KeystoreError(f"{source} names another address than that of the key in it: it is damaged or forged")
    return key


def address_in(text: str, source: str) -> Address:
    """The address that a key file says it is of, without a password. Raises KeystoreError when it says none."""
    address = _document(text, source).get("address")
    if not isinstance(address, str):
        raise KeystoreError(f"{source} does not say of which address it is")
    try:
        return Address(from_hex("0x" + address.removeprefix("0x"), 20))
    except ValueError:
        raise KeystoreError(f"{source} does not say of which address it is") from None


def _document(text: str, source: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("version") != 3:
        raise KeystoreError(f"{source} is no key file (JSON of web3 secret storage, version 3)")
    return document


def _derive(password: str, salt: bytes, cost: ScryptCost) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=_KEY_BYTES, n=cost.n, r=_R, p=cost.p).derive(password.encode())


def _cipher(key: bytes, iv: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CTR

    encryptor = Cipher(AES(key), CTR(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()

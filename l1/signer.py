"""Who signs L1 transactions."""

from typing import Protocol

from config.types import Address
from evm.types import SignedTransaction
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction


class Signer(Protocol):
    """Holds, or reaches, the key of one account."""

    @property
    def address(self) -> Address:
        """The account that signs."""
        ...

    async def sign(self, transaction: SignedTransaction) -> SignedTransaction:
        """The transaction with this account's signature. Raises TemporaryError when a remote signer is unreachable."""
        ...


class LocalSigner:
    """Signs with a private key held in memory; the key never shows in messages."""

    def __init__(self, private_key: bytes) -> None:
        """`private_key` is 32 bytes. Raises ValueError when it is no key."""
        if len(private_key) != 32:
            raise ValueError(f"a private key has 32 bytes, got {len(private_key)}")
        self._private_key = private_key
        self._address = address_of(private_key)

    @property
    def address(self) -> Address:
        """The account of the key."""
        return self._address

    async def sign(self, transaction: SignedTransaction) -> SignedTransaction:
        """The signed transaction."""
        return sign_transaction(transaction, self._private_key)

    def __repr__(self) -> str:
        return f"LocalSigner(0x{self._address.hex()})"

"""Accounts as the state trie holds them."""

from dataclasses import dataclass

from config.constants import EMPTY_KECCAK, EMPTY_TRIE_ROOT
from config.types import Hash32
from evm.types.rlp import as_bytes, as_int, as_list, decode, encode, int_to_rlp


@dataclass(frozen=True, slots=True)
class Account:
    """Nonce, balance (wei), root of its storage trie, hash of its code. Spec: yellow paper, 4.1."""

    nonce: int = 0
    balance: int = 0
    storage_root: Hash32 = EMPTY_TRIE_ROOT
    code_hash: Hash32 = EMPTY_KECCAK

    @property
    def is_empty(self) -> bool:
        """No nonce, no balance, no code: such an account is deleted when touched (EIP-161)."""
        return not self.nonce and not self.balance and self.code_hash == EMPTY_KECCAK

    def encode(self) -> bytes:
        """Canonical RLP."""
        return encode([int_to_rlp(self.nonce), int_to_rlp(self.balance), self.storage_root, self.code_hash])

    @staticmethod
    def decode(raw: bytes) -> "Account":
        """Read canonical RLP. Raises RlpError when it is no account."""
        nonce, balance, storage_root, code_hash = as_list(decode(raw), "account", 4)
        return Account(
            as_int(nonce, "account nonce", 8),
            as_int(balance, "account balance"),
            Hash32(as_bytes(storage_root, "storage root", 32)),
            Hash32(as_bytes(code_hash, "code hash", 32)),
        )

"""What the pool asks of the chain it serves: small interfaces that `node.chain` and `evm` fulfil."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from evm.types import Address, Header, SignedTransaction

if TYPE_CHECKING:
    from node.chain import ChainUpdate

DELEGATION_PREFIX = b"\xef\x01\x00"
"""Code of an account that delegates to another's code (EIP-7702)."""


@dataclass(frozen=True)
class AccountView:
    """An account's state at the head: `code` is empty for accounts without."""

    nonce: int
    balance: int
    code: bytes = b""

    @property
    def is_delegated(self) -> bool:
        """Whether the account runs another account's code (EIP-7702)."""
        return self.code[:3] == DELEGATION_PREFIX


NO_ACCOUNT = AccountView(0, 0)


class HeadView(Protocol):
    """The chain as the pool sees it; `node.mempool.chain_view.ChainHeadView` shows a `Chain` like this."""

    @property
    def head(self) -> Header:
        """The unsafe head."""

    def account(self, header: Header, address: Address) -> AccountView:
        """An account in the state after `header`."""

    def on_new_head(self, listener: "Callable[[ChainUpdate], None]") -> None:
        """Call `listener` after each durable change of the head."""


class PoolRules(Protocol):
    """What the chain's rules say of a transaction for the block after the head."""

    def check(self, transaction: SignedTransaction, head: Header) -> None:
        """Everything that needs no account: type, chain id, gas, fees, signature form. Raises PoolRejection."""

    def next_base_fee(self, head: Header) -> int:
        """The base fee of the block after `head`, in wei per gas."""

    def data_fee(self, transaction: SignedTransaction, head: Header) -> int:
        """Wei that the sender pays beside L2 gas at most: L1 data fee and operator fee. Zero on L1."""

    def data_size(self, transaction: SignedTransaction) -> int:
        """Estimated bytes that the transaction takes in compressed batches."""

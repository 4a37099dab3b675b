"""A chain as small as the pool can live on: accounts in a dictionary, heads set by hand, signed transactions."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from config.constants import EMPTY_TRIE_ROOT
from evm.types import (
    ZERO_ADDRESS,
    ZERO_HASH,
    Address,
    Authorization,
    Block,
    DynamicFeeTransaction,
    Header,
    SetCodeTransaction,
    SignedTransaction,
)
from evm.types.signature import address_of
from evm.types.transaction import BlobTransaction, sign_transaction
from node.mempool import AccountView, PoolLimits, PoolRejection, RejectReason, TransactionPool
from node.mempool.journal import Journal
from node.mempool.sidecars import SidecarStore

if TYPE_CHECKING:
    from node.chain import ChainUpdate

CHAIN_ID = 901
ETHER = 10**18
GWEI = 10**9
RECIPIENT = Address(b"\x42" * 20)


def key(index: int) -> bytes:
    """The private key of test account `index`."""
    return (index + 1).to_bytes(32, "big")


def account(index: int) -> Address:
    """The address of test account `index`."""
    return address_of(key(index))


def header(number: int, **changes: object) -> Header:
    """A header that the pool can stand on."""
    base = Header(
        parent_hash=ZERO_HASH,
        fee_recipient=ZERO_ADDRESS,
        state_root=EMPTY_TRIE_ROOT,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=bytes(256),
        number=number,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=number,
        extra_data=b"",
        prev_randao=ZERO_HASH,
        base_fee_per_gas=GWEI,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def transfer(
    sender: int, nonce: int, *, tip: int = GWEI, max_fee: int = 10 * GWEI, value: int = 1, data: bytes = b""
) -> DynamicFeeTransaction:
    """A signed type 2 transfer."""
    unsigned = DynamicFeeTransaction(
        nonce=nonce,
        gas_limit=21_000,
        to=RECIPIENT,
        value=value,
        data=data,
        chain_id=CHAIN_ID,
        y_parity=0,
        r=0,
        s=0,
        max_priority_fee=tip,
        max_fee=max_fee,
    )
    signed = sign_transaction(unsigned, key(sender))
    assert isinstance(signed, DynamicFeeTransaction)
    return signed


def set_code(sender: int, nonce: int, authorities: tuple[int, ...]) -> SignedTransaction:
    """A signed type 4 transaction that delegates the `authorities`."""
    return sign_transaction(
        SetCodeTransaction(
            nonce=nonce,
            gas_limit=100_000,
            to=RECIPIENT,
            value=0,
            data=b"",
            chain_id=CHAIN_ID,
            y_parity=0,
            r=0,
            s=0,
            max_priority_fee=GWEI,
            max_fee=10 * GWEI,
            authorizations=tuple(Authorization.sign(key(index), CHAIN_ID, RECIPIENT, 0) for index in authorities),
        ),
        key(sender),
    )


@dataclass
class Rules:
    """Rules without a chain: the base fee stands in the head, the data fee is what the test says."""

    fee: int = 0
    size: int = 100

    def check(self, transaction: SignedTransaction, head: Header) -> None:
        """Only the chain id."""
        if transaction.chain_id != CHAIN_ID:
            raise PoolRejection(RejectReason.INVALID, "invalid chain id for signer")

    def next_base_fee(self, head: Header) -> int:
        """The head's own."""
        assert head.base_fee_per_gas is not None
        return head.base_fee_per_gas

    def data_fee(self, transaction: SignedTransaction, head: Header) -> int:
        """As set."""
        return self.fee

    def data_size(self, transaction: SignedTransaction) -> int:
        """As set, per byte of call data beyond it."""
        return self.size + len(transaction.data)


class World:
    """Accounts (with 100 ether each unless said), a head, a clock, and a pool on top."""

    def __init__(
        self, limits: PoolLimits | None = None, sidecars: SidecarStore | None = None, journal: Journal | None = None
    ) -> None:
        self.head = header(1)
        self.accounts: dict[Address, AccountView] = {}
        self.lookups: list[Address] = []
        self.now = 0.0
        self.rules = Rules()
        self._listeners: list[Callable[[ChainUpdate], None]] = []
        self.pool = TransactionPool(self, self.rules, lambda: self.now, limits, sidecars, journal)

    def account(self, header: Header, address: Address) -> AccountView:
        """State at the head; counts look-ups."""
        self.lookups.append(address)
        return self.accounts.get(address, AccountView(0, 100 * ETHER))

    def on_new_head(self, listener: "Callable[[ChainUpdate], None]") -> None:
        """As a chain does."""
        self._listeners.append(listener)

    def set(self, index: int, *, nonce: int = 0, balance: int = 100 * ETHER, code: bytes = b"") -> None:
        """Change an account's state from the next head on (or now, when nothing asked for it yet)."""
        self.accounts[account(index)] = AccountView(nonce, balance, code)

    def advance(
        self,
        *transactions: SignedTransaction,
        removed: tuple[SignedTransaction, ...] = (),
        base_fee: int = GWEI,
    ) -> None:
        """A new head with these transactions, in place of a block with `removed`; nonces follow by themselves."""
        from node.chain import ChainUpdate

        gone = Block(self.head, removed)
        for transaction in removed:
            state = self.account(self.head, transaction.sender)
            self.accounts[transaction.sender] = replace(state, nonce=min(state.nonce, transaction.nonce))
        for transaction in transactions:
            state = self.account(self.head, transaction.sender)
            self.accounts[transaction.sender] = replace(state, nonce=transaction.nonce + 1)
        self.head = header(self.head.number + 1, base_fee_per_gas=base_fee)
        update = ChainUpdate(added=(Block(self.head, transactions),), removed=(gone,) if removed else ())
        for listener in self._listeners:
            listener(update)


def blob_transaction(
    sender: int, nonce: int, *, blob_fee: int = 1, tip: int = GWEI, max_fee: int = 10 * GWEI, hashes: int = 1
) -> BlobTransaction:
    """A signed type 3 transaction without its sidecar."""
    signed = sign_transaction(
        BlobTransaction(
            nonce=nonce,
            gas_limit=21_000,
            to=RECIPIENT,
            value=0,
            data=b"",
            chain_id=CHAIN_ID,
            y_parity=0,
            r=0,
            s=0,
            max_priority_fee=tip,
            max_fee=max_fee,
            max_fee_per_blob_gas=blob_fee,
            versioned_hashes=tuple(ZERO_HASH for _ in range(hashes)),
        ),
        key(sender),
    )
    assert isinstance(signed, BlobTransaction)
    return signed

"""The pool's view of a real chain and its rules."""

from collections.abc import Callable

from config.constants import L1_BLOCK
from config.types import ZERO_HASH
from evm.fees import L1FeeParameters, estimated_size_scaled
from evm.rules import L2Rules, Rules
from evm.types import Address, Hash32, Header, SignedTransaction
from evm.validity import InvalidReason, InvalidTransaction, validate_stateless
from node.chain import Chain, ChainUpdate
from node.mempool.errors import PoolRejection, RejectReason
from node.mempool.views import NO_ACCOUNT, AccountView

_SIZE_SCALE = 10**6

_REASONS = {
    InvalidReason.TYPE_NOT_SUPPORTED: RejectReason.TYPE_NOT_SUPPORTED,
    InvalidReason.DEPOSIT_NOT_ALLOWED: RejectReason.TYPE_NOT_SUPPORTED,
    InvalidReason.INVALID_SIGNATURE: RejectReason.INVALID_SENDER,
}


class ChainHeadView:
    """A `Chain` as `HeadView`."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    @property
    def head(self) -> Header:
        """The unsafe head."""
        return self._chain.head

    def account(self, header: Header, address: Address) -> AccountView:
        """An account in the state after `header`."""
        state = self._chain.state_at(header)
        account = state.account(address)
        if account is None:
            return NO_ACCOUNT
        return AccountView(account.nonce, account.balance, state.code(account.code_hash))

    def on_new_head(self, listener: Callable[[ChainUpdate], None]) -> None:
        """Call `listener` after each durable change of the head."""
        self._chain.on_new_head(listener)


class ChainPoolRules:
    """The rules of a chain as `PoolRules`: validity by `evm.validity`, data fees by the head's L1 attributes.

    `fastlz_length` stands in for the one of `evm.fees` where the native engine leads.
    """

    def __init__(self, chain: Chain, fastlz_length: Callable[[bytes], int] | None = None) -> None:
        self._fastlz_length = fastlz_length
        self._chain = chain
        self._rules: Rules = chain.rules
        self._fees: tuple[Hash32, L1FeeParameters | None] = (ZERO_HASH, None)

    def check(self, transaction: SignedTransaction, head: Header) -> None:
        """Everything that needs no account. Raises PoolRejection."""
        try:
            validate_stateless(transaction, self._rules.at(head.timestamp), self._rules.chain_id)
        except InvalidTransaction as error:
            raise PoolRejection(_REASONS.get(error.reason, RejectReason.INVALID), str(error)) from error
        if transaction.gas_limit > head.gas_limit:
            raise PoolRejection(
                RejectReason.INVALID,
                f"exceeds block gas limit: transaction asks for {transaction.gas_limit}, limit {head.gas_limit}",
            )

    def next_base_fee(self, head: Header) -> int:
        """The base fee of the block after `head`, in wei per gas."""
        return self._rules.next_base_fee(head, head.timestamp)

    def data_fee(self, transaction: SignedTransaction, head: Header) -> int:
        """L1 data fee and the highest operator fee in wei; zero on L1."""
        fees = self._fee_parameters(head)
        if fees is None:
            return 0
        raw = transaction.raw
        return fees.l1_fee(raw, self._length(raw)) + fees.operator_fee(transaction.gas_limit)

    def data_size(self, transaction: SignedTransaction) -> int:
        """Estimated compressed bytes. Spec: op fjord exec-engine."""
        raw = transaction.raw
        return estimated_size_scaled(raw, self._length(raw)) // _SIZE_SCALE

    def _length(self, raw: bytes) -> int | None:
        return None if self._fastlz_length is None else self._fastlz_length(raw)

    def _fee_parameters(self, head: Header) -> L1FeeParameters | None:
        rules = self._rules
        if not isinstance(rules, L2Rules):
            return None
        if self._fees[0] != head.hash:
            state = self._chain.state_at(head)
            fork = rules.rollup.forks.active(head.timestamp)
            self._fees = (
                head.hash,
                L1FeeParameters.from_l1_block(fork, lambda slot: state.storage(L1_BLOCK, slot)),
            )
        return self._fees[1]

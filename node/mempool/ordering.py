"""The order in which a block takes the pool's transactions: highest tip first, nonces of an account in order."""

import heapq
from collections.abc import Iterable, Iterator, Mapping

from evm.types import Address
from node.mempool.account import AccountQueue
from node.mempool.entry import PooledTransaction
from node.mempool.limits import DaLimits
from node.mempool.views import PoolRules


class BestTransactions(Iterator[PooledTransaction]):
    """Executable transactions by effective tip, then arrival; an account's are yielded in nonce order.

    The iterator reads the pool as it goes: a replacement that comes meanwhile is yielded in place of what it replaces,
    transactions of accounts that had none when it was made are not. After an entry turned out not to fit, call
    `pop_account` so that its account's later nonces are passed over too.
    """

    def __init__(
        self,
        accounts: Iterable[AccountQueue],
        base_fee: int,
        rules: PoolRules,
        da_limits: DaLimits,
        next_nonces: Mapping[Address, int],
    ) -> None:
        self._base_fee = base_fee
        self._rules = rules
        self._da_limits = da_limits
        self._heap: list[tuple[int, int, int, AccountQueue]] = []
        self._current: tuple[AccountQueue, int] | None = None
        for account in accounts:
            nonce = next_nonces.get(account.address, account.next_state_nonce)
            item = self._item(account, nonce)
            if item is not None:
                self._heap.append(item)
        heapq.heapify(self._heap)

    def _item(self, account: AccountQueue, nonce: int) -> tuple[int, int, int, AccountQueue] | None:
        """Heap entry for the account's transaction of this nonce; arrivals are unique, so accounts never compare."""
        if not account.is_pending(nonce):
            return None
        entry = account.transactions[nonce]
        tip = entry.tip(self._base_fee)
        if tip < 0:
            return None
        limit = self._da_limits.transaction
        if limit is not None and entry.estimated_data_size(self._rules) > limit:
            return None
        return -tip, entry.arrival, nonce, account

    def __next__(self) -> PooledTransaction:
        if self._current is not None:
            account, nonce = self._current
            self._current = None
            following = self._item(account, nonce + 1)
            if following is not None:
                heapq.heappush(self._heap, following)
        while self._heap:
            _, arrival, nonce, account = heapq.heappop(self._heap)
            entry = account.transactions.get(nonce)
            if entry is None or not account.is_pending(nonce):
                continue
            if entry.arrival != arrival:
                replaced = self._item(account, nonce)
                if replaced is not None:
                    heapq.heappush(self._heap, replaced)
                continue
            self._current = (account, nonce)
            return entry
        raise StopIteration

    def pop_account(self) -> None:
        """Pass over the rest of the account whose transaction was yielded last."""
        self._current = None

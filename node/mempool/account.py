"""The pooled transactions of one account."""

from collections.abc import Iterator

from evm.types import Address
from node.mempool.entry import PooledTransaction


class AccountQueue:
    """Transactions of one sender by nonce.

    Those from the state nonce on without a gap are pending (`pending_end` is the first nonce that is not); the rest are
    queued behind a gap. `pending_cost` is the sum of the pending ones' costs in wei.
    """

    __slots__ = ("address", "last_change", "next_state_nonce", "pending_cost", "pending_end", "transactions")

    def __init__(self, address: Address, state_nonce: int) -> None:
        self.address = address
        self.next_state_nonce = state_nonce
        self.pending_end = state_nonce
        self.pending_cost = 0
        self.transactions: dict[int, PooledTransaction] = {}
        self.last_change = 0.0

    @property
    def pending_count(self) -> int:
        """How many can be executed one after the other now."""
        return self.pending_end - self.next_state_nonce

    @property
    def queued_count(self) -> int:
        """How many wait behind a nonce gap."""
        return len(self.transactions) - self.pending_count

    def is_pending(self, nonce: int) -> bool:
        """Whether the transaction of this nonce is executable."""
        return self.next_state_nonce <= nonce < self.pending_end

    def pending(self) -> Iterator[PooledTransaction]:
        """Executable transactions in nonce order."""
        for nonce in range(self.next_state_nonce, self.pending_end):
            yield self.transactions[nonce]

    def queued(self) -> list[PooledTransaction]:
        """Transactions behind a gap in nonce order."""
        return [entry for nonce, entry in sorted(self.transactions.items()) if nonce >= self.pending_end]

    def put(self, entry: PooledTransaction) -> list[PooledTransaction]:
        """Add or replace by nonce; answers what became pending, in nonce order."""
        previous = self.transactions.get(entry.nonce)
        self.transactions[entry.nonce] = entry
        if previous is not None and self.is_pending(entry.nonce):
            self.pending_cost += entry.cost - previous.cost
            return [entry]
        return self._extend()

    def remove(self, nonce: int) -> PooledTransaction | None:
        """Take one out; pending ones above it become queued."""
        entry = self.transactions.pop(nonce, None)
        if entry is not None and self.is_pending(nonce):
            self.pending_cost -= entry.cost
            for above in range(nonce + 1, self.pending_end):
                self.pending_cost -= self.transactions[above].cost
            self.pending_end = nonce
        return entry

    def advance(self, state_nonce: int) -> tuple[list[PooledTransaction], list[PooledTransaction]]:
        """The account's nonce in the state is now this one (it may be lower after a reorg).

        Answers what is stale and was taken out, and what became pending.
        """
        stale: list[PooledTransaction] = []
        if state_nonce > self.next_state_nonce:
            # Far jumps are bounded by what is held, near ones by the distance.
            below = (
                range(self.next_state_nonce, state_nonce)
                if state_nonce - self.next_state_nonce <= len(self.transactions)
                else sorted(nonce for nonce in self.transactions if nonce < state_nonce)
            )
            stale = [self.transactions.pop(nonce) for nonce in below if nonce in self.transactions]
        previously_pending = self.pending_end if state_nonce >= self.next_state_nonce else state_nonce
        self.next_state_nonce = state_nonce
        if state_nonce <= previously_pending == self.pending_end:
            self.pending_cost -= sum(entry.cost for entry in stale)
            return stale, self._extend()
        self.pending_end, self.pending_cost = state_nonce, 0
        return stale, self._extend()

    def _extend(self) -> list[PooledTransaction]:
        promoted = []
        while (entry := self.transactions.get(self.pending_end)) is not None:
            promoted.append(entry)
            self.pending_cost += entry.cost
            self.pending_end += 1
        return promoted

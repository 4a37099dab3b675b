"""The pool: who is in, in which order, and what leaves when the chain moves."""

import heapq
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from evm.types import Address, Block, Hash32, Header, SignedTransaction, TransactionType, short
from evm.types.signature import InvalidSignature
from evm.types.transaction import BlobTransaction, DepositTransaction, TransactionDecodingError, decode_transaction
from l1.sidecar import BlobSidecar
from node.mempool.account import AccountQueue
from node.mempool.admission import (
    check_delegation,
    check_funds,
    check_nonce,
    check_replacement,
    check_size,
    check_tip,
    highest_cost,
)
from node.mempool.entry import PooledTransaction
from node.mempool.errors import PoolRejection, RejectReason
from node.mempool.journal import Journal
from node.mempool.limits import DaLimits, PoolLimits
from node.mempool.ordering import BestTransactions
from node.mempool.sidecars import SidecarStore
from node.mempool.views import AccountView, HeadView, PoolRules

log = logging.getLogger("lamina.mempool")

if TYPE_CHECKING:
    from node.chain import ChainUpdate

PendingListener = Callable[[Sequence[PooledTransaction]], None]

_HEAP_SLACK: Final = 64
"""Outdated entries that the heap of cheapest transactions may hold, beside as many as there are transactions."""


class TransactionPool:
    """Transactions waiting for a block, checked in full against the state of the unsafe head.

    Pending ones can be executed now, queued ones wait behind a nonce gap. Not safe for several threads: it lives on the
    event loop. `clock` gives seconds (monotonic). It follows the chain's head by itself.
    """

    def __init__(
        self,
        chain: HeadView,
        rules: PoolRules,
        clock: Callable[[], float],
        limits: PoolLimits | None = None,
        sidecars: SidecarStore | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.limits = limits or PoolLimits()
        self.da_limits = DaLimits()
        self._chain = chain
        self._rules = rules
        self._clock = clock
        self._sidecars = sidecars
        self._journal = journal
        self._head: Header = chain.head
        self._accounts: dict[Address, AccountQueue] = {}
        self._by_hash: dict[Hash32, PooledTransaction] = {}
        self._gapped: set[Address] = set()
        self._states: dict[Address, AccountView] = {}
        self._delegated: set[Address] = set()
        self._authorities: dict[Address, int] = {}
        self._slots = 0
        self._pending = 0
        self._arrivals = 0
        self._listeners: list[PendingListener] = []
        self._cheapest: list[tuple[int, int, Hash32]] = []
        self._cheapest_base_fee = -1
        self._journal_written = clock()
        chain.on_new_head(self._on_new_head)

    # --- reading ---

    def __contains__(self, transaction_hash: Hash32) -> bool:
        return transaction_hash in self._by_hash

    @property
    def count(self) -> int:
        """All transactions."""
        return len(self._by_hash)

    @property
    def arrivals(self) -> int:
        """How many transactions have been admitted so far: unless it grows, a block finds nothing new here."""
        return self._arrivals

    @property
    def pending_count(self) -> int:
        """Executable transactions."""
        return self._pending

    @property
    def queued_count(self) -> int:
        """Transactions behind a nonce gap."""
        return len(self._by_hash) - self._pending

    def get(self, transaction_hash: Hash32) -> PooledTransaction | None:
        """A pooled transaction by hash."""
        return self._by_hash.get(transaction_hash)

    def next_nonce(self, address: Address) -> int:
        """The nonce after the account's pending transactions, or the state's when it has none."""
        account = self._accounts.get(address)
        return self._account_state(address).nonce if account is None else account.pending_end

    def pending(self, address: Address) -> list[PooledTransaction]:
        """Executable transactions of an account in nonce order."""
        account = self._accounts.get(address)
        return [] if account is None else list(account.pending())

    def queued(self, address: Address) -> list[PooledTransaction]:
        """Transactions of an account behind a nonce gap, in nonce order."""
        account = self._accounts.get(address)
        return [] if account is None else account.queued()

    def senders(self) -> list[Address]:
        """Accounts with at least one transaction."""
        return list(self._accounts)

    def entries(self) -> Iterator[PooledTransaction]:
        """All transactions in order of arrival."""
        return iter(self._by_hash.values())

    def best(self, base_fee: int, next_nonces: Mapping[Address, int] | None = None) -> BestTransactions:
        """Executable transactions as a block with this base fee (wei per gas) should take them.

        `next_nonces` says where to start for accounts that the block under construction already has transactions of.
        """
        return BestTransactions(self._accounts.values(), base_fee, self._rules, self.da_limits, next_nonces or {})

    def data_size(self, entry: PooledTransaction) -> int:
        """Estimated bytes that the transaction takes in compressed batches."""
        return entry.estimated_data_size(self._rules)

    def on_pending(self, listener: PendingListener) -> None:
        """Call `listener` with transactions that have become executable, once each."""
        self._listeners.append(listener)

    # --- changing ---

    def add(
        self, transaction: SignedTransaction, *, local: bool = False, sidecar: BlobSidecar | None = None
    ) -> PooledTransaction:
        """Admit a transaction, or raise PoolRejection and leave the pool as it was.

        `local`: it came from this node's own callers and goes into the journal. Blob transactions need their `sidecar`,
        whose proofs have been verified (`SidecarStore.verify`).
        """
        entry = self._admit(transaction, local, sidecar)
        if local and self._journal is not None and not entry.is_blob:
            try:
                self._journal.append(transaction.raw)
            except OSError as error:
                log.error("transaction %s is pooled but would not survive a restart: %s", short(entry.hash), error)
        return entry

    def remove(self, transaction_hash: Hash32) -> PooledTransaction | None:
        """Take a transaction out, for instance because it cannot be executed after all."""
        entry = self._by_hash.get(transaction_hash)
        if entry is None:
            return None
        account = self._accounts[entry.sender]
        before = account.pending_count
        account.remove(entry.nonce)
        self._pending += account.pending_count - before
        self._forget(entry)
        self._settle(account)
        return entry

    def expire(self) -> list[PooledTransaction]:
        """Drop what has waited behind a gap for longer than the lifetime; answers it."""
        deadline = self._clock() - self.limits.lifetime
        expired = [
            entry
            for address in list(self._gapped)
            if self._accounts[address].last_change < deadline
            for entry in self._accounts[address].queued()
        ]
        for entry in expired:
            self.remove(entry.hash)
        return expired

    def load_journal(self) -> int:
        """Admit what the journal holds and rewrite it to what is still valid; answers how many were admitted."""
        if self._journal is None:
            return 0
        admitted, refused = 0, 0
        for raw in list(self._journal.load()):
            try:
                transaction = decode_transaction(raw)
                if isinstance(transaction, DepositTransaction):
                    continue
                self._admit(transaction, True, None)
                admitted += 1
            except (PoolRejection, TransactionDecodingError) as error:
                refused += 1
                log.debug("journaled transaction is not taken back: %s", error)
        if admitted or refused:
            # Most of those refused have been executed since they were written down.
            log.info(
                "transactions read from the journal", extra={"taken_back": admitted, "not_valid_any_more": refused}
            )
        self._rewrite_journal()
        return admitted

    def close(self) -> None:
        """Rewrite the journal to what is still wanted and close it."""
        if self._journal is not None:
            self._rewrite_journal()
            self._journal.close()

    # --- admission ---

    def _admit(self, transaction: SignedTransaction, local: bool, sidecar: BlobSidecar | None) -> PooledTransaction:
        if transaction.hash in self._by_hash:
            raise PoolRejection(RejectReason.ALREADY_KNOWN, "already known")
        check_size(transaction, self.limits)
        if isinstance(transaction, BlobTransaction) and self._sidecars is None:
            raise PoolRejection(RejectReason.TYPE_NOT_SUPPORTED, "transaction type not supported")
        self._rules.check(transaction, self._head)
        check_tip(transaction, self.limits)
        try:
            sender = transaction.sender
        except InvalidSignature as error:
            raise PoolRejection(RejectReason.INVALID_SENDER, f"invalid sender: {error}") from error
        state = self._account_state(sender)
        check_nonce(transaction, sender, state)
        account = self._accounts.get(sender) or AccountQueue(sender, state.nonce)
        previous = account.transactions.get(transaction.nonce)
        cost = highest_cost(transaction) + self._rules.data_fee(transaction, self._head)
        check_funds(transaction, cost, state, account, previous)
        authorities = self._check_delegation(transaction, sender, state, account)
        if previous is not None:
            check_replacement(transaction, previous, self.limits)
        elif transaction.nonce > account.pending_end and account.queued_count >= self.limits.account_queue:
            raise PoolRejection(
                RejectReason.ACCOUNT_LIMIT,
                f"account limit exceeded: {account.queued_count} transactions of this account wait behind a nonce gap",
            )
        if isinstance(transaction, BlobTransaction):
            self._check_blobs(transaction, account, sidecar, previous)
        self._arrivals += 1
        entry = PooledTransaction(
            transaction, sender, cost, self._arrivals, self._clock(), local, authorities=authorities
        )
        self._make_room(entry, previous, transaction.nonce > account.pending_end)
        self._insert(account, entry, previous)
        if sidecar is not None and self._sidecars is not None:
            self._sidecars.keep(entry.hash, sidecar)
        return entry

    def _check_delegation(
        self, transaction: SignedTransaction, sender: Address, state: AccountView, account: AccountQueue
    ) -> tuple[Address, ...]:
        if state.is_delegated or self._authorities.get(sender):
            check_delegation(transaction, account)
        authorities = []
        for authorization in transaction.authorization_list:
            try:
                authority = authorization.authority
            except InvalidSignature:
                # The EVM skips such an entry; it reserves nothing.
                continue
            reserved = self._accounts.get(authority)
            if reserved is not None and len(reserved.transactions) > 1:
                raise PoolRejection(RejectReason.DELEGATION_LIMIT, "authority already reserved")
            authorities.append(authority)
        return tuple(authorities)

    def _check_blobs(
        self,
        transaction: BlobTransaction,
        account: AccountQueue,
        sidecar: BlobSidecar | None,
        previous: PooledTransaction | None,
    ) -> None:
        store = self._sidecars
        if store is None:
            raise PoolRejection(RejectReason.TYPE_NOT_SUPPORTED, "transaction type not supported")
        if transaction.nonce > account.pending_end:
            raise PoolRejection(RejectReason.INVALID, "nonce too high: blob transactions may not leave a nonce gap")
        if previous is None and len(account.transactions) >= self.limits.max_blob_transactions_per_account:
            raise PoolRejection(
                RejectReason.ACCOUNT_LIMIT,
                f"account limit exceeded: pooled {len(account.transactions)} txs",
            )
        if len(transaction.versioned_hashes) > self.limits.max_blobs_per_transaction:
            raise PoolRejection(
                RejectReason.INVALID,
                f"too many blobs in transaction: have {len(transaction.versioned_hashes)}, "
                f"permitted {self.limits.max_blobs_per_transaction}",
            )
        if sidecar is None:
            if not store.holds(transaction.hash):
                raise PoolRejection(RejectReason.BAD_SIDECAR, "missing sidecar in blob transaction")
            return
        try:
            sidecar.check_belongs_to(transaction)
        except ValueError as error:
            raise PoolRejection(RejectReason.BAD_SIDECAR, f"invalid blob sidecar: {error}") from error

    def _insert(self, account: AccountQueue, entry: PooledTransaction, previous: PooledTransaction | None) -> None:
        self._accounts.setdefault(account.address, account)
        before = account.pending_count
        account.last_change = entry.seen
        promoted = account.put(entry)
        self._pending += account.pending_count - before
        if previous is not None:
            self._forget(previous)
        self._by_hash[entry.hash] = entry
        self._slots += entry.slots
        for authority in entry.authorities:
            self._authorities[authority] = self._authorities.get(authority, 0) + 1
        if self._cheapest_base_fee >= 0:
            heapq.heappush(self._cheapest, (entry.tip(self._cheapest_base_fee), -entry.arrival, entry.hash))
        if self._account_state(account.address).is_delegated:
            self._delegated.add(account.address)
        self._settle(account)
        self._announce(promoted)

    # --- room ---

    def _make_room(self, entry: PooledTransaction, previous: PooledTransaction | None, gapped: bool) -> None:
        if previous is not None:
            return
        if gapped and self.queued_count >= self.limits.global_queue:
            raise PoolRejection(RejectReason.POOL_FULL, "txpool is full: too many transactions wait behind nonce gaps")
        capacity = self.limits.global_slots + self.limits.global_queue
        if self._slots + entry.slots <= capacity:
            return
        base_fee = self._rules.next_base_fee(self._head)
        offered = entry.tip(base_fee)
        victims = self._victims(entry, base_fee, offered, gapped)
        if not victims:
            raise PoolRejection(
                RejectReason.UNDERPRICED,
                f"transaction underpriced: the pool is full and a tip of {offered} wei per gas beats none in it",
            )
        for victim in victims:
            log.debug("transaction %s is dropped from the full pool for a better paid one", short(victim.hash))
            self.remove(victim.hash)

    def _victims(self, entry: PooledTransaction, base_fee: int, offered: int, gapped: bool) -> list[PooledTransaction]:
        """Cheapest transactions that pay less than `offered`, enough to fit `entry`; none when they do not suffice.

        One behind a nonce gap never drives out an executable one, and an account above its slots none of an account
        within.
        """
        if self._cheapest_base_fee != base_fee or len(self._cheapest) > 2 * len(self._by_hash) + _HEAP_SLACK:
            self._cheapest = [(item.tip(base_fee), -item.arrival, item.hash) for item in self._by_hash.values()]
            heapq.heapify(self._cheapest)
            self._cheapest_base_fee = base_fee
        needed = self._slots + entry.slots - self.limits.global_slots - self.limits.global_queue
        sender = self._accounts.get(entry.sender)
        greedy = sender is not None and sender.pending_count >= self.limits.account_slots
        victims: list[PooledTransaction] = []
        kept: list[tuple[int, int, Hash32]] = []
        while self._cheapest and needed > 0 and self._cheapest[0][0] < offered:
            item = heapq.heappop(self._cheapest)
            victim = self._by_hash.get(item[2])
            if victim is None:
                continue
            account = self._accounts[victim.sender]
            protected = account.is_pending(victim.nonce) and (
                gapped or (greedy and account.pending_count <= self.limits.account_slots)
            )
            if victim.sender == entry.sender or protected:
                kept.append(item)
                continue
            victims.append(victim)
            needed -= victim.slots
        for item in kept:
            heapq.heappush(self._cheapest, item)
        if needed > 0:
            for victim in victims:
                heapq.heappush(self._cheapest, (victim.tip(base_fee), -victim.arrival, victim.hash))
            return []
        return victims

    # --- following the chain ---

    def _on_new_head(self, update: "ChainUpdate") -> None:
        self._head = self._chain.head
        self._states.clear()
        self._cheapest_base_fee = -1
        self._cheapest.clear()
        if not self._by_hash and not update.removed:
            return
        touched = set(self._delegated)
        included: set[Hash32] = set()
        for block in update.added:
            touched |= self._leave(block, included)
        back: list[SignedTransaction] = []
        for block in reversed(update.removed):
            for transaction in block.transactions:
                if isinstance(transaction, DepositTransaction):
                    continue
                touched.add(transaction.sender)
                if transaction.hash not in included:
                    back.append(transaction)
        for address in touched:
            self._refresh(address, included)
        for transaction in back:
            self._reinject(transaction)
        self.expire()
        if self._clock() - self._journal_written >= self.limits.rejournal:
            self._rewrite_journal()

    def _leave(self, block: Block, included: set[Hash32]) -> set[Address]:
        """Note what a block includes; answers the accounts whose nonce or balance it lowered."""
        senders: set[Address] = set()
        for transaction in block.transactions:
            if isinstance(transaction, DepositTransaction):
                senders.add(transaction.sender)
                continue
            included.add(transaction.hash)
            pooled = self._by_hash.get(transaction.hash)
            senders.add(transaction.sender if pooled is None else pooled.sender)
            for authorization in transaction.authorization_list:
                try:
                    senders.add(authorization.authority)
                except InvalidSignature:
                    continue
        return senders

    def _refresh(self, address: Address, included: set[Hash32]) -> None:
        account = self._accounts.get(address)
        if account is None:
            return
        state = self._account_state(address)
        if state.is_delegated:
            self._delegated.add(address)
        else:
            self._delegated.discard(address)
        before = account.pending_count
        stale, promoted = account.advance(state.nonce)
        for entry in stale:
            self._forget(entry, included=entry.hash in included)
        unpayable = next((entry for entry in account.pending() if entry.cost > state.balance), None)
        if unpayable is not None:
            account.remove(unpayable.nonce)
            self._forget(unpayable)
            log.info(
                "transaction %s is dropped: its sender can no longer pay for it (costs up to %d wei, balance %d wei)",
                short(unpayable.hash),
                unpayable.cost,
                state.balance,
            )
        self._pending += account.pending_count - before
        self._settle(account)
        self._announce([entry for entry in promoted if account.is_pending(entry.nonce)])

    def _reinject(self, transaction: SignedTransaction) -> None:
        try:
            self._admit(transaction, False, None)
        except PoolRejection as error:
            log.info("transaction %s of a dropped block is not taken back: %s", short(transaction.hash), error)

    # --- bookkeeping ---

    def _account_state(self, address: Address) -> AccountView:
        state = self._states.get(address)
        if state is None:
            state = self._states[address] = self._chain.account(self._head, address)
        return state

    def _forget(self, entry: PooledTransaction, included: bool = False) -> None:
        """Drop an entry that its account no longer holds from the pool's tables."""
        del self._by_hash[entry.hash]
        self._slots -= entry.slots
        for authority in entry.authorities:
            self._authorities[authority] -= 1
            if not self._authorities[authority]:
                del self._authorities[authority]
        if entry.transaction.type == TransactionType.BLOB and self._sidecars is not None and not included:
            self._sidecars.release(entry.hash)

    def _settle(self, account: AccountQueue) -> None:
        """Keep the tables of accounts true after one has changed."""
        if not account.transactions:
            self._accounts.pop(account.address, None)
            self._gapped.discard(account.address)
            self._delegated.discard(account.address)
        elif account.queued_count:
            self._gapped.add(account.address)
        else:
            self._gapped.discard(account.address)

    def _announce(self, entries: list[PooledTransaction]) -> None:
        fresh = [entry for entry in entries if not entry.announced]
        if not fresh:
            return
        for entry in fresh:
            entry.announced = True
        for listener in self._listeners:
            listener(fresh)

    def _rewrite_journal(self) -> None:
        self._journal_written = self._clock()
        if self._journal is None:
            return
        wanted = [entry.transaction.raw for entry in self._by_hash.values() if entry.local and not entry.is_blob]
        try:
            self._journal.rewrite(wanted)
        except OSError as error:
            log.error("the transaction journal cannot be rewritten, it keeps growing: %s", error)

"""Puts the pool's transactions into a block of the sequencer."""

import logging
import time
from collections.abc import Callable, Iterator

from config.types import Address, short
from evm.engine import OpenBlock
from node.mempool import PooledTransaction, TransactionPool

log = logging.getLogger("lamina.sequencer")

_AT_ONCE = 24
"""Transactions executed between two chances for RPC to answer, in one call of the engine, at least..."""

_MOST_AT_ONCE = 256
"""...and at most: as many as the engine makes in `_TURN_SECONDS`. Then all requests that have come have their turn, however
many they are, so a fast engine would stand still for most of a busy block if its own turns were short."""

_TURN_SECONDS = 0.02

_NEVER = 1 << 64
"""A nonce no transaction has: the account is passed over for the rest of the block."""


class Filling:
    """One block's transactions from the pool: best first, within the block's gas and the batcher's data limit."""

    def __init__(self, builder: OpenBlock, pool: TransactionPool, clock: Callable[[], float] = time.monotonic) -> None:
        self._builder = builder
        self._pool = pool
        self._next_nonces: dict[Address, int] = {}
        self._data_bytes = 0
        self._clock = clock
        self._at_once = _AT_ONCE
        self._seen: tuple[int, int | None, int | None] | None = None

    @property
    def has_news(self) -> bool:
        """Whether the pool may have something for the block that `look` has not seen."""
        return self._seen != self._state_of_pool()

    def _state_of_pool(self) -> tuple[int, int | None, int | None]:
        return self._pool.arrivals, self._pool.da_limits.block, self._pool.da_limits.transaction

    def look(self) -> Iterator[None]:
        """Execute what the pool has now. Comes back after every few transactions, so that others get a turn."""
        self._seen = self._state_of_pool()
        # The batcher may change the limit at any time. Deposits do not count: they are on L1 already.
        data_limit = self._pool.da_limits.block
        builder = self._builder
        best = self._pool.best(builder.base_fee, self._next_nonces)
        some: list[PooledTransaction] = []
        gas = data = 0
        for entry in best:
            if some and (len(some) >= self._at_once or gas + entry.transaction.gas_limit > builder.gas_left):
                # They may take less gas than they ask for.
                self._execute(some)
                some, gas, data = [], 0, 0
                yield
            size = 0 if data_limit is None else self._pool.data_size(entry)
            over_limit = data_limit is not None and self._data_bytes + data + size > data_limit
            refused = self._next_nonces.get(entry.sender) == _NEVER
            if refused or over_limit or entry.transaction.gas_limit > builder.gas_left:
                best.pop_account()
                continue
            some.append(entry)
            gas += entry.transaction.gas_limit
            data += size
        self._execute(some)

    def _execute(self, entries: list[PooledTransaction]) -> None:
        count, started = len(entries), self._clock()
        self._add(entries)
        lasted = self._clock() - started
        if lasted > 0:
            self._at_once = min(_MOST_AT_ONCE, max(_AT_ONCE, int(count * _TURN_SECONDS / lasted)))

    def _add(self, entries: list[PooledTransaction]) -> None:
        builder = self._builder
        while entries:
            before = len(builder.transactions)
            error = builder.add_valid([entry.transaction for entry in entries])
            done = len(builder.transactions) - before
            for entry in entries[:done]:
                self._data_bytes += entry.data_size or 0
                self._next_nonces[entry.sender] = entry.nonce + 1
            if error is None:
                return
            left_out = entries[done]
            log.debug("transaction left out", extra={"tx": short(left_out.hash), "why": str(error)})
            self._next_nonces[left_out.sender] = _NEVER
            entries = [entry for entry in entries[done + 1 :] if entry.sender != left_out.sender]

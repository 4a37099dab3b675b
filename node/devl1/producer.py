"""Makes the dev L1's blocks, one per slot at most, and moves its safe and finalized labels behind the head."""

import logging
from dataclasses import dataclass

from config.errors import CriticalError
from config.types import Address, Hash32
from evm.engine import BlockInputs
from evm.types import Block, Header, SignedTransaction, keccak256, short
from evm.validity import InvalidTransaction
from node.chain import Chain
from node.devl1.beacon import beacon_block_root
from node.devl1.slots import SlotClock
from node.mempool import TransactionPool

log = logging.getLogger("lamina.devl1")

FEE_RECIPIENT = Address(keccak256(b"dev L1 fee recipient")[12:])
EXTRA_DATA = b"lamina dev L1"


@dataclass(frozen=True)
class LabelLags:
    """How many blocks `safe` and `finalized` stay behind the head."""

    safe: int = 2
    finalized: int = 4

    def __post_init__(self) -> None:
        if not 0 <= self.safe <= self.finalized:
            raise ValueError(f"safe lag {self.safe} must be between 0 and the finalized lag {self.finalized}")


class BlockProducer:
    """The only block producer of the chain. Blocks stand on the slot grid; a slot may stay empty."""

    def __init__(self, chain: Chain, pool: TransactionPool, clock: SlotClock, lags: LabelLags) -> None:
        self._chain = chain
        self._pool = pool
        self._clock = clock
        self._lags = lags
        self._salt = 0

    def head_slot(self) -> int:
        """The slot of the head block."""
        return self._clock.slot_of(self._chain.head.timestamp)

    def produce(self, slot: int) -> Block:
        """Make the block of a slot behind the head's from the pool's best transactions, and label blocks anew.

        Raises ValueError when the slot does not lie behind the head's.
        """
        block = self._make(self._chain.head, slot, None)
        self._label()
        log.info(
            "L1 block",
            extra={
                "number": block.number,
                "slot": slot,
                "txs": len(block.transactions),
                "blobs": (block.header.blob_gas_used or 0) // 131_072,
                "hash": short(block.hash),
            },
        )
        return block

    def _make(self, parent: Header, slot: int, transactions: list[SignedTransaction] | None) -> Block:
        parent_slot = self._clock.slot_of(parent.timestamp)
        if slot <= parent_slot:
            raise ValueError(f"slot {slot} is not behind slot {parent_slot} of the parent block")
        inputs = BlockInputs(
            timestamp=self._clock.timestamp(slot),
            fee_recipient=FEE_RECIPIENT,
            prev_randao=keccak256(parent.prev_randao + slot.to_bytes(8, "big") + self._salt.to_bytes(8, "big")),
            gas_limit=parent.gas_limit,
            extra_data=EXTRA_DATA,
            parent_beacon_block_root=beacon_block_root(parent_slot, parent.parent_hash),
            withdrawals=(),
        )
        builder = self._chain.engine.start(parent, inputs)
        if transactions is not None:
            for transaction in transactions:
                builder.add(transaction)
        else:
            best = self._pool.best(builder.base_fee)
            for entry in best:
                if entry.transaction.gas_limit > builder.gas_left:
                    best.pop_account()
                    continue
                try:
                    builder.add(entry.transaction)
                except InvalidTransaction as error:
                    log.debug("transaction left out", extra={"tx": short(entry.hash), "why": str(error)})
                    best.pop_account()
        executed = builder.seal()
        self._chain.insert(executed)
        return executed.block

    def reorganise(self, depth: int, replacements: dict[int, list[SignedTransaction]]) -> Block:
        """Replace the newest `depth` blocks by others at the same slots, and put one more on top.

        `replacements` gives transactions by offset from the fork (0 is the first new block); other new blocks are
        empty. Transactions of the dropped blocks do not come back by themselves: the pool forgets them.
        Raises ValueError when the depth reaches the genesis or final blocks, or a transaction cannot be included.
        """
        head = self._chain.head
        if not 1 <= depth <= head.number:
            raise ValueError(f"cannot reorganise {depth} blocks: the head is block {head.number}")
        fork = self._chain.header_by_number(head.number - depth)
        if fork is None:
            raise CriticalError(f"canonical block {head.number - depth} is missing")
        if fork.number < self._chain.finalized.number:
            raise ValueError(
                f"a reorg of {depth} blocks would drop the finalized block {self._chain.finalized.number}: "
                "use a smaller depth"
            )
        dropped: list[Hash32] = []
        slots: list[int] = []
        for number in range(fork.number + 1, head.number + 1):
            old = self._chain.block_by_number(number)
            if old is None:
                raise CriticalError(f"canonical block {number} is missing")
            slots.append(self._clock.slot_of(old.header.timestamp))
            dropped.extend(transaction.hash for transaction in old.transactions)
        self._salt += 1
        slots.append(max(slots[-1] + 1, self._clock.current_slot()))
        self._clock.move_to(slots[-1])
        self._chain.set_head(fork)
        try:
            for transaction_hash in dropped:
                self._pool.remove(transaction_hash)
            blocks = [
                self._make(self._chain.head, slot, replacements.get(offset, [])) for offset, slot in enumerate(slots)
            ]
        except InvalidTransaction as error:
            self._chain.set_head(head)
            raise ValueError(f"a replacement transaction cannot be included: {error}") from error
        self._label()
        log.warning("L1 reorganised on demand", extra={"depth": depth, "head": str(blocks[-1])})
        return blocks[-1]

    def _label(self) -> None:
        chain = self._chain
        safe = chain.header_by_number(max(chain.safe.number, chain.head.number - self._lags.safe))
        if safe is not None:
            chain.set_safe(safe)
        finalized = chain.header_by_number(max(chain.finalized.number, chain.head.number - self._lags.finalized))
        if finalized is not None:
            chain.set_finalized(finalized)

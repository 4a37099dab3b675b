"""L2 blocks, chains and a rollup config for batcher tests: real signed transactions, no execution."""

import random
from dataclasses import dataclass, replace
from typing import Any

from batcher.block import BatchBlock
from config.forks import Fork, ForkSchedule
from config.rollup import BlockId, RollupConfig, RollupGenesis
from config.system_config import SystemConfig
from config.types import ZERO_HASH, Address, Gas, Hash32, Timestamp
from evm.types import (
    AccessListTransaction,
    Authorization,
    DynamicFeeTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    SignedTransaction,
    keccak256,
)
from evm.types.transaction import sign_transaction

L2_CHAIN_ID = 901
GENESIS_TIME = 1_700_000_000
BATCHER = Address(keccak256(b"batcher")[12:])
INBOX = Address(keccak256(b"batch inbox")[12:])


def l1_id(number: int, branch: str = "main") -> BlockId:
    """The L1 block `number` of a branch."""
    return BlockId(keccak256(f"l1 {branch} {number}".encode()), number)


def rollup_config(seq_window_size: int = 100, last_fork: Fork = Fork.ISTHMUS, block_time: int = 2) -> RollupConfig:
    """A chain whose genesis is L2 block 0 on L1 block 10."""
    return RollupConfig(
        genesis=RollupGenesis(
            l1=l1_id(10),
            l2=BlockId(keccak256(b"l2 genesis"), 0),
            l2_time=Timestamp(GENESIS_TIME),
            system_config=SystemConfig(BATCHER, ZERO_HASH, ZERO_HASH, Gas(30_000_000)),
        ),
        block_time=block_time,
        max_sequencer_drift=600,
        seq_window_size=seq_window_size,
        channel_timeout=300,
        l1_chain_id=900,
        l2_chain_id=L2_CHAIN_ID,
        forks=ForkSchedule.all_at_genesis(last_fork),
        batch_inbox_address=INBOX,
        deposit_contract_address=Address(keccak256(b"portal")[12:]),
        l1_system_config_address=Address(keccak256(b"system config")[12:]),
    )


def random_transaction(rng: random.Random, data_bytes: int | None = None) -> SignedTransaction:
    """A signed transaction of any type that L2 blocks may hold, with incompressible calldata."""
    key = rng.randbytes(32)
    data = rng.randbytes(rng.randrange(0, 200) if data_bytes is None else data_bytes)
    to = None if rng.random() < 0.1 else Address(rng.randbytes(20))
    common: dict[str, Any] = {
        "nonce": rng.randrange(0, 1 << rng.choice((1, 8, 20))),
        "gas_limit": rng.randrange(21_000, 5_000_000),
        "value": rng.randrange(0, 10 ** rng.randrange(1, 22)),
        "data": data,
        "y_parity": 0,
        "r": 0,
        "s": 0,
    }
    accesses = tuple(
        (Address(rng.randbytes(20)), tuple(Hash32(rng.randbytes(32)) for _ in range(rng.randrange(3))))
        for _ in range(rng.randrange(3))
    )
    fees: dict[str, Any] = {"max_priority_fee": rng.randrange(0, 10**9), "max_fee": rng.randrange(10**9, 10**11)}
    kind = rng.randrange(5)
    unsigned: SignedTransaction
    if kind < 2:
        chain_id = L2_CHAIN_ID if kind else None
        unsigned = LegacyTransaction(to=to, chain_id=chain_id, gas_price=rng.randrange(1, 10**10), **common)
    elif kind == 2:
        unsigned = AccessListTransaction(
            to=to, chain_id=L2_CHAIN_ID, gas_price=rng.randrange(1, 10**10), accesses=accesses, **common
        )
    elif kind == 3:
        unsigned = DynamicFeeTransaction(to=to, chain_id=L2_CHAIN_ID, accesses=accesses, **fees, **common)
    else:
        authorizations = tuple(
            Authorization.sign(rng.randbytes(32), L2_CHAIN_ID, Address(rng.randbytes(20)), rng.randrange(100))
            for _ in range(rng.randrange(1, 3))
        )
        unsigned = SetCodeTransaction(
            to=Address(rng.randbytes(20)),
            chain_id=L2_CHAIN_ID,
            accesses=accesses,
            authorizations=authorizations,
            **fees,
            **common,
        )
    return sign_transaction(unsigned, key)


@dataclass
class L2Chain:
    """A growing L2 chain. `blocks[0]` stands for genesis; a new epoch starts every `epoch_blocks` blocks."""

    rollup: RollupConfig
    epoch_blocks: int = 3
    branch: str = "main"

    def __post_init__(self) -> None:
        genesis = self.rollup.genesis
        self.blocks = [BatchBlock.create(genesis.l2, ZERO_HASH, genesis.l2_time, genesis.l1, 0, ())]

    @property
    def head(self) -> BatchBlock:
        """The newest block."""
        return self.blocks[-1]

    def extend(self, transactions: tuple[bytes, ...] = ()) -> BatchBlock:
        """Add a block with these transactions."""
        parent = self.head
        number = parent.number + 1
        new_epoch = number % self.epoch_blocks == 0
        origin = l1_id(parent.l1_origin.number + 1) if new_epoch else parent.l1_origin
        block_hash = keccak256(parent.hash + self.branch.encode() + b"".join(transactions))
        block = BatchBlock.create(
            BlockId(block_hash, number),
            parent.hash,
            parent.timestamp + self.rollup.block_time,
            origin,
            0 if new_epoch else parent.sequence_number + 1,
            transactions,
        )
        self.blocks.append(block)
        return block

    def extend_many(self, count: int, rng: random.Random, per_block: int = 2, data_bytes: int | None = None) -> None:
        """Add blocks with random signed transactions."""
        for _ in range(count):
            self.extend(tuple(random_transaction(rng, data_bytes).raw for _ in range(per_block)))

    def reorganise(self, number: int, branch: str) -> None:
        """Replace the blocks from `number` on by as many empty ones of another branch."""
        count = len(self.blocks) - number
        del self.blocks[number:]
        self.branch = branch
        for _ in range(count):
            self.extend()


def with_origin(block: BatchBlock, origin_number: int) -> BatchBlock:
    """The same block with another L1 origin."""
    return replace(block, l1_origin=l1_id(origin_number))

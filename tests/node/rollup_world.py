"""A rollup node's inside for tests: a real chain that executes, a real driver, and an L1 in memory that tests command.

Nothing here sleeps for real time: the sequencer runs on a clock that its own sleeping moves.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from config.constants import L1_BLOCK
from config.errors import TemporaryError
from config.forks import Fork
from config.genesis import Genesis
from config.rollup import BlockId, RollupConfig
from config.types import Hash32, to_hex
from derivation.codec import (
    Batch,
    SingularBatch,
    batches_to_rlp,
    compress_channel,
    encode_batch,
    encode_batcher_transaction,
    encode_blob,
    make_span_batch,
)
from derivation.codec.channel import Compression
from derivation.codec.frames import Frame
from derivation.l2_block_info import l2_block_ref
from derivation.types import L2BlockRef
from evm.genesis import genesis_block
from evm.rules import L2Rules
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import Address, Block, DynamicFeeTransaction, Header, Receipt, SignedTransaction, keccak256
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction
from l1.source import BlockTag, L1BlockNotFound
from node.chain import Chain
from node.mempool import TransactionPool
from node.mempool.chain_view import ChainHeadView, ChainPoolRules
from node.rollup.driver import RollupDriver
from node.rollup.l1_data import L1Data
from node.rollup.l1_heads import L1Heads
from node.rollup.safe_db import SafeDb
from node.rollup.sequencer import Sequencer, SequencerSettings
from node.rollup.why import HeadDoctor
from tests.actions.chains import BATCHER_KEY, L1_CONFIG, L2_CHAIN_ID, FakeL1, make_rollup, user_transactions

ALICE_KEY = b"\x0a" * 32
ALICE = address_of(ALICE_KEY)
GWEI = 10**9
PATIENCE = 2_000
"""Turns of the event loop after which a wait has failed."""


class L1Endpoint:
    """A FakeL1 as the node's clients show it. `down` makes it silent, `blob_failure` only its beacon side; labels lag as
    told."""

    def __init__(self, l1: FakeL1) -> None:
        self.l1 = l1
        self.down: str | None = None
        self.blob_failure: TemporaryError | None = None
        self.safe = 0
        self.finalized = 0
        self.asked: list[str] = []
        self.blob_places: list[Sequence[int] | None] = []

    def _answer(self, what: str) -> None:
        self.asked.append(what)
        if self.down:
            raise TemporaryError(self.down)

    async def header_by_number(self, number: int | BlockTag) -> Header:
        """By number or label."""
        self._answer(f"header {number}")
        if isinstance(number, str):
            number = {"latest": len(self.l1.blocks) - 1, "safe": self.safe, "finalized": self.finalized}[number]
        if number >= len(self.l1.blocks):
            raise L1BlockNotFound(f"L1 has no block {number}")
        return self.l1.blocks[number].header

    async def headers_by_number(self, numbers: Sequence[int]) -> list[Header | None]:
        """Several at once."""
        self._answer(f"headers {list(numbers)}")
        return [self.l1.blocks[number].header if number < len(self.l1.blocks) else None for number in numbers]

    async def header_by_hash(self, block_hash: Hash32) -> Header:
        """Canonical or not."""
        self._answer("header by hash")
        header = self.l1.header_by_hash(block_hash)
        if header is None:
            raise L1BlockNotFound(f"L1 has no block 0x{block_hash.hex()}")
        return header

    async def block_by_hash(self, block_hash: Hash32) -> Block:
        """A whole block."""
        self._answer("block by hash")
        return self.l1.block(block_hash)

    async def receipts(self, header: Header) -> tuple[Receipt, ...]:
        """Of a block."""
        self._answer("receipts")
        return self.l1.receipts(header.hash)

    async def blobs(
        self, header: Header, hashes: Sequence[Hash32], indices: Sequence[int] | None = None
    ) -> list[bytes]:
        """Of a block."""
        self._answer("blobs")
        self.blob_places.append(indices)
        if self.blob_failure is not None:
            raise self.blob_failure
        return self.l1.blobs(header, hashes)


@dataclass
class ManualClock:
    """Seconds; sleeping moves it and lets others run."""

    now: float
    slept: list[float] = field(default_factory=list)

    def wall(self) -> float:
        """The time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def l2_genesis(l1: FakeL1, fork: Fork, **changes: Any) -> tuple[RollupConfig, Block, Any]:
    """A rollup config with a genesis block that can be executed on, and the state of that block."""
    rollup = make_rollup(l1, fork, **changes)
    system = rollup.genesis.system_config
    document: dict[str, Any] = {
        "config": {"chainId": L2_CHAIN_ID},
        "timestamp": hex(rollup.genesis.l2_time),
        "extraData": to_hex(b"\x00" + system.eip1559_params),
        "gasLimit": hex(system.gas_limit),
        "difficulty": "0x0",
        "baseFeePerGas": hex(GWEI),
        "alloc": {
            to_hex(ALICE): {"balance": hex(10**24)},
            # Takes the L1 attributes and keeps nothing of them: no L1 fee is charged on this chain.
            to_hex(L1_BLOCK): {"balance": "0x0", "code": "0x00"},
        },
    }
    block, update = genesis_block(Genesis.from_json(document), rollup.forks)
    return rollup.with_genesis(replace(rollup.genesis, l2=BlockId(block.hash, 0))), block, update


class RollupWorld:
    """A node on an L1 in memory."""

    def __init__(self, fork: Fork = Fork.ISTHMUS, l1: FakeL1 | None = None, **changes: Any) -> None:
        """`l1`: one that another world has begun on, too."""
        self.l1 = l1 or FakeL1()
        self.endpoint = L1Endpoint(self.l1)
        self.rollup, genesis, update = l2_genesis(self.l1, fork, **changes)
        self.kv = MemoryStore()
        Chain.initialise(self.kv, genesis, update)
        self.nonce = 0
        self._channels = 0
        self.restart()

    def restart(self) -> None:
        """Everything anew on the same store, as after a crash."""
        self.chain = Chain(self.kv, L2Rules(self.rollup), StateStore(self.kv))
        self.pool = TransactionPool(ChainHeadView(self.chain), ChainPoolRules(self.chain), lambda: 0.0)
        self.safe_db = SafeDb(self.kv)
        self.heads = L1Heads(self.endpoint, interval=1.0)
        self.data = L1Data(self.endpoint, self.endpoint, self.heads)
        self.driver = RollupDriver(
            self.rollup, L1_CONFIG, self.chain, self.endpoint, self.data, self.heads, self.safe_db
        )
        self.clock = ManualClock(float(self.chain.head.timestamp))

    def sequencer(self, settings: SequencerSettings | None = None, *, active: bool = True) -> Sequencer:
        """A sequencer on this world's clock."""
        return Sequencer(
            self.rollup,
            L1_CONFIG,
            self.chain,
            self.pool,
            self.data,
            self.heads,
            self.driver,
            settings or SequencerSettings(),
            active=active,
            wall=self.clock.wall,
            sleep=self.clock.sleep,
        )

    def doctor(self, sequencer: Sequencer | None = None) -> HeadDoctor:
        """Who says why heads stand, by this world's clock."""
        return HeadDoctor(self.rollup, self.chain, self.driver, self.heads, self.safe_db, sequencer, self.clock.wall)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """The driver runs for the time of the block."""
        task = asyncio.create_task(self.driver.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def derive(self) -> None:
        """Let the running driver derive everything that L1 holds."""
        await self.heads.refresh()
        await until(lambda: self._derived_all() or self.driver.status.halted_by is not None, self.driver.status)

    def _derived_all(self) -> bool:
        current = self.driver.current_l1
        return self.driver.ready.is_set() and current is not None and current.hash == self.l1.head.hash

    async def catch_up(self) -> None:
        """Run the driver until everything on L1 is derived."""
        async with self.following():
            await self.derive()

    async def sequence(self, count: int, sequencer: Sequencer | None = None) -> list[Block]:
        """Make `count` blocks on the head; L1 must allow their origins."""
        sequencer = sequencer or self.sequencer()
        first = self.chain.head.number + 1
        async with self.following():
            await self.heads.refresh()
            task = asyncio.create_task(sequencer.run())
            try:
                await until(
                    lambda: self.chain.head.number >= first + count - 1 or sequencer.halted_by is not None,
                    self.driver.status,
                )
                if sequencer.active:
                    await sequencer.stop()
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self.chain.head.number > first + count - 1:
            self.chain.set_head(self.header(first + count - 1))
        return [self.block(number) for number in range(first, first + count)]

    def header(self, number: int) -> Header:
        """The canonical header of a number."""
        header = self.chain.header_by_number(number)
        assert header is not None
        return header

    def block(self, number: int) -> Block:
        """The canonical block of a number."""
        block = self.chain.block_by_number(number)
        assert block is not None
        return block

    def ref(self, number: int) -> L2BlockRef:
        """The reference to a canonical block."""
        return l2_block_ref(self.block(number), self.rollup)

    def transfer(self, value: int = 1, nonce: int | None = None) -> SignedTransaction:
        """A transfer of Alice's, her next one unless `nonce` says otherwise."""
        if nonce is None:
            nonce, self.nonce = self.nonce, self.nonce + 1
        unsigned = DynamicFeeTransaction(
            nonce, 21_000, Address(b"\x77" * 20), value, b"", L2_CHAIN_ID, 0, 0, 0, GWEI, 10 * GWEI
        )
        return sign_transaction(unsigned, ALICE_KEY)

    # --- what a batcher does ---

    def post(self, numbers: Sequence[int]) -> None:
        """Post canonical blocks as one channel in the next L1 block."""
        self.post_batches([self.batch_of(number) for number in numbers])

    def batch_of(self, number: int) -> SingularBatch:
        """The batch that says what a canonical block is."""
        block, ref = self.block(number), self.ref(number)
        return SingularBatch(
            ref.parent_hash, ref.l1_origin.number, ref.l1_origin.hash, ref.timestamp, user_transactions(block)
        )

    def span_of(self, first: int, last: int, changes: Mapping[int, tuple[bytes, ...]] | None = None) -> Batch:
        """The span batch of canonical blocks; `changes` are other transactions for some of them, by block number."""
        blocks = []
        for number in range(first, last + 1):
            singular = self.batch_of(number)
            transactions = (changes or {}).get(number, singular.transactions)
            blocks.append(
                (singular.timestamp, BlockId(singular.epoch_hash, singular.epoch_number), tuple(transactions))
            )
        parent = self.ref(first - 1)
        return make_span_batch(self.rollup, parent.hash, parent.l1_origin.number, blocks)

    def post_batches(self, batches: Sequence[Batch], key: bytes = BATCHER_KEY) -> None:
        """Post batches as one channel in calldata of the next L1 block."""
        self.l1.send_calldata(encode_batcher_transaction([self._frame(batches)]), key)

    def post_blob(self, numbers: Sequence[int]) -> None:
        """Post canonical blocks as one channel in a blob of the next L1 block."""
        frame = self._frame([self.batch_of(number) for number in numbers])
        self.l1.send_blobs([encode_blob(encode_batcher_transaction([frame]))])

    def post_frames(self, numbers: Sequence[int], parts: int, only: int) -> None:
        """Post the first `only` of the `parts` frames of a channel with these blocks."""
        whole = self._frame([self.batch_of(number) for number in numbers])
        size = -(-len(whole.data) // parts)
        for index in range(only):
            data = whole.data[index * size : (index + 1) * size]
            frame = Frame(whole.channel_id, index, data, index == parts - 1)
            self.l1.send_calldata(encode_batcher_transaction([frame]))

    def _frame(self, batches: Sequence[Batch]) -> Frame:
        self._channels += 1
        encoded = batches_to_rlp([encode_batch(batch, L2_CHAIN_ID) for batch in batches])
        channel_id = keccak256(self._channels.to_bytes(8, "big"))[:16]
        return Frame(channel_id, 0, compress_channel(encoded, Compression.ZLIB, 6), True)


async def until(condition: Callable[[], bool], explain: object = "") -> None:
    """Give other tasks turns until the condition holds. Fails, showing `explain`, when it does not come to hold.

    Turns cost no time; only when those are used up does it wait for what pauses in real time (a retry, say).
    """
    for turn in range(PATIENCE + 1_000):
        if condition():
            return
        await asyncio.sleep(0 if turn < PATIENCE else 0.01)
    raise AssertionError(f"did not come about: {explain}")

"""The posting loop over the real transaction manager and an L1 with a pool of its own rules, in virtual time."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from batcher.block import BatchBlock
from batcher.budget import Budget
from batcher.driver import BatchSubmitter
from batcher.ports import L1Head, SyncStatus
from batcher.settings import ChannelSettings, DriverSettings
from config.errors import TemporaryError
from config.rollup import BlockId
from config.types import Hash32, Timestamp, Wei, from_hex, to_hex
from derivation.codec import Frame, decode_blob, parse_batcher_transaction
from evm.types import BlobTransaction, keccak256
from l1.candidate import TransactionReceipt
from l1.fees import FeePolicy
from l1.kzg_core import CELLS_PER_BLOB
from l1.retry import RetryPolicy
from l1.sidecar import BlobSidecar, SidecarVersion, decode_network_transaction
from l1.txmgr import TxManager, TxPolicy
from tests.batcher.chains import INBOX, L2Chain, rollup_config
from tests.batcher.reading import as_seen, blocks_in_channel
from tests.batcher.world import ManualClock
from tests.l1.fake_l1 import FakeL1, VirtualClock, unreachable

KEY = b"\x21" * 32
_FIRST_BLOCKS = 21
POLICY = TxPolicy(
    poll_interval=1,
    resubmission_timeout=20,
    give_up_after=120,
    retry=RetryPolicy(attempts=2, first_pause=0.5, jitter=0),
)


class StubKzg:
    """Sidecars whose commitments are hashes: the pool of the test looks at nothing but the names of blobs."""

    async def build_sidecar(self, blobs: Sequence[bytes], version: SidecarVersion) -> BlobSidecar:
        count = CELLS_PER_BLOB if version is SidecarVersion.CELL_PROOFS else 1
        commitments = tuple(hashlib.sha256(blob).digest() + bytes(16) for blob in blobs)
        return BlobSidecar(tuple(blobs), commitments, (bytes(48),) * (count * len(blobs)), version)


class BlobKeepingL1(FakeL1):
    """Remembers the blobs that it was sent, and at which prices each block was made."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = [[] for _ in range(_FIRST_BLOCKS)]
        self.blobs: dict[Hash32, bytes] = {}
        self.prices: dict[int, tuple[int, int]] = {}
        self.away = False

    @property
    def spent(self) -> int:
        """Wei that all transactions of the canonical chain have cost."""
        receipts = [self.eth_getTransactionReceipt(to_hex(tx.hash)) for block in self.chain for tx in block]
        return sum(TransactionReceipt.from_json(receipt).cost for receipt in receipts if receipt is not None)

    def mine(self, limit: int = 100) -> None:
        super().mine(limit)
        self.prices[len(self.chain) - 1] = self.base_fee, self.blob_base_fee

    def eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, Any] | None:
        now = self.base_fee, self.blob_base_fee
        try:
            for number, block in enumerate(self.chain):
                if any(to_hex(tx.hash) == tx_hash for tx in block):
                    self.base_fee, self.blob_base_fee = self.prices[number]
            return super().eth_getTransactionReceipt(tx_hash)
        finally:
            self.base_fee, self.blob_base_fee = now

    async def call(self, method: str, params: Sequence[object] = ()) -> object:
        if self.away:
            raise unreachable()
        return await super().call(method, params)

    def eth_sendRawTransaction(self, data: str) -> str:
        raw = from_hex(data)
        if raw[0] == 3:
            tx, sidecar = decode_network_transaction(raw)
            self.blobs.update(zip(tx.versioned_hashes, sidecar.blobs, strict=True))
        return super().eth_sendRawTransaction(data)


@dataclass
class L1World:
    """An L2 node that derives what is on L1's canonical chain, by Holocene's ordering rules."""

    seed: int

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.rollup = rollup_config(seq_window_size=100_000)
        self.chain = L2Chain(self.rollup)
        self.l1 = BlobKeepingL1()
        self.time = VirtualClock()
        self.clock = ManualClock()
        self.derived = self.highest = self.l1_number
        self.safe = 0
        self.da_limits: list[tuple[int, int]] = []
        self.managers: list[TxManager] = []

    @property
    def l1_number(self) -> int:
        return len(self.l1.chain) - 1

    # --- the ports ---

    async def head(self) -> L1Head:
        if self.l1.away:
            raise unreachable()
        number = self.l1_number
        return L1Head(
            number,
            keccak256(f"{self.l1.fork_id} {number}".encode()),
            Timestamp(self.rollup.genesis.l2_time + 12 * number),
            Wei(self.l1.base_fee),
            Wei(self.l1.blob_base_fee),
        )

    async def sync_status(self) -> SyncStatus:
        current = BlockId(keccak256(f"{self.l1.fork_id} {self.derived}".encode()), self.derived)
        blocks = self.chain.blocks
        return SyncStatus(current, self.chain.head.id, blocks[self.safe].id, blocks[0].id)

    async def block(self, number: int) -> BatchBlock:
        if number >= len(self.chain.blocks):
            raise TemporaryError(f"there is no block {number}")
        return self.chain.blocks[number]

    async def set_max_da_size(self, tx_bytes: int, block_bytes: int) -> None:
        self.da_limits.append((tx_bytes, block_bytes))

    # --- what tests do ---

    def start(self, channels: ChannelSettings, driver: DriverSettings, confirmations: int = 1) -> BatchSubmitter:
        """A batcher process of its own: nothing is known but what L1 and the node say."""
        budget = Budget(driver.budget)
        fees = FeePolicy(max_cost=driver.transaction_ceiling)
        manager = TxManager(
            self.l1,
            KEY,
            900,
            kzg=StubKzg(),  # type: ignore[arg-type]
            sidecar_version=SidecarVersion.CELL_PROOFS,
            fees=fees,
            policy=replace(POLICY, confirmations=confirmations),
            allowance=budget,
            clock=self.time,
            sleep=self.time.sleep,
        )
        self.managers.append(manager)
        return BatchSubmitter(
            replace(self.rollup),
            self,
            self,
            manager,
            self.clock,
            channel_settings=channels,
            settings=driver,
            leftovers=manager,
            budget=budget,
        )

    def derive(self) -> None:
        """The node reads L1's canonical chain, all of it anew."""
        self.derived = self.l1_number
        self.safe = 0
        staged: list[Frame] = []
        opened = 0
        for number, block in enumerate(self.l1.chain):
            for tx in block:
                if tx.to != INBOX:
                    continue
                blobs = tx.versioned_hashes if isinstance(tx, BlobTransaction) else ()
                for payload in [decode_blob(self.l1.blobs[name]) for name in blobs] if blobs else [tx.data]:
                    for frame in parse_batcher_transaction(payload):
                        if frame.number == 0:
                            staged, opened = [frame], number
                        elif self._continues(staged, frame) and number <= opened + self.rollup.channel_timeout_at(
                            1 << 40
                        ):
                            staged.append(frame)
                        else:
                            continue
                        if frame.is_last:
                            self._take(b"".join(part.data for part in staged))
                            staged = []

    @staticmethod
    def _continues(staged: list[Frame], frame: Frame) -> bool:
        last = staged[-1] if staged else None
        return last is not None and frame.channel_id == last.channel_id and frame.number == last.number + 1

    def _take(self, data: bytes) -> None:
        for seen in blocks_in_channel(data, self.rollup):
            following = self.safe + 1
            if following < len(self.chain.blocks) and as_seen([self.chain.blocks[following]]) == [seen]:
                self.safe = following

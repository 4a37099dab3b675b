"""Chains in memory for derivation scenarios: an L1 of real headers, transactions and receipts, and an L2 that makes
blocks of payload attributes without executing them."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from config.constants import (
    CONFIG_UPDATE_EVENT_TOPIC,
    DEPOSIT_EVENT_TOPIC,
    EMPTY_REQUESTS_HASH,
    EMPTY_TRIE_ROOT,
    SEQUENCER_FEE_VAULT,
)
from config.forks import Fork, ForkSchedule
from config.l1_chain import PRAGUE_BLOBS, BlobScheduleEntry, L1ChainConfig
from config.rollup import BlockId, RollupConfig, RollupGenesis
from config.system_config import SystemConfig
from config.types import ZERO_HASH, Address, Gas, Hash32, Timestamp
from derivation.attributes import prepare_payload_attributes
from derivation.codec import (
    Batch,
    Compression,
    Frame,
    SingularBatch,
    batches_to_rlp,
    compress_channel,
    encode_batch,
    encode_batcher_transaction,
    encode_blob,
    make_span_batch,
)
from derivation.l2_block_info import l2_block_ref, system_config_of
from derivation.providers import DataKind, Missing, NotYetAvailable
from derivation.types import L1BlockRef, L2BlockRef
from evm.trie import ordered_root
from evm.types import (
    BlobTransaction,
    Block,
    DynamicFeeTransaction,
    Header,
    Log,
    PayloadAttributes,
    Receipt,
    Transaction,
    decode_transaction,
)
from evm.types.receipt import logs_bloom
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction

BATCHER_KEY = b"\x0b" * 32
OTHER_BATCHER_KEY = b"\x0c" * 32
USER_KEY = b"\x0a" * 32
INBOX = Address(b"\xff" + bytes(18) + b"\x42")
PORTAL = Address(b"\x0d" * 20)
SYSTEM_CONFIG = Address(b"\x05" * 20)
L1_CHAIN_ID = 900
L2_CHAIN_ID = 901
L1_BLOCK_TIME = 12
L1_GENESIS_TIME = 1_700_000_000

L1_CONFIG = L1ChainConfig(
    chain_id=L1_CHAIN_ID,
    shanghai_time=Timestamp(0),
    cancun_time=Timestamp(0),
    prague_time=Timestamp(0),
    osaka_time=None,
    blob_schedule=(BlobScheduleEntry("prague", Timestamp(0), PRAGUE_BLOBS),),
)


def _header(parent: Hash32, number: int, timestamp: int, **changes: object) -> Header:
    base = Header(
        parent_hash=parent,
        fee_recipient=Address(bytes(20)),
        state_root=EMPTY_TRIE_ROOT,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=bytes(256),
        number=number,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=timestamp,
        extra_data=b"",
        prev_randao=Hash32(hashlib.sha256(number.to_bytes(8, "big")).digest()),
        base_fee_per_gas=1_000_000_000 + number,
        withdrawals_root=EMPTY_TRIE_ROOT,
        blob_gas_used=0,
        excess_blob_gas=0,
        parent_beacon_block_root=Hash32(hashlib.sha256(b"beacon" + number.to_bytes(8, "big")).digest()),
        requests_hash=EMPTY_REQUESTS_HASH,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def blob_hash(blob: bytes) -> Hash32:
    """A stand-in for a versioned hash: derivation never looks into it."""
    return Hash32(b"\x01" + hashlib.sha256(blob).digest()[1:])


class FakeL1:
    """An L1 chain, and the provider that derivation reads it through.

    With `lazy` set, the first request for anything raises NotYetAvailable, as a provider that has to fetch does.
    """

    def __init__(self, lazy: bool = False) -> None:
        self.lazy = lazy
        self.blocks: list[Block] = []
        self._by_hash: dict[Hash32, Block] = {}
        self._receipts: dict[Hash32, tuple[Receipt, ...]] = {}
        self._blobs: dict[Hash32, bytes] = {}
        self._fetched: set[Missing] = set()
        self._nonce = 0
        self._salt = 0
        self._missed = 0
        self._transactions: list[Transaction] = []
        self._logs: list[Log] = []
        self.l2_blocks: dict[tuple[Hash32, PayloadAttributes], Block] = {}
        """What was made of payload attributes on a parent: the L2 chains of one L1 mostly have the same blocks."""
        self.mine()

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    def mine(self, count: int = 1, excess_blob_gas: int = 0) -> Block:
        """Put what was sent since into a block, and mine `count - 1` empty ones more."""
        for _ in range(count):
            number = len(self.blocks)
            parent = self.blocks[-1].hash if self.blocks else ZERO_HASH
            receipts = [Receipt(tx.type, 1, 0, ()) for tx in self._transactions]
            if self._logs:
                receipts.append(Receipt(2, 1, 0, tuple(self._logs)))
            header = _header(
                parent,
                number,
                L1_GENESIS_TIME + (number + self._missed) * L1_BLOCK_TIME,
                transactions_root=ordered_root([tx.raw for tx in self._transactions]),
                receipts_root=ordered_root([receipt.encode() for receipt in receipts]),
                logs_bloom=logs_bloom(self._logs),
                excess_blob_gas=excess_blob_gas,
                extra_data=self._salt.to_bytes(4, "big"),
            )
            block = Block(header, tuple(self._transactions), ())
            self.blocks.append(block)
            self._by_hash[block.hash] = block
            self._receipts[block.hash] = tuple(receipts)
            self._transactions, self._logs = [], []
        return self.head

    def skip_slots(self, until: int) -> None:
        """Miss slots, so that the next block has at least this timestamp."""
        while L1_GENESIS_TIME + (len(self.blocks) + self._missed) * L1_BLOCK_TIME < until:
            self._missed += 1

    def reorg(self, keep: int) -> None:
        """Forget the canonical blocks above number `keep`; blocks mined from now on differ from them."""
        del self.blocks[keep + 1 :]
        self._salt += 1

    def send_calldata(self, data: bytes, key: bytes = BATCHER_KEY, to: Address = INBOX) -> None:
        """A transaction with calldata for the next block."""
        self._nonce += 1
        tx = DynamicFeeTransaction(self._nonce, 1_000_000, to, 0, data, L1_CHAIN_ID, 0, 0, 0, 1, 10**10)
        self._transactions.append(sign_transaction(tx, key))

    def send_blobs(self, blobs: Sequence[bytes], key: bytes = BATCHER_KEY) -> None:
        """A blob transaction for the next block."""
        self._nonce += 1
        hashes = tuple(blob_hash(blob) for blob in blobs)
        self._blobs.update(zip(hashes, blobs, strict=True))
        tx = BlobTransaction(self._nonce, 21_000, INBOX, 0, b"ignored", L1_CHAIN_ID, 0, 0, 0, 1, 10**10, (), 10, hashes)
        self._transactions.append(sign_transaction(tx, key))

    def deposit(self, sender: Address, to: Address | None, mint: int, value: int, gas: int, data: bytes = b"") -> None:
        """A TransactionDeposited log for the next block."""
        opaque = mint.to_bytes(32, "big") + value.to_bytes(32, "big") + gas.to_bytes(8, "big")
        opaque += (b"\x01" if to is None else b"\x00") + data
        padded = opaque + bytes(-len(opaque) % 32)
        words = (32).to_bytes(32, "big") + len(opaque).to_bytes(32, "big")
        topics = (
            DEPOSIT_EVENT_TOPIC,
            Hash32(bytes(12) + sender),
            Hash32(bytes(12) + (to or bytes(20))),
            ZERO_HASH,
        )
        self._logs.append(Log(PORTAL, topics, words + padded))

    def update_system_config(self, kind: int, payload: bytes, version: int = 0) -> None:
        """A ConfigUpdate log for the next block."""
        topics = (CONFIG_UPDATE_EVENT_TOPIC, Hash32(version.to_bytes(32, "big")), Hash32(kind.to_bytes(32, "big")))
        data = (32).to_bytes(32, "big") + len(payload).to_bytes(32, "big") + payload
        self._logs.append(Log(SYSTEM_CONFIG, topics, data))

    def ref(self, number: int) -> L1BlockRef:
        return L1BlockRef.from_header(self.blocks[number].header)

    # --- derivation.providers.L1Provider ---

    def _fetch(self, missing: Missing) -> None:
        if self.lazy and missing not in self._fetched:
            self._fetched.add(missing)
            raise NotYetAvailable(missing)

    def header_by_number(self, number: int) -> Header | None:
        if number >= len(self.blocks):
            return None
        self._fetch(Missing(DataKind.L1_HEADER, number=number))
        return self.blocks[number].header

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        self._fetch(Missing(DataKind.L1_HEADER, hash=block_hash))
        block = self._by_hash.get(block_hash)
        return None if block is None else block.header

    def block(self, block_hash: Hash32) -> Block:
        self._fetch(Missing(DataKind.L1_BLOCK, hash=block_hash))
        return self._by_hash[block_hash]

    def receipts(self, block_hash: Hash32) -> tuple[Receipt, ...]:
        self._fetch(Missing(DataKind.L1_RECEIPTS, hash=block_hash))
        return self._receipts[block_hash]

    def blobs(self, header: Header, hashes: Sequence[Hash32]) -> list[bytes]:
        self._fetch(Missing(DataKind.L1_BLOBS, header.number, header.hash, tuple(hashes)))
        return [self._blobs[value] for value in hashes]


def make_rollup(l1: FakeL1, fork: Fork = Fork.ISTHMUS, **changes: object) -> RollupConfig:
    """A rollup that starts at L1 block 0, with 2-second blocks and a sequencing window of 30 blocks."""
    origin = l1.blocks[0].header
    config = SystemConfig(
        batcher_address=address_of(BATCHER_KEY),
        overhead=ZERO_HASH,
        scalar=Hash32(b"\x01" + bytes(23) + (7).to_bytes(4, "big") + (5).to_bytes(4, "big")),
        gas_limit=Gas(30_000_000),
        eip1559_params=(250).to_bytes(4, "big") + (6).to_bytes(4, "big"),
    )
    genesis = _l2_genesis(origin.timestamp, config)
    rollup = RollupConfig(
        genesis=RollupGenesis(
            l1=BlockId(origin.hash, origin.number),
            l2=BlockId(genesis.hash, 0),
            l2_time=Timestamp(origin.timestamp),
            system_config=config,
        ),
        block_time=2,
        max_sequencer_drift=600,
        seq_window_size=30,
        channel_timeout=300,
        l1_chain_id=L1_CHAIN_ID,
        l2_chain_id=L2_CHAIN_ID,
        forks=ForkSchedule.all_at_genesis(fork),
        batch_inbox_address=INBOX,
        deposit_contract_address=PORTAL,
        l1_system_config_address=SYSTEM_CONFIG,
    )
    return replace(rollup, **changes)  # type: ignore[arg-type]


def fork_times(start: int, first: Fork, last: Fork, step: int) -> ForkSchedule:
    """Forks up to `first` at genesis, those after it up to `last` from `start` on, `step` seconds apart."""
    times = {fork: Timestamp(0) for fork in Fork if Fork.BEDROCK < fork <= first}
    later = [fork for fork in Fork if first < fork <= last]
    return ForkSchedule(times | {fork: Timestamp(start + index * step) for index, fork in enumerate(later)})


def _l2_genesis(timestamp: int, config: SystemConfig) -> Block:
    header = _header(ZERO_HASH, 0, timestamp, extra_data=b"\x00" + config.eip1559_params, gas_limit=config.gas_limit)
    return Block(header, (), ())


class FakeL2:
    """An L2 chain without execution, and the provider that derivation reads it through."""

    def __init__(self, rollup: RollupConfig, l1: FakeL1) -> None:
        self.rollup = rollup
        self.l1 = l1
        self.blocks: list[Block] = [_l2_genesis(rollup.genesis.l2_time, rollup.genesis.system_config)]
        self._by_hash: dict[Hash32, Block] = {self.blocks[0].hash: self.blocks[0]}
        self._refs: dict[Hash32, L2BlockRef] = {}
        self._nonce = 0

    @property
    def head(self) -> L2BlockRef:
        return self._ref(self.blocks[-1])

    def refs(self) -> list[L2BlockRef]:
        return [self._ref(block) for block in self.blocks]

    def _ref(self, block: Block) -> L2BlockRef:
        ref = self._refs.get(block.hash)
        if ref is None:
            ref = self._refs[block.hash] = l2_block_ref(block, self.rollup)
        return ref

    def hashes(self) -> list[Hash32]:
        return [block.hash for block in self.blocks]

    def apply(self, attributes: PayloadAttributes) -> L2BlockRef:
        """Make the next block of these attributes."""
        made = self.l1.l2_blocks
        block = made.get((self.blocks[-1].hash, attributes))
        if block is None:
            block = made[self.blocks[-1].hash, attributes] = self._make(attributes)
        self.blocks.append(block)
        self._by_hash[block.hash] = block
        return self.head

    def _make(self, attributes: PayloadAttributes) -> Block:
        parent = self.blocks[-1].header
        assert attributes.suggested_fee_recipient == SEQUENCER_FEE_VAULT
        active = self.rollup.forks.active(attributes.timestamp)
        assert (attributes.eip1559_params is not None) == (active >= Fork.HOLOCENE)
        assert (attributes.parent_beacon_block_root is not None) == (active >= Fork.ECOTONE)
        assert attributes.with_withdrawals == (active >= Fork.CANYON)
        # The form of a header is of no interest to derivation, but for what it reads: the extra data since Holocene.
        parameters = attributes.eip1559_params
        if parameters == bytes(8):
            constants = self.rollup.eip1559
            parameters = constants.denominator_canyon.to_bytes(4, "big") + constants.elasticity.to_bytes(4, "big")
        extra = b"" if parameters is None else b"\x00" + parameters
        if attributes.min_base_fee is not None:
            assert parameters is not None
            extra = b"\x01" + parameters + attributes.min_base_fee.to_bytes(8, "big")
        header = _header(
            parent.hash,
            parent.number + 1,
            attributes.timestamp,
            fee_recipient=attributes.suggested_fee_recipient,
            transactions_root=ordered_root(list(attributes.transactions)),
            gas_limit=attributes.gas_limit,
            extra_data=extra,
            prev_randao=attributes.prev_randao,
            parent_beacon_block_root=attributes.parent_beacon_block_root or ZERO_HASH,
        )
        return Block(header, tuple(decode_transaction(raw) for raw in attributes.transactions), ())

    def user_transaction(self, data: bytes = b"") -> bytes:
        """A new signed transaction of a user."""
        return sign_transaction(self.unsigned_transaction(data), USER_KEY).raw

    def unsigned_transaction(self, data: bytes = b"") -> DynamicFeeTransaction:
        """The same without a signature."""
        self._nonce += 1
        return DynamicFeeTransaction(
            self._nonce, 21_000 + 40 * len(data), Address(b"\x77" * 20), 5, data, L2_CHAIN_ID, 0, 0, 0, 1, 10**9
        )

    def sequence(self, transactions: Sequence[bytes] = (), origin: int | None = None) -> L2BlockRef:
        """Make the next block as the sequencer does; `origin` (an L1 block number) defaults to the newest allowed."""
        parent = self.head
        timestamp = parent.timestamp + self.rollup.block_time
        if origin is None:
            following = parent.l1_origin.number + 1
            known = following < len(self.l1.blocks) and self.l1.blocks[following].header.timestamp <= timestamp
            origin = following if known else parent.l1_origin.number
        epoch = self.l1.ref(origin).id
        attributes = prepare_payload_attributes(self.rollup, L1_CONFIG, EagerL1(self.l1), self, parent, epoch)
        return self.apply(replace(attributes, transactions=(*attributes.transactions, *transactions)))

    def rewind(self, number: int) -> None:
        """Forget the canonical blocks above `number`."""
        del self.blocks[number + 1 :]

    # --- derivation.providers.L2Provider ---

    def block_ref_by_number(self, number: int) -> L2BlockRef | None:
        return self._ref(self.blocks[number]) if 0 <= number < len(self.blocks) else None

    def user_transactions_by_number(self, number: int) -> Sequence[bytes] | None:
        return user_transactions(self.blocks[number]) if 0 <= number < len(self.blocks) else None

    def system_config_by_l2_hash(self, block_hash: Hash32) -> SystemConfig:
        return system_config_of(self._by_hash[block_hash], self.rollup)


class EagerL1:
    """The same L1 for the sequencer, who has everything fetched."""

    def __init__(self, l1: FakeL1) -> None:
        self._l1 = l1

    def _call(self, method: Callable[..., object], *args: object) -> object:
        lazy, self._l1.lazy = self._l1.lazy, False
        try:
            return method(*args)
        finally:
            self._l1.lazy = lazy

    def header_by_number(self, number: int) -> Header | None:
        return self._call(self._l1.header_by_number, number)  # type: ignore[return-value]

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        return self._call(self._l1.header_by_hash, block_hash)  # type: ignore[return-value]

    def block(self, block_hash: Hash32) -> Block:
        return self._call(self._l1.block, block_hash)  # type: ignore[return-value]

    def receipts(self, block_hash: Hash32) -> tuple[Receipt, ...]:
        return self._call(self._l1.receipts, block_hash)  # type: ignore[return-value]

    def blobs(self, header: Header, hashes: Sequence[Hash32]) -> list[bytes]:
        return self._call(self._l1.blobs, header, hashes)  # type: ignore[return-value]


def user_transactions(block: Block) -> tuple[bytes, ...]:
    """What a batch says of a block."""
    return tuple(tx.raw for tx in block.transactions if not tx.is_deposit)


@dataclass
class Batcher:
    """Turns blocks of a FakeL2 into batches, channels and frames."""

    l2: FakeL2
    _channels: int = field(default=0)

    def singular(self, number: int) -> SingularBatch:
        """The singular batch of a block."""
        block = self.l2.blocks[number]
        ref = l2_block_ref(block, self.l2.rollup)
        return SingularBatch(
            ref.parent_hash, ref.l1_origin.number, ref.l1_origin.hash, ref.timestamp, user_transactions(block)
        )

    def span(self, first: int, last: int) -> Batch:
        """The span batch of the blocks `first` to `last`."""
        refs = self.l2.refs()
        blocks = [
            (refs[n].timestamp, refs[n].l1_origin, user_transactions(self.l2.blocks[n])) for n in range(first, last + 1)
        ]
        parent = refs[first - 1]
        return make_span_batch(self.l2.rollup, parent.hash, parent.l1_origin.number, blocks)

    def channel(self, batches: Iterable[Batch], compression: Compression | None = None) -> bytes:
        """A compressed channel of these batches, by default with the newest compression that L1 data may have."""
        if compression is None:
            fjord = self.l2.rollup.is_active(Fork.FJORD, self.l2.l1.head.header.timestamp)
            compression = Compression.BROTLI if fjord else Compression.ZLIB
        encoded = [encode_batch(batch, self.l2.rollup.l2_chain_id) for batch in batches]
        return compress_channel(batches_to_rlp(encoded), compression, level=5)

    def frames(self, compressed: bytes, size: int = 100_000) -> list[Frame]:
        """A channel cut into frames of at most `size` bytes, under a new id."""
        self._channels += 1
        channel_id = hashlib.sha256(self._channels.to_bytes(8, "big")).digest()[:16]
        parts = [compressed[start : start + size] for start in range(0, len(compressed), size)]
        return [Frame(channel_id, index, part, index == len(parts) - 1) for index, part in enumerate(parts)]

    def post(self, batches: Iterable[Batch], size: int = 100_000, key: bytes = BATCHER_KEY) -> None:
        """Send the batches as one channel in calldata of the next L1 block."""
        for frame in self.frames(self.channel(batches), size):
            self.l2.l1.send_calldata(encode_batcher_transaction([frame]), key)

    def send_in_blobs(self, frames: Iterable[Frame]) -> None:
        """Send frames in one transaction, each in a blob of its own."""
        self.l2.l1.send_blobs([encode_blob(encode_batcher_transaction([frame])) for frame in frames])

    def post_blobs(self, batches: Iterable[Batch], size: int = 100_000) -> None:
        """Send the batches as one channel, a frame per blob."""
        self.send_in_blobs(self.frames(self.channel(batches), size))

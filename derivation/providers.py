"""What derivation reads, as two small protocols. Their implementations do the fetching; derivation never waits.

A provider that could answer but has not fetched the data yet raises `NotYetAvailable`; the caller fetches what it names
and steps again, and derivation goes on exactly where it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from config.errors import TemporaryError
from config.rollup import RollupConfig
from config.system_config import SystemConfig
from config.types import Hash32, to_hex
from derivation.codec.commitment import Commitment
from derivation.l2_block_info import l2_block_ref, system_config_of
from derivation.types import L1BlockRef, L2BlockRef
from evm.types.block import Block
from evm.types.header import Header
from evm.types.receipt import Receipt
from evm.types.transaction_list import without_deposits


class DataKind(Enum):
    """What can be missing."""

    L1_HEADER = "L1 header"
    L1_BLOCK = "L1 block"
    L1_RECEIPTS = "L1 receipts"
    L1_BLOBS = "L1 blobs"
    L2_BLOCK = "L2 block"
    REMOTE_INPUT = "input kept outside L1"


@dataclass(frozen=True)
class Missing:
    """Data to fetch: of the block with this number or hash; for blobs, the versioned hashes in order.

    For an input kept outside L1, its commitment, and the L1 block that holds that.
    """

    kind: DataKind
    number: int | None = None
    hash: Hash32 | None = None
    blob_hashes: tuple[Hash32, ...] = ()
    commitment: Commitment | None = None

    def __str__(self) -> str:
        if self.commitment is not None:
            return f"{self.kind.value}, {self.commitment} in L1 block {self.number}"
        where = f"{self.number}" if self.hash is None else to_hex(self.hash)
        blobs = f", {len(self.blob_hashes)} blobs" if self.blob_hashes else ""
        return f"{self.kind.value} {where}{blobs}"


class NotYetAvailable(TemporaryError):
    """The provider has not fetched `missing` yet. Nothing in the pipeline has changed: fetch it and step again."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(f"{missing} is not fetched yet")
        self.missing = missing


class L1Provider(Protocol):
    """L1 as the node sees it, each answer verified against its hash. Any call may raise NotYetAvailable."""

    def header_by_number(self, number: int) -> Header | None:
        """The canonical header of this number, None when L1 has no such block yet."""

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """The header with this hash, None when L1 knows no such block."""

    def block(self, block_hash: Hash32) -> Block:
        """The block with this hash, with its transactions."""

    def receipts(self, block_hash: Hash32) -> tuple[Receipt, ...]:
        """The receipts of the block with this hash, in order."""

    def blobs(self, header: Header, hashes: Sequence[Hash32]) -> Sequence[bytes]:
        """The blobs (131,072 bytes each) with these versioned hashes, in this order, of the block with this header."""


class RemoteInputs(Protocol):
    """Payloads that L1 holds only commitments to. May raise NotYetAvailable. Spec: op alt-da, "Derivation"."""

    def remote_input(self, commitment: Commitment, origin: L1BlockRef) -> bytes:
        """The payload, checked against a keccak commitment; `origin` is the L1 block with the commitment."""


class L2Provider(Protocol):
    """The L2 chain up to the safe head. Any call may raise NotYetAvailable."""

    def block_ref_by_number(self, number: int) -> L2BlockRef | None:
        """The block of this number on the safe chain, None when there is none."""

    def user_transactions_by_number(self, number: int) -> Sequence[bytes] | None:
        """The transactions (canonical bytes) other than deposits of the block of this number on the safe chain.

        None when there is no such block.
        """

    def system_config_by_l2_hash(self, block_hash: Hash32) -> SystemConfig:
        """The system configuration that held in the block with this hash."""


class L2BlockSource(Protocol):
    """Whoever has L2 blocks; `node.chain.chain.Chain` is one."""

    def block_by_number(self, number: int) -> Block | None:
        """The canonical block of this number."""

    def block_by_hash(self, block_hash: Hash32) -> Block | None:
        """The block with this hash."""


class ChainL2Provider:
    """An `L2Provider` over whole blocks: reads origin and system configuration out of them."""

    def __init__(self, rollup: RollupConfig, blocks: L2BlockSource) -> None:
        self._rollup = rollup
        self._blocks = blocks

    def block_ref_by_number(self, number: int) -> L2BlockRef | None:
        """See L2Provider. Raises CriticalError when the stored block is not one of this rollup."""
        block = self._blocks.block_by_number(number)
        return None if block is None else l2_block_ref(block, self._rollup)

    def user_transactions_by_number(self, number: int) -> Sequence[bytes] | None:
        """See L2Provider."""
        block = self._blocks.block_by_number(number)
        return None if block is None else without_deposits(block.transactions)

    def system_config_by_l2_hash(self, block_hash: Hash32) -> SystemConfig:
        """See L2Provider. Raises NotYetAvailable for an unknown block, CriticalError for one of another rollup."""
        block = self._blocks.block_by_hash(block_hash)
        if block is None:
            raise NotYetAvailable(Missing(DataKind.L2_BLOCK, hash=block_hash))
        return system_config_of(block, self._rollup)

"""What the challenger needs from outside, besides L1's contracts: its own L2 node, L1 blocks, a sender."""

from dataclasses import dataclass
from typing import Protocol

from config.rollup import BlockId
from config.types import ZERO_HASH, Hash32, Timestamp
from evm.types import Header, keccak256
from l1.candidate import TransactionReceipt, TxCandidate


@dataclass(frozen=True)
class Output:
    """An L2 block's output with what it is made of. Spec: op rollup-node, "Output Method API"."""

    block: BlockId
    root: Hash32
    state_root: Hash32
    message_passer_storage_root: Hash32

    @property
    def parts(self) -> tuple[Hash32, Hash32, Hash32, Hash32]:
        """Version, state root, message passer root, block hash: the output root's preimage."""
        return (ZERO_HASH, self.state_root, self.message_passer_storage_root, self.block.hash)

    @property
    def is_consistent(self) -> bool:
        """Whether the root is the hash of its parts. Spec: op proposals, "L2 Output Commitment Construction"."""
        return self.root == keccak256(b"".join(self.parts))


@dataclass(frozen=True)
class SafeHead:
    """The newest L2 block that follows from L1 up to and including `l1`."""

    l1: BlockId
    l2: BlockId


@dataclass(frozen=True)
class L1Block:
    """An L1 block, as far as it matters here."""

    number: int
    hash: Hash32
    timestamp: Timestamp

    @property
    def id(self) -> BlockId:
        """Hash and number."""
        return BlockId(self.hash, self.number)


class RollupNode(Protocol):
    """The challenger's own node, which derives the L2 chain from L1. Its methods raise TemporaryError without an answer."""

    async def derived_l1(self) -> BlockId:
        """The L1 block that its derivation has reached."""
        ...

    async def output_at(self, number: int) -> Output:
        """The output of L2 block `number`."""
        ...

    async def safe_head_at(self, l1_number: int) -> SafeHead:
        """The safe head as of an L1 block: the newest entry of its records at or before that block."""
        ...

    async def header_at(self, number: int) -> Header:
        """The header of L2 block `number`."""
        ...


class L1Reader(Protocol):
    """L1 blocks. Its methods raise TemporaryError when L1 has no answer."""

    async def head(self) -> L1Block:
        """The newest block."""
        ...

    async def block_at(self, number: int) -> L1Block:
        """The canonical block of this number."""
        ...

    async def block_by_hash(self, block_hash: Hash32) -> L1Block:
        """The block with this hash, canonical or not."""
        ...


class Sender(Protocol):
    """Gets transactions of the challenger's account onto L1."""

    async def send(self, candidate: TxCandidate) -> TransactionReceipt:
        """Returns once the transaction is confirmed.

        Raises TemporaryError when it could not be sent now, CriticalError when it never can.
        """
        ...

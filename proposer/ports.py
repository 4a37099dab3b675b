"""What the proposing loop needs from outside, besides L1's contracts: an L2 node, L1's head, a sender, a clock."""

from dataclasses import dataclass
from typing import Protocol

from config.rollup import BlockId
from config.types import Hash32, Timestamp
from l1.candidate import TransactionReceipt, TxCandidate
from proposer.output_root import Output


@dataclass(frozen=True)
class SyncHeads:
    """The heads of the L2 node that may be proposed, and the L1 block that its derivation has reached."""

    current_l1: BlockId
    safe_l2: BlockId
    finalized_l2: BlockId


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
    """A node that derives the L2 chain from L1 itself. Its methods raise TemporaryError when it has no answer."""

    async def heads(self) -> SyncHeads:
        """Its heads."""
        ...

    async def output_at(self, number: int) -> Output:
        """The output of L2 block `number`."""
        ...

    async def safe_head_at(self, l1_number: int) -> SafeHead:
        """The safe head as of an L1 block: the newest entry of its records at or before that block."""
        ...


class L1Reader(Protocol):
    """L1 blocks. Its methods raise TemporaryError when L1 has no answer."""

    async def head(self) -> L1Block:
        """The newest block."""
        ...

    async def block_at(self, number: int) -> L1Block:
        """The canonical block of this number."""
        ...


class Sender(Protocol):
    """Gets transactions of the proposer's account onto L1."""

    async def send(self, candidate: TxCandidate) -> TransactionReceipt:
        """Returns once the transaction is confirmed.

        Raises TemporaryError when it could not be sent now, CriticalError when it never can.
        """
        ...

    async def left_behind(self) -> int:
        """How many of the account's transactions are on their way without anyone waiting for them: an earlier run's, and what
        a reorg undid after its confirmation. Raises TemporaryError."""
        ...

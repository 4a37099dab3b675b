"""What the posting loop needs from outside, as small protocols: an L2 node, L1, a sender, a clock."""

from dataclasses import dataclass
from typing import Protocol

from batcher.block import BatchBlock
from config.errors import TemporaryError
from config.rollup import BlockId
from config.types import Hash32, Timestamp, Wei
from l1.candidate import TxCandidate

NOTHING = Wei(0)


@dataclass(frozen=True)
class SyncStatus:
    """The heads of the L2 node and the L1 block that its derivation has reached."""

    current_l1: BlockId
    unsafe_l2: BlockId
    safe_l2: BlockId
    finalized_l2: BlockId


class L2Source(Protocol):
    """The L2 node whose unsafe blocks are posted."""

    async def sync_status(self) -> SyncStatus:
        """The node's heads. Raises TemporaryError when the node does not answer."""
        ...

    async def block(self, number: int) -> BatchBlock:
        """The canonical block `number`. Raises TemporaryError when the node does not have it."""
        ...


@dataclass(frozen=True)
class L1Head:
    """The newest L1 block; prices are in wei per gas and wei per blob gas. `tip` is what is paid above the base fee."""

    number: int
    hash: Hash32
    timestamp: Timestamp
    base_fee: Wei
    blob_base_fee: Wei
    tip: Wei = NOTHING

    @property
    def id(self) -> BlockId:
        """Hash and number."""
        return BlockId(self.hash, self.number)


class L1HeadSource(Protocol):
    """Tells what L1's head is and what posting costs there."""

    async def head(self) -> L1Head:
        """The newest L1 block. Raises TemporaryError when L1 does not answer."""
        ...


class Inclusion(Protocol):
    """A confirmed L1 transaction, as the transaction manager's receipts tell it.

    Derivation reads a batcher transaction whether it succeeded or not, so its status does not matter here.
    """

    @property
    def block(self) -> BlockId:
        """The L1 block that holds it."""
        ...

    @property
    def cost(self) -> Wei:
        """Wei spent on it, blob gas included."""
        ...


class Sender(Protocol):
    """Gets transactions of the batcher's account onto L1, in the order of the calls to `send`."""

    async def send(self, candidate: TxCandidate) -> Inclusion:
        """Returns once the transaction is confirmed.

        Raises TemporaryError when it could not be sent now, CriticalError when it never can (no funds, say).
        """
        ...


class DaLimiter(Protocol):
    """The sequencer's limits on L1 data (`miner_setMaxDASize`)."""

    async def set_max_da_size(self, tx_bytes: int, block_bytes: int) -> None:
        """Limit transactions and blocks to that many bytes; 0 is no limit. Raises TemporaryError."""
        ...


class Leftovers(Protocol):
    """Knows of transactions that an earlier run left behind."""

    async def left_behind(self) -> int:
        """How many of the account's transactions are on their way without anyone waiting for them: an earlier run's, and what
        a reorg undid after its confirmation. Raises TemporaryError."""
        ...


class RemoteStoreDown(TemporaryError):
    """The remote store says that it is out of order: until it is back, data has to go to L1 itself."""


class RemoteStore(Protocol):
    """Keeps payloads outside L1 and names them by commitments. Spec: op alt-da, "DA Server"."""

    async def store(self, payload: bytes) -> bytes:
        """The commitment (type byte first) to a payload that is kept from now on.

        Raises TemporaryError when it could not be stored, RemoteStoreDown when the service says that it is out of order.
        """
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class Clock(Protocol):
    """Seconds of a clock that only moves forward."""

    def now(self) -> float:
        """Seconds since some fixed moment."""
        ...

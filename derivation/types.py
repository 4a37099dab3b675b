"""What derivation speaks of: references to L1 and L2 blocks, and what a step of the pipeline gives."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from config.rollup import BlockId
from config.types import Hash32, to_hash32, to_hex
from evm.types.header import Header
from evm.types.payload import PayloadAttributes


@dataclass(frozen=True)
class L1BlockRef:
    """An L1 block as derivation refers to it; `timestamp` in seconds."""

    hash: Hash32
    number: int
    parent_hash: Hash32
    timestamp: int

    @property
    def id(self) -> BlockId:
        """Hash and number."""
        return BlockId(self.hash, self.number)

    @staticmethod
    def from_header(header: Header) -> "L1BlockRef":
        """The reference to the block with this header."""
        return L1BlockRef(header.hash, header.number, header.parent_hash, header.timestamp)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "L1BlockRef":
        """Read op-node's spelling. Raises KeyError or ValueError when a field is missing or malformed."""
        return L1BlockRef(
            hash=to_hash32(data["hash"]),
            number=int(data["number"]),
            parent_hash=to_hash32(data["parentHash"]),
            timestamp=int(data["timestamp"]),
        )

    def to_json(self) -> dict[str, Any]:
        """op-node's spelling."""
        return {
            "hash": to_hex(self.hash),
            "number": self.number,
            "parentHash": to_hex(self.parent_hash),
            "timestamp": self.timestamp,
        }

    def __str__(self) -> str:
        return f"L1 block {self.id}"


@dataclass(frozen=True)
class L2BlockRef:
    """An L2 block with the L1 block it belongs to (its origin) and its position in that epoch (from 0)."""

    hash: Hash32
    number: int
    parent_hash: Hash32
    timestamp: int
    l1_origin: BlockId
    sequence_number: int

    @property
    def id(self) -> BlockId:
        """Hash and number."""
        return BlockId(self.hash, self.number)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "L2BlockRef":
        """Read op-node's spelling. Raises KeyError or ValueError when a field is missing or malformed."""
        origin = data["l1origin"]
        return L2BlockRef(
            hash=to_hash32(data["hash"]),
            number=int(data["number"]),
            parent_hash=to_hash32(data["parentHash"]),
            timestamp=int(data["timestamp"]),
            l1_origin=BlockId(to_hash32(origin["hash"]), int(origin["number"])),
            sequence_number=int(data["sequenceNumber"]),
        )

    def to_json(self) -> dict[str, Any]:
        """op-node's spelling."""
        return {
            "hash": to_hex(self.hash),
            "number": self.number,
            "parentHash": to_hex(self.parent_hash),
            "timestamp": self.timestamp,
            "l1origin": self.l1_origin.to_json(),
            "sequenceNumber": self.sequence_number,
        }

    def __str__(self) -> str:
        return f"L2 block {self.id}"


@dataclass(frozen=True)
class DerivedAttributes:
    """The next L2 block as L1 determines it.

    `parent` is the safe head it builds on, `l1_origin` its epoch, `derived_from` the L1 block whose data made it known.
    `is_last_in_span` is True for the last block of its batch: after it, another batch is needed.
    """

    attributes: PayloadAttributes
    parent: L2BlockRef
    l1_origin: BlockId
    is_last_in_span: bool
    derived_from: L1BlockRef

    @property
    def number(self) -> int:
        """The number of the block to be made."""
        return self.parent.number + 1

    @property
    def sequence_number(self) -> int:
        """The block's position in its epoch, from 0."""
        return self.parent.sequence_number + 1 if self.l1_origin == self.parent.l1_origin else 0


@dataclass(frozen=True)
class BatchRejected:
    """The batch of impossible attributes, a span batch as a whole, is dropped: go on from the safe block `safe_head`.

    That is the attributes' parent, or an ancestor of it when earlier blocks came from the same span batch.
    """

    safe_head: L2BlockRef


@dataclass(frozen=True)
class AdvancedOrigin:
    """The pipeline moved on to the next L1 block: step again."""

    origin: L1BlockRef


@dataclass(frozen=True)
class Attributes:
    """A block to make: execute it, then step with it as the new safe head."""

    derived: DerivedAttributes


@dataclass(frozen=True)
class NeedMoreData:
    """All L1 blocks are used up: step again when L1 block `l1_number` is there. `why` says so for people."""

    l1_number: int
    why: str


@dataclass(frozen=True)
class StillReading:
    """Much of `origin` is read and more is left: step again, now that others had their turn."""

    origin: L1BlockRef


StepResult: TypeAlias = AdvancedOrigin | StillReading | Attributes | NeedMoreData

"""Output roots: one hash for everything that L1 needs to know of an L2 block."""

from dataclasses import dataclass

from config.rollup import BlockId
from config.types import ZERO_HASH, Hash32
from evm.types import Header, keccak256

OUTPUT_VERSION_0 = ZERO_HASH


def output_root_v0(state_root: Hash32, message_passer_storage_root: Hash32, block_hash: Hash32) -> Hash32:
    """The output root of a block with this state root, L2ToL1MessagePasser storage root and hash.

    Spec: op proposals, "L2 Output Commitment Construction".
    """
    return keccak256(OUTPUT_VERSION_0 + state_root + message_passer_storage_root + block_hash)


def output_root_of(header: Header) -> Hash32:
    """The output root of an L2 block since Isthmus, whose header holds the storage root of L2ToL1MessagePasser.

    Raises ValueError for a header without a withdrawals root.
    Spec: op isthmus exec-engine, "L2ToL1MessagePasser Storage Root in Header".
    """
    if header.withdrawals_root is None:
        raise ValueError(
            f"L2 {header} is older than Isthmus: its header does not hold the message passer's storage root"
        )
    return output_root_v0(header.state_root, header.withdrawals_root, header.hash)


@dataclass(frozen=True)
class Output:
    """What a node says about a block's output. Spec: op rollup-node, "Output Method API"."""

    block: BlockId
    root: Hash32
    state_root: Hash32
    message_passer_storage_root: Hash32

    @property
    def is_consistent(self) -> bool:
        """Whether the root is the one that its parts give."""
        return self.root == output_root_v0(self.state_root, self.message_passer_storage_root, self.block.hash)

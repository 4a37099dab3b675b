"""Output roots: one hash that commits to an L2 block, its state, and the withdrawals started on L2."""

from config.types import ZERO_HASH, Hash32
from evm.types import keccak256


def output_root_v0(state_root: Hash32, message_passer_root: Hash32, block_hash: Hash32) -> Hash32:
    """The version 0 output root of an L2 block.

    `message_passer_root` is the storage root of L2ToL1MessagePasser. Spec: op proposals, "L2 Output Commitment
    Construction".
    """
    return keccak256(ZERO_HASH + state_root + message_passer_root + block_hash)

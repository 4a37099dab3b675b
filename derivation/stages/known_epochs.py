"""The L1 blocks that the next L2 blocks can have as their origins."""

from config.errors import ResetError
from derivation.types import L1BlockRef, L2BlockRef


class KnownEpochs:
    """L1 blocks in sequence, from the origin that the next L2 block may repeat to the one being read.

    `current` is the L1 block read last, where a batch counts as included. The first block is the safe head's origin or,
    once that one's sequencing window has passed without more batches, the block after it.
    Spec: op derivation, "Batch Queue".
    """

    def __init__(self, base: L1BlockRef) -> None:
        self.current = base
        self.blocks: list[L1BlockRef] = [base]

    def advance(self, origin: L1BlockRef, safe_head: L2BlockRef) -> None:
        """Take note of the L1 block being read; those before the safe head's origin do not matter."""
        if self.current == origin:
            return
        self.current = origin
        if origin.number >= safe_head.l1_origin.number:
            self.blocks.append(origin)
        else:
            self.blocks.clear()

    def forget_older(self, safe_head: L2BlockRef) -> None:
        """Drop the blocks before the safe head's origin, if that is known."""
        behind = safe_head.l1_origin.number - self.blocks[0].number if self.blocks else 0
        if 0 < behind < len(self.blocks):
            del self.blocks[:behind]

    def check(self, safe_head: L2BlockRef) -> None:
        """Raises ResetError when the safe head's L1 origin is not on the L1 chain being read."""
        if not self.blocks:
            raise ResetError(f"no L1 block that may follow {safe_head} is known: its L1 origin was not read")
        epoch = self.blocks[0]
        if safe_head.l1_origin != epoch.id and safe_head.l1_origin.number != epoch.number - 1:
            raise ResetError(
                f"{safe_head} has L1 origin {safe_head.l1_origin}, but derivation read {epoch} as the earliest "
                "possible: the safe head is of another L1 chain"
            )

"""The L2 blocks that are not safe yet, in order and without gaps."""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from batcher.block import BatchBlock
from config.errors import ResetError
from config.types import short


class BlockQueue:
    """A run of L2 blocks, each the child of the one before. Positions are block numbers."""

    def __init__(self) -> None:
        self._blocks: deque[BatchBlock] = deque()
        self.input_bytes = 0

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def first(self) -> BatchBlock | None:
        """The oldest block, None when empty."""
        return self._blocks[0] if self._blocks else None

    @property
    def last(self) -> BatchBlock | None:
        """The newest block, None when empty."""
        return self._blocks[-1] if self._blocks else None

    def append(self, block: BatchBlock) -> None:
        """Add the next block. Raises ResetError when it is not the child of the last one: the L2 chain changed."""
        last = self.last
        if last is not None:
            if block.number != last.number + 1:
                raise ResetError(
                    f"L2 block {block.number} was loaded after {last.number}: the blocks in between are missing"
                )
            if block.parent_hash != last.hash:
                raise ResetError(
                    f"the L2 chain was reorganised: block {block.number} ({short(block.hash)}) has parent "
                    f"{short(block.parent_hash)}, but block {last.number} was {short(last.hash)}"
                )
        self._blocks.append(block)
        self.input_bytes += block.input_bytes

    def get(self, number: int) -> BatchBlock | None:
        """The block `number`, None when it is not in the queue."""
        first = self.first
        if first is None or not 0 <= number - first.number < len(self._blocks):
            return None
        return self._blocks[number - first.number]

    def since(self, number: int) -> Iterator[BatchBlock]:
        """The blocks from `number` on."""
        first = self.first
        if first is None:
            return iter(())
        return islice(self._blocks, max(0, number - first.number), None)

    def drop_through(self, number: int) -> None:
        """Forget the blocks up to and including `number`."""
        while self._blocks and self._blocks[0].number <= number:
            self.input_bytes -= self._blocks.popleft().input_bytes

    def clear(self) -> None:
        """Forget all blocks."""
        self._blocks.clear()
        self.input_bytes = 0

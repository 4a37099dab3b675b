"""Unsafe blocks that wait for the ones before them, by number, bounded in number and bytes."""

from bisect import bisect_right, insort

from config.types import Hash32
from node.unsafe.validation import MAX_BLOCKS_PER_HEIGHT, UnsafeBlock

MAX_BLOCKS = 4096
MAX_BYTES = 128 << 20


class UnsafeQueue:
    """Where it is full, the highest blocks go: the lowest are needed first, and those above can be asked for again."""

    def __init__(self, max_blocks: int = MAX_BLOCKS, max_bytes: int = MAX_BYTES) -> None:
        self._max_blocks = max_blocks
        self._max_bytes = max_bytes
        self._heights: dict[int, dict[Hash32, UnsafeBlock]] = {}
        self._numbers: list[int] = []
        self._count = 0
        self.bytes = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, block: UnsafeBlock) -> bool:
        return block.block.hash in self._heights.get(block.block.number, {})

    def lowest_above(self, number: int) -> UnsafeBlock | None:
        """The first block of the lowest number above this one."""
        index = bisect_right(self._numbers, number)
        return self.at(self._numbers[index])[0] if index < len(self._numbers) else None

    def at(self, number: int) -> list[UnsafeBlock]:
        """The blocks of a number, in the order in which they came."""
        return list(self._heights.get(number, {}).values())

    def add(self, block: UnsafeBlock) -> bool:
        """Put a block in. False when it is there already, or there is no room for it."""
        number, there = block.block.number, self._heights.get(block.block.number, {})
        if block.block.hash in there or len(there) >= MAX_BLOCKS_PER_HEIGHT:
            return False
        if not there:
            self._heights[number] = there
            insort(self._numbers, number)
        there[block.block.hash] = block
        self._count += 1
        self.bytes += block.size
        while self._count > self._max_blocks or self.bytes > self._max_bytes:
            highest = self._heights[self._numbers[-1]]
            self.remove(list(highest.values())[-1])
        return block in self

    def remove(self, block: UnsafeBlock) -> None:
        """Take a block out, if it is in."""
        number, there = block.block.number, self._heights.get(block.block.number, {})
        if there.pop(block.block.hash, None) is None:
            return
        self._count -= 1
        self.bytes -= block.size
        if not there:
            del self._heights[number]
            self._numbers.remove(number)

    def take_up_to(self, number: int) -> list[UnsafeBlock]:
        """Take out all blocks up to a number."""
        passed = self._numbers[: bisect_right(self._numbers, number)]
        taken = [block for height in passed for block in self.at(height)]
        for block in taken:
            self.remove(block)
        return taken

    def clear(self) -> None:
        """Take all out."""
        self._heights.clear()
        self._numbers.clear()
        self._count = self.bytes = 0

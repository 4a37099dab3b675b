"""The Merkle tree over the leaves of a streamed preimage. Spec: op fault-dispute-game, "Large Preimage Proposals"."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from config.types import ZERO_HASH, Hash32
from evm.types import keccak256

TREE_DEPTH = 16
MAX_LEAVES = 2**TREE_DEPTH - 1
"""The rightmost leaf stays absent."""


@dataclass(frozen=True)
class Leaf:
    """A block of the padded input (136 bytes), its number from zero, and the commitment to the state behind it."""

    input: bytes
    index: int
    state_commitment: Hash32

    @cached_property
    def hash(self) -> Hash32:
        """The leaf in the tree."""
        return keccak256(self.input + self.index.to_bytes(32, "big") + self.state_commitment)


class LeafTree:
    """A tree of fixed depth; absent leaves are zero."""

    def __init__(self, leaf_hashes: Sequence[Hash32]) -> None:
        """Raises ValueError for more leaves than it can have."""
        if len(leaf_hashes) > MAX_LEAVES:
            raise ValueError(f"a streamed preimage has at most {MAX_LEAVES} blocks, this one {len(leaf_hashes)}")
        self._levels = [list(leaf_hashes)]
        self._zeros = [ZERO_HASH]
        for _ in range(TREE_DEPTH):
            below, zero = self._levels[-1], self._zeros[-1]
            padded = [*below, zero] if len(below) % 2 else below
            self._levels.append([keccak256(padded[i] + padded[i + 1]) for i in range(0, len(padded), 2)])
            self._zeros.append(keccak256(zero + zero))

    @property
    def root(self) -> Hash32:
        """What the contract computes from the branch that it keeps."""
        return self._node(TREE_DEPTH, 0)

    def proof(self, index: int) -> tuple[Hash32, ...]:
        """A leaf's siblings, the lowest one first."""
        return tuple(self._node(height, index >> height ^ 1) for height in range(TREE_DEPTH))

    def _node(self, height: int, place: int) -> Hash32:
        level = self._levels[height]
        return level[place] if place < len(level) else self._zeros[height]


class LeafBranch:
    """A tree that only grows, of which as little is kept as the contract keeps: a node per level that waits for its right
    neighbour."""

    def __init__(self) -> None:
        self.count = 0
        """How many leaves there are."""
        self._waiting = [ZERO_HASH] * TREE_DEPTH

    def append(self, leaf: Hash32) -> None:
        """One leaf more. Raises ValueError when the tree is full."""
        if self.count == MAX_LEAVES:
            raise ValueError(f"a streamed preimage has at most {MAX_LEAVES} blocks")
        self.count += 1
        height, node = 0, leaf
        while self.count >> height & 1 == 0:
            node = keccak256(self._waiting[height] + node)
            height += 1
        self._waiting[height] = node

    @property
    def root(self) -> Hash32:
        """What `LeafTree` has with the same leaves."""
        node = zero = ZERO_HASH
        for height in range(TREE_DEPTH):
            pair = self._waiting[height] + node if self.count >> height & 1 else node + zero
            node, zero = keccak256(pair), keccak256(zero + zero)
        return node

"""Positions in the game's binary tree."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True, slots=True)
class Position:
    """A node by its generalised index: the root is 1, the children of n are 2n and 2n + 1.

    A claim at a position commits to the trace up to the position's rightmost leaf.
    Spec: op fault-dispute-game, "Position".
    """

    gindex: int

    def __post_init__(self) -> None:
        if self.gindex < 1:
            raise ValueError(f"a position is at least 1, not {self.gindex}")

    @staticmethod
    def at(depth: int, index: int) -> "Position":
        """The position with this index (from the left, from 0) at this depth. Raises ValueError when there is none."""
        if not 0 <= index < 1 << depth:
            raise ValueError(f"depth {depth} has no index {index}")
        return Position((1 << depth) + index)

    @property
    def depth(self) -> int:
        """Steps from the root."""
        return self.gindex.bit_length() - 1

    @property
    def index(self) -> int:
        """Number among the positions of the same depth, from the left."""
        return self.gindex - (1 << self.depth)

    def move(self, attack: bool) -> "Position":
        """Where a counter to a claim here stands. Spec: op fault-dispute-game, "Moves"."""
        return Position((self.gindex if attack else self.gindex | 1) << 1)

    def attack(self) -> "Position":
        """The left child: disagree with the left half."""
        return self.move(True)

    def defend(self) -> "Position":
        """The left child of the right neighbour: agree so far, disagree with what comes."""
        return self.move(False)

    def trace_index(self, max_depth: int) -> int:
        """The last element, at `max_depth`, that a claim here commits to."""
        below = max_depth - self.depth
        if below < 0:
            raise ValueError(f"{self} is below depth {max_depth}")
        return ((self.index + 1) << below) - 1

    def rightmost(self, depth: int) -> "Position":
        """The rightmost descendant at `depth`."""
        return Position.at(depth, self.trace_index(depth))

    def trace_ancestor(self) -> "Position":
        """The highest position with the same trace index: the way up as long as this is a right child."""
        gindex = self.gindex
        while gindex & 1 and gindex > 1:
            gindex >>= 1
        return Position(gindex)

    def trace_ancestor_below(self, bound: int) -> "Position":
        """`trace_ancestor`, but no higher than depth `bound` + 1. Raises ValueError above that."""
        if self.depth <= bound:
            raise ValueError(f"{self} is not below depth {bound}")
        ancestor = self.trace_ancestor()
        return ancestor if ancestor.depth > bound else ancestor.rightmost(bound + 1)

    def relative_to(self, root: "Position") -> "Position":
        """This position in the subtree whose root is `root`. Raises ValueError when it is not in there."""
        below = self.depth - root.depth
        if below < 0 or self.gindex >> below != root.gindex:
            raise ValueError(f"{self} is not below {root}")
        return Position((1 << below) + self.gindex - (root.gindex << below))

    def __str__(self) -> str:
        return f"position {self.gindex} (depth {self.depth}, index {self.index})"


ROOT_POSITION = Position(1)

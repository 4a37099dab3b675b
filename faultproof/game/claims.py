"""Claims and the tree they form."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from config.types import ZERO_ADDRESS, Address, Hash32, Wei, short
from faultproof.game.clock import Clock
from faultproof.game.position import Position

_NO_BOND = Wei(0)
_NO_CLOCK = Clock(0, 0)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as the game contract stores it. `parent` is None for the root claim; `bond` in wei.

    `countered_by` is set by a step, and by resolution.
    """

    index: int
    parent: int | None
    position: Position
    value: Hash32
    claimant: Address = ZERO_ADDRESS
    bond: Wei = _NO_BOND
    clock: Clock = _NO_CLOCK
    countered_by: Address = ZERO_ADDRESS

    @property
    def is_root(self) -> bool:
        """Whether this is the game's root claim."""
        return self.parent is None

    @property
    def is_countered(self) -> bool:
        """Whether a step, or resolution, has countered it."""
        return self.countered_by != ZERO_ADDRESS

    @property
    def depth(self) -> int:
        """The depth of its position."""
        return self.position.depth

    def __str__(self) -> str:
        return f"claim {self.index} ({short(self.value)} at depth {self.depth}, index {self.position.index})"


class GameTree:
    """All claims of a game, parents before children, with its two depths. Never changes: see `with_claim`."""

    def __init__(self, claims: Sequence[Claim], max_depth: int, split_depth: int) -> None:
        """Raises ValueError when the claims are not numbered in order, or a parent comes after its child."""
        for number, claim in enumerate(claims):
            if claim.index != number or (claim.parent is None) != (number == 0):
                raise ValueError(f"{claim} cannot be number {number} of a game")
            if claim.parent is not None and not 0 <= claim.parent < number:
                raise ValueError(f"{claim} answers claim {claim.parent}, which is not before it")
        if not claims:
            raise ValueError("a game has at least its root claim")
        self.claims = tuple(claims)
        self.max_depth = max_depth
        self.split_depth = split_depth

    @property
    def root(self) -> Claim:
        """The root claim."""
        return self.claims[0]

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.claims)

    def __len__(self) -> int:
        return len(self.claims)

    def parent(self, claim: Claim) -> Claim:
        """The claim that this one answers. Raises ValueError for the root claim."""
        if claim.parent is None:
            raise ValueError("the root claim answers no other")
        return self.claims[claim.parent]

    @cached_property
    def _children(self) -> dict[int, list[Claim]]:
        children: dict[int, list[Claim]] = {}
        for claim in self.claims:
            if claim.parent is not None:
                children.setdefault(claim.parent, []).append(claim)
        return children

    def children(self, claim: Claim) -> Sequence[Claim]:
        """Answers to a claim, oldest first."""
        return self._children.get(claim.index, ())

    @cached_property
    def _identities(self) -> frozenset[tuple[int | None, Position, Hash32]]:
        return frozenset((claim.parent, claim.position, claim.value) for claim in self.claims)

    def has(self, parent: int, position: Position, value: Hash32) -> bool:
        """Whether this very answer exists: the contract refuses it a second time."""
        return (parent, position, value) in self._identities

    def with_claim(self, claim: Claim) -> "GameTree":
        """The tree with one claim more."""
        return GameTree((*self.claims, claim), self.max_depth, self.split_depth)

    def trace_ancestor(self, position: Position, start: Claim, *, across_split: bool) -> Claim:
        """The claim at or above `start` that commits to the trace element of `position`.

        Within one execution trace unless `across_split`. Raises LookupError when there is none.
        """
        wanted = position.trace_ancestor() if across_split else position.trace_ancestor_below(self.split_depth)
        claim = start
        while claim.position != wanted:
            if claim.parent is None:
                raise LookupError(f"no claim above {start} commits to {position}")
            claim = self.claims[claim.parent]
        return claim

    def execution_root(self, claim: Claim) -> Claim:
        """The root of the execution trace that a claim below the split depth belongs to."""
        if claim.depth <= self.split_depth:
            raise ValueError(f"{claim} is about outputs, not about an execution trace")
        while claim.depth > self.split_depth + 1:
            claim = self.parent(claim)
        return claim

    def clock_used(self, claim: Claim, now: int, max_clock: int) -> int:
        """Seconds that the side which has to answer `claim` has used by `now`, at most `max_clock`."""
        used = now - claim.clock.timestamp
        if claim.parent is not None:
            used += self.claims[claim.parent].clock.duration
        return min(used, max_clock)

"""Which block several endpoints call canonical: counting of their answers, without asking anybody.

A quorum must agree, and more must agree than contradict. Endpoints that have not come that far do not vote.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.types import Hash32


@dataclass(frozen=True)
class Verdict:
    """The block hash that won the vote, if any, and the endpoints that voted for another one."""

    agreed: Hash32 | None
    outvoted: tuple[str, ...]
    is_split: bool
    """Whether there is no winner although endpoints named different blocks."""


def default_quorum(endpoints: int) -> int:
    """A majority of three or more endpoints; of two, one is enough as long as the other one does not contradict."""
    return endpoints // 2 + 1 if endpoints > 2 else 1


def count(votes: Mapping[str, Hash32], quorum: int) -> Verdict:
    """What the endpoints' votes about one block number come to."""
    ballots = Counter(votes.values())
    if not ballots:
        return Verdict(None, (), is_split=False)
    winner, support = ballots.most_common(1)[0]
    if support >= quorum and support > ballots.total() - support:
        return Verdict(winner, tuple(name for name, vote in votes.items() if vote != winner), is_split=False)
    return Verdict(None, (), is_split=len(ballots) > 1)


def is_settled(votes: Mapping[str, Hash32], quorum: int, endpoints: int) -> bool:
    """Whether the answers that are still out cannot change who wins."""
    support = max(Counter(votes.values()).values(), default=0)
    return support >= quorum and 2 * support > endpoints


def common_height(heads: Sequence[int], quorum: int) -> int | None:
    """The highest block number that a quorum of endpoints has reached; None when there are too few endpoints.

    A single endpoint can therefore not pull the head up, nor hold it back.
    """
    return sorted(heads, reverse=True)[quorum - 1] if len(heads) >= quorum else None

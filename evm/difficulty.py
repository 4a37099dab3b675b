"""The difficulty of a block of proof of work."""

from dataclasses import dataclass

from config.forks import EthFork
from evm.forks.names import NamedFork

_BOUND_DIVISOR = 2048
_MINIMUM = 131_072
_MOST_STEPS_DOWN = -99
_FRONTIER_SECONDS = 13
_HOMESTEAD_SECONDS = 10
_BYZANTIUM_SECONDS = 9
_BOMB_PERIOD = 100_000
_PERIODS_WITHOUT_BOMB = 2


@dataclass(frozen=True)
class ParentWork:
    """What the difficulty of the next block depends on: the parent's own, its `timestamp` (seconds), its uncles."""

    difficulty: int
    timestamp: int
    has_uncles: bool = False


def next_difficulty(fork: NamedFork, parent: ParentWork, number: int, timestamp: int) -> int:
    """The difficulty of block `number` with this timestamp (seconds).

    Spec: yellow paper, 4.3.4 "Block Header Validity"; EIP-2, EIP-100, EIP-649 and those that moved the bomb again.
    """
    step = parent.difficulty // _BOUND_DIVISOR
    seconds = timestamp - parent.timestamp
    if fork.rules >= EthFork.BYZANTIUM:
        factor = max((2 if parent.has_uncles else 1) - seconds // _BYZANTIUM_SECONDS, _MOST_STEPS_DOWN)
    elif fork.rules >= EthFork.HOMESTEAD:
        factor = max(1 - seconds // _HOMESTEAD_SECONDS, _MOST_STEPS_DOWN)
    else:
        factor = 1 if seconds < _FRONTIER_SECONDS else -1
    difficulty = max(parent.difficulty + step * factor, _MINIMUM)
    periods = max(number - fork.bomb_delay, 0) // _BOMB_PERIOD - _PERIODS_WITHOUT_BOMB
    return difficulty + 2**periods if periods >= 0 else difficulty

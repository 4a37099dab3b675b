"""The one table of network upgrades: which exist, in which order, and what each sets."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

from config import constants
from config.types import Timestamp


class Fork(IntEnum):
    """OP Stack upgrades in order of activation; a fork implies all that come before it."""

    BEDROCK = 0
    REGOLITH = 1
    CANYON = 2
    DELTA = 3
    ECOTONE = 4
    FJORD = 5
    GRANITE = 6
    HOLOCENE = 7
    ISTHMUS = 8
    JOVIAN = 9
    KARST = 10

    @property
    def key(self) -> str:
        """The name used in configuration files: `<key>_time`."""
        return self.name.lower()


class EthFork(IntEnum):
    """Ethereum L1 upgrades that change execution rules, in order."""

    FRONTIER = 0
    HOMESTEAD = 1
    TANGERINE_WHISTLE = 2
    SPURIOUS_DRAGON = 3
    BYZANTIUM = 4
    CONSTANTINOPLE = 5
    PETERSBURG = 6
    ISTANBUL = 7
    BERLIN = 8
    LONDON = 9
    PARIS = 10
    SHANGHAI = 11
    CANCUN = 12
    PRAGUE = 13
    OSAKA = 14


@dataclass(frozen=True)
class ForkFacts:
    """What holds from a fork on. A fork's row in `FORK_TABLE` is the one before with its changes."""

    eth_fork: EthFork
    """The Ethereum rules that the L2 follows."""
    channel_timeout: int | None
    """L1 blocks a channel may stay open; None: the rollup config says."""
    max_sequencer_drift: int | None
    """Seconds the L2 may run ahead of its L1 origin; None: the rollup config says."""
    max_rlp_bytes_per_channel: int
    max_channel_bank_size: int
    span_batches: bool
    brotli: bool
    strict_batch_ordering: bool


_BEDROCK = ForkFacts(
    eth_fork=EthFork.PARIS,
    channel_timeout=None,
    max_sequencer_drift=None,
    max_rlp_bytes_per_channel=constants.MAX_RLP_BYTES_PER_CHANNEL_BEDROCK,
    max_channel_bank_size=constants.MAX_CHANNEL_BANK_SIZE_BEDROCK,
    span_batches=False,
    brotli=False,
    strict_batch_ordering=False,
)
_CHANGES: Mapping[Fork, Mapping[str, Any]] = {
    Fork.CANYON: {"eth_fork": EthFork.SHANGHAI},
    Fork.DELTA: {"span_batches": True},
    Fork.ECOTONE: {"eth_fork": EthFork.CANCUN},
    Fork.FJORD: {
        "max_sequencer_drift": constants.MAX_SEQUENCER_DRIFT_FJORD,
        "max_rlp_bytes_per_channel": constants.MAX_RLP_BYTES_PER_CHANNEL_FJORD,
        "max_channel_bank_size": constants.MAX_CHANNEL_BANK_SIZE_FJORD,
        "brotli": True,
    },
    Fork.GRANITE: {"channel_timeout": constants.CHANNEL_TIMEOUT_GRANITE},
    Fork.HOLOCENE: {"strict_batch_ordering": True},
    Fork.ISTHMUS: {"eth_fork": EthFork.PRAGUE},
    Fork.KARST: {"eth_fork": EthFork.OSAKA},
}
"""What each fork changes. Regolith and Jovian change execution only: see `evm.forks` and `evm.rules`."""


def _table() -> dict[Fork, ForkFacts]:
    table, facts = {}, _BEDROCK
    for fork in Fork:
        facts = table[fork] = replace(facts, **_CHANGES.get(fork, {}))
    return table


FORK_TABLE: Mapping[Fork, ForkFacts] = _table()
_FORKS = tuple(Fork)


@dataclass(frozen=True)
class ForkSchedule:
    """Activation times of the forks on one chain. Bedrock is active from genesis."""

    times: Mapping[Fork, Timestamp] = field(default_factory=dict)

    def __post_init__(self) -> None:
        previous: tuple[Fork, int] = (Fork.BEDROCK, 0)
        for fork in list(Fork)[1:]:
            time = self.times.get(fork)
            if time is None:
                previous = (fork, 1 << 64)
                continue
            if time < previous[1]:
                raise ValueError(
                    f"fork {fork.key} activates at {time}, before its predecessor {previous[0].key}: "
                    "give the forks non-decreasing times and leave out none in between"
                )
            previous = (fork, time)

    @staticmethod
    def all_at_genesis(last: Fork) -> "ForkSchedule":
        """A schedule for a new chain that starts on `last`'s rules."""
        return ForkSchedule({fork: Timestamp(0) for fork in Fork if Fork.BEDROCK < fork <= last})

    def active(self, timestamp: int) -> Fork:
        """The newest fork whose rules an L2 block of this timestamp (seconds) follows."""
        return _FORKS[bisect_right(self._starts, timestamp)]

    @cached_property
    def _starts(self) -> list[int]:
        """Activation times of the forks after Bedrock, up to the last one that has a time. Asked for every block."""
        return [time for fork in _FORKS[1:] if (time := self.times.get(fork)) is not None]

    def is_active(self, fork: Fork, timestamp: int) -> bool:
        """Whether `fork`'s rules hold at this timestamp (seconds)."""
        return fork == Fork.BEDROCK or ((time := self.times.get(fork)) is not None and timestamp >= time)

    def facts(self, timestamp: int) -> ForkFacts:
        """The row of the fork table that holds at this timestamp."""
        return FORK_TABLE[self.active(timestamp)]

    def activated_by(self, timestamp: int, block_time: int) -> list[Fork]:
        """Forks for which a block of this timestamp is the first one (never true for forks active at genesis)."""
        return [
            fork
            for fork, time in sorted(self.times.items())
            if time <= timestamp and timestamp - block_time < time and time > 0
        ]

"""How patient the transaction manager is, and what it counts."""

from dataclasses import dataclass
from typing import Protocol

from config.types import Wei
from l1.retry import RetryPolicy

DEFAULT_RETRY = RetryPolicy()


@dataclass(frozen=True)
class TxPolicy:
    """How patient to be. Times in seconds.

    A transaction not included within `resubmission_timeout` is offered for more. One that would have to be offered
    above a fee ceiling is cancelled once it is `give_up_after` old; None: it waits for fees to fall. What an estimated
    gas limit has above 21,000 is raised by `gas_margin_percent`. `chain` is the chain's name in messages: bridge
    commands send on L2 as well.
    """

    confirmations: int = 1
    max_pending: int = 8
    resubmission_timeout: float = 48.0
    poll_interval: float = 1.0
    give_up_after: float | None = 600.0
    gas_margin_percent: int = 10
    retry: RetryPolicy = DEFAULT_RETRY
    chain: str = "L1"

    def __post_init__(self) -> None:
        if self.confirmations < 1 or self.max_pending < 1:
            raise ValueError("confirmations and max_pending must be at least 1")


class Allowance(Protocol):
    """What the manager may spend on transactions that nobody asked for."""

    def spend(self, amount: Wei) -> bool:
        """Whether `amount` (wei) may be spent; if so, it counts as spent."""
        ...


@dataclass
class TxStats:
    """Counters for metrics; `cost` in wei."""

    published: int = 0
    replaced: int = 0
    republished: int = 0
    dropped_by_reorg: int = 0
    cancelled: int = 0
    confirmed: int = 0
    failed: int = 0
    gas_used: int = 0
    cost: int = 0

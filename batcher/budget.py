"""Keeps what the batcher spends within what the operator allows."""

from config.types import Wei


class Budget:
    """Wei spent so far, wei set aside for transactions whose cost is not known yet, and the limit on both together."""

    def __init__(self, limit: Wei | None) -> None:
        self.limit = limit
        self.spent = Wei(0)
        self.reserved = Wei(0)

    def allows(self, amount: Wei) -> bool:
        """Whether `amount` can be set aside now."""
        return self.limit is None or self.spent + self.reserved + amount <= self.limit

    def could_allow(self, amount: Wei) -> bool:
        """Whether `amount` can be set aside at least once nothing else is in flight."""
        return self.limit is None or self.spent + amount <= self.limit

    def reserve(self, amount: Wei) -> None:
        """Set `amount` aside for a transaction about to be sent. Raises ValueError when the limit does not allow it."""
        if not self.allows(amount):
            raise ValueError(
                f"{amount} wei exceed the budget of {self.limit} wei ({self.spent} spent, {self.reserved} reserved)"
            )
        self.reserved = Wei(self.reserved + amount)

    def spend(self, amount: Wei) -> bool:
        """Count `amount` as spent if that can still be afforded; whether it was."""
        if not self.allows(amount):
            return False
        self.spent = Wei(self.spent + amount)
        return True

    def settle(self, reserved: Wei, cost: Wei) -> None:
        """Replace what was set aside for a transaction by what it cost."""
        self.reserved = Wei(self.reserved - reserved)
        self.spent = Wei(self.spent + cost)

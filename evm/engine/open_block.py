"""A block in the making, whichever engine makes it."""

from collections.abc import Sequence
from typing import Protocol

from evm.engine.blocks import ExecutedBlock
from evm.types import Transaction
from evm.validity import InvalidTransaction


class OpenBlock(Protocol):
    """What a sequencer needs of a block while it fills it. Amounts of gas; `base_fee` in wei per gas."""

    @property
    def number(self) -> int:
        """The number the block will have."""
        ...

    @property
    def base_fee(self) -> int:
        """The block's base fee."""
        ...

    @property
    def gas_left(self) -> int:
        """Gas that further transactions may ask for."""
        ...

    @property
    def transactions(self) -> Sequence[Transaction]:
        """What is in the block so far."""
        ...

    def add(self, transaction: Transaction) -> object:
        """Execute a transaction at the end of the block. Raises InvalidTransaction, with everything as before."""
        ...

    def add_valid(self, transactions: Sequence[Transaction]) -> InvalidTransaction | None:
        """Execute transactions at the end of the block, one after the other, up to the first that may not stand there.

        Answers why that one may not; None when all are in the block.
        """
        ...

    def seal(self) -> ExecutedBlock:
        """Finish the block; nothing can be done with it afterwards."""
        ...

    def abandon(self) -> None:
        """Give the block up. Nothing happens when it is sealed already."""
        ...

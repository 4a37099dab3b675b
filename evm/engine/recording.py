"""A state that remembers which accounts and slots were accessed, whatever was undone later."""

from evm.engine.environment import BlockEnvironment
from evm.engine.state import EvmState, StateSource
from evm.types import Address


class RecordingState(EvmState):
    """Collects what code pays to access; precompiles are always warm and never appear."""

    def __init__(self, source: StateSource, environment: BlockEnvironment, precompiles: frozenset[Address]) -> None:
        super().__init__(source, environment, precompiles)
        self.accessed_addresses: set[Address] = set()
        self.accessed_slots: set[tuple[Address, int]] = set()

    def mark_address_warm(self, address: Address) -> None:
        """Make later accesses cheap, and remember this one."""
        self.accessed_addresses.add(address)
        super().mark_address_warm(address)

    def mark_storage_warm(self, address: Address, slot: int) -> None:
        """Make later accesses cheap, and remember this one."""
        self.accessed_slots.add((address, slot))
        super().mark_storage_warm(address, slot)

    def source_nonce(self, address: Address) -> int:
        """The account's nonce before anything ran here."""
        account = self.source.account(address)
        return 0 if account is None else account.nonce

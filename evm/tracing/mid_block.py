"""The state in the middle of a block, for calls to be run on."""

from collections.abc import Callable

from config.constants import EMPTY_TRIE_ROOT
from evm.engine import BlockInputs, Engine, EvmState
from evm.store.account import Account
from evm.types import Address, Block, Hash32, Header

_SOME_STORAGE = Hash32(b"\x01" * 32)
"""Stands for the root of a storage that is not empty: which one it has is not known before the block's end."""


class NoSuchTransaction(ValueError):
    """A block has fewer transactions than that."""


class MidBlockState:
    """A `StateSource` over a running block. Roots of storage only tell whether there is any."""

    def __init__(self, state: EvmState) -> None:
        self._state = state
        self._owners: dict[Hash32, Address] = {}

    def account(self, address: Address) -> Account | None:
        """The account as it is now, or None when there is none."""
        live = self._state.load(address)
        if not live.exists:
            return None
        self._owners[live.code_hash] = address
        stored = (live.has_base_storage and not live.wiped) or any(live.storage.values())
        root = _SOME_STORAGE if stored else EMPTY_TRIE_ROOT
        return Account(live.nonce, live.balance, root, live.code_hash)

    def storage(self, address: Address, slot: int) -> int:
        """The value of a slot now."""
        return self._state.get_storage(address, slot)

    def code(self, code_hash: Hash32) -> bytes:
        """The code of an account that was asked for."""
        return self._state.get_code(self._owners[code_hash])


def state_before(
    engine: Engine, parent: Header, block: Block, index: int, budget: Callable[[], None] | None = None
) -> MidBlockState:
    """The state that a block's transaction finds. Raises NoSuchTransaction."""
    if not 0 <= index < len(block.transactions):
        raise NoSuchTransaction(f"transaction index {index} out of range for {block}")
    builder = engine.start(parent, BlockInputs.of(block))
    builder.state.budget = budget
    for transaction in block.transactions[:index]:
        builder.add(transaction)
    return MidBlockState(builder.state)

"""What a call or a simulated block sees otherwise than it is: accounts, precompiles, facts of the block.

Spec: Ethereum execution APIs, "AccountOverride" and "BlockOverrides"; behaviour where they are silent as in geth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evm.engine.state import EvmState
from evm.forks import ForkRules
from evm.forks.table import with_precompiles
from evm.types import Address, Hash32, Withdrawal


class InvalidOverride(ValueError):
    """Overrides that contradict each other or the rules, in geth's words."""


@dataclass(frozen=True)
class StateOverride:
    """Values that an account has for the call. `state` replaces all of its storage, `state_diff` single slots.

    `move_precompile_to`: where the precompile of this address is found instead.
    """

    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    state: Mapping[int, int] | None = None
    state_diff: Mapping[int, int] = field(default_factory=dict)
    move_precompile_to: Address | None = None


@dataclass(frozen=True)
class BlockOverrides:
    """Facts of the block that the call sees instead of the real ones; None leaves them.

    `beacon_root` and `withdrawals` are for whole blocks only: a call sees nothing of them.
    """

    number: int | None = None
    timestamp: int | None = None
    gas_limit: int | None = None
    fee_recipient: Address | None = None
    prev_randao: Hash32 | None = None
    base_fee: int | None = None
    blob_base_fee: int | None = None
    beacon_root: Hash32 | None = None
    withdrawals: tuple[Withdrawal, ...] | None = None


def overridden_fork(fork: ForkRules, overrides: Mapping[Address, StateOverride]) -> ForkRules:
    """The rules with precompiles where the overrides put them; an address that is overridden has none of its own.

    Raises InvalidOverride when what is to be moved is no precompile, or where it is to go is overridden itself.
    """
    stock = fork.computation._precompiles
    precompiles = dict(stock)
    moved: set[Address] = set()
    for address in sorted(overrides):
        if address in moved:
            raise InvalidOverride(f"account 0x{address.hex()} has already been overridden by a precompile")
        target = overrides[address].move_precompile_to
        if target is not None:
            if address not in precompiles:
                raise InvalidOverride(f"account 0x{address.hex()} is not a precompile")
            if target in overrides:
                raise InvalidOverride(f"account 0x{target.hex()} is already overridden")
            precompiles[target] = precompiles[address]
            moved.add(target)
        precompiles.pop(address, None)
    return fork if precompiles == stock else with_precompiles(fork, precompiles)


def apply_overrides(state: EvmState, overrides: Mapping[Address, StateOverride]) -> None:
    """Give accounts their other values, as if a transaction before had done it."""
    for address, override in overrides.items():
        if override.balance is not None:
            state.set_balance(address, override.balance)
        if override.nonce is not None:
            state.set_nonce(address, override.nonce)
        if override.code is not None:
            state.set_code(address, override.code)
        if override.state is not None:
            state.replace_storage(address, override.state)
        for slot, value in override.state_diff.items():
            state.set_storage(address, slot, value)
    state.end_transaction()

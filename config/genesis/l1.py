"""Genesis state of a development L1."""

from collections.abc import Mapping
from pathlib import Path

from config.genesis.account import Alloc, GenesisAccount
from config.genesis.canonical_code import (
    BEACON_ROOTS,
    CONSOLIDATION_REQUESTS,
    HISTORY_STORAGE,
    WITHDRAWAL_REQUESTS,
    canonical_code,
)
from config.genesis.preinstalls import preinstalls_alloc
from config.types import Address

L1_SYSTEM_CONTRACTS = (BEACON_ROOTS, HISTORY_STORAGE, WITHDRAWAL_REQUESTS, CONSOLIDATION_REQUESTS)


def l1_genesis_alloc(accounts: Mapping[Address, int], preinstalls: Path | None = None) -> Alloc:
    """The system contracts of Prague, Multicall3, the create2 deployer, and `accounts` with their balances in wei.

    `preinstalls` may name a JSON file `address -> code` with further contracts.

    Raises:
        ValueError: an account to be funded is one of the contracts, or the file cannot be read.
    """
    alloc = preinstalls_alloc(preinstalls)
    for contract in map(canonical_code, L1_SYSTEM_CONTRACTS):
        alloc[contract.address] = contract.account()
    return with_funded(alloc, accounts)


def with_funded(alloc: Alloc, accounts: Mapping[Address, int]) -> Alloc:
    """`alloc` with plain accounts added, balances in wei. Raises ValueError when one is there already."""
    funded = dict(alloc)
    for address, balance in accounts.items():
        if address in funded:
            raise ValueError(f"0x{address.hex()} is a contract of the genesis state and cannot be a funded account.")
        funded[address] = GenesisAccount(balance=balance)
    return funded

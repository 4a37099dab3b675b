"""Contracts that a chain has from genesis for its users' convenience: two built in, any others from a file.

Spec: op protocol, "Preinstalls".
"""

import json
from pathlib import Path

from config.genesis.account import Alloc, GenesisAccount
from config.genesis.canonical_code import CREATE2_DEPLOYER, MULTICALL3, canonical_code
from config.types import from_hex, to_address, to_hex


def preinstalls_alloc(extra: Path | None = None) -> Alloc:
    """Multicall3 and the create2 deployer at their canonical addresses, and what a JSON file `address -> code` adds.

    Raises:
        ValueError: the file is not such an object, has an empty code or an address twice.
    """
    alloc = {contract.address: contract.account() for contract in map(canonical_code, (MULTICALL3, CREATE2_DEPLOYER))}
    if extra is None:
        return alloc
    raw = json.loads(extra.read_text(encoding="utf-8"))
    if not isinstance(raw, dict):
        raise ValueError(f"{extra.name} must be a JSON object from address to code.")
    seen = set(alloc)
    for key, code in raw.items():
        address = to_address(key)
        account = GenesisAccount(nonce=1, code=from_hex(code))
        if not account.code:
            raise ValueError(f"{extra.name} gives no code for {to_hex(address)}.")
        if address in seen and alloc[address] != account:
            raise ValueError(f"{extra.name} gives {to_hex(address)} another code than the one it already has.")
        seen.add(address)
        alloc[address] = account
    return alloc

"""Contracts whose code and address are the same on every chain; their bytes lie in `config/data/code`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eth_utils.crypto import keccak

from config.genesis.account import GenesisAccount
from config.types import Address, Hash32, short, to_address, to_hash32

CODE_DIRECTORY = Path(__file__).resolve().parent.parent / "data" / "code"

BEACON_ROOTS = "beacon_roots"
HISTORY_STORAGE = "history_storage"
WITHDRAWAL_REQUESTS = "withdrawal_requests"
CONSOLIDATION_REQUESTS = "consolidation_requests"
CREATE2_DEPLOYER = "create2_deployer"
CANYON_CREATE2_DEPLOYER = "create2deployer_canyon"
MULTICALL3 = "multicall3"


@dataclass(frozen=True)
class CanonicalCode:
    """Address, runtime code and its keccak256, and where the bytes were published."""

    address: Address
    code: bytes
    code_hash: Hash32
    source: str

    def account(self) -> GenesisAccount:
        """The contract in a genesis state: nonce 1, as if it had been deployed (EIP-161)."""
        return GenesisAccount(nonce=1, code=self.code)


@cache
def canonical_code(name: str) -> CanonicalCode:
    """One of the contracts named above.

    Raises ValueError when the bytes do not have the hash written next to them.
    """
    raw = json.loads((CODE_DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
    contract = CanonicalCode(
        address=to_address(raw["address"]),
        code=bytes.fromhex(raw["code"][2:]),
        code_hash=to_hash32(raw["keccak256"]),
        source=raw["source"],
    )
    found = keccak(contract.code)
    if found != contract.code_hash:
        raise ValueError(
            f"config/data/code/{name}.json is damaged: its code hashes to {short(found)}, not to "
            f"{short(contract.code_hash)}. Restore the file from the package."
        )
    return contract

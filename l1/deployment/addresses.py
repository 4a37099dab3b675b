"""Where the contracts of one chain are on L1."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from config.types import ZERO_ADDRESS, Address, to_address, to_hex


@dataclass(frozen=True)
class L1Addresses:
    """Contracts of one chain on L1, named as in the addresses file that OP Stack tools read and write.

    A zero address means that the contract does not exist (yet): `FaultDisputeGame` before the game is installed.
    """

    ProxyAdmin: Address
    Timelock: Address
    Multicall3: Address
    SuperchainConfigProxy: Address
    SuperchainConfigImpl: Address
    SystemConfigProxy: Address
    SystemConfigImpl: Address
    OptimismPortalProxy: Address
    OptimismPortalImpl: Address
    L1CrossDomainMessengerProxy: Address
    L1CrossDomainMessengerImpl: Address
    L1StandardBridgeProxy: Address
    L1StandardBridgeImpl: Address
    L1ERC721BridgeProxy: Address
    L1ERC721BridgeImpl: Address
    OptimismMintableERC20FactoryProxy: Address
    OptimismMintableERC20FactoryImpl: Address
    DisputeGameFactoryProxy: Address
    DisputeGameFactoryImpl: Address
    AnchorStateRegistryProxy: Address
    AnchorStateRegistryImpl: Address
    DelayedWETHProxy: Address
    DelayedWETHImpl: Address
    PreimageOracle: Address
    FaultDisputeGame: Address = ZERO_ADDRESS
    FaultProofVM: Address = ZERO_ADDRESS

    def to_json(self) -> dict[str, str]:
        """Name to `0x`-prefixed address."""
        return {item.name: to_hex(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> L1Addresses:
        """Reads what `to_json` wrote; names it does not know are ignored.

        Raises:
            ValueError: a name is missing or its value is not an address.
        """
        known = {item.name for item in fields(cls)}
        values = {name: to_address(text) for name, text in data.items() if name in known}
        missing = sorted(known - set(values) - {"FaultDisputeGame", "FaultProofVM"})
        if missing:
            raise ValueError(f"The addresses of {', '.join(missing)} are missing.")
        return cls(**values)

    def write(self, path: Path) -> None:
        """Writes the JSON file."""
        path.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> L1Addresses:
        """Reads the JSON file.

        Raises:
            ValueError: the file is not an addresses file.
            OSError: the file cannot be read.
        """
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, AttributeError) as error:
            raise ValueError(f"{path} is not an addresses file: {error}") from error

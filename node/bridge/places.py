"""Where the two chains are reached, and which contracts on L1 join them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.types import Address, to_address


@dataclass(frozen=True)
class BridgePlaces:
    """`l1`, `l2`: URLs of execution endpoints; `standard_bridge` on L1 is needed for tokens only."""

    l1: str
    l2: str | None
    portal: Address
    standard_bridge: Address | None

    def require_l2(self) -> str:
        """The L2 endpoint. Raises ValueError when none was given."""
        if self.l2 is None:
            raise ValueError("an L2 endpoint is needed: give --l2 URL, or --info devnet.json")
        return self.l2

    def require_standard_bridge(self) -> Address:
        """The bridge for tokens. Raises ValueError when it is not known."""
        if self.standard_bridge is None:
            raise ValueError("the contracts file does not name L1StandardBridgeProxy, which tokens go through")
        return self.standard_bridge


def bridge_places(
    info: Path | None, contracts: Path | None, l1: str | None = None, l2: str | None = None
) -> BridgePlaces:
    """Places from a devnet's info file or a file of contract addresses; `l1` and `l2` go before what the info says.

    Raises ValueError naming what is missing or malformed.
    """
    facts = {} if info is None else _read(info)
    names: Any = facts.get("contracts", {}) if contracts is None else _read(contracts)
    try:
        url = l1 or facts.get("l1", {}).get("http")
        portal = names.get("OptimismPortalProxy")
        bridge = names.get("L1StandardBridgeProxy")
        l2_url = l2 or facts.get("l2", {}).get("http")
    except AttributeError as error:
        raise ValueError(f"{info} is not an info file of `lamina devnet`: {error}") from error
    if url is None:
        raise ValueError("an L1 endpoint is needed: give --l1 URL, or --info devnet.json")
    if portal is None:
        raise ValueError(
            "the address of OptimismPortalProxy is needed: give --contracts FILE (JSON, names to addresses) or --info"
        )
    return BridgePlaces(url, l2_url, to_address(portal), None if bridge is None else to_address(bridge))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return content

"""anvil as a devnet's L1: where its binary is, and how it is started."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import contracts
from config.errors import CriticalError
from node.devl1.genesis import DEV_L1_CHAIN_ID, DEV_L1_GAS_LIMIT
from node.devnet.settings import DevnetSettings

_PACKAGED = "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"


def find_anvil(environment: Mapping[str, str] = os.environ) -> Path:
    """The binary: LAMINA_ANVIL, else on PATH, else the npm package under contracts/.

    Raises CriticalError saying how to get it.
    """
    named = environment.get("LAMINA_ANVIL")
    if named:
        if not os.access(named, os.X_OK):
            raise CriticalError(f"LAMINA_ANVIL names {named}, which is no program")
        return Path(named)
    found = shutil.which("anvil", path=environment.get("PATH"))
    packaged = Path(contracts.__file__).parent / _PACKAGED
    if found is not None:
        return Path(found)
    if os.access(packaged, os.X_OK):
        return packaged
    raise CriticalError(
        "anvil is not here: install it (npm install --no-save @foundry-rs/anvil@1.7.1 in contracts/, or Foundry), "
        "or name its binary in LAMINA_ANVIL; --l1 embedded needs nothing"
    )


def anvil_arguments(settings: DevnetSettings, port: int) -> list[str]:
    """Its arguments. Blocks come every second while the contracts are deployed; the slot time is set after that."""
    return [
        "--quiet",
        *("--host", "127.0.0.1"),
        *("--port", str(port)),
        *("--chain-id", str(DEV_L1_CHAIN_ID)),
        *("--gas-limit", str(DEV_L1_GAS_LIMIT)),
        *("--hardfork", settings.l1_fork.name.lower()),
        *("--block-time", "1"),
        # anvil's `safe` is one such epoch behind its head, `finalized` two.
        *("--slots-in-an-epoch", str(settings.lags.safe)),
        # The accounts are funded explicitly, for the devnet has more of them than anvil makes.
        *("--accounts", "1"),
    ]

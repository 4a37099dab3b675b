#!/usr/bin/env python3
"""Packs the upgrade transactions of `config/data/upgrades` for the core: `python core/tools/pack_upgrades.py`.

Run it from the project's root when an upgrade is added; the result is committed, and a test compares it.
"""

from pathlib import Path

import brotli
from rlp import encode

from config.forks import Fork
from derivation.upgrades import transactions_of

OUTPUT = Path(__file__).resolve().parents[1] / "src" / "derivation" / "data" / "upgrades.br"
FORKS = (Fork.ECOTONE, Fork.FJORD, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST)
"""In the order of `core/src/derivation/upgrades.zig`."""


def upgrade_list() -> bytes:
    """The RLP of one list of deposits for each fork."""
    encoded: bytes = encode([list(transactions_of(fork)) for fork in FORKS])
    return encoded


if __name__ == "__main__":
    OUTPUT.write_bytes(brotli.compress(upgrade_list(), quality=11))
    print(OUTPUT)

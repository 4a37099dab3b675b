"""Genesis states: accounts and whole genesis documents, read, written and made.

Doors: `Genesis`, `GenesisAccount`, `Alloc`, `load_genesis`, `dump_genesis`, `load_alloc`, `dump_alloc`, and the makers
`l2_genesis_alloc` (a rollup with all its predeploys) and `l1_genesis_alloc` (a development L1).
"""

from config.genesis.account import Alloc, GenesisAccount
from config.genesis.alloc_file import dump_alloc, load_alloc
from config.genesis.document import Genesis, dump_genesis, load_genesis
from config.genesis.l1 import l1_genesis_alloc
from config.genesis.l2 import L2GenesisParams, VaultParams, WithdrawalNetwork, l2_genesis_alloc

__all__ = [
    "Alloc",
    "Genesis",
    "GenesisAccount",
    "L2GenesisParams",
    "VaultParams",
    "WithdrawalNetwork",
    "dump_alloc",
    "dump_genesis",
    "l1_genesis_alloc",
    "l2_genesis_alloc",
    "load_alloc",
    "load_genesis",
]

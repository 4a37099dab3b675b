"""Chain facts, no behaviour: rollup and L1 chain configuration, the fork table, typed constants, genesis allocs.

Doors: `config.types`, `config.constants`, `config.forks`, `config.rollup`, `config.l1_chain`, `config.genesis`.
"""

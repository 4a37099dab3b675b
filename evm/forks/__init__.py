"""The rules of code: one py-evm computation class per fork, each stating what it changes.

`fork_rules(eth_fork, op_fork)` gives everything that executing a transaction asks of a fork.
"""

from evm.forks.table import ForkRules, fork_rules

__all__ = ["ForkRules", "fork_rules"]

"""Spurious Dragon: no empty accounts, a limit on the size of code, dearer EXP. Spec: EIP-160, EIP-161, EIP-170."""

from eth.vm.forks.spurious_dragon.computation import SpuriousDragonComputation

from evm.forks.computation import TableRunner


class SpuriousDragon(TableRunner, SpuriousDragonComputation):  # type: ignore[misc]
    """New contracts have nonce 1, code has a limit."""

"""Fjord: P256VERIFY, years before L1 has it. Spec: op fjord exec-engine, "Precompiles"; RIP-7212."""

from evm.forks.cancun import Cancun
from evm.forks.osaka import P256_VERIFY
from evm.precompiles.p256 import P256_GAS_FJORD, p256_verify


class Fjord(Cancun):
    """Adds P256VERIFY at 3,450 gas."""

    _precompiles = {**Cancun._precompiles, P256_VERIFY: p256_verify(P256_GAS_FJORD)}  # noqa: RUF012

"""Isthmus: Prague on L2, with P256VERIFY kept and bounds on the costly precompiles."""

from evm.forks.osaka import P256_VERIFY
from evm.forks.prague import Prague
from evm.precompiles.limits import ISTHMUS_LIMITS, with_limits
from evm.precompiles.p256 import P256_GAS_FJORD, p256_verify

UNLIMITED = {**Prague._precompiles, P256_VERIFY: p256_verify(P256_GAS_FJORD)}


class Isthmus(Prague):
    """Prague, P256VERIFY and input limits. Spec: op isthmus exec-engine, "EVM Changes"."""

    _precompiles = with_limits(UNLIMITED, ISTHMUS_LIMITS)

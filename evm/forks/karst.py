"""Karst: Osaka on L2, with a still tighter bound on the bn256 pairing."""

from evm.forks.osaka import Osaka
from evm.precompiles.limits import KARST_LIMITS, with_limits


class Karst(Osaka):
    """Osaka with input limits. Spec: op karst exec-engine, "Precompile Input Size Restrictions"."""

    _precompiles = with_limits(Osaka._precompiles, KARST_LIMITS)

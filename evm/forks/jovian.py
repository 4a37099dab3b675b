"""Jovian: tighter bounds on the costly precompiles."""

from evm.forks.isthmus import UNLIMITED, Isthmus
from evm.precompiles.limits import JOVIAN_LIMITS, with_limits


class Jovian(Isthmus):
    """Lower input limits. Spec: op jovian exec-engine, "Precompile Input Size Restrictions"."""

    _precompiles = with_limits(UNLIMITED, JOVIAN_LIMITS)

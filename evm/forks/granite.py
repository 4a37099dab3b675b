"""Granite: a bound on the input of the bn256 pairing; Holocene leaves the EVM as it is."""

from evm.forks.fjord import Fjord
from evm.precompiles.limits import GRANITE_LIMITS, with_limits


class Granite(Fjord):
    """Limits bn256Pairing. Spec: op granite exec-engine."""

    _precompiles = with_limits(Fjord._precompiles, GRANITE_LIMITS)

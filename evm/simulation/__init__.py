"""Blocks that could follow a block of the chain: calls put into them are executed, and nothing is kept.

Doors: `simulate` with a `SimulationRequest`; what it raises is a `SimulationError`.
Spec: Ethereum execution APIs, "eth_simulateV1"; behaviour where they are silent as in geth.
"""

from evm.simulation.errors import Fault, SimulationError
from evm.simulation.request import CallOutcome, RequestedBlock, SimulatedBlock, SimulationRequest
from evm.simulation.simulation import simulate

__all__ = [
    "CallOutcome",
    "Fault",
    "RequestedBlock",
    "SimulatedBlock",
    "SimulationError",
    "SimulationRequest",
    "simulate",
]

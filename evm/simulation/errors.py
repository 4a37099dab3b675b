"""Why a simulation cannot be run."""

from enum import IntEnum


class Fault(IntEnum):
    """What a request asked for that no block can hold. Spec: Ethereum execution APIs, "eth_simulateV1", error codes."""

    NONCE_TOO_LOW = -38010
    NONCE_TOO_HIGH = -38011
    BASE_FEE_TOO_LOW = -38012
    INTRINSIC_GAS = -38013
    INSUFFICIENT_FUNDS = -38014
    BLOCK_GAS_LIMIT = -38015
    BLOCK_NUMBER = -38020
    TIMESTAMP = -38021
    INITCODE_SIZE = -38025
    LIMIT_EXCEEDED = -38026
    INVALID_PARAMS = -32602
    OTHER = -32603


class SimulationError(ValueError):
    """The whole simulation is refused: `fault` for programs, the message for people."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault

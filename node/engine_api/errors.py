"""Errors of the Engine API. Spec: Engine API, "Errors"."""

from enum import IntEnum

from node.rpc.errors import RpcError


class EngineErrorCode(IntEnum):
    """Codes that only the Engine API has."""

    UNKNOWN_PAYLOAD = -38001
    INVALID_FORKCHOICE_STATE = -38002
    INVALID_PAYLOAD_ATTRIBUTES = -38003
    TOO_LARGE_REQUEST = -38004
    UNSUPPORTED_FORK = -38005
    TOO_DEEP_REORG = -38006


_NAMES = {
    EngineErrorCode.UNKNOWN_PAYLOAD: "Unknown payload",
    EngineErrorCode.INVALID_FORKCHOICE_STATE: "Invalid forkchoice state",
    EngineErrorCode.INVALID_PAYLOAD_ATTRIBUTES: "Invalid payload attributes",
    EngineErrorCode.TOO_LARGE_REQUEST: "Too large request",
    EngineErrorCode.UNSUPPORTED_FORK: "Unsupported fork",
    EngineErrorCode.TOO_DEEP_REORG: "Too deep reorg",
}


def engine_error(code: EngineErrorCode, why: str) -> RpcError:
    """The error with the specified name, and the reason after it."""
    return RpcError(code, f"{_NAMES[code]}: {why}")

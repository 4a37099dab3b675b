"""Errors that a JSON-RPC caller sees: a code, a sentence, and sometimes data. Codes and texts follow geth."""

from enum import IntEnum
from typing import Any


class ErrorCode(IntEnum):
    """Codes in use. Spec: JSON-RPC 2.0, "Error object"; EIP-1474; geth for 3 and -32003."""

    EXECUTION_REVERTED = 3
    TRANSACTION_WAIT_EXPIRED = 4
    SERVER_ERROR = -32000
    RESOURCE_NOT_FOUND = -32001
    RESPONSE_TOO_LARGE = -32003
    TIMEOUT = -32002
    LIMIT_EXCEEDED = -32005
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    PARSE_ERROR = -32700


class RpcError(Exception):
    """What went wrong, for the caller. `data` is JSON-ready; None leaves it out."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, Any]:
        """The `error` member of a response."""
        result: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            result["data"] = self.data
        return result


def server_error(message: str) -> RpcError:
    """A request that is well formed but cannot be fulfilled (-32000)."""
    return RpcError(ErrorCode.SERVER_ERROR, message)


def invalid_params(message: str) -> RpcError:
    """Arguments of a wrong number or shape (-32602)."""
    return RpcError(ErrorCode.INVALID_PARAMS, message)


def method_not_found(method: str) -> RpcError:
    """No such method, or its namespace is not enabled here (-32601)."""
    return RpcError(ErrorCode.METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")

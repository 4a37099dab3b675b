"""The error that a reverted call is answered with."""

from evm.tracing.revert import revert_reason
from evm.types import to_hex
from node.rpc.errors import ErrorCode, RpcError


def reverted(output: bytes) -> RpcError:
    """The error that geth answers for a revert: code 3, the reason if there is one, and the output as data."""
    reason = revert_reason(output)
    message = "execution reverted" if reason is None else f"execution reverted: {reason}"
    return RpcError(ErrorCode.EXECUTION_REVERTED, message, to_hex(output))

"""Reading and calling one contract through its artifact."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from eth_abi.exceptions import DecodingError

from config.errors import TemporaryError
from config.types import Address, Hash32, Wei, from_hex, to_hex
from contracts.artifacts import Artifact, artifact_names, load_artifact
from evm.types import keccak256
from l1.candidate import NOTHING, TxCandidate
from l1.rpc import RpcCaller, RpcError
from l1.send_error import explain_revert, revert_data

BlockName: TypeAlias = int | str | Hash32
"""A block number, a tag, or a block hash."""


class ContractCallFailed(TemporaryError):
    """A read gave no answer: the call reverted, there is no such contract, or the endpoint refused it."""


class Contract:
    """A contract at an address. Reads are `eth_call`s; writes become candidates for the transaction manager."""

    def __init__(self, rpc: RpcCaller, address: Address, artifact: str | Artifact) -> None:
        """`artifact` names a compiled contract. Raises ArtifactError when there is none of that name."""
        self._rpc = rpc
        self.address = address
        self.artifact = load_artifact(artifact) if isinstance(artifact, str) else artifact

    async def read(self, function: str, *arguments: Any, block: BlockName = "latest") -> tuple[Any, ...]:
        """Return values of a view function, in order. Raises ContractCallFailed or TemporaryError."""
        try:
            answer = await self._rpc.call("eth_call", self._call(function, arguments, block))
        except RpcError as error:
            raise self._failed(function, error) from error
        return self._decode(function, answer)

    async def read_one(self, function: str, *arguments: Any, block: BlockName = "latest") -> Any:
        """The single return value of a view function."""
        (value,) = await self.read(function, *arguments, block=block)
        return value

    async def read_many(
        self, calls: Sequence[tuple[str, Sequence[Any]]], block: BlockName = "latest"
    ) -> list[tuple[Any, ...]]:
        """Return values of several view functions, asked for in one request."""
        answers = await self._rpc.batch(
            [("eth_call", self._call(function, arguments, block)) for function, arguments in calls]
        )
        results = []
        for (function, _), answer in zip(calls, answers, strict=True):
            if isinstance(answer, RpcError):
                raise self._failed(function, answer) from answer
            results.append(self._decode(function, answer))
        return results

    def candidate(self, function: str, *arguments: Any, value: Wei = NOTHING) -> TxCandidate:
        """A transaction that calls a function."""
        return TxCandidate(self.address, self.artifact.encode_call(function, *arguments), value)

    def _call(self, function: str, arguments: Sequence[Any], block: BlockName) -> list[Any]:
        data = self.artifact.encode_call(function, *arguments)
        return [{"to": to_hex(self.address), "data": to_hex(data)}, block_parameter(block)]

    def _decode(self, function: str, answer: Any) -> tuple[Any, ...]:
        try:
            return self.artifact.decode_output(function, from_hex(answer))
        except (DecodingError, ValueError, TypeError) as error:
            raise ContractCallFailed(
                f"{self._name(function)} gave {str(answer)[:80]!r}, which is no answer of that function; "
                "check the address and that the contract is deployed"
            ) from error

    def _failed(self, function: str, error: RpcError) -> ContractCallFailed:
        data = revert_data(error)
        reason = str(error) if data is None else explain_revert(data, error_name)
        return ContractCallFailed(f"{self._name(function)}: {reason}")

    def _name(self, function: str) -> str:
        return f"{self.artifact.name}.{function} at {to_hex(self.address)}"


def block_parameter(block: BlockName) -> Any:
    """A block as RPC calls take it. Spec: EIP-1898."""
    if isinstance(block, bytes):
        return {"blockHash": to_hex(block)}
    return hex(block) if isinstance(block, int) else block


@lru_cache(maxsize=1)
def _error_names() -> dict[bytes, str]:
    names: dict[bytes, str] = {}
    for name in artifact_names():
        artifact = load_artifact(name)
        for entry in artifact.abi:
            if entry["type"] == "error":
                names[keccak256(artifact.signature(entry).encode())[:4]] = str(entry["name"])
    return names


def error_name(selector: bytes) -> str | None:
    """The name of a custom error of any of our contracts by its 4-byte selector."""
    return _error_names().get(selector)

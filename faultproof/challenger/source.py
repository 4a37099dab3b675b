"""The challenger's ports over JSON-RPC."""

from collections.abc import Sequence
from typing import Any

from config.errors import TemporaryError
from config.rollup import BlockId
from config.types import ZERO_HASH, Hash32, Timestamp, to_hash32
from evm.types import Header
from evm.types.json_codec import header_from_json
from faultproof.challenger.ports import L1Block, Output, SafeHead
from l1.rpc import RpcCaller, RpcError
from l1.source import L1Client

_UNREADABLE = (KeyError, TypeError, ValueError)


class RpcRollupNode:
    """A node's rollup API (`optimism_`) and its execution API, for headers."""

    def __init__(self, rollup: RpcCaller, execution: RpcCaller) -> None:
        self._rollup = rollup
        self._execution = execution

    async def derived_l1(self) -> BlockId:
        """How far its derivation is (`optimism_syncStatus`). Raises TemporaryError."""
        answer = await _call(self._rollup, "optimism_syncStatus", ())
        try:
            return _block_id(answer["current_l1"])
        except _UNREADABLE as error:
            raise _unusable(self._rollup, "optimism_syncStatus", error) from error

    async def output_at(self, number: int) -> Output:
        """The output of L2 block `number` (`optimism_outputAtBlock`), checked to be what its parts give.

        Raises TemporaryError.
        """
        answer = await _call(self._rollup, "optimism_outputAtBlock", (hex(number),))
        try:
            if to_hash32(answer["version"]) != ZERO_HASH:
                raise ValueError(f"output version {answer['version']} is not known")
            output = Output(
                _block_id(answer["blockRef"]),
                to_hash32(answer["outputRoot"]),
                to_hash32(answer["stateRoot"]),
                to_hash32(answer["withdrawalStorageRoot"]),
            )
            if output.block.number != number or not output.is_consistent:
                raise ValueError(f"not the output of block {number}")
        except _UNREADABLE as error:
            raise _unusable(self._rollup, "optimism_outputAtBlock", error) from error
        return output

    async def safe_head_at(self, l1_number: int) -> SafeHead:
        """The safe head as of an L1 block (`optimism_safeHeadAtL1Block`). Raises TemporaryError."""
        answer = await _call(self._rollup, "optimism_safeHeadAtL1Block", (hex(l1_number),))
        try:
            return SafeHead(_block_id(answer["l1Block"]), _block_id(answer["safeHead"]))
        except _UNREADABLE as error:
            raise _unusable(self._rollup, "optimism_safeHeadAtL1Block", error) from error

    async def header_at(self, number: int) -> Header:
        """The header of L2 block `number` (`eth_getBlockByNumber`), checked against its hash. Raises TemporaryError."""
        answer = await _call(self._execution, "eth_getBlockByNumber", (hex(number), False))
        try:
            header = header_from_json(answer)
            if header.number != number or header.hash != to_hash32(answer["hash"]):
                raise ValueError(f"its fields do not hash to block {number}")
        except _UNREADABLE as error:
            raise _unusable(self._execution, "eth_getBlockByNumber", error) from error
        return header


class L1BlockReader:
    """L1 blocks through the verifying client."""

    def __init__(self, client: L1Client) -> None:
        self._client = client

    async def head(self) -> L1Block:
        """The newest block. Raises TemporaryError."""
        return _l1_block(await self._client.header_by_number("latest"))

    async def block_at(self, number: int) -> L1Block:
        """The canonical block of this number. Raises TemporaryError."""
        return _l1_block(await self._client.header_by_number(number))

    async def block_by_hash(self, block_hash: Hash32) -> L1Block:
        """The block with this hash. Raises TemporaryError."""
        return _l1_block(await self._client.header_by_hash(block_hash))


def _l1_block(header: Header) -> L1Block:
    return L1Block(header.number, header.hash, Timestamp(header.timestamp))


def _block_id(answer: dict[str, Any]) -> BlockId:
    number = answer["number"]
    return BlockId(to_hash32(answer["hash"]), int(number, 16) if isinstance(number, str) else int(number))


async def _call(rpc: RpcCaller, method: str, params: Sequence[Any]) -> Any:
    try:
        return await rpc.call(method, params)
    except RpcError as error:
        raise TemporaryError(str(error)) from error


def _unusable(rpc: RpcCaller, method: str, error: Exception) -> TemporaryError:
    return TemporaryError(f"{rpc.endpoint} answered {method} with something unusable ({error!r})")

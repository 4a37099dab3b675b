"""The ports of the proposing loop over JSON-RPC."""

from collections.abc import Sequence
from typing import Any

from config.errors import TemporaryError
from config.rollup import BlockId
from config.types import Timestamp, to_hash32
from evm.types import Header
from l1.rpc import RpcCaller, RpcError
from l1.source import L1Client
from proposer.output_root import OUTPUT_VERSION_0, Output
from proposer.ports import L1Block, SafeHead, SyncHeads


class RpcRollupNode:
    """A node's rollup API (`optimism_`)."""

    def __init__(self, rpc: RpcCaller) -> None:
        self._rpc = rpc

    async def heads(self) -> SyncHeads:
        """The node's heads (`optimism_syncStatus`). Raises TemporaryError."""
        answer = await self._call("optimism_syncStatus", ())
        try:
            return SyncHeads(
                _block_id(answer["current_l1"]), _block_id(answer["safe_l2"]), _block_id(answer["finalized_l2"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._unusable("optimism_syncStatus", error) from error

    async def output_at(self, number: int) -> Output:
        """The output of L2 block `number` (`optimism_outputAtBlock`). Raises TemporaryError."""
        answer = await self._call("optimism_outputAtBlock", (hex(number),))
        try:
            if to_hash32(answer["version"]) != OUTPUT_VERSION_0:
                raise ValueError(f"output version {answer['version']} is not known")
            return Output(
                _block_id(answer["blockRef"]),
                to_hash32(answer["outputRoot"]),
                to_hash32(answer["stateRoot"]),
                to_hash32(answer["withdrawalStorageRoot"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._unusable("optimism_outputAtBlock", error) from error

    async def safe_head_at(self, l1_number: int) -> SafeHead:
        """The safe head as of an L1 block (`optimism_safeHeadAtL1Block`). Raises TemporaryError."""
        answer = await self._call("optimism_safeHeadAtL1Block", (hex(l1_number),))
        try:
            return SafeHead(_block_id(answer["l1Block"]), _block_id(answer["safeHead"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self._unusable("optimism_safeHeadAtL1Block", error) from error

    async def _call(self, method: str, params: Sequence[Any]) -> Any:
        try:
            return await self._rpc.call(method, params)
        except RpcError as error:
            raise TemporaryError(str(error)) from error

    def _unusable(self, method: str, error: Exception) -> TemporaryError:
        return TemporaryError(f"{self._rpc.endpoint} answered {method} with something unusable ({error!r})")


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


def _l1_block(header: Header) -> L1Block:
    return L1Block(header.number, header.hash, Timestamp(header.timestamp))


def _block_id(answer: dict[str, Any]) -> BlockId:
    number = answer["number"]
    return BlockId(to_hash32(answer["hash"]), int(number, 16) if isinstance(number, str) else int(number))

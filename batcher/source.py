"""The ports of the posting loop over JSON-RPC: an OP Stack node, L1, and the transaction manager."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

from batcher.block import BatchBlock
from batcher.ports import L1Head, SyncStatus
from config.errors import CriticalError, TemporaryError
from config.l1_chain import L1ChainConfig
from config.rollup import BlockId, RollupConfig
from config.types import Timestamp, Wei, from_hex, to_hash32
from evm.l1_attributes import L1AttributesError, L1BlockInfo
from evm.types import Block, Header
from evm.types.json_codec import block_from_json, parse_quantity
from evm.types.rlp import RlpError
from evm.types.transaction import TransactionDecodingError
from evm.types.transaction_list import without_deposits
from l1.fees import FeePolicy
from l1.rpc import RpcCaller, RpcError


class MonotonicClock:
    """The machine's clock that only moves forward."""

    def now(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()


def batch_block(block: Block, rollup: RollupConfig) -> BatchBlock:
    """What the batcher needs of an L2 block.

    Raises CriticalError when it is not one: its first transaction must be the L1 attributes deposit.
    Spec: op deposits, "L1 Attributes Deposited Transaction".
    """
    if block.number <= rollup.genesis.l2.number:
        raise CriticalError(f"L2 {block} is not after the genesis block {rollup.genesis.l2}: it is not to be posted")
    if not block.transactions or not block.transactions[0].is_deposit:
        raise CriticalError(f"L2 {block} does not start with an L1 attributes deposit: the node is none of this rollup")
    try:
        info = L1BlockInfo.decode(block.transactions[0].data)
    except L1AttributesError as error:
        raise CriticalError(f"L2 {block} has an unreadable L1 attributes deposit: {error}") from error
    return BatchBlock.create(
        BlockId(block.hash, block.number),
        block.header.parent_hash,
        block.header.timestamp,
        BlockId(info.hash, info.number),
        info.sequence_number,
        tuple(without_deposits(block.transactions)),
    )


class RpcL2Source:
    """An L2 node over JSON-RPC: blocks from the execution API, heads from the rollup API.

    Also sets the sequencer's data limits. Raw blocks are asked for first; a node without the debug namespace is
    asked for whole blocks as JSON from then on.
    """

    def __init__(self, execution: RpcCaller, rollup_node: RpcCaller, rollup: RollupConfig) -> None:
        self._execution = execution
        self._rollup_node = rollup_node
        self._rollup = rollup
        self._raw_blocks = True

    async def sync_status(self) -> SyncStatus:
        """The node's heads (`optimism_syncStatus`). Raises TemporaryError."""
        answer = await _call(self._rollup_node, "optimism_syncStatus", ())
        try:
            return SyncStatus(
                current_l1=_block_id(answer["current_l1"]),
                unsafe_l2=_block_id(answer["unsafe_l2"]),
                safe_l2=_block_id(answer["safe_l2"]),
                finalized_l2=_block_id(answer["finalized_l2"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TemporaryError(
                f"{self._rollup_node.endpoint} answered optimism_syncStatus without usable heads ({error!r})"
            ) from error

    async def block(self, number: int) -> BatchBlock:
        """The canonical L2 block `number`. Raises TemporaryError when the node does not have it."""
        block = await self._raw_block(number) if self._raw_blocks else None
        if block is None:
            block = await self._json_block(number)
        if block.number != number:
            raise TemporaryError(f"{self._execution.endpoint} answered with L2 {block} when asked for number {number}")
        try:
            return batch_block(block, self._rollup)
        except TransactionDecodingError as error:
            raise self._bad_block(number, f"in an unreadable form: {error}") from error

    async def set_max_da_size(self, tx_bytes: int, block_bytes: int) -> None:
        """Limit the sequencer (`miner_setMaxDASize`).

        Raises TemporaryError, or CriticalError when the node has no such method.
        """
        try:
            await self._execution.call("miner_setMaxDASize", (hex(tx_bytes), hex(block_bytes)))
        except RpcError as error:
            if error.is_unsupported:
                raise CriticalError(
                    f"{self._execution.endpoint} does not offer miner_setMaxDASize: enable the miner API there, "
                    "or start the batcher with throttling off (threshold 0)"
                ) from error
            raise TemporaryError(str(error)) from error

    async def _raw_block(self, number: int) -> Block | None:
        try:
            raw = await self._execution.call("debug_getRawBlock", (hex(number),))
        except RpcError as error:
            if error.is_unsupported:
                self._raw_blocks = False
                return None
            raise TemporaryError(str(error)) from error
        try:
            return Block.decode_frame(from_hex(raw))
        except (RlpError, TransactionDecodingError, ValueError, TypeError, AttributeError) as error:
            raise self._bad_block(number, f"in an unreadable form: {error}") from error

    async def _json_block(self, number: int) -> Block:
        answer = await _call(self._execution, "eth_getBlockByNumber", (hex(number), True))
        if answer is None:
            raise TemporaryError(f"{self._execution.endpoint} does not have L2 block {number}")
        try:
            block = block_from_json(answer)
        except (KeyError, ValueError, TypeError) as error:
            raise self._bad_block(number, f"in an unreadable form: {error}") from error
        if block.hash != to_hash32(answer["hash"]):
            raise self._bad_block(number, "with a hash that its fields do not have")
        return block

    def _bad_block(self, number: int, how: str) -> TemporaryError:
        return TemporaryError(f"{self._execution.endpoint} gave L2 block {number} {how}")


class HeaderSource(Protocol):
    """The verifying L1 client, as far as it is needed here."""

    async def header_by_number(self, number: int | Any) -> Header:
        """The header of a block number or tag."""
        ...


class L1HeadReader:
    """L1's head and prices from its newest header, and with `tips` what inclusion costs above the base fee."""

    def __init__(
        self, client: HeaderSource, chain: L1ChainConfig, fees: FeePolicy, tips: RpcCaller | None = None
    ) -> None:
        self._client = client
        self._chain = chain
        self._fees = fees
        self._tips = tips

    async def head(self) -> L1Head:
        """The newest L1 block. Raises TemporaryError."""
        header = await self._client.header_by_number("latest")
        return L1Head(
            number=header.number,
            hash=header.hash,
            timestamp=Timestamp(header.timestamp),
            base_fee=Wei(header.base_fee_per_gas or 0),
            blob_base_fee=Wei(self._chain.blob_base_fee(header.excess_blob_gas or 0, header.timestamp)),
            tip=await self._tip(),
        )

    async def _tip(self) -> Wei:
        """What the sender would offer; its least offer where the endpoint has no opinion."""
        if self._tips is None:
            return Wei(0)
        try:
            suggested = parse_quantity(await self._tips.call("eth_maxPriorityFeePerGas", ()))
        except RpcError as error:
            if not error.is_unsupported:
                raise TemporaryError(str(error)) from error
            suggested = 0
        except ValueError as error:
            raise TemporaryError(f"{self._tips.endpoint} answered eth_maxPriorityFeePerGas with {error}") from error
        return Wei(min(max(suggested, self._fees.min_tip), self._fees.max_tip))


def _block_id(answer: dict[str, Any]) -> BlockId:
    number = answer["number"]
    return BlockId(to_hash32(answer["hash"]), int(number, 16) if isinstance(number, str) else int(number))


async def _call(rpc: RpcCaller, method: str, params: Sequence[Any]) -> Any:
    try:
        return await rpc.call(method, params)
    except RpcError as error:
        raise TemporaryError(str(error)) from error

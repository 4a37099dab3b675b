"""`ots_`: what the Otterscan block explorer asks about blocks and transactions."""

from typing import Any

from evm.receipts import derive_receipts, receipt_to_json
from evm.tracing.call_tree import CallTree, walk
from evm.types import Block
from evm.types.json_codec import block_to_json, header_to_json
from node.chain import Chain
from node.rpc.blocks import BlockFinder
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import invalid_params
from node.rpc.params import (
    LATEST,
    AddressParam,
    BlockNumberParam,
    BlockParam,
    BlockReference,
    CountParam,
    HashParam,
)
from node.rpc.replays import Replays

API_LEVEL = 8
MAX_PAGE = 100
"""Transactions on one page."""

_OPERATIONS = {"CALL": 0, "SELFDESTRUCT": 1, "CREATE": 2, "CREATE2": 3}
_SELECTOR_DIGITS = 10


class Otterscan(Namespace):
    """Blocks by page, and what happened inside of transactions. Spec: Otterscan, "Custom JSON-RPC API", level 8."""

    name = "ots"

    def __init__(self, chain: Chain, blocks: BlockFinder, replays: Replays) -> None:
        self._chain = chain
        self._blocks = blocks
        self._replays = replays

    @rpc_method("getApiLevel")
    def api_level(self) -> int:
        """The level of the API that is spoken here."""
        return API_LEVEL

    @rpc_method("hasCode")
    def has_code(self, address: AddressParam, block: BlockParam = LATEST) -> bool:
        """Whether the account is a contract, or has delegated to one."""
        return bool(self._blocks.state(block)[0].code_at(address))

    @rpc_method("getBlockDetails")
    def block_details(self, number: BlockNumberParam) -> dict[str, Any] | None:
        """A canonical block without its transactions, and the fees paid for gas in it; null when there is none."""
        return self._details(self._blocks.block(number))

    @rpc_method("getBlockDetailsByHash")
    def block_details_by_hash(self, block_hash: HashParam) -> dict[str, Any] | None:
        """The same of a block by its hash."""
        return self._details(self._blocks.block(BlockReference(hash=block_hash)))

    @rpc_method("getBlockTransactions")
    def block_transactions(self, number: BlockNumberParam, page: CountParam, size: CountParam) -> dict[str, Any] | None:
        """A page of a block's transactions with their receipts, the last ones on page 0; null when there is no block."""
        check_page(size)
        block = self._blocks.block(number)
        if block is None:
            return None
        end = max(0, len(block.transactions) - page * size)
        start = max(0, end - size)
        receipts = self._blocks.receipts(block)
        shown = block_to_json(block, True, receipts)
        shown["transactions"] = shown["transactions"][start:end]
        for transaction in shown["transactions"]:
            transaction["input"] = transaction["input"][:_SELECTOR_DIGITS]
        facts = derive_receipts(block, receipts, self._chain.rules)[start:end]
        short = {"logs": None, "logsBloom": None, "timestamp": block.header.timestamp}
        return {
            "fullblock": shown | {"logsBloom": None, "transactionCount": len(block.transactions)},
            "receipts": [receipt_to_json(entry) | short for entry in facts],
        }

    @rpc_method("getInternalOperations")
    async def internal_operations(self, transaction_hash: HashParam) -> list[dict[str, Any]] | None:
        """Transfers of ether (0), destructions (1) and creations (2, 3) inside of a transaction that were not undone."""
        top = await self._tree(transaction_hash)
        return None if top is None else [
            {"type": kind, "from": node["from"], "to": node["to"], "value": node["value"]}
            for depth, node in walk(top, undone=False)
            if depth and (kind := _operation(node)) is not None
        ]  # fmt: skip

    @rpc_method("traceTransaction")
    async def trace_transaction(self, transaction_hash: HashParam) -> list[dict[str, Any]] | None:
        """The messages of a transaction in order, each with its depth; null when there is no such transaction."""
        top = await self._tree(transaction_hash)
        return None if top is None else [
            {
                "type": node["type"],
                "depth": depth,
                "from": node["from"],
                "to": node.get("to"),
                "value": node.get("value"),
                "input": node["input"],
                "output": node.get("output", "0x"),
            }
            for depth, node in walk(top)
        ]  # fmt: skip

    @rpc_method("getTransactionError")
    async def transaction_error(self, transaction_hash: HashParam) -> str | None:
        """What a transaction reverted with; `0x` when it did not; null when there is no such transaction."""
        top = await self._tree(transaction_hash)
        if top is None:
            return None
        return str(top.get("output", "0x")) if "error" in top else "0x"

    async def _tree(self, transaction_hash: HashParam) -> Any:
        return await self._replays.transaction(transaction_hash, CallTree)

    def _details(self, block: Block | None) -> dict[str, Any] | None:
        if block is None:
            return None
        shown = block_to_json(block, False)
        del shown["transactions"]
        nothing = "0x0"
        facts = derive_receipts(block, self._blocks.receipts(block), self._chain.rules)
        return {
            "block": shown | {"logsBloom": None, "transactionCount": len(block.transactions)},
            "issuance": {"blockReward": nothing, "uncleReward": nothing, "issuance": nothing},
            "totalFees": hex(sum(entry.gas_used * entry.effective_gas_price for entry in facts)),
        }


class ErigonHeaders(Namespace):
    """The one method of Erigon's own that Otterscan calls."""

    name = "erigon"

    def __init__(self, blocks: BlockFinder) -> None:
        self._blocks = blocks

    @rpc_method("getHeaderByNumber")
    def header_by_number(self, number: BlockNumberParam) -> dict[str, Any] | None:
        """A canonical header, or null."""
        header = self._blocks.header(number)
        return None if header is None else header_to_json(header)


def check_page(size: int) -> None:
    """Raises RpcError for a page that holds nothing or too much."""
    if not 1 <= size <= MAX_PAGE:
        raise invalid_params(f"a page holds 1 to {MAX_PAGE} transactions, not {size}")


def _operation(node: Any) -> int | None:
    kind = _OPERATIONS.get(node["type"])
    return None if kind == 0 and node["value"] == "0x0" else kind

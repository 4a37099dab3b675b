"""`eth_` methods about blocks and the chain as a whole."""

from collections.abc import Callable
from typing import Any

from config.types import to_hex
from evm.receipts import derive_receipts, receipt_to_json
from evm.types import Block
from evm.types.json_codec import block_to_json, header_to_json
from node.chain import Chain
from node.rpc.blocks import BlockFinder
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.params import BlockNumberParam, BlockParam, BlockReference, BoolParam, HashParam, QuantityParam

SyncProgress = Callable[[], dict[str, Any] | None]
"""Answers how far the node has caught up, as `eth_syncing` spells it; None when it is at the tip."""


def fully_synced() -> dict[str, Any] | None:
    """For a node that has nothing to catch up with."""
    return None


class EthBlocks(Namespace):
    """Blocks, headers, counts, receipts by block. Spec: Ethereum execution APIs, "eth/block"."""

    name = "eth"

    def __init__(
        self,
        chain: Chain,
        blocks: BlockFinder,
        sync_progress: SyncProgress = fully_synced,
        state_window: int | None = None,
    ) -> None:
        """`state_window`: how many blocks' states are kept behind the head; None for all."""
        self._chain = chain
        self._state_window = state_window
        self._blocks = blocks
        self._sync_progress = sync_progress

    @rpc_method("chainId")
    def chain_id(self) -> str:
        """The chain id (EIP-695)."""
        return hex(self._chain.rules.chain_id)

    @rpc_method("blockNumber")
    def block_number(self) -> str:
        """The number of the unsafe head."""
        return hex(self._chain.head.number)

    @rpc_method("syncing")
    def syncing(self) -> dict[str, Any] | bool:
        """False at the tip, progress otherwise."""
        return self._sync_progress() or False

    @rpc_method("accounts")
    def accounts(self) -> list[str]:
        """Always empty: this node signs for nobody."""
        return []

    @rpc_method("pendingTransactions")
    def pending_transactions(self) -> list[Any]:
        """Always empty: these are those of the node's own accounts, of which there are none."""
        return []

    @rpc_method("capabilities")
    def capabilities(self) -> dict[str, Any]:
        """From which block on the node has what. Spec: Ethereum execution APIs, "eth_capabilities"."""
        head, everything = self._chain.head, {"disabled": False, "oldestBlock": "0x0"}
        states: dict[str, Any] = {"disabled": False, "oldestBlock": hex(self._chain.history.base.number)}
        if self._state_window is not None:
            states["deleteStrategy"] = {"type": "window", "retentionBlocks": hex(self._state_window)}
        return {
            "head": {"number": hex(head.number), "hash": to_hex(head.hash)},
            "state": states,
            "tx": everything,
            "logs": everything,
            "receipts": everything,
            "blocks": everything,
            "stateproofs": states,
        }

    @rpc_method("coinbase")
    def coinbase(self) -> str:
        """Who the head's fees went to."""
        return to_hex(self._chain.head.fee_recipient)

    @rpc_method("protocolVersion")
    def protocol_version(self) -> str:
        """eth/68, as geth answers."""
        return "0x44"

    @rpc_method("getBlockByHash")
    def get_block_by_hash(self, block_hash: HashParam, full: BoolParam = False) -> dict[str, Any] | None:
        """A block, canonical or not, or null."""
        return self._block(BlockReference(hash=block_hash), full)

    @rpc_method("getBlockByNumber")
    def get_block_by_number(self, block: BlockNumberParam, full: BoolParam = False) -> dict[str, Any] | None:
        """A canonical block, or null."""
        return self._block(block, full)

    @rpc_method("getHeaderByHash")
    def get_header_by_hash(self, block_hash: HashParam) -> dict[str, Any] | None:
        """A header, canonical or not, or null."""
        header = self._chain.header_by_hash(block_hash)
        return None if header is None else header_to_json(header)

    @rpc_method("getHeaderByNumber")
    def get_header_by_number(self, block: BlockNumberParam) -> dict[str, Any] | None:
        """A canonical header, or null."""
        header = self._blocks.header(block)
        return None if header is None else header_to_json(header)

    @rpc_method("getBlockTransactionCountByHash")
    def get_transaction_count_by_hash(self, block_hash: HashParam) -> str | None:
        """How many transactions a block has, or null."""
        return self._count(self._chain.block_by_hash(block_hash))

    @rpc_method("getBlockTransactionCountByNumber")
    def get_transaction_count_by_number(self, block: BlockNumberParam) -> str | None:
        """How many transactions a block has, or null."""
        return self._count(self._blocks.block(block))

    @rpc_method("getUncleCountByBlockHash")
    def get_uncle_count_by_hash(self, block_hash: HashParam) -> str | None:
        """Zero, or null when there is no such block: blocks after the Merge have no uncles."""
        return None if self._chain.header_by_hash(block_hash) is None else "0x0"

    @rpc_method("getUncleCountByBlockNumber")
    def get_uncle_count_by_number(self, block: BlockNumberParam) -> str | None:
        """Zero, or null when there is no such block."""
        return None if self._blocks.header(block) is None else "0x0"

    @rpc_method("getUncleByBlockHashAndIndex")
    def get_uncle_by_hash(self, block_hash: HashParam, index: QuantityParam) -> None:
        """Always null."""

    @rpc_method("getUncleByBlockNumberAndIndex")
    def get_uncle_by_number(self, block: BlockNumberParam, index: QuantityParam) -> None:
        """Always null."""

    @rpc_method("getBlockReceipts")
    def get_block_receipts(self, reference: BlockParam) -> list[dict[str, Any]] | None:
        """All receipts of a block, or null."""
        block = self._blocks.block(reference)
        if block is None:
            return None
        derived = derive_receipts(block, self._blocks.receipts(block), self._chain.rules)
        return [receipt_to_json(receipt) for receipt in derived]

    def _block(self, reference: BlockReference, full: bool) -> dict[str, Any] | None:
        block = self._blocks.block(reference)
        if block is None:
            return None
        return block_to_json(block, full, self._chain.receipts(block.hash) if full else None)

    def _count(self, block: Block | None) -> str | None:
        return None if block is None else hex(len(block.transactions))

"""`debug_`: blocks, receipts and transactions in their canonical bytes."""

from typing import Any

from config.types import to_hex
from evm.types import Block
from node.rpc.blocks import BlockFinder
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import server_error
from node.rpc.eth_transactions import EthTransactions
from node.rpc.params import BlockParam, BlockReference, HashParam


class Debug(Namespace):
    """Spec: Ethereum execution APIs, "debug"."""

    name = "debug"

    def __init__(self, blocks: BlockFinder, transactions: EthTransactions) -> None:
        self._blocks = blocks
        self._transactions = transactions

    @rpc_method("getRawHeader")
    def get_raw_header(self, block: BlockParam) -> str:
        """A header's RLP."""
        return to_hex(self._block(block).header.raw)

    @rpc_method("getRawBlock")
    def get_raw_block(self, block: BlockParam) -> str:
        """A block's RLP."""
        return to_hex(self._block(block).encode())

    @rpc_method("getRawReceipts")
    def get_raw_receipts(self, block: BlockParam) -> list[str]:
        """A block's receipts in canonical bytes."""
        return [to_hex(receipt.encode()) for receipt in self._blocks.receipts(self._block(block))]

    @rpc_method("getRawTransaction")
    def get_raw_transaction(self, transaction_hash: HashParam) -> str:
        """A transaction in canonical bytes; `0x` when there is none."""
        raw = self._transactions.raw_transaction(transaction_hash)
        return "0x" if raw is None else to_hex(raw)

    @rpc_method("getBadBlocks")
    def get_bad_blocks(self) -> list[Any]:
        """Always empty: no peer gives this node blocks. `lamina_whyHead` tells what derivation could not use."""
        return []

    def _block(self, reference: BlockReference) -> Block:
        block = self._blocks.block(reference)
        if block is None:
            raise server_error("block not found")
        return block

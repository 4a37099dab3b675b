"""`eth_` methods that look transactions and their receipts up."""

from typing import Any

from config.types import to_hex
from evm.receipts import derive_receipt, receipt_to_json
from evm.types import Block, Hash32
from evm.types.json_codec import Inclusion, transaction_to_json
from node.chain import Chain
from node.mempool import TransactionPool
from node.rpc.blocks import BlockFinder
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.params import BlockNumberParam, BlockReference, HashParam, Uint64Param


class EthTransactions(Namespace):
    """Transactions in blocks and in the pool. Spec: Ethereum execution APIs, "eth/transaction"."""

    name = "eth"

    def __init__(self, chain: Chain, blocks: BlockFinder, pool: TransactionPool) -> None:
        self._chain = chain
        self._blocks = blocks
        self._pool = pool

    @rpc_method("getTransactionByHash")
    def get_by_hash(self, transaction_hash: HashParam) -> dict[str, Any] | None:
        """A canonical or pooled transaction, or null."""
        found = self._find(transaction_hash)
        if found is not None:
            return self._to_json(*found)
        pooled = self._pool.get(transaction_hash)
        return None if pooled is None else transaction_to_json(pooled.transaction)

    @rpc_method("getTransactionByBlockHashAndIndex")
    def get_by_block_hash(self, block_hash: HashParam, index: Uint64Param) -> dict[str, Any] | None:
        """A transaction by its place, or null."""
        return self._at(BlockReference(hash=block_hash), index)

    @rpc_method("getTransactionByBlockNumberAndIndex")
    def get_by_block_number(self, block: BlockNumberParam, index: Uint64Param) -> dict[str, Any] | None:
        """A transaction by its place, or null."""
        return self._at(block, index)

    @rpc_method("getRawTransactionByHash")
    def get_raw_by_hash(self, transaction_hash: HashParam) -> str:
        """Canonical bytes of a canonical or pooled transaction; `0x` when there is none, as geth answers."""
        raw = self.raw_transaction(transaction_hash)
        return "0x" if raw is None else to_hex(raw)

    @rpc_method("getRawTransactionByBlockHashAndIndex")
    def get_raw_by_block_hash(self, block_hash: HashParam, index: Uint64Param) -> str:
        """Canonical bytes of a transaction by its place; `0x` when there is none."""
        return self._raw_at(BlockReference(hash=block_hash), index)

    @rpc_method("getRawTransactionByBlockNumberAndIndex")
    def get_raw_by_block_number(self, block: BlockNumberParam, index: Uint64Param) -> str:
        """Canonical bytes of a transaction by its place; `0x` when there is none."""
        return self._raw_at(block, index)

    @rpc_method("getTransactionReceipt")
    def get_receipt(self, transaction_hash: HashParam) -> dict[str, Any] | None:
        """The receipt of a canonical transaction, or null."""
        return self.receipt(transaction_hash)

    def receipt(self, transaction_hash: Hash32) -> dict[str, Any] | None:
        """The receipt as JSON, or None."""
        found = self._find(transaction_hash)
        if found is None:
            return None
        block, index = found
        return receipt_to_json(derive_receipt(block, self._blocks.receipts(block), index, self._chain.rules))

    def raw_transaction(self, transaction_hash: Hash32) -> bytes | None:
        """Canonical bytes of a canonical or pooled transaction."""
        found = self._find(transaction_hash)
        if found is not None:
            return found[0].transactions[found[1]].raw
        pooled = self._pool.get(transaction_hash)
        return None if pooled is None else pooled.transaction.raw

    def _find(self, transaction_hash: Hash32) -> tuple[Block, int] | None:
        location = self._chain.find_transaction(transaction_hash)
        if location is None:
            return None
        block = self._chain.block_by_hash(location.block_hash)
        return None if block is None else (block, location.index)

    def _to_json(self, block: Block, index: int) -> dict[str, Any]:
        transaction, header = block.transactions[index], block.header
        receipt = self._blocks.receipts(block)[index] if transaction.is_deposit else None
        inclusion = Inclusion.of(header, index)
        return transaction_to_json(transaction, inclusion, receipt)

    def _at(self, reference: BlockReference, index: int) -> dict[str, Any] | None:
        block = self._blocks.block(reference)
        return None if block is None or index >= len(block.transactions) else self._to_json(block, index)

    def _raw_at(self, reference: BlockReference, index: int) -> str:
        block = self._blocks.block(reference)
        return "0x" if block is None or index >= len(block.transactions) else to_hex(block.transactions[index].raw)

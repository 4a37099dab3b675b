"""An L1 node in memory as a transaction manager sees one: a pool, blocks and reorgs on command, failures on demand."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.errors import TemporaryError
from config.types import Address, Hash32, from_hex, to_hex
from evm.types import BlobTransaction, SignedTransaction, decode_transaction, keccak256
from l1.rpc import RpcError
from l1.sidecar import decode_network_transaction

GWEI = 10**9


class VirtualClock:
    """Time that passes only when someone sleeps; `at` runs things at a moment."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def at(self, moment: float, action: Callable[[], None]) -> None:
        self._events.append((moment, action))

    async def sleep(self, seconds: float) -> None:
        # Several sleepers share this clock: time moves on by each one's share, which is fine for ordering.
        self.now += seconds
        due = [event for event in self._events if event[0] <= self.now]
        self._events = [event for event in self._events if event[0] > self.now]
        for _, action in due:
            action()
        await asyncio.sleep(0)


@dataclass
class FakeL1:
    """Answers the calls of a transaction manager. `fail` maps a method to errors that its next calls raise."""

    base_fee: int = 10 * GWEI
    blob_base_fee: int = 2 * GWEI
    chain: list[list[SignedTransaction]] = field(default_factory=lambda: [[]])
    pool: dict[tuple[Address, int], SignedTransaction] = field(default_factory=dict)
    received: list[SignedTransaction] = field(default_factory=list)
    fail: dict[str, list[Exception]] = field(default_factory=dict)
    fork_id: int = 0
    endpoint: str = "http://fake"
    estimate: Callable[[dict[str, Any]], int] = lambda message: 21_000

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        failures = self.fail.get(method)
        if failures:
            raise failures.pop(0)
        handler = getattr(self, method, None)
        if handler is None:
            raise RpcError(-32601, "method not found", method=method)
        return handler(*params)

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        results: list[Any] = []
        for method, params in calls:
            try:
                results.append(await self.call(method, params))
            except RpcError as error:
                results.append(error)
        return results

    # --- what the test does ---

    def mine(self, limit: int = 100) -> None:
        """A block of the pool's transactions that can be paid and have the right nonce."""
        block: list[SignedTransaction] = []
        for key in sorted(self.pool):
            tx = self.pool[key]
            sender, nonce = key
            fits = tx.max_fee_per_gas >= self.base_fee and nonce == self._nonce(sender, block)
            if isinstance(tx, BlobTransaction):
                fits = fits and tx.max_fee_per_blob_gas >= self.blob_base_fee
            if fits and len(block) < limit:
                block.append(tx)
        for tx in block:
            del self.pool[tx.sender, tx.nonce]
        self.chain.append(block)

    def mine_without_us(self) -> None:
        """A block that others fill."""
        self.chain.append([])

    def include(self, tx: SignedTransaction) -> None:
        """A block with one transaction that did not come through the pool."""
        self.chain.append([tx])
        self.pool = {key: other for key, other in self.pool.items() if key != (tx.sender, tx.nonce)}

    def reorg(self, depth: int, *, keep: bool = False) -> None:
        """Drop blocks; their transactions go back to the pool with `keep`."""
        dropped = [tx for block in self.chain[-depth:] for tx in block]
        self.chain = self.chain[:-depth]
        self.fork_id += 1
        if keep:
            self.pool.update({(tx.sender, tx.nonce): tx for tx in dropped})

    # --- the JSON-RPC methods ---

    def eth_blockNumber(self) -> str:
        return hex(len(self.chain) - 1)

    def eth_getBlockByNumber(self, tag: str, full: bool) -> dict[str, Any]:
        return {
            "baseFeePerGas": hex(self.base_fee),
            "timestamp": hex(1_000 + 12 * len(self.chain)),
            "excessBlobGas": "0x0",
        }

    def eth_maxPriorityFeePerGas(self) -> str:
        return hex(GWEI)

    def eth_blobBaseFee(self) -> str:
        return hex(self.blob_base_fee)

    def eth_estimateGas(self, message: dict[str, Any], tag: str) -> str:
        return hex(self.estimate(message))

    def eth_getTransactionCount(self, address: str, tag: str) -> str:
        account = Address(from_hex(address))
        count = self._nonce(account, [])
        if tag == "pending":
            while (account, count) in self.pool:
                count += 1
        return hex(count)

    def eth_getTransactionByHash(self, tx_hash: str) -> dict[str, Any] | None:
        known = [*self.pool.values(), *(tx for block in self.chain for tx in block)]
        return {"hash": tx_hash} if any(to_hex(tx.hash) == tx_hash for tx in known) else None

    def eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, Any] | None:
        for number, block in enumerate(self.chain):
            for tx in block:
                if to_hex(tx.hash) == tx_hash:
                    blobs = len(tx.blob_versioned_hashes)
                    return {
                        "transactionHash": tx_hash,
                        "blockHash": to_hex(self._block_hash(number)),
                        "blockNumber": hex(number),
                        "status": "0x1",
                        "gasUsed": hex(21_000),
                        "effectiveGasPrice": hex(tx.effective_gas_price(self.base_fee)),
                        "blobGasUsed": hex(131_072 * blobs),
                        "blobGasPrice": hex(self.blob_base_fee),
                        "logs": [],
                    }
        return None

    def eth_sendRawTransaction(self, data: str) -> str:
        raw = from_hex(data)
        decoded = decode_network_transaction(raw)[0] if raw[0] == 3 else decode_transaction(raw)
        assert not decoded.is_deposit
        tx: SignedTransaction = decoded  # type: ignore[assignment]
        if self.eth_getTransactionByHash(to_hex(tx.hash)) is not None:
            raise RpcError(-32000, "already known")
        if tx.nonce < self._nonce(tx.sender, []):
            raise RpcError(-32000, f"nonce too low: next nonce {self._nonce(tx.sender, [])}, tx nonce {tx.nonce}")
        is_blob = isinstance(tx, BlobTransaction)
        # A pool has one kind of an account. Where a reorg leaves both, the first in line decides (reth; geth drops the others).
        first = min((nonce for sender, nonce in self.pool if sender == tx.sender), default=None)
        if first is not None and isinstance(self.pool[tx.sender, first], BlobTransaction) is not is_blob:
            raise RpcError(-32000, "address already reserved")
        if is_blob and tx.nonce > int(self.eth_getTransactionCount(to_hex(tx.sender), "pending"), 16):
            raise RpcError(-32000, f"nonce too high: tx nonce {tx.nonce}, gapped nonce")
        previous = self.pool.get((tx.sender, tx.nonce))
        if previous is not None:
            percent = 200 if is_blob else 110
            prices = [
                (previous.max_fee_per_gas, tx.max_fee_per_gas),
                (previous.max_priority_fee_per_gas, tx.max_priority_fee_per_gas),
            ]
            if isinstance(tx, BlobTransaction) and isinstance(previous, BlobTransaction):
                prices.append((previous.max_fee_per_blob_gas, tx.max_fee_per_blob_gas))
            if any(100 * new < percent * old for old, new in prices):
                raise RpcError(-32000, "replacement transaction underpriced")
        self.pool[tx.sender, tx.nonce] = tx
        self.received.append(tx)
        return to_hex(tx.hash)

    def _nonce(self, account: Address, extra: Sequence[SignedTransaction]) -> int:
        mined = [tx for block in self.chain for tx in block] + list(extra)
        return sum(1 for tx in mined if tx.sender == account)

    def _block_hash(self, number: int) -> Hash32:
        content = b"".join(tx.hash for tx in self.chain[number])
        return keccak256(f"{self.fork_id} {number}".encode() + content)


def unreachable() -> TemporaryError:
    """What a call raises when nobody answers."""
    return TemporaryError("http://fake could not be reached")

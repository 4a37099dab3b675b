"""What tip to suggest, and the fee history."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.constants import GAS_PER_BLOB
from evm.types import Block, Header
from node.chain import Chain
from node.rpc.errors import invalid_params, server_error

MINIMUM_TIP = 1_000_000
"""Wei per gas suggested while blocks have room, as op-geth does by default (0.001 gwei)."""

MAX_HISTORY_BLOCKS = 1_024
MAX_PERCENTILES = 100


@dataclass(frozen=True)
class _BlockFees:
    reward: list[int]
    gas_used_ratio: float
    blob_gas_used_ratio: float


class FeeOracle:
    """Fee advice from recent blocks.

    The suggested tip is `minimum_tip` while the head has room for one more of its largest transactions; in a full chain
    it is a tenth above the median tip paid in the head, so that newcomers outbid half of it.
    """

    def __init__(self, chain: Chain, minimum_tip: int = MINIMUM_TIP) -> None:
        self._chain = chain
        self._minimum_tip = minimum_tip
        self._suggestion: tuple[bytes, int] = (b"", minimum_tip)

    @property
    def head(self) -> Header:
        """The block that advice starts from."""
        return self._chain.head

    def suggested_tip(self) -> int:
        """Wei per gas."""
        head = self._chain.head
        if self._suggestion[0] != head.hash:
            self._suggestion = (head.hash, self._suggest(head))
        return self._suggestion[1]

    def next_base_fee(self) -> int:
        """The base fee of the block after the head, in wei per gas."""
        head = self._chain.head
        return self._chain.rules.next_base_fee(head, head.timestamp)

    def next_blob_base_fee(self, header: Header) -> int:
        """The price of blob gas in the block after `header`, in wei."""
        rules = self._chain.rules
        if header.excess_blob_gas is None:
            return 0
        return rules.blob_base_fee(rules.excess_blob_gas(header, header.timestamp), header.timestamp)

    def _suggest(self, head: Header) -> int:
        block, receipts = self._chain.block_by_hash(head.hash), self._chain.receipts(head.hash)
        if block is None or not receipts:
            return self._minimum_tip
        used = _gas_per_transaction([receipt.cumulative_gas_used for receipt in receipts])
        if head.gas_used + max(used) <= head.gas_limit:
            return self._minimum_tip
        tips = sorted(_tips(block))
        if not tips:
            return self._minimum_tip
        return max(self._minimum_tip, tips[len(tips) // 2] * 11 // 10)

    def history(self, count: int, newest: Header, percentiles: Sequence[float] | None) -> dict[str, Any]:
        """The answer of `eth_feeHistory` for up to `count` blocks ending at `newest`. Raises RpcError."""
        _check_percentiles(percentiles or ())
        count = min(count, MAX_HISTORY_BLOCKS, newest.number + 1)
        if count == 0:
            return {"oldestBlock": "0x0", "gasUsedRatio": []}
        headers = [newest]
        while len(headers) < count and headers[-1].number > 0:
            parent = self._chain.header_by_hash(headers[-1].parent_hash)
            if parent is None:
                break
            headers.append(parent)
        headers.reverse()
        fees = [self._block_fees(header, percentiles) for header in headers]
        rules = self._chain.rules
        base_fees = [header.base_fee_per_gas or 0 for header in headers]
        base_fees.append(rules.next_base_fee(newest, newest.timestamp))
        blob_fees = [
            0 if header.excess_blob_gas is None else rules.blob_base_fee(header.excess_blob_gas, header.timestamp)
            for header in headers
        ]
        blob_fees.append(self.next_blob_base_fee(newest))
        result: dict[str, Any] = {
            "oldestBlock": hex(headers[0].number),
            "baseFeePerGas": [hex(fee) for fee in base_fees],
            "gasUsedRatio": [entry.gas_used_ratio for entry in fees],
            "baseFeePerBlobGas": [hex(fee) for fee in blob_fees],
            "blobGasUsedRatio": [entry.blob_gas_used_ratio for entry in fees],
        }
        if percentiles:
            result["reward"] = [[hex(tip) for tip in entry.reward] for entry in fees]
        return result

    def _block_fees(self, header: Header, percentiles: Sequence[float] | None) -> _BlockFees:
        blob_limit = self._chain.rules.max_blobs_per_block(header.timestamp) * GAS_PER_BLOB
        return _BlockFees(
            reward=self._rewards(header, percentiles) if percentiles else [],
            gas_used_ratio=_ratio(header.gas_used, header.gas_limit),
            blob_gas_used_ratio=_ratio(header.blob_gas_used or 0, blob_limit) if blob_limit else 0,
        )

    def _rewards(self, header: Header, percentiles: Sequence[float]) -> list[int]:
        """Tips at percentiles of the block's gas, weighted by gas used."""
        block, receipts = self._chain.block_by_hash(header.hash), self._chain.receipts(header.hash)
        if block is None or not receipts:
            return [0] * len(percentiles)
        used = _gas_per_transaction([receipt.cumulative_gas_used for receipt in receipts])
        base_fee = header.base_fee_per_gas or 0
        by_tip = sorted(
            (max(0, transaction.effective_gas_price(base_fee) - base_fee), gas)
            for transaction, gas in zip(block.transactions, used, strict=True)
        )
        rewards = []
        index, passed = 0, by_tip[0][1]
        for percentile in percentiles:
            threshold = int(header.gas_used * percentile / 100)
            while passed < threshold and index < len(by_tip) - 1:
                index += 1
                passed += by_tip[index][1]
            rewards.append(by_tip[index][0])
        return rewards


def _gas_per_transaction(cumulative: Sequence[int]) -> list[int]:
    return [total - before for before, total in zip([0, *cumulative[:-1]], cumulative, strict=True)]


def _tips(block: Block) -> list[int]:
    base_fee = block.header.base_fee_per_gas or 0
    return [
        transaction.effective_gas_price(base_fee) - base_fee
        for transaction in block.transactions
        if not transaction.is_deposit
    ]


def _ratio(part: int, whole: int) -> float | int:
    ratio = part / whole if whole else 0.0
    return int(ratio) if ratio in (0, 1) else ratio


def _check_percentiles(percentiles: Sequence[float]) -> None:
    if len(percentiles) > MAX_PERCENTILES:
        raise server_error(f"invalid reward percentile: over the query limit {MAX_PERCENTILES}")
    for index, percentile in enumerate(percentiles):
        if isinstance(percentile, bool) or not isinstance(percentile, int | float):
            raise invalid_params(f"invalid argument 2: reward percentile #{index} is no number")
        if not 0 <= percentile <= 100:
            raise server_error(f"invalid reward percentile: {percentile}")
        if index and percentile < percentiles[index - 1]:
            previous = percentiles[index - 1]
            raise server_error(f"invalid reward percentile: #{index - 1}:{previous} >= #{index}:{percentile}")

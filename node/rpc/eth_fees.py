"""`eth_` methods that tell prices."""

from typing import Any

from node.rpc.blocks import BlockFinder
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import server_error
from node.rpc.fee_oracle import FeeOracle
from node.rpc.params import BlockNumberParam, CountParam, ListParam


class EthFees(Namespace):
    """Prices in wei. Spec: Ethereum execution APIs, "eth/fee_market"."""

    name = "eth"

    def __init__(self, blocks: BlockFinder, oracle: FeeOracle) -> None:
        self._blocks = blocks
        self._oracle = oracle

    @rpc_method("gasPrice")
    def gas_price(self) -> str:
        """The suggested tip and a base fee that the head block and the next one both take.

        Callers use it in calls on the head, too, where a falling next base fee would be too little.
        """
        base_fee = max(self._oracle.next_base_fee(), self._oracle.head.base_fee_per_gas or 0)
        return hex(base_fee + self._oracle.suggested_tip())

    @rpc_method("maxPriorityFeePerGas")
    def max_priority_fee_per_gas(self) -> str:
        """The suggested tip."""
        return hex(self._oracle.suggested_tip())

    @rpc_method("baseFee")
    def base_fee(self) -> str:
        """The next block's base fee."""
        return hex(self._oracle.next_base_fee())

    @rpc_method("blobBaseFee")
    def blob_base_fee(self) -> str:
        """The next block's price of blob gas."""
        return hex(self._oracle.next_blob_base_fee(self._oracle.head))

    @rpc_method("feeHistory")
    def fee_history(
        self, count: CountParam, newest: BlockNumberParam, percentiles: ListParam | None = None
    ) -> dict[str, Any]:
        """Base fees, gas used and tips of recent blocks."""
        header = self._blocks.header(newest)
        if header is None:
            head = self._oracle.head.number
            raise server_error(f"request beyond head block: requested {newest.number}, head {head}")
        return self._oracle.history(count, header, percentiles)

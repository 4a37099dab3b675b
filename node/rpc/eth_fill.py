"""`eth_fillTransaction`: what a wallet leaves open in a transaction, filled in for it to sign."""

from dataclasses import replace
from typing import Any

from config.types import to_hex
from evm.engine import CallMessage
from evm.simulation import SimulationError
from evm.simulation.transactions import unsigned
from evm.types.json_codec import transaction_to_json
from node.chain import Chain
from node.mempool import TransactionPool
from node.rpc.call_params import parse_call
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import invalid_params, server_error
from node.rpc.eth_execution import EthExecution
from node.rpc.fee_oracle import FeeOracle
from node.rpc.params import ObjectParam

_SIGNED = ("blockHash", "blockNumber", "from", "gasPrice", "transactionIndex")


class EthFill(Namespace):
    """Spec: Ethereum execution APIs, "eth_fillTransaction"; defaults as in geth. Blobs are not taken, only their hashes."""

    name = "eth"

    def __init__(self, chain: Chain, oracle: FeeOracle, execution: EthExecution, pool: TransactionPool) -> None:
        self._chain = chain
        self._oracle = oracle
        self._execution = execution
        self._pool = pool

    @rpc_method("fillTransaction")
    async def fill_transaction(self, transaction: ObjectParam) -> dict[str, Any]:
        """The transaction with nonce, fees, gas and chain id, and its bytes, both without a signature."""
        try:
            chain_id = self._chain.rules.chain_id
            message = parse_call(transaction, chain_id)
        except ValueError as error:
            raise invalid_params(f"invalid argument 0: {error}") from error
        if transaction.get("blobs") is not None:
            raise server_error('"blobs" are not taken here: give "blobVersionedHashes", and the blobs when sending')
        _check(message, transaction)
        message = self._with_fees(message, transaction)
        if message.nonce is None:
            message = replace(message, nonce=self._pool.next_nonce(message.sender))
        if message.gas is None:
            message = replace(message, gas=await self._execution.gas_for(message))
        try:
            filled = unsigned(message, chain_id)
        except SimulationError as error:
            raise server_error(str(error)) from error
        shown = transaction_to_json(filled)
        if message.legacy:
            shown["chainId"] = hex(chain_id)
        left_out = _SIGNED if not message.legacy else tuple(name for name in _SIGNED if name != "gasPrice")
        return {"raw": to_hex(filled.raw), "tx": {name: item for name, item in shown.items() if name not in left_out}}

    def _with_fees(self, message: CallMessage, given: dict[str, Any]) -> CallMessage:
        if message.blob_versioned_hashes and given.get("maxFeePerBlobGas") is None:
            price = self._oracle.next_blob_base_fee(self._oracle.head)
            message = replace(message, max_fee_per_blob_gas=2 * price)
        if message.legacy:
            return message
        tip, fee = message.max_priority_fee_per_gas, message.max_fee_per_gas
        if given.get("maxPriorityFeePerGas") is None:
            tip = self._oracle.suggested_tip()
        if given.get("maxFeePerGas") is None:
            fee = tip + 2 * (self._oracle.head.base_fee_per_gas or 0)
        if fee < tip:
            raise server_error(f"maxFeePerGas ({fee}) < maxPriorityFeePerGas ({tip})")
        return replace(message, max_priority_fee_per_gas=tip, max_fee_per_gas=fee)


def _check(message: CallMessage, given: dict[str, Any]) -> None:
    """Raises RpcError for what can be no transaction, in geth's words."""
    if message.legacy and message.authorization_list:
        raise server_error("both gasPrice and authorizationList specified")
    if message.legacy and not message.max_fee_per_gas:
        raise server_error("gasPrice must be non-zero after london fork")
    if given.get("maxFeePerGas") is not None and not message.max_fee_per_gas:
        raise server_error("maxFeePerGas must be non-zero")
    if given.get("maxFeePerBlobGas") is not None and not message.max_fee_per_blob_gas:
        raise server_error("maxFeePerBlobGas, if specified, must be non-zero")
    if given.get("blobVersionedHashes") == []:
        raise server_error("need at least 1 blob for a blob transaction")
    if message.to is None:
        if message.blob_versioned_hashes:
            raise server_error('missing "to" in blob transaction')
        if not message.data:
            raise server_error("contract creation without any data provided")
        if message.authorization_list:
            raise server_error('authorizationList provided for contract creation, but "to" field is missing')

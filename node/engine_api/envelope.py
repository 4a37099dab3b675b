"""What `engine_getPayload` answers, by version."""

from typing import Any

from config.types import to_hex
from evm.engine import ExecutedBlock
from evm.execution_payload import ExecutionPayload
from evm.types.json_fields import quantity


def payload_answer(executed: ExecutedBlock, version: int) -> dict[str, Any]:
    """The block as this version of the method gives it; L2 blocks have neither blobs nor requests.

    Spec: Engine API, `engine_getPayloadV1` to `V5`; op exec-engine, "engine_getPayloadV3", "Extended Response".
    """
    payload = ExecutionPayload.of(executed.block)
    if version == 1:
        return payload.to_json()
    answer: dict[str, Any] = {"executionPayload": payload.to_json(), "blockValue": quantity(block_value(executed))}
    if version >= 3:
        root = payload.parent_beacon_block_root
        answer["blobsBundle"] = {"commitments": [], "proofs": [], "blobs": []}
        answer["shouldOverrideBuilder"] = False
        answer["parentBeaconBlockRoot"] = None if root is None else to_hex(root)
    if version >= 4:
        answer["executionRequests"] = []
    return answer


def block_value(executed: ExecutedBlock) -> int:
    """The priority fees of a block in wei. Spec: Engine API, `engine_getPayloadV2`."""
    base_fee = executed.block.header.base_fee_per_gas or 0
    value = before = 0
    for transaction, receipt in zip(executed.block.transactions, executed.receipts, strict=True):
        gas_used, before = receipt.cumulative_gas_used - before, receipt.cumulative_gas_used
        if not transaction.is_deposit:
            value += gas_used * (transaction.effective_gas_price(base_fee) - base_fee)
    return value

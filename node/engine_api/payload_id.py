"""The name of a block in the making."""

from hashlib import sha256

from config.types import Hash32
from evm.types import PayloadAttributes, keccak256

PAYLOAD_ID_BYTES = 8
_NO_WITHDRAWALS_RLP = b"\xc0"


def payload_id(parent: Hash32, attributes: PayloadAttributes, version: int) -> bytes:
    """8 bytes, the first of which is the version of the attributes; the same as op-geth's for the same attributes.

    Spec: Engine API, "Payload building", 5; op holocene exec-engine, "PayloadID computation".
    """
    digest = sha256(parent)
    digest.update(attributes.timestamp.to_bytes(8, "big"))
    digest.update(attributes.prev_randao)
    digest.update(attributes.suggested_fee_recipient)
    digest.update(_NO_WITHDRAWALS_RLP)
    digest.update(attributes.parent_beacon_block_root or b"")
    if attributes.no_tx_pool or attributes.transactions:
        digest.update(bytes([attributes.no_tx_pool]))
        digest.update(len(attributes.transactions).to_bytes(8, "big"))
        for raw in attributes.transactions:
            digest.update(keccak256(raw))
    digest.update(attributes.gas_limit.to_bytes(8, "big"))
    digest.update(attributes.eip1559_params or b"")
    if attributes.min_base_fee is not None:
        digest.update(attributes.min_base_fee.to_bytes(8, "big"))
    return bytes([version]) + digest.digest()[1:PAYLOAD_ID_BYTES]

"""Compares an unsafe block with what L1 says the block of its number is."""

from config.rollup import RollupConfig
from config.types import short
from derivation.types import DerivedAttributes
from evm.rules import L2Rules
from evm.types import Block, keccak256
from evm.types.transaction_list import encode_transactions


def difference(block: Block, derived: DerivedAttributes, rollup: RollupConfig) -> str | None:
    """Why a block is not the one that the attributes determine, in words; None when it is.

    The base fee parameters and the minimum base fee stand in the extra data. What execution determines (roots, gas used)
    needs no comparison: every block here has been executed.
    Spec: op derivation, "L1-consolidation: payload attributes matching".
    """
    header, attributes = block.header, derived.attributes
    if header.parent_hash != derived.parent.hash:
        return f"parent is {short(header.parent_hash)}, derived {short(derived.parent.hash)}"
    for name, has, wants in (
        ("timestamp", header.timestamp, attributes.timestamp),
        ("prev randao", header.prev_randao.hex(), attributes.prev_randao.hex()),
        ("fee recipient", header.fee_recipient.hex(), attributes.suggested_fee_recipient.hex()),
        ("gas limit", header.gas_limit, attributes.gas_limit),
        ("parent beacon block root", header.parent_beacon_block_root, attributes.parent_beacon_block_root),
        ("withdrawals", block.withdrawals, () if attributes.with_withdrawals else None),
        (
            "extra data",
            header.extra_data.hex(),
            L2Rules(rollup).extra_data(attributes.timestamp, attributes.eip1559_params, attributes.min_base_fee).hex(),
        ),
        ("number of transactions", len(block.transactions), len(attributes.transactions)),
    ):
        if has != wants:
            return f"{name} is {has!r}, derived {wants!r}"
    own = encode_transactions(block.transactions)
    for index, (ours, raw) in enumerate(zip(own, attributes.transactions, strict=True)):
        if ours != raw:
            return f"transaction {index} is {short(keccak256(ours))}, another one is derived"
    return None

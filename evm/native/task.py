"""Encodings in which blocks are handed to the core. `core/src/block/stateless.zig` describes them."""

from config.l1_chain import L1ChainConfig
from config.program import program_config
from config.rollup import RollupConfig
from evm.engine.stateless import StatelessCase
from evm.types import PayloadAttributes
from evm.types.rlp import RlpInput, decode, encode, int_to_rlp


def encode_config(rollup: RollupConfig) -> bytes:
    """The chain's configuration as far as execution asks for it: nothing of L1 but its chain id."""
    l1_chain = L1ChainConfig(rollup.l1_chain_id, None, None, None, None, ())
    return program_config(rollup, l1_chain)


def encode_attributes(attributes: PayloadAttributes) -> bytes:
    """The attributes without their transactions."""
    return encode(_attributes(attributes))


def _attributes(attributes: PayloadAttributes) -> list[RlpInput]:
    minimum = attributes.min_base_fee
    return [
        int_to_rlp(attributes.timestamp),
        attributes.suggested_fee_recipient,
        attributes.prev_randao,
        int_to_rlp(attributes.gas_limit),
        attributes.parent_beacon_block_root or b"",
        attributes.eip1559_params or b"",
        [] if minimum is None else [int_to_rlp(minimum)],
    ]


def encode_task(case: StatelessCase) -> bytes:
    """A block to execute from its witness."""
    return encode(
        [
            decode(encode_config(case.rollup)),
            decode(case.parent.raw),
            _attributes(case.attributes),
            case.attributes.transactions,
            case.expected_hash,
        ]
    )

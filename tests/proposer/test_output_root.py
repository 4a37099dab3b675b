"""Output roots."""

import pytest

from config.types import ZERO_ADDRESS, ZERO_HASH, Hash32
from evm.types import Header, keccak256
from proposer.output_root import output_root_of, output_root_v0

HEADER = Header(
    parent_hash=ZERO_HASH,
    fee_recipient=ZERO_ADDRESS,
    state_root=Hash32(b"\x01" * 32),
    transactions_root=ZERO_HASH,
    receipts_root=ZERO_HASH,
    logs_bloom=bytes(256),
    number=7,
    gas_limit=30_000_000,
    gas_used=0,
    timestamp=1,
    extra_data=b"",
    prev_randao=ZERO_HASH,
    base_fee_per_gas=1,
)


def test_an_output_root_is_the_hash_of_version_state_message_passer_and_block() -> None:
    state, passer, block = (Hash32(bytes((value,)) * 32) for value in (1, 2, 3))
    assert output_root_v0(state, passer, block) == keccak256(bytes(32) + state + passer + block)


def test_a_header_since_isthmus_holds_all_that_its_output_root_needs() -> None:
    header = Header(**{**HEADER.__dict__, "withdrawals_root": Hash32(b"\x02" * 32)})
    assert output_root_of(header) == output_root_v0(header.state_root, Hash32(b"\x02" * 32), header.hash)


def test_an_older_header_does_not_and_says_so() -> None:
    with pytest.raises(ValueError, match="older than Isthmus"):
        output_root_of(HEADER)

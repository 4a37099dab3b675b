"""Execution payloads say all that a block is: of every fork, through JSON and back, with the block's own hash."""

from dataclasses import replace

import pytest

from config.forks import Fork
from config.types import Hash32
from evm.engine import ExecutedBlock
from evm.execution_payload import ExecutionPayload
from evm.types import Withdrawal
from evm.types.transaction import TransactionDecodingError
from tests.evm.engine_kit import ALICE, ETHER, Funded, deposit, l2, transaction


def executed(fork: Fork) -> ExecutedBlock:
    bench = l2({ALICE: Funded(ETHER)}, fork)
    builder = bench.start()
    builder.add(deposit())
    builder.add(transaction(nonce=1))
    return builder.seal()


@pytest.mark.parametrize("fork", [Fork.BEDROCK, Fork.CANYON, Fork.ECOTONE, Fork.HOLOCENE, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST])
def test_a_block_goes_through_a_payload_and_its_json_with_its_hash(fork: Fork) -> None:
    block = executed(fork).block
    payload = ExecutionPayload.of(block)
    assert payload.block() == block
    assert payload.block().hash == block.hash == payload.block_hash
    again = ExecutionPayload.from_json(payload.to_json(), payload.parent_beacon_block_root)
    assert again == payload
    assert ("withdrawals" in payload.to_json()) == (fork >= Fork.CANYON)
    assert ("blobGasUsed" in payload.to_json()) == (fork >= Fork.ECOTONE)
    assert ("withdrawalsRoot" in payload.to_json()) == (fork >= Fork.ISTHMUS)


def test_a_payload_with_another_field_makes_a_block_with_another_hash() -> None:
    payload = ExecutionPayload.of(executed(Fork.ISTHMUS).block)
    for changed in (
        replace(payload, gas_used=payload.gas_used + 1),
        replace(payload, transactions=payload.transactions[:-1]),
        replace(payload, withdrawals_root=Hash32(bytes(32))),
        replace(payload, parent_beacon_block_root=Hash32(b"\x07" * 32)),
    ):
        assert changed.block().hash != payload.block_hash


def test_what_is_no_payload_of_l2_is_refused_with_the_fields_name() -> None:
    block = executed(Fork.ISTHMUS).block
    data = ExecutionPayload.of(block).to_json()
    withdrawal = {"index": "0x0", "validatorIndex": "0x0", "address": "0x" + "00" * 20, "amount": "0x1"}
    for field, value in {
        "stateRoot": None,
        "logsBloom": "0x00",
        "gasUsed": 5,
        "transactions": ["zz"],
        "withdrawals": [withdrawal],
    }.items():
        with pytest.raises(ValueError, match=field):
            ExecutionPayload.from_json({**data, field: value})
    with pytest.raises(ValueError, match="withdrawals"):
        ExecutionPayload.of(replace(block, withdrawals=(Withdrawal(0, 0, ALICE, 1),)))
    with pytest.raises(TransactionDecodingError):
        replace(ExecutionPayload.of(block), transactions=(b"\x02\x01",)).block()
    with pytest.raises(ValueError, match="is set but a field before it is not"):
        replace(ExecutionPayload.of(block), blob_gas_used=None).block()

"""L1Block: packed setters, slots, rights."""

import pytest

from tests.contracts.harness import Reverted, account
from tests.contracts.two_chains import DEPOSITOR, L2, PREDEPLOYS

NUMBER = 0x1122334455667788
TIMESTAMP = 0x99AABBCCDDEEFF01
BASE_FEE = (1 << 200) + 7
BLOB_BASE_FEE = (1 << 220) + 9
HASH = bytes(range(32))
BATCHER = bytes(12) + account("batcher")
SEQUENCE_NUMBER = 0x0102030405060708
BASE_FEE_SCALAR = 0xA1A2A3A4
BLOB_BASE_FEE_SCALAR = 0xB1B2B3B4
OPERATOR_FEE_SCALAR = 0xC1C2C3C4
OPERATOR_FEE_CONSTANT = 0xD1D2D3D4D5D6D7D8
DA_FOOTPRINT_GAS_SCALAR = 0xE1E2

ECOTONE = bytes.fromhex("440a5e20")
ISTHMUS = bytes.fromhex("098999be")
JOVIAN = bytes.fromhex("3db6be2b")


def ecotone_fields() -> bytes:
    return (
        BASE_FEE_SCALAR.to_bytes(4, "big")
        + BLOB_BASE_FEE_SCALAR.to_bytes(4, "big")
        + SEQUENCE_NUMBER.to_bytes(8, "big")
        + TIMESTAMP.to_bytes(8, "big")
        + NUMBER.to_bytes(8, "big")
        + BASE_FEE.to_bytes(32, "big")
        + BLOB_BASE_FEE.to_bytes(32, "big")
        + HASH
        + BATCHER
    )


def isthmus_fields() -> bytes:
    return ecotone_fields() + OPERATOR_FEE_SCALAR.to_bytes(4, "big") + OPERATOR_FEE_CONSTANT.to_bytes(8, "big")


def jovian_fields() -> bytes:
    return isthmus_fields() + DA_FOOTPRINT_GAS_SCALAR.to_bytes(2, "big")


def assert_ecotone_slots(l2: L2) -> None:
    slots = [l2.chain.storage(PREDEPLOYS["L1Block"], slot) for slot in range(8)]
    assert slots[0] == TIMESTAMP << 64 | NUMBER
    assert slots[1] == BASE_FEE
    assert slots[2] == int.from_bytes(HASH, "big")
    assert slots[3] == BASE_FEE_SCALAR << 96 | BLOB_BASE_FEE_SCALAR << 64 | SEQUENCE_NUMBER
    assert slots[4] == int.from_bytes(BATCHER, "big")
    assert slots[5] == slots[6] == 0
    assert slots[7] == BLOB_BASE_FEE


def test_ecotone_attributes_fill_the_slots_that_nodes_read() -> None:
    l2 = L2()
    l2.chain.send(PREDEPLOYS["L1Block"], ECOTONE + ecotone_fields(), sender=DEPOSITOR)
    assert_ecotone_slots(l2)
    assert l2.chain.storage(PREDEPLOYS["L1Block"], 8) == 0


def test_isthmus_attributes_add_the_operator_fee_in_slot_8() -> None:
    l2 = L2()
    l2.chain.send(PREDEPLOYS["L1Block"], ISTHMUS + isthmus_fields(), sender=DEPOSITOR)
    assert_ecotone_slots(l2)
    assert l2.chain.storage(PREDEPLOYS["L1Block"], 8) == OPERATOR_FEE_SCALAR << 64 | OPERATOR_FEE_CONSTANT


def test_jovian_attributes_add_the_footprint_scalar_in_slot_8() -> None:
    l2 = L2()
    l2.chain.send(PREDEPLOYS["L1Block"], JOVIAN + jovian_fields(), sender=DEPOSITOR)
    assert_ecotone_slots(l2)
    expected = DA_FOOTPRINT_GAS_SCALAR << 96 | OPERATOR_FEE_SCALAR << 64 | OPERATOR_FEE_CONSTANT
    assert l2.chain.storage(PREDEPLOYS["L1Block"], 8) == expected


def test_getters_return_what_the_attributes_said() -> None:
    l2 = L2()
    l2.chain.send(PREDEPLOYS["L1Block"], JOVIAN + jovian_fields(), sender=DEPOSITOR)
    block = l2["L1Block"]
    assert block.call("number") == NUMBER
    assert block.call("timestamp") == TIMESTAMP
    assert block.call("basefee") == BASE_FEE
    assert block.call("hash") == HASH
    assert block.call("sequenceNumber") == SEQUENCE_NUMBER
    assert block.call("baseFeeScalar") == BASE_FEE_SCALAR
    assert block.call("blobBaseFeeScalar") == BLOB_BASE_FEE_SCALAR
    assert block.call("batcherHash") == BATCHER
    assert block.call("blobBaseFee") == BLOB_BASE_FEE
    assert block.call("operatorFeeScalar") == OPERATOR_FEE_SCALAR
    assert block.call("operatorFeeConstant") == OPERATOR_FEE_CONSTANT
    assert block.call("daFootprintGasScalar") == DA_FOOTPRINT_GAS_SCALAR
    assert block.call("gasPayingToken") == ("0x" + "ee" * 20, 18)
    assert block.call("isCustomGasToken") is False


def test_the_selectors_are_those_of_the_attributes_transactions() -> None:
    artifact = L2()["L1Block"].artifact
    assert artifact.selector("setL1BlockValuesEcotone") == ECOTONE
    assert artifact.selector("setL1BlockValuesIsthmus") == ISTHMUS
    assert artifact.selector("setL1BlockValuesJovian") == JOVIAN


def test_the_attributes_before_ecotone_keep_overhead_and_scalar() -> None:
    l2 = L2()
    l2["L1Block"].send("setL1BlockValues", 5, 6, 7, HASH, 8, BATCHER, 188, 684_000, sender=DEPOSITOR)
    slots = [l2.chain.storage(PREDEPLOYS["L1Block"], slot) for slot in range(7)]
    assert slots == [6 << 64 | 5, 7, int.from_bytes(HASH, "big"), 8, int.from_bytes(BATCHER, "big"), 188, 684_000]


@pytest.mark.parametrize(
    "data", [ECOTONE + ecotone_fields(), ISTHMUS + isthmus_fields(), JOVIAN + jovian_fields()], ids=["E", "I", "J"]
)
def test_only_the_depositor_account_sets_attributes(data: bytes) -> None:
    l2 = L2()
    l2["L1Block"]
    with pytest.raises(Reverted, match="NotDepositor"):
        l2.chain.send(PREDEPLOYS["L1Block"], data, sender=account("anybody"))
    assert l2.chain.storage(PREDEPLOYS["L1Block"], 0) == 0


@pytest.mark.parametrize("change", [-1, 1])
def test_attributes_of_another_length_are_refused(change: int) -> None:
    l2 = L2()
    l2["L1Block"]
    data = ISTHMUS + isthmus_fields() + b"\x00"
    with pytest.raises(Reverted, match="BadAttributesLength"):
        l2.chain.send(PREDEPLOYS["L1Block"], data[: len(data) - 1 + change], sender=DEPOSITOR)


def test_the_attributes_deposit_needs_less_than_its_gas_limit() -> None:
    l2 = L2()
    result = l2.chain.send(PREDEPLOYS["L1Block"], JOVIAN + jovian_fields(), sender=DEPOSITOR)
    assert result.gas_used < 250_000


def test_the_old_block_number_contract_answers_any_call() -> None:
    l2 = L2()
    l2.chain.send(PREDEPLOYS["L1Block"], ISTHMUS + isthmus_fields(), sender=DEPOSITOR)
    assert l2["L1BlockNumber"].call("getL1BlockNumber") == NUMBER
    assert int.from_bytes(l2.chain.call(PREDEPLOYS["L1BlockNumber"], b"anything"), "big") == NUMBER
    assert int.from_bytes(l2.chain.call(PREDEPLOYS["L1BlockNumber"], b""), "big") == NUMBER

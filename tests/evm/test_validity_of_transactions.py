"""Each reason for which a transaction may not stand in a block."""

from dataclasses import replace
from typing import Any

import pytest

from config.constants import L1_BLOCK
from config.forks import EthFork, Fork
from config.types import Hash32
from evm.fees import OPERATOR_FEE_SLOT
from evm.forks import fork_rules
from evm.types import (
    ZERO_HASH,
    BlobTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    SignedTransaction,
    TransactionType,
)
from evm.types.transaction import Authorization, sign_transaction
from evm.validity import (
    BlockFees,
    InvalidReason,
    InvalidTransaction,
    SenderFacts,
    floor_gas,
    intrinsic_gas,
    validate_against_state,
    validate_stateless,
)
from tests.evm.engine_kit import (
    ALICE,
    ALICE_KEY,
    BOB,
    BOB_KEY,
    CHAIN_ID,
    CONTRACT,
    ETHER,
    GWEI,
    Funded,
    deposit,
    l1,
    l2,
    transaction,
)

ISTHMUS = fork_rules(EthFork.PRAGUE, Fork.ISTHMUS)
HOLOCENE = fork_rules(EthFork.CANCUN, Fork.HOLOCENE)
PRAGUE = fork_rules(EthFork.PRAGUE)
OSAKA = fork_rules(EthFork.OSAKA)
RICH = SenderFacts(nonce=0, balance=ETHER, code=b"")
FEES = BlockFees(base_fee=GWEI)
BLOB_HASH = Hash32(b"\x01" + bytes(31))


def blob_transaction(**changes: Any) -> SignedTransaction:
    fields: dict[str, Any] = {
        "nonce": 0,
        "gas_limit": 21_000,
        "to": BOB,
        "value": 0,
        "data": b"",
        "chain_id": CHAIN_ID,
        "y_parity": 0,
        "r": 0,
        "s": 0,
        "max_priority_fee": 0,
        "max_fee": 2 * GWEI,
        "max_fee_per_blob_gas": 10,
        "versioned_hashes": (BLOB_HASH,),
    }
    return sign_transaction(BlobTransaction(**{**fields, **changes}), ALICE_KEY)


def set_code_transaction(**changes: Any) -> SignedTransaction:
    fields: dict[str, Any] = {
        "nonce": 0,
        "gas_limit": 100_000,
        "to": BOB,
        "value": 0,
        "data": b"",
        "chain_id": CHAIN_ID,
        "y_parity": 0,
        "r": 0,
        "s": 0,
        "max_priority_fee": 0,
        "max_fee": 2 * GWEI,
        "authorizations": (Authorization.sign(BOB_KEY, CHAIN_ID, CONTRACT, 0),),
    }
    return sign_transaction(SetCodeTransaction(**{**fields, **changes}), ALICE_KEY)


def refused(tx: Any, fork: Any = ISTHMUS) -> InvalidTransaction:
    with pytest.raises(InvalidTransaction) as caught:
        validate_stateless(tx, fork, CHAIN_ID)
    return caught.value


def refused_by_state(tx: SignedTransaction, sender: SenderFacts = RICH, fees: BlockFees = FEES) -> InvalidTransaction:
    with pytest.raises(InvalidTransaction) as caught:
        validate_against_state(tx, sender, fees)
    return caught.value


def test_a_good_transaction_passes_and_names_its_sender() -> None:
    assert validate_stateless(transaction(), ISTHMUS, CHAIN_ID) == ALICE
    validate_against_state(transaction(), RICH, FEES)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chain_id": 1}, InvalidReason.WRONG_CHAIN_ID),
        ({"nonce": (1 << 64) - 1}, InvalidReason.NONCE_MAX),
        ({"max_priority_fee": 3 * GWEI}, InvalidReason.TIP_ABOVE_FEE_CAP),
        ({"max_fee": 1 << 256}, InvalidReason.FEE_CAP_TOO_LARGE),
        ({"gas_limit": 20_999}, InvalidReason.INTRINSIC_GAS_TOO_LOW),
        ({"data": b"\x01" * 1000, "gas_limit": 21_000 + 16_000}, InvalidReason.FLOOR_GAS_TOO_LOW),
        ({"to": None, "data": bytes(49_153), "gas_limit": 10_000_000}, InvalidReason.INITCODE_TOO_LARGE),
    ],
)
def test_malformed_transactions_are_refused_with_their_reason(changes: dict[str, Any], reason: InvalidReason) -> None:
    assert refused(transaction(**changes)).reason == reason


def test_a_bad_signature_is_refused() -> None:
    assert refused(replace(transaction(), r=0)).reason == InvalidReason.INVALID_SIGNATURE


def test_a_high_s_is_refused() -> None:
    good = transaction()
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    bad = replace(good, s=order - good.s, y_parity=1 - good.y_parity)
    assert refused(bad).reason == InvalidReason.INVALID_SIGNATURE


def test_a_legacy_transaction_without_replay_protection_is_valid() -> None:
    unsigned = LegacyTransaction(
        nonce=0, gas_limit=21_000, to=BOB, value=0, data=b"", chain_id=None, y_parity=0, r=0, s=0, gas_price=GWEI
    )
    assert validate_stateless(sign_transaction(unsigned, ALICE_KEY), ISTHMUS, CHAIN_ID) == ALICE


def test_blobs_are_never_valid_on_l2() -> None:
    assert refused(blob_transaction()).reason == InvalidReason.TYPE_NOT_SUPPORTED
    assert validate_stateless(blob_transaction(), PRAGUE, CHAIN_ID) == ALICE


def test_delegations_are_valid_since_isthmus() -> None:
    assert refused(set_code_transaction(), HOLOCENE).reason == InvalidReason.TYPE_NOT_SUPPORTED
    assert validate_stateless(set_code_transaction(), ISTHMUS, CHAIN_ID) == ALICE


def test_a_delegation_needs_authorizations_and_a_target() -> None:
    assert refused(set_code_transaction(authorizations=())).reason == InvalidReason.EMPTY_AUTHORIZATIONS
    assert refused(set_code_transaction(to=None)).reason == InvalidReason.SET_CODE_CREATION


def test_deposits_do_not_come_from_users() -> None:
    assert refused(deposit()).reason == InvalidReason.DEPOSIT_NOT_ALLOWED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"versioned_hashes": ()}, InvalidReason.NO_BLOBS),
        ({"versioned_hashes": (Hash32(bytes(32)),)}, InvalidReason.BLOB_HASH_VERSION),
        ({"versioned_hashes": (BLOB_HASH,) * 7}, InvalidReason.TOO_MANY_BLOBS),
    ],
)
def test_malformed_blob_transactions_are_refused(changes: dict[str, Any], reason: InvalidReason) -> None:
    assert refused(blob_transaction(**changes), OSAKA).reason == reason


def test_the_transaction_gas_cap_holds_since_osaka_and_karst() -> None:
    large = transaction(gas_limit=(1 << 24) + 1)
    assert refused(large, OSAKA).reason == InvalidReason.GAS_LIMIT_TOO_HIGH
    assert refused(large, fork_rules(EthFork.OSAKA, Fork.KARST)).reason == InvalidReason.GAS_LIMIT_TOO_HIGH
    assert validate_stateless(large, ISTHMUS, CHAIN_ID) == ALICE


def test_intrinsic_gas_counts_data_creation_accesses_and_authorizations() -> None:
    assert intrinsic_gas(transaction(data=b"\x00\x01"), ISTHMUS) == 21_000 + 4 + 16
    assert intrinsic_gas(transaction(to=None, data=b"\x01" * 33), ISTHMUS) == 21_000 + 33 * 16 + 32_000 + 2 * 2
    accesses = ((BOB, (ZERO_HASH, ZERO_HASH)),)
    assert intrinsic_gas(transaction(accesses=accesses), ISTHMUS) == 21_000 + 2_400 + 2 * 1_900
    assert intrinsic_gas(set_code_transaction(), ISTHMUS) == 21_000 + 25_000


def test_the_data_floor_is_ten_per_token_since_prague() -> None:
    assert floor_gas(transaction(data=b"\x00\x01"), ISTHMUS) == 21_000 + 10 * (1 + 4)
    assert floor_gas(transaction(data=b"\x00\x01"), HOLOCENE) == 0


@pytest.mark.parametrize(
    ("nonce", "message"),
    [
        (1, r"nonce too high: address 0x\w{40}, tx: 1 state: 0"),
        (0, r"nonce too low: address 0x\w{40}, tx: 0 state: 5"),
    ],
)
def test_nonce_errors_read_as_wallets_expect(nonce: int, message: str) -> None:
    sender = replace(RICH, nonce=0 if nonce else 5)
    with pytest.raises(InvalidTransaction, match=message):
        validate_against_state(transaction(nonce=nonce), sender, FEES)


def test_a_contract_cannot_send_but_a_delegated_account_can() -> None:
    assert refused_by_state(transaction(), replace(RICH, code=b"\x00")).reason == InvalidReason.SENDER_NOT_EOA
    validate_against_state(transaction(), replace(RICH, code=b"\xef\x01\x00" + BOB), FEES)


def test_the_fee_cap_must_cover_the_base_fee() -> None:
    found = refused_by_state(transaction(), fees=BlockFees(base_fee=3 * GWEI))
    assert found.reason == InvalidReason.FEE_CAP_BELOW_BASE_FEE
    assert "max fee per gas less than block base fee" in str(found)


def test_funds_must_cover_gas_value_and_the_charges_of_the_rollup() -> None:
    cost = 21_000 * 2 * GWEI + 1 + 500 + 70
    fees = BlockFees(GWEI, l1_fee=500, operator_fee=70)
    validate_against_state(transaction(), replace(RICH, balance=cost), fees)
    found = refused_by_state(transaction(), replace(RICH, balance=cost - 1), fees)
    assert found.reason == InvalidReason.INSUFFICIENT_FUNDS
    assert f"have {cost - 1} want {cost}" in str(found)


def test_blob_fees_are_part_of_the_funds_needed() -> None:
    tx = blob_transaction()
    cost = 21_000 * 2 * GWEI + 10 * 131_072
    validate_against_state(tx, replace(RICH, balance=cost), FEES)
    assert refused_by_state(tx, replace(RICH, balance=cost - 1)).reason == InvalidReason.INSUFFICIENT_FUNDS
    assert refused_by_state(tx, fees=BlockFees(GWEI, blob_base_fee=11)).reason == InvalidReason.BLOB_FEE_CAP_TOO_LOW


def test_the_block_must_have_gas_left() -> None:
    builder = l2().start(gas_limit=41_999)
    builder.add(transaction())
    with pytest.raises(InvalidTransaction) as caught:
        builder.add(transaction(nonce=1))
    assert caught.value.reason == InvalidReason.BLOCK_GAS_EXCEEDED


def test_the_block_must_have_room_for_blobs() -> None:
    bench = l1()
    builder = bench.start()
    for nonce in range(3):
        builder.add(blob_transaction(nonce=nonce, versioned_hashes=(BLOB_HASH,) * 3))
    with pytest.raises(InvalidTransaction) as caught:
        builder.add(blob_transaction(nonce=3))
    assert caught.value.reason == InvalidReason.BLOCK_BLOB_GAS_EXCEEDED
    assert builder.seal().block.header.blob_gas_used == 9 * 131_072


def test_a_refused_transaction_leaves_the_block_as_it_was() -> None:
    touched, untouched = l2().start(), l2().start()
    with pytest.raises(InvalidTransaction):
        touched.add(transaction(value=1_000 * ETHER))
    assert touched.seal().block.hash == untouched.seal().block.hash


def test_deposits_are_refused_on_l1() -> None:
    with pytest.raises(InvalidTransaction) as caught:
        l1().start().add(deposit())
    assert caught.value.reason == InvalidReason.DEPOSIT_NOT_ALLOWED


def test_the_data_footprint_limits_a_jovian_block() -> None:
    bench = l2({L1_BLOCK: Funded(storage={OPERATOR_FEE_SLOT: 400 << 96})}, fork=Fork.JOVIAN)
    builder = bench.start(gas_limit=90_000)
    assert builder.da_left == 90_000
    builder.add(transaction())
    builder.add(transaction(nonce=1))
    assert builder.da_left == 90_000 - 2 * 100 * 400
    with pytest.raises(InvalidTransaction) as caught:
        builder.add(transaction(nonce=2))
    assert caught.value.reason == InvalidReason.DA_FOOTPRINT_EXCEEDED
    assert builder.seal().block.header.blob_gas_used == 80_000


def test_every_type_is_allowed_exactly_where_its_fork_says() -> None:
    allowed = {kind for kind in TransactionType if ISTHMUS.allows(kind)}
    assert allowed == set(TransactionType) - {TransactionType.BLOB}
    assert {kind for kind in TransactionType if fork_rules(EthFork.PARIS).allows(kind)} == {
        TransactionType.LEGACY,
        TransactionType.ACCESS_LIST,
        TransactionType.DYNAMIC_FEE,
    }

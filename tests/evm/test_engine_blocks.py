"""Building, deriving and importing L2 and L1 blocks."""

from dataclasses import replace

import pytest

from config.constants import (
    BASE_FEE_VAULT,
    BEACON_ROOTS_ADDRESS,
    EMPTY_REQUESTS_HASH,
    EMPTY_TRIE_ROOT,
    HISTORY_STORAGE_ADDRESS,
    L1_BLOCK,
    L1_FEE_VAULT,
    L2_TO_L1_MESSAGE_PASSER,
    OPERATOR_FEE_VAULT,
    SEQUENCER_FEE_VAULT,
)
from config.forks import EthFork, Fork
from config.types import ZERO_HASH, Address, Gas, Hash32, Timestamp
from evm.engine import InvalidBlock, InvalidPayload, MissingAncestor
from evm.fees import L1FeeParameters
from evm.rules import InvalidHeader, L1Rules, L2Rules, eip1559_base_fee
from evm.types import PayloadAttributes, SetCodeTransaction, Withdrawal
from evm.types.transaction import Authorization, sign_transaction
from tests.evm.engine_kit import (
    ALICE,
    ALICE_KEY,
    BOB,
    BOB_KEY,
    CHAIN_ID,
    CONTRACT,
    ETHER,
    GAS_LIMIT,
    GWEI,
    HOLOCENE_EXTRA,
    Bench,
    Funded,
    deposit,
    l1,
    l1_chain,
    l2,
    rollup,
    transaction,
)

STORE_ARGUMENT = bytes.fromhex("5f355f5500")
"""Stores the first word of its input in slot 0."""
CLEAR_SLOT = bytes.fromhex("5f5f5500")
STORE_BLOCKHASH = bytes.fromhex("5f35405f5500")
STORE_CALLER = bytes.fromhex("335f5500")
L1_BLOCK_VALUES = {1: 10 * GWEI, 3: 800_000 << 96 | 1_000 << 64, 7: 5, 8: 1_000_000 << 64 | 77}


def attributes(bench: Bench, *raw: bytes, **changes: object) -> PayloadAttributes:
    base = PayloadAttributes(
        timestamp=Timestamp(bench.head.timestamp + 2),
        prev_randao=ZERO_HASH,
        suggested_fee_recipient=SEQUENCER_FEE_VAULT,
        parent_beacon_block_root=ZERO_HASH,
        transactions=raw,
        no_tx_pool=True,
        gas_limit=Gas(GAS_LIMIT),
        eip1559_params=bytes(8),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_every_wei_that_a_transaction_pays_ends_in_a_vault() -> None:
    bench = l2({L1_BLOCK: Funded(nonce=1, storage=L1_BLOCK_VALUES)})
    builder = bench.start()
    base_fee = builder.base_fee
    tx = transaction(gas_limit=50_000, max_priority_fee=7)
    receipt = builder.add(tx)
    bench.accept(builder.seal())
    fees = L1FeeParameters.from_l1_block(Fork.ISTHMUS, lambda slot: L1_BLOCK_VALUES.get(slot, 0))
    assert receipt.cumulative_gas_used == 21_000
    assert fees.l1_fee(tx.raw) > 0
    assert bench.balance(BASE_FEE_VAULT) == 21_000 * base_fee
    assert bench.balance(SEQUENCER_FEE_VAULT) == 21_000 * 7
    assert bench.balance(L1_FEE_VAULT) == fees.l1_fee(tx.raw)
    assert bench.balance(OPERATOR_FEE_VAULT) == 21_000 + 77
    paid = 21_000 * (base_fee + 7) + fees.l1_fee(tx.raw) + 21_000 + 77
    assert bench.balance(ALICE) == 100 * ETHER - 1 - paid


def test_fees_follow_what_the_first_deposit_of_the_block_wrote() -> None:
    code = bytes.fromhex("5f35600155") + b"\x00"
    bench = l2({L1_BLOCK: Funded(nonce=1, code=code, storage=L1_BLOCK_VALUES)})
    builder = bench.start()
    builder.add(deposit(to=L1_BLOCK, data=(99).to_bytes(32, "big")))
    fees = builder.l1_fees()
    assert fees is not None
    assert fees.base_fee == 99


def test_a_derived_block_is_imported_with_the_same_result() -> None:
    bench = l2()
    raw = (deposit(mint=3).encode(), transaction(nonce=1).raw, transaction(BOB_KEY, to=ALICE).raw)
    executed = bench.engine.derive(bench.head, attributes(bench, *raw))
    assert [tx.raw for tx in executed.block.transactions] == list(raw)
    imported = bench.engine.import_block(bench.head, executed.block)
    assert imported.block.hash == executed.block.hash
    assert imported.update.root == executed.update.root


def test_zero_parameters_become_the_chains_own_in_the_header() -> None:
    bench = l2()
    assert bench.engine.derive(bench.head, attributes(bench)).block.header.extra_data == HOLOCENE_EXTRA
    given = (8).to_bytes(4, "big") + (2).to_bytes(4, "big")
    header = bench.engine.derive(bench.head, attributes(bench, eip1559_params=given)).block.header
    assert header.extra_data == b"\x00" + given


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"eip1559_params": None}, "lack eip1559Params"),
        ({"eip1559_params": bytes(7) + b"\x01"}, "denominator must not be zero"),
        ({"timestamp": 0}, "not after that of the parent"),
        ({"parent_beacon_block_root": None}, "parent beacon block root"),
        ({"transactions": (b"\x05\x01",)}, "transaction 0 of the payload attributes: transaction type 0x05"),
        ({"transactions": (transaction(nonce=9).raw,)}, "nonce too high"),
        ({"min_base_fee": 1}, "minBaseFee before Jovian"),
    ],
)
def test_payloads_that_no_block_can_be_made_of_are_refused(changes: dict[str, object], complaint: str) -> None:
    bench = l2()
    with pytest.raises(InvalidPayload, match=complaint):
        bench.engine.derive(bench.head, attributes(bench, **changes))


def test_a_refused_payload_can_be_retried_with_its_deposits_alone() -> None:
    bench = l2()
    good, bad = deposit(mint=3).encode(), transaction(nonce=9).raw
    with pytest.raises(InvalidPayload):
        bench.engine.derive(bench.head, attributes(bench, good, bad))
    assert len(bench.engine.derive(bench.head, attributes(bench, good)).receipts) == 1


def test_since_isthmus_the_withdrawals_root_is_the_message_passers_storage_root() -> None:
    bench = l2({L2_TO_L1_MESSAGE_PASSER: Funded(nonce=1, code=STORE_ARGUMENT)})
    before = bench.engine.derive(bench.head, attributes(bench)).block.header
    assert before.withdrawals_root == EMPTY_TRIE_ROOT
    call = deposit(to=L2_TO_L1_MESSAGE_PASSER, data=(5).to_bytes(32, "big"))
    bench.accept(bench.engine.derive(bench.head, attributes(bench, call.encode())))
    account = bench.reader().account(L2_TO_L1_MESSAGE_PASSER)
    assert account is not None
    assert bench.head.withdrawals_root == account.storage_root != EMPTY_TRIE_ROOT
    assert bench.head.requests_hash == EMPTY_REQUESTS_HASH


def test_before_isthmus_the_withdrawals_root_is_that_of_no_withdrawals() -> None:
    bench = l2({L2_TO_L1_MESSAGE_PASSER: Funded(nonce=1, storage={1: 2})}, Fork.HOLOCENE)
    header = bench.engine.derive(bench.head, attributes(bench)).block.header
    assert header.withdrawals_root == EMPTY_TRIE_ROOT
    assert header.requests_hash is None


@pytest.mark.parametrize("fork", [Fork.BEDROCK, Fork.CANYON, Fork.ECOTONE, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST])
def test_header_fields_come_with_their_forks(fork: Fork) -> None:
    bench = l2(fork=fork)
    extra = HOLOCENE_EXTRA if fork < Fork.JOVIAN else b"\x01" + HOLOCENE_EXTRA[1:] + bytes(8)
    header = bench.start(extra_data=extra if fork >= Fork.HOLOCENE else b"").seal().block.header
    assert (header.withdrawals_root is not None) == (fork >= Fork.CANYON)
    assert (header.excess_blob_gas is not None) == (fork >= Fork.ECOTONE)
    assert (header.requests_hash is not None) == (fork >= Fork.ISTHMUS)
    assert header.difficulty == 0


def test_a_jovian_header_carries_the_minimum_base_fee_and_the_next_block_keeps_it() -> None:
    rules = L2Rules(rollup(Fork.JOVIAN))
    extra = rules.extra_data(2, bytes(8), 5 * GWEI)
    assert extra == b"\x01" + HOLOCENE_EXTRA[1:] + (5 * GWEI).to_bytes(8, "big")
    parent = replace(l2(fork=Fork.JOVIAN).head, extra_data=extra)
    assert rules.next_base_fee(parent, 2) == 5 * GWEI


def test_the_parents_data_footprint_moves_the_base_fee_since_jovian() -> None:
    rules = L2Rules(rollup(Fork.JOVIAN))
    extra = b"\x01" + HOLOCENE_EXTRA[1:] + bytes(8)
    parent = replace(l2(fork=Fork.JOVIAN).head, extra_data=extra, blob_gas_used=GAS_LIMIT)
    assert rules.next_base_fee(parent, 2) == eip1559_base_fee(GWEI, GAS_LIMIT, GAS_LIMIT, 6, 250) > GWEI


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (0, 875_000_000),
        (10_000_000, 958_333_334),
        (15_000_000, GWEI),
        (20_000_000, 1_041_666_666),
        (30_000_000, 1_125_000_000),
    ],
)
def test_the_l1_base_fee_moves_by_an_eighth_at_most(used: int, expected: int) -> None:
    assert eip1559_base_fee(GWEI, used, GAS_LIMIT, 2, 8) == expected


def test_a_base_fee_of_one_still_rises() -> None:
    assert eip1559_base_fee(1, 20, 20, 2, 8) == 2


def test_the_extra_data_of_holocene_must_have_version_zero_and_real_parameters() -> None:
    rules = L2Rules(rollup())
    rules.check_extra_data(HOLOCENE_EXTRA, 2)
    for bad in (b"", HOLOCENE_EXTRA[:-1], b"\x01" + HOLOCENE_EXTRA[1:], bytes(9)):
        with pytest.raises(InvalidHeader):
            rules.check_extra_data(bad, 2)


def test_no_block_follows_a_parent_with_zero_parameters() -> None:
    with pytest.raises(InvalidHeader, match="zero EIP-1559 parameters"):
        L2Rules(rollup()).next_base_fee(replace(l2().head, extra_data=bytes(9)), 2)


def test_before_the_parent_is_holocene_the_chains_own_parameters_hold() -> None:
    parent = replace(l2(fork=Fork.GRANITE).head, gas_used=GAS_LIMIT)
    canyon = L2Rules(rollup(Fork.GRANITE)).next_base_fee(parent, 2)
    bedrock = L2Rules(rollup(Fork.REGOLITH)).next_base_fee(parent, 2)
    assert canyon == eip1559_base_fee(GWEI, GAS_LIMIT, GAS_LIMIT, 6, 250)
    assert bedrock == eip1559_base_fee(GWEI, GAS_LIMIT, GAS_LIMIT, 6, 50)


def test_the_l1_gas_limit_moves_by_less_than_a_1024th() -> None:
    rules = L1Rules(l1_chain())
    parent = l1().head
    bound = GAS_LIMIT // 1024
    rules.check_gas_limit(parent, GAS_LIMIT + bound - 1)
    with pytest.raises(InvalidHeader):
        rules.check_gas_limit(parent, GAS_LIMIT + bound)


def test_excess_blob_gas_has_a_reserve_price_since_osaka() -> None:
    parent = replace(l1().head, excess_blob_gas=0, blob_gas_used=9 * 131_072)
    assert L1Rules(l1_chain(EthFork.PRAGUE)).excess_blob_gas(parent, 2) == 3 * 131_072
    assert L1Rules(l1_chain(EthFork.OSAKA)).excess_blob_gas(parent, 2) == 9 * 131_072 * 3 // 9


def test_the_beacon_root_and_the_parents_hash_are_stored_where_their_contracts_exist() -> None:
    bench = l2(
        {
            BEACON_ROOTS_ADDRESS: Funded(nonce=1, code=STORE_ARGUMENT),
            HISTORY_STORAGE_ADDRESS: Funded(nonce=1, code=STORE_ARGUMENT),
        }
    )
    root = Hash32(b"\x07" * 32)
    state = bench.start(parent_beacon_block_root=root).state
    assert state.get_storage(BEACON_ROOTS_ADDRESS, 0) == int.from_bytes(root, "big")
    assert state.get_storage(HISTORY_STORAGE_ADDRESS, 0) == int.from_bytes(bench.head.hash, "big")
    assert l2().start(parent_beacon_block_root=root).gas_used == 0


def test_blockhash_reaches_ancestors_through_their_headers() -> None:
    bench = l2({CONTRACT: Funded(nonce=1, code=STORE_BLOCKHASH)})
    hashes = [bench.head.hash]
    for _ in range(4):
        hashes.append(bench.accept(bench.start().seal()).hash)
    builder = bench.start()
    builder.add(deposit(to=CONTRACT, data=(1).to_bytes(32, "big")))
    assert builder.state.get_storage(CONTRACT, 0) == int.from_bytes(hashes[1], "big")
    builder.add(deposit(to=CONTRACT, data=(5).to_bytes(32, "big")))
    assert builder.state.get_storage(CONTRACT, 0) == 0


def test_a_hash_of_an_ancestor_whose_header_is_gone_is_an_error_and_not_zero() -> None:
    bench = l2({CONTRACT: Funded(nonce=1, code=STORE_BLOCKHASH)})
    for _ in range(4):
        bench.accept(bench.start().seal())
    bench.headers.clear()
    builder = bench.start()
    builder.add(deposit(to=CONTRACT, data=(3).to_bytes(32, "big")))
    with pytest.raises(MissingAncestor, match="hash of block 1 is unknown"):
        builder.add(deposit(to=CONTRACT, data=(1).to_bytes(32, "big")))


def test_cleared_storage_is_refunded() -> None:
    builder = l2({CONTRACT: Funded(nonce=1, code=CLEAR_SLOT, storage={0: 1})}).start()
    receipt = builder.add(transaction(to=CONTRACT, gas_limit=60_000, value=0))
    assert receipt.cumulative_gas_used == 21_000 + 2 + 2 + 5_000 - 4_800


def test_refunds_are_a_fifth_of_the_gas_at_most() -> None:
    slots = range(20)
    code = b"".join(b"\x5f\x60" + bytes((slot,)) + b"\x55" for slot in slots) + b"\x00"
    builder = l2({CONTRACT: Funded(nonce=1, code=code, storage=dict.fromkeys(slots, 1))}).start()
    receipt = builder.add(transaction(to=CONTRACT, gas_limit=300_000, value=0))
    used = 21_000 + 20 * (2 + 3 + 5_000)
    assert receipt.cumulative_gas_used == used - used // 5


def test_data_heavy_transactions_pay_the_floor() -> None:
    data = b"\x01" * 1000
    receipt = l2().start().add(transaction(data=data, gas_limit=100_000))
    assert receipt.cumulative_gas_used == 21_000 + 40 * 1000


def test_an_authorization_delegates_the_account_that_signed_it() -> None:
    bench = l2({CONTRACT: Funded(nonce=1, code=STORE_CALLER)})
    builder = bench.start()
    unsigned = SetCodeTransaction(
        nonce=0, gas_limit=200_000, to=BOB, value=0, data=b"", chain_id=CHAIN_ID, y_parity=0, r=0, s=0,
        max_priority_fee=0, max_fee=2 * GWEI,
        authorizations=(
            Authorization.sign(BOB_KEY, CHAIN_ID, CONTRACT, 0),
            Authorization.sign(BOB_KEY, CHAIN_ID, CONTRACT, 0),
            Authorization.sign(BOB_KEY, 12345, CONTRACT, 1),
        ),
    )  # fmt: skip
    receipt = builder.add(sign_transaction(unsigned, ALICE_KEY))
    assert receipt.succeeded
    assert builder.state.get_code(BOB) == b"\xef\x01\x00" + CONTRACT
    assert builder.state.get_nonce(BOB) == 1
    assert builder.state.get_storage(BOB, 0) == int.from_bytes(ALICE, "big")


def test_l1_withdrawals_are_credited_in_gwei() -> None:
    bench = l1()
    validator = Address(b"\x0f" * 20)
    withdrawals = (Withdrawal(0, 1, validator, 5),)
    executed = bench.start(withdrawals=withdrawals).seal()
    assert bench.engine.import_block(bench.head, executed.block).block.hash == executed.block.hash
    bench.accept(executed)
    assert bench.balance(validator) == 5 * GWEI


def test_an_l1_without_request_contracts_cannot_make_prague_blocks() -> None:
    with pytest.raises(InvalidBlock, match="has no code"):
        l1(fork=EthFork.PRAGUE).start().seal()


def test_a_block_can_be_built_on_one_that_is_only_remembered() -> None:
    bench = l2()
    builder = bench.start()
    builder.add(transaction())
    executed = builder.seal()
    bench.state.remember(executed.update)
    bench.head = executed.block.header
    second = bench.start()
    second.add(transaction(nonce=1))
    assert second.seal().block.number == 2


def test_a_transaction_that_breaks_off_leaves_the_block_as_it_was() -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    loop = bytes.fromhex("5f355f555b600456")
    code = {CONTRACT: Funded(nonce=1, code=loop)}
    builder = l2(code).start()
    builder.state.budget = stop
    with pytest.raises(Stopped):
        builder.add(transaction(to=CONTRACT, gas_limit=5_000_000, data=b"\x01" * 32))
    builder.state.budget = None
    builder.add(transaction())
    untouched = l2(code).start()
    untouched.add(transaction())
    assert builder.seal().block.hash == untouched.seal().block.hash

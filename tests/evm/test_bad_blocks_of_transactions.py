"""A block with a transaction that may not stand in it is refused, and the refusal says which and why: every reason."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from config.constants import CONSOLIDATION_REQUEST_ADDRESS, L1_BLOCK, TRANSACTION_GAS_CAP, WITHDRAWAL_REQUEST_ADDRESS
from config.forks import EthFork, Fork
from config.types import Address, Hash32
from evm.engine import BlockInputs, InvalidBlock
from evm.trie import ordered_root
from evm.types import Block, LegacyTransaction, Transaction, keccak256, short
from evm.types.signature import SECP256K1_ORDER, address_of
from evm.types.transaction import sign_transaction
from evm.validity import MAX_INITCODE_BYTES, InvalidReason
from tests.evm.engine_kit import (
    BOB,
    BOB_KEY,
    ETHER,
    GAS_LIMIT,
    GWEI,
    Bench,
    Funded,
    deposit,
    l1,
    l2,
    transaction,
)
from tests.evm.test_validity_of_transactions import blob_transaction, set_code_transaction

Reason = InvalidReason
POOR_KEY, CONTRACT_KEY, OLD_KEY = (keccak256(name) for name in (b"poor", b"contract", b"old"))
POOR, CONTRACT_ACCOUNT, OLD = (address_of(key) for key in (POOR_KEY, CONTRACT_KEY, OLD_KEY))
GAS_PRICE = 2 * GWEI
GAS_COST = 21_000 * GAS_PRICE + 1
MAX_NONCE = (1 << 64) - 1
OPERATOR_FEE = 1_000_000 << 64 | 77
L1_FEES = {1: 10 * GWEI, 3: 800_000 << 96 | 1_000 << 64, 7: 5}
BLOB = Hash32(b"\x01" + bytes(31))


def accounts(poor: int = GAS_COST - 1) -> dict[Address, Funded]:
    return {
        POOR: Funded(balance=poor),
        CONTRACT_ACCOUNT: Funded(balance=ETHER, code=b"\x00"),
        OLD: Funded(balance=ETHER, nonce=MAX_NONCE),
        WITHDRAWAL_REQUEST_ADDRESS: Funded(nonce=1, code=b"\x00"),
        CONSOLIDATION_REQUEST_ADDRESS: Funded(nonce=1, code=b"\x00"),
    }


def rollup_at(fork: Fork, slots: dict[int, int] | None = None, poor: int = GAS_COST - 1) -> Callable[[], Bench]:
    def make() -> Bench:
        bench = l2({**accounts(poor), L1_BLOCK: Funded(nonce=1, storage=slots or {})}, fork)
        if fork >= Fork.JOVIAN:
            parameters = (250).to_bytes(4, "big") + (6).to_bytes(4, "big")
            bench.head = replace(bench.head, extra_data=b"\x01" + parameters + bytes(8))
            bench.headers[bench.head.hash] = bench.head
        return bench

    return make


def ethereum_at(fork: EthFork) -> Callable[[], Bench]:
    return lambda: l1(accounts(), fork)


def rebuilt(**changes: Any) -> Callable[[], Transaction]:
    return lambda: replace(transaction(), **changes)


def made(*args: Any, **changes: Any) -> Callable[[], Transaction]:
    return lambda: transaction(*args, **changes)


def legacy_of_another_chain() -> Transaction:
    unsigned = LegacyTransaction(
        nonce=0, gas_limit=21_000, to=BOB, value=1, data=b"", chain_id=5, y_parity=0, r=0, s=0, gas_price=GAS_PRICE
    )
    return sign_transaction(unsigned, BOB_KEY)


def high_s() -> Transaction:
    low = transaction()
    return replace(low, s=SECP256K1_ORDER - low.s, y_parity=1 - low.y_parity)


@dataclass(frozen=True)
class BadTransaction:
    """A transaction, the chain whose block it is put into, why it must be refused, and a word of the refusal."""

    name: str
    reason: InvalidReason
    chain: Callable[[], Bench]
    make: Callable[[], Transaction]
    detail: str = ""
    before: Callable[[], tuple[Transaction, ...]] = lambda: ()
    gas_limit: int = GAS_LIMIT


ECOTONE, HOLOCENE, ISTHMUS = rollup_at(Fork.ECOTONE), rollup_at(Fork.HOLOCENE), rollup_at(Fork.ISTHMUS)
JOVIAN, KARST = rollup_at(Fork.JOVIAN), rollup_at(Fork.KARST)
PRAGUE, OSAKA = ethereum_at(EthFork.PRAGUE), ethereum_at(EthFork.OSAKA)

CASES = [
    BadTransaction("a blob transaction on L2", Reason.TYPE_NOT_SUPPORTED, ISTHMUS, blob_transaction, "type 3"),
    BadTransaction("a delegation before Isthmus", Reason.TYPE_NOT_SUPPORTED, HOLOCENE, set_code_transaction, "type 4"),
    BadTransaction("another chain's", Reason.WRONG_CHAIN_ID, ECOTONE, made(chain_id=5), "have 5 want 901"),
    BadTransaction("another chain's, legacy", Reason.WRONG_CHAIN_ID, ECOTONE, legacy_of_another_chain, "have 5"),
    BadTransaction("an r that is no point", Reason.INVALID_SIGNATURE, ISTHMUS, rebuilt(r=5), "no public key"),
    BadTransaction("an r of zero", Reason.INVALID_SIGNATURE, ISTHMUS, rebuilt(r=0), "out of range"),
    BadTransaction("a high s", Reason.INVALID_SIGNATURE, PRAGUE, high_s, "out of range"),
    BadTransaction(
        "the same nonce twice", Reason.NONCE_TOO_LOW, HOLOCENE, made(), "tx: 0 state: 1", lambda: (transaction(),)
    ),
    BadTransaction("a nonce ahead", Reason.NONCE_TOO_HIGH, HOLOCENE, made(nonce=3), "tx: 3 state: 0"),
    BadTransaction("the last nonce", Reason.NONCE_MAX, JOVIAN, made(OLD_KEY, nonce=MAX_NONCE), str(MAX_NONCE)),
    BadTransaction(
        "more gas than the cap on L1", Reason.GAS_LIMIT_TOO_HIGH, OSAKA, made(gas_limit=TRANSACTION_GAS_CAP + 1), "cap"
    ),
    BadTransaction(
        "more gas than the cap on L2", Reason.GAS_LIMIT_TOO_HIGH, KARST, made(gas_limit=TRANSACTION_GAS_CAP + 1), "cap"
    ),
    BadTransaction(
        "more gas than the block", Reason.BLOCK_GAS_EXCEEDED, JOVIAN, made(gas_limit=GAS_LIMIT + 1), "wanted"
    ),
    BadTransaction(
        "more gas than the block has left",
        Reason.BLOCK_GAS_EXCEEDED,
        ISTHMUS,
        made(nonce=1),
        "have 20999 left, 21000 wanted",
        lambda: (transaction(),),
        41_999,
    ),
    BadTransaction(
        "a deposit for more gas than the block has left",
        Reason.BLOCK_GAS_EXCEEDED,
        ISTHMUS,
        lambda: deposit(gas_limit=50_000),
        "50000 wanted",
        lambda: (transaction(),),
        60_000,
    ),
    BadTransaction(
        "more data than the block has room for",
        Reason.DA_FOOTPRINT_EXCEEDED,
        rollup_at(Fork.JOVIAN, {8: 400 << 96}),
        made(nonce=1),
        "have 40000 used, 40000 wanted, limit 79999",
        lambda: (transaction(),),
        79_999,
    ),
    BadTransaction(
        "a tip above the cap", Reason.TIP_ABOVE_FEE_CAP, ISTHMUS, made(max_priority_fee=GAS_PRICE + 1), "maxFeePerGas"
    ),
    BadTransaction("a cap of 2^256", Reason.FEE_CAP_TOO_LARGE, ISTHMUS, made(max_fee=1 << 256)),
    BadTransaction(
        "a cap below the base fee", Reason.FEE_CAP_BELOW_BASE_FEE, HOLOCENE, made(max_fee=GWEI // 2), "baseFee"
    ),
    BadTransaction("too little gas", Reason.INTRINSIC_GAS_TOO_LOW, ECOTONE, made(gas_limit=20_999), "want 21000"),
    BadTransaction(
        "too little gas for its data",
        Reason.FLOOR_GAS_TOO_LOW,
        ISTHMUS,
        made(data=b"\x01" * 100, gas_limit=22_700),
        "have 22700, want 25000",
    ),
    BadTransaction(
        "long initcode",
        Reason.INITCODE_TOO_LARGE,
        ECOTONE,
        made(to=None, value=0, data=bytes(MAX_INITCODE_BYTES + 1), gas_limit=5_000_000),
        f"limit {MAX_INITCODE_BYTES}",
    ),
    BadTransaction(
        "a contract's", Reason.SENDER_NOT_EOA, PRAGUE, made(CONTRACT_KEY), f"address 0x{CONTRACT_ACCOUNT.hex()}"
    ),
    BadTransaction("too little money", Reason.INSUFFICIENT_FUNDS, PRAGUE, made(POOR_KEY), f"want {GAS_COST}"),
    BadTransaction(
        "too little money for the L1 fee",
        Reason.INSUFFICIENT_FUNDS,
        rollup_at(Fork.HOLOCENE, L1_FEES, GAS_COST),
        made(POOR_KEY),
        f"have {GAS_COST}",
    ),
    BadTransaction(
        "too little money for the L1 fee of Ecotone",
        Reason.INSUFFICIENT_FUNDS,
        rollup_at(Fork.ECOTONE, L1_FEES, GAS_COST),
        made(POOR_KEY),
        f"have {GAS_COST}",
    ),
    BadTransaction(
        "too little money for the operator fee of Isthmus",
        Reason.INSUFFICIENT_FUNDS,
        rollup_at(Fork.ISTHMUS, {8: OPERATOR_FEE}, GAS_COST + 21_000 + 76),
        made(POOR_KEY),
        f"want {GAS_COST + 21_000 + 77}",
    ),
    BadTransaction(
        "too little money for the operator fee of Jovian",
        Reason.INSUFFICIENT_FUNDS,
        rollup_at(Fork.JOVIAN, {8: OPERATOR_FEE}, GAS_COST + 21_000 + 77),
        made(POOR_KEY),
        f"want {GAS_COST + 21_000 * 1_000_000 * 100 + 77}",
    ),
    BadTransaction(
        "a creation with blobs", Reason.BLOB_CREATION, PRAGUE, lambda: blob_transaction(to=None, gas_limit=60_000)
    ),
    BadTransaction("no blobs", Reason.NO_BLOBS, PRAGUE, lambda: blob_transaction(versioned_hashes=())),
    BadTransaction(
        "seven blobs", Reason.TOO_MANY_BLOBS, OSAKA, lambda: blob_transaction(versioned_hashes=(BLOB,) * 7), "have 7"
    ),
    BadTransaction(
        "a blob of another version",
        Reason.BLOB_HASH_VERSION,
        PRAGUE,
        lambda: blob_transaction(versioned_hashes=(BLOB, Hash32(bytes(32)))),
        "blob 1, version 0",
    ),
    BadTransaction(
        "a blob fee cap too low", Reason.BLOB_FEE_CAP_TOO_LOW, PRAGUE, lambda: blob_transaction(max_fee_per_blob_gas=0)
    ),
    BadTransaction(
        "more blobs than the block has room for",
        Reason.BLOCK_BLOB_GAS_EXCEEDED,
        PRAGUE,
        lambda: blob_transaction(nonce=1, versioned_hashes=(BLOB,) * 4),
        f"limit {9 * 131_072}",
        lambda: (blob_transaction(versioned_hashes=(BLOB,) * 6),),
    ),
    BadTransaction(
        "a delegation without authorizations",
        Reason.EMPTY_AUTHORIZATIONS,
        ISTHMUS,
        lambda: set_code_transaction(authorizations=()),
    ),
    BadTransaction(
        "a delegation that creates", Reason.SET_CODE_CREATION, JOVIAN, lambda: set_code_transaction(to=None)
    ),
    BadTransaction("a deposit on L1", Reason.DEPOSIT_NOT_ALLOWED, PRAGUE, deposit),
]


def test_every_reason_has_a_block() -> None:
    assert {case.reason for case in CASES} == set(InvalidReason)


def sealed(bench: Bench, case: BadTransaction) -> Block:
    builder = bench.start(gas_limit=case.gas_limit)
    for entry in case.before():
        builder.add(entry)
    return builder.seal().block


def with_bad_one(block: Block, bad: Transaction) -> Block:
    transactions = (*block.transactions, bad)
    root = ordered_root([entry.raw for entry in transactions])
    return replace(block, header=replace(block.header, transactions_root=root), transactions=transactions)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_block_is_refused_for_its_bad_transaction(case: BadTransaction) -> None:
    bench = case.chain()
    if not bench.engine.rules.at(0).is_l2:
        bench.head = replace(bench.head, gas_limit=case.gas_limit)
        bench.headers[bench.head.hash] = bench.head
    good = sealed(bench, case)
    bench.engine.import_block(bench.head, good)
    bad = case.make()
    with pytest.raises(InvalidBlock) as caught:
        bench.engine.import_block(bench.head, with_bad_one(good, bad))
    message = str(caught.value)
    assert f": transaction {len(good.transactions)} ({short(bad.hash)}): {case.reason.value}" in message
    assert case.detail in message


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_builder_refuses_it_too_and_goes_on_as_if_it_had_not_been_offered(case: BadTransaction) -> None:
    bench = case.chain()
    offered = bench.engine.start(bench.head, BlockInputs.of(sealed(bench, case)))
    for entry in case.before():
        offered.add(entry)
    with pytest.raises(ValueError, match=case.reason.value.replace("^", r"\^").replace("*", r"\*").replace("+", r"\+")):
        offered.add(case.make())
    assert offered.seal().block.hash == sealed(bench, case).hash

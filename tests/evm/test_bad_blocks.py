"""Blocks with one thing wrong are refused, and the refusal names it: every header field, every field of a receipt,
and the body. The valid block of each fork commits to all it was made with: a contract stores what it sees of the block.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from config.constants import (
    BEACON_ROOTS_ADDRESS,
    CONSOLIDATION_REQUEST_ADDRESS,
    HISTORY_STORAGE_ADDRESS,
    L1_BLOCK,
    L2_TO_L1_MESSAGE_PASSER,
    WITHDRAWAL_REQUEST_ADDRESS,
)
from config.forks import EthFork, Fork
from config.types import Address, Hash32
from evm.engine import ExecutedBlock, InvalidBlock
from evm.engine.requests import requests_hash
from evm.trie import ordered_root
from evm.types import Block, Header, Transaction, Withdrawal
from evm.types.rlp import decode_list, encode
from tests.evm.engine_kit import (
    ALICE,
    BOB,
    BOB_KEY,
    CONTRACT,
    GWEI,
    HOLOCENE_EXTRA,
    Bench,
    Funded,
    deposit,
    l1,
    l2,
    transaction,
)
from tests.evm.test_validity_of_transactions import blob_transaction

SEES_THE_BLOCK = bytes.fromhex("5f355f55416001554260025543600355446004554560055548600655600760205fa1")
"""Stores coinbase, timestamp, number, randomness, gas limit and base fee; logs one word under one topic."""
STORE_INPUT = bytes.fromhex("5f355f5500")
FAILS = Address(b"\xfa" * 20)
DEPOSITOR = Address(b"\xde" * 20)
FEES = {1: 10 * GWEI, 3: 800_000 << 96 | 1_000 << 64, 7: 5, 8: 10 << 96 | 1_000_000 << 64 | 77}
ACCOUNTS = {
    CONTRACT: Funded(nonce=1, code=SEES_THE_BLOCK),
    FAILS: Funded(nonce=1, code=b"\xfe"),
    BEACON_ROOTS_ADDRESS: Funded(nonce=1, code=STORE_INPUT),
    HISTORY_STORAGE_ADDRESS: Funded(nonce=1, code=STORE_INPUT),
}
JOVIAN_EXTRA = b"\x01" + (250).to_bytes(4, "big") + (6).to_bytes(4, "big") + (5).to_bytes(8, "big")
WITHDRAWAL = Withdrawal(0, 1, ALICE, 5)
OTHER = Hash32(b"\x5a" * 32)


@dataclass(frozen=True)
class World:
    """A bench and a valid block on its head."""

    bench: Bench
    executed: ExecutedBlock

    @property
    def block(self) -> Block:
        return self.executed.block

    @property
    def has_op(self) -> bool:
        return self.bench.engine.rules.at(self.block.header.timestamp).is_l2

    def has(self, fork: EthFork | Fork) -> bool:
        rules = self.bench.engine.rules.at(self.block.header.timestamp)
        return rules.has_op(fork) if isinstance(fork, Fork) else rules.has(fork)

    def refusal(self, block: Block) -> str:
        with pytest.raises(InvalidBlock) as caught:
            self.bench.engine.import_block(self.bench.head, block)
        return str(caught.value)

    def with_header(self, **changes: Any) -> Block:
        header = replace(self.block.header, **changes)
        # A header with a hole has no encoding, so it gets a hash for its name.
        if None in changes.values():
            header.__dict__["hash"] = OTHER
        return replace(self.block, header=header)


def on_l2(fork: Fork) -> World:
    passer = {L2_TO_L1_MESSAGE_PASSER: Funded(nonce=1, storage={1: 1}), L1_BLOCK: Funded(nonce=1, storage=FEES)}
    bench = l2({**ACCOUNTS, **passer}, fork)
    if fork >= Fork.JOVIAN:
        bench.head = replace(bench.head, extra_data=JOVIAN_EXTRA)
        bench.headers[bench.head.hash] = bench.head
    inputs: dict[str, Any] = {} if fork >= Fork.HOLOCENE else {"extra_data": b""}
    builder = bench.start(**inputs)
    builder.add(deposit(sender=DEPOSITOR, to=FAILS, mint=5))
    builder.add(deposit(sender=DEPOSITOR, to=CONTRACT, data=b"\x01" * 32, gas_limit=300_000))
    builder.add(transaction(to=CONTRACT, data=b"\x07" * 32, gas_limit=300_000))
    builder.add(transaction(BOB_KEY, to=ALICE))
    return World(bench, builder.seal())


def on_l1(fork: EthFork) -> World:
    requests = {
        WITHDRAWAL_REQUEST_ADDRESS: Funded(nonce=1, code=bytes.fromhex("60075f5260205ff3")),
        CONSOLIDATION_REQUEST_ADDRESS: Funded(nonce=1, code=b"\x00"),
    }
    bench = l1({**ACCOUNTS, **requests}, fork)
    builder = bench.start(withdrawals=(WITHDRAWAL,))
    builder.add(transaction(to=CONTRACT, data=b"\x07" * 32, gas_limit=300_000))
    builder.add(transaction(BOB_KEY, to=FAILS, gas_limit=50_000))
    builder.add(blob_transaction(nonce=1))
    return World(bench, builder.seal())


WORLDS: dict[str, Callable[[], World]] = {
    **{
        fork.key: lambda fork=fork: on_l2(fork)  # type: ignore[misc]
        for fork in (Fork.ECOTONE, Fork.HOLOCENE, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST)
    },
    "L1 prague": lambda: on_l1(EthFork.PRAGUE),
    "L1 osaka": lambda: on_l1(EthFork.OSAKA),
}


@pytest.fixture(scope="module", params=list(WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    return WORLDS[request.param]()


WRONG_FIELDS: dict[str, list[tuple[Callable[[Any], Any], str]]] = {
    "parent_hash": [(lambda _: OTHER, "its parent is 0x5a5a")],
    "uncles_hash": [(lambda _: OTHER, "uncles hash is not that of no uncles")],
    "fee_recipient": [(lambda _: BOB, "state_root")],
    "state_root": [(lambda _: OTHER, "state_root is 0x5a5a")],
    "transactions_root": [(lambda _: OTHER, "transactions root is 0x5a5a")],
    "receipts_root": [(lambda _: OTHER, "receipts_root is 0x5a5a")],
    "logs_bloom": [(lambda bloom: bytes((bloom[0] ^ 1,)) + bloom[1:], "logs_bloom is 0x")],
    "difficulty": [(lambda _: 1, "difficulty is 1, it must be 0")],
    "number": [(lambda _: 2, "its number does not follow"), (lambda _: 0, "its number does not follow")],
    "gas_limit": [
        (lambda limit: limit - 1, "state_root"),
        (lambda _: 1000, "gas used|gas limit 1000 may not follow"),
        (lambda _: 1 << 63, "gas limit"),
    ],
    "gas_used": [(lambda used: used + 1, "gas_used is"), (lambda _: 1 << 60, "is above the gas limit")],
    "timestamp": [(lambda time: time + 2, "state_root"), (lambda _: 0, "timestamp 0 is not after")],
    "extra_data": [(lambda _: bytes(33), "extra data has 33 bytes")],
    "prev_randao": [(lambda _: OTHER, "state_root")],
    "nonce": [(lambda _: bytes(7) + b"\x01", "nonce is 0x0000000000000001")],
    "base_fee_per_gas": [(lambda fee: fee + 1, "base fee is"), (lambda _: None, "base fee is None")],
    "withdrawals_root": [
        (lambda _: OTHER, "withdrawals.root is 0x5a5a"),
        (lambda _: None, "withdrawals_root must be set"),
    ],
    "blob_gas_used": [(lambda used: used + 131_072, "blob_gas_used is"), (lambda _: None, "blob_gas_used must be set")],
    "excess_blob_gas": [
        (lambda _: 131_072, "excess blob gas is 131072"),
        (lambda _: None, "excess_blob_gas must be set"),
    ],
    "parent_beacon_block_root": [
        (lambda _: OTHER, "state_root"),
        (lambda _: None, "parent_beacon_block_root must be set"),
    ],
    "requests_hash": [(lambda _: OTHER, "requests_hash"), (lambda _: None, "requests_hash must be set")],
}
"""By field: wrong values, and what the refusal says. What a block is made with shows in the state."""


def test_every_header_field_is_in_the_table() -> None:
    assert WRONG_FIELDS.keys() == {field.name for field in fields(Header)}


def test_the_blocks_are_valid_as_they_are(world: World) -> None:
    assert world.bench.engine.import_block(world.bench.head, world.block).block.hash == world.block.hash


@pytest.mark.parametrize(
    ("field", "change", "complaint"),
    [
        pytest.param(field, change, complaint, id=f"{field}-{index}")
        for field, wrongs in WRONG_FIELDS.items()
        for index, (change, complaint) in enumerate(wrongs)
    ],
)
def test_a_wrong_header_field_is_refused_by_name(
    world: World, field: str, change: Callable[[Any], Any], complaint: str
) -> None:
    right = getattr(world.block.header, field)
    if right is None:
        assert field == "requests_hash"
        complaint, wrong = "requests_hash must be set exactly since prague", OTHER
    else:
        wrong = change(right)
    assert re.search(complaint, world.refusal(world.with_header(**{field: wrong})))


BAD_EXTRA_DATA = {
    Fork.HOLOCENE: [
        (b"", "extra data has 0 bytes, expected 9"),
        (JOVIAN_EXTRA, "extra data has 17 bytes, expected 9"),
        (b"\x01" + HOLOCENE_EXTRA[1:], "extra data has version 1, expected 0"),
        (bytes(5) + HOLOCENE_EXTRA[5:], "zero EIP-1559 denominator or elasticity"),
        (HOLOCENE_EXTRA[:5] + bytes(4), "zero EIP-1559 denominator or elasticity"),
    ],
    Fork.JOVIAN: [
        (HOLOCENE_EXTRA, "extra data has 9 bytes, expected 17"),
        (b"\x00" + JOVIAN_EXTRA[1:], "extra data has version 0, expected 1"),
        (b"\x01" + bytes(4) + JOVIAN_EXTRA[5:], "zero EIP-1559 denominator or elasticity"),
    ],
}
BAD_EXTRA_DATA[Fork.ISTHMUS] = BAD_EXTRA_DATA[Fork.HOLOCENE]
BAD_EXTRA_DATA[Fork.KARST] = BAD_EXTRA_DATA[Fork.JOVIAN]


@pytest.mark.parametrize("fork", list(BAD_EXTRA_DATA), ids=lambda fork: fork.key)
def test_every_wrong_form_of_extra_data_is_refused(fork: Fork) -> None:
    world = on_l2(fork)
    for extra_data, complaint in BAD_EXTRA_DATA[fork]:
        assert complaint in world.refusal(world.with_header(extra_data=extra_data))


STATUS, GAS, BLOOM, LOGS, DEPOSIT_NONCE, DEPOSIT_VERSION = range(6)


def altered(raw: bytes, change: Callable[[list[Any]], object], kind: int | None = None) -> bytes:
    """A receipt's bytes with its list of fields changed, or with another type."""
    typed = raw[0] < 0xC0
    items = decode_list(raw[1:] if typed else raw, "receipt")
    change(items)
    prefix = bytes((kind,)) if kind is not None else raw[:1] if typed else b""
    return prefix + encode(items)


def put(index: int, value: Any) -> Callable[[list[Any]], object]:
    return lambda items: items.__setitem__(index, value)


def plus_one(items: list[Any]) -> None:
    items[GAS] = (int.from_bytes(items[GAS], "big") + 1).to_bytes(8, "big").lstrip(b"\x00")


def other_data(items: list[Any]) -> None:
    items[LOGS][0][2] = b"\x01" * 32


def other_topic(items: list[Any]) -> None:
    items[LOGS][0][1][0] = OTHER


def other_address(items: list[Any]) -> None:
    items[LOGS][0][0] = BOB


RECEIPT_CHANGES: list[tuple[str, Callable[[list[Any]], object], int | None]] = [
    ("status", put(STATUS, b""), None),
    ("cumulative gas", plus_one, None),
    ("bloom", put(BLOOM, b"\xff" * 256), None),
    ("no logs", put(LOGS, []), None),
    ("a log's address", other_address, None),
    ("a log's topic", other_topic, None),
    ("a log's data", other_data, None),
    ("type", lambda items: None, 1),
]
DEPOSIT_CHANGES: list[tuple[str, Callable[[list[Any]], object], int | None]] = [
    ("deposit nonce", put(DEPOSIT_NONCE, b"\x09"), None),
    ("deposit version", put(DEPOSIT_VERSION, b"\x02"), None),
    ("no deposit version", lambda items: items.pop(), None),
    ("no deposit fields", lambda items: items.__delitem__(slice(DEPOSIT_NONCE, None)), None),
]


def test_each_wrong_field_of_a_receipt_is_refused_as_a_wrong_receipts_root(world: World) -> None:
    receipts = [receipt.encode_for_root() for receipt in world.executed.receipts]
    assert ordered_root(receipts) == world.block.header.receipts_root
    changes = [(2 if world.has_op else 0, change) for change in RECEIPT_CHANGES]
    changes += [(1, change) for change in DEPOSIT_CHANGES] if world.has_op else []
    for index, (_, change, kind) in changes:
        wrong = [*receipts[:index], altered(receipts[index], change, kind), *receipts[index + 1 :]]
        assert wrong != receipts
        root = ordered_root(wrong)
        assert f"receipts_root is 0x{root.hex()}" in world.refusal(world.with_header(receipts_root=root))


def test_a_failed_transaction_cannot_be_said_to_have_succeeded(world: World) -> None:
    receipts = [receipt.encode_for_root() for receipt in world.executed.receipts]
    index = next(index for index, receipt in enumerate(world.executed.receipts) if not receipt.succeeded)
    receipts[index] = altered(receipts[index], put(STATUS, b"\x01"))
    assert "receipts_root is" in world.refusal(world.with_header(receipts_root=ordered_root(receipts)))


def test_receipts_in_another_order_are_refused(world: World) -> None:
    receipts = [receipt.encode_for_root() for receipt in reversed(world.executed.receipts)]
    assert "receipts_root is" in world.refusal(world.with_header(receipts_root=ordered_root(receipts)))


def test_a_body_with_other_transactions_than_the_header_says_is_refused(world: World) -> None:
    transactions = world.block.transactions
    for wrong in (transactions[:-1], (), transactions[::-1], (*transactions, transactions[-1])):
        assert "transactions root is" in world.refusal(replace(world.block, transactions=wrong))


def with_transactions(world: World, *transactions: Transaction) -> Block:
    """The block with these transactions, and a header that says so."""
    root = ordered_root([entry.raw for entry in transactions])
    header = replace(world.block.header, transactions_root=root)
    return replace(world.block, header=header, transactions=transactions)


def test_transactions_in_another_order_lead_to_another_block(world: World) -> None:
    """Those of Alice and Bob may stand in either order, but gas used so far differs, and so do receipts."""
    *first, last = world.block.transactions
    block = with_transactions(world, last, *first)
    assert re.search(r"state_root is|receipts_root is|nonce too high", world.refusal(block))


def test_a_transaction_twice_is_refused_for_its_nonce(world: World) -> None:
    block = with_transactions(world, *world.block.transactions, world.block.transactions[-1])
    assert re.search(r"transaction \d \(0x\w+.*\): nonce too low: ", world.refusal(block))


def test_withdrawals_are_where_they_belong_and_nowhere_else(world: World) -> None:
    assert "must have a list of withdrawals" in world.refusal(replace(world.block, withdrawals=None))
    wrong = replace(world.block, withdrawals=(replace(WITHDRAWAL, amount=6),))
    if world.has_op:
        assert "its body has 1 withdrawals, on L2 there are none" in world.refusal(wrong)
    else:
        assert "withdrawals root is" in world.refusal(wrong)
        assert "withdrawals root is" in world.refusal(replace(world.block, withdrawals=()))


def test_withdrawals_on_l2_are_refused_also_when_all_roots_fit_them() -> None:
    world = on_l2(Fork.HOLOCENE)
    builder = world.bench.start(withdrawals=(WITHDRAWAL,))
    assert "on L2 there are none" in world.refusal(builder.seal().block)


@pytest.mark.parametrize("fork", [EthFork.PRAGUE, EthFork.OSAKA])
def test_requests_that_were_not_made_are_refused(fork: EthFork) -> None:
    world = on_l1(fork)
    assert world.executed.requests
    for wrong in ((), world.executed.requests[:0], (b"\x00" + bytes(192), *world.executed.requests)):
        root = requests_hash(wrong)
        assert f"requests_hash is 0x{root.hex()}" in world.refusal(world.with_header(requests_hash=root))

"""Hypothesis strategies for states, contracts and transactions that press on the edges of the rules."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from config.constants import BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS, L1_BLOCK, L2_TO_L1_MESSAGE_PASSER
from config.forks import Fork
from config.genesis.canonical_code import BEACON_ROOTS, HISTORY_STORAGE, canonical_code
from evm.types import (
    AccessListTransaction,
    Address,
    Authorization,
    BlobTransaction,
    DepositTransaction,
    DynamicFeeTransaction,
    Hash32,
    LegacyTransaction,
    SetCodeTransaction,
    SignedTransaction,
    Transaction,
)
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction
from tests.evm.engine_kit import CHAIN_ID, ETHER, GWEI, Funded

KEYS = tuple(bytes(31) + bytes((number,)) for number in range(1, 6))
SENDERS = tuple(address_of(key) for key in KEYS)
CONTRACTS = tuple(Address(b"\xc0" * 19 + bytes((number,))) for number in range(4))
EMPTY = Address(b"\xee" * 20)
TARGETS = (
    *SENDERS,
    *CONTRACTS,
    EMPTY,
    L1_BLOCK,
    L2_TO_L1_MESSAGE_PASSER,
    *(Address(bytes(19) + bytes((n,))) for n in range(1, 10)),
)

EDGES = (0, 1, 2, 31, 32, 33, 255, 256, 1 << 16, (1 << 32) - 1, 1 << 64, 1 << 128, 1 << 255, (1 << 256) - 1)
words = st.one_of(st.sampled_from(EDGES), st.integers(0, (1 << 256) - 1))
small = st.integers(0, 4)
targets = st.sampled_from(TARGETS)


def push(value: int) -> bytes:
    """The shortest PUSH of a value."""
    raw = value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")
    return bytes((0x5F + len(raw),)) + raw


def _store(slot: int, value: int) -> bytes:
    return push(value) + push(slot) + b"\x55"


def _add_to(slot: int) -> bytes:
    return push(slot) + b"\x54" + push(1) + b"\x01" + push(slot) + b"\x55"


def _emit(topics: int, size: int) -> bytes:
    return b"".join(push(7 * n) for n in range(topics)) + push(size) + push(0) + bytes((0xA0 + topics,))


def _call(opcode: int, target: Address, value: int, gas: int) -> bytes:
    amount = push(value) if opcode in (0xF1, 0xF2) else b""
    arguments = push(32) + push(0) + push(32) + push(0)
    return arguments + amount + push(int.from_bytes(target, "big")) + push(gas) + bytes((opcode,)) + push(9) + b"\x55"


def _create(opcode: int, init: bytes, value: int) -> bytes:
    init = init[:32]
    salt = push(3) if opcode == 0xF5 else b""
    return (
        push(int.from_bytes(init.ljust(32, b"\0"), "big"))
        + push(0)
        + b"\x52"
        + salt
        + push(len(init))
        + push(0)
        + push(value)
        + bytes((opcode,))
        + push(8)
        + b"\x55"
    )


def _keep_word(opcodes: bytes, slot: int) -> bytes:
    """Store what opcodes without arguments leave on the stack."""
    return opcodes + push(slot) + b"\x55"


_INITS = (
    b"",
    b"\x00",
    b"\x60\x01\x60\x00\xf3",
    b"\x60\x00\x60\x00\xfd",
    b"\xfe",
    b"\x60\xef\x60\x00\x53\x60\x01\x60\x00\xf3",
    b"\x33\xff",
)

_READ_NOTHING = tuple(
    bytes((opcode,))
    for opcode in (0x30, *range(0x32, 0x35), 0x36, 0x38, 0x3A, 0x3D, *range(0x41, 0x49), 0x4A, 0x58, 0x59, 0x5A)
)
_TWO_WORDS = (*range(0x01, 0x08), 0x0A, 0x0B, *range(0x10, 0x15), *range(0x16, 0x19), *range(0x1A, 0x1E))
_CALLS, _CREATIONS = (0xF1, 0xF2, 0xF4, 0xFA), (0xF0, 0xF5)


def _destroy(heir: Address) -> bytes:
    return push(int.from_bytes(heir, "big")) + b"\xff"


def _ancestor_hash(back: int, slot: int) -> bytes:
    return _keep_word(push(back) + b"\x43\x03\x40", slot)


def _look_at(opcode: int, target: Address, slot: int) -> bytes:
    return _keep_word(push(int.from_bytes(target, "big")) + bytes((opcode,)), slot)


def _calculate(opcode: int, left: int, right: int, slot: int) -> bytes:
    return _keep_word(push(left) + push(right) + bytes((opcode,)), slot)


def _transient(value: int) -> bytes:
    return push(value) + push(1) + b"\x5d" + _keep_word(push(1) + b"\x5c", 4)


_STORE_INPUT = b"\x36\x5f\x5f\x37\x5f\x35\x60\x20\x35\x55"
"""Copies the calldata to memory, and stores one of its first two words at the other."""

gadgets = st.one_of(
    st.builds(_store, small, words),
    st.builds(_store, small, st.just(0)),
    st.builds(_add_to, small),
    st.builds(_emit, st.integers(0, 4), st.sampled_from((0, 1, 32, 100))),
    st.builds(
        _call,
        st.sampled_from(_CALLS),
        targets,
        st.sampled_from((0, 1, ETHER)),
        st.sampled_from((0, 2300, 50_000, 1 << 40)),
    ),
    st.builds(_create, st.sampled_from(_CREATIONS), st.sampled_from(_INITS), st.sampled_from((0, 1))),
    st.builds(_destroy, targets),
    st.builds(_keep_word, st.sampled_from(_READ_NOTHING), small),
    st.builds(_ancestor_hash, st.integers(0, 3), small),
    st.builds(_look_at, st.sampled_from((0x31, 0x3B, 0x3F)), targets, small),
    st.builds(_calculate, st.sampled_from(_TWO_WORDS), words, words, small),
    st.builds(_transient, words),
    st.just(_STORE_INPUT),
)
endings = st.sampled_from(
    (b"", b"\x00", b"\x60\x20\x60\x00\xf3", b"\x60\x04\x60\x00\xfd", b"\xfe", b"\x60\x00\x56", b"\x01")
)
codes = st.builds(lambda parts, end: b"".join(parts) + end, st.lists(gadgets, max_size=6), endings)


@st.composite
def worlds(draw: st.DrawFn, fork: Fork) -> dict[Address, Funded]:
    """Senders with much, little or nothing; contracts; fees as L1Block holds them; the system contracts, mostly."""
    balances = st.sampled_from((100 * ETHER, 100 * ETHER, 100 * ETHER, ETHER // 1000, 0, 1 << 200))
    world = {address: Funded(draw(balances), nonce=draw(st.sampled_from((0, 0, 1, 300)))) for address in SENDERS}
    for address in CONTRACTS:
        storage = draw(st.dictionaries(small, words.filter(bool), max_size=4))
        world[address] = Funded(draw(st.sampled_from((0, 1, ETHER))), 1, draw(codes), storage)
    fees = st.sampled_from((0, 1, 7, GWEI, 1 << 70))
    scalars = draw(st.sampled_from((0, 1368 << 96 | 810_949 << 64, ((1 << 64) - 1) << 64, 5_227 << 96)))
    operator = draw(st.sampled_from((0, 1, 7 << 64 | 3, ((1 << 96) - 1), 400 << 96 | 1000 << 64 | 50, 0xFFFF << 96)))
    storage = {1: draw(fees), 3: scalars, 5: 188, 6: 684_000, 7: draw(fees), 8: operator}
    world[L1_BLOCK] = Funded(nonce=1, code=b"\x00", storage={slot: value for slot, value in storage.items() if value})
    world[L2_TO_L1_MESSAGE_PASSER] = Funded(nonce=1, code=draw(codes), storage={1: 1})
    if fork >= Fork.ECOTONE and draw(st.booleans()):
        contract = canonical_code(BEACON_ROOTS)
        world[BEACON_ROOTS_ADDRESS] = Funded(nonce=1, code=contract.code)
    if fork >= Fork.ISTHMUS and draw(st.booleans()):
        contract = canonical_code(HISTORY_STORAGE)
        world[HISTORY_STORAGE_ADDRESS] = Funded(nonce=1, code=contract.code)
    return world


calldata = st.one_of(
    st.just(b""),
    st.binary(max_size=100),
    st.builds(lambda a, b: a.to_bytes(32, "big") + b.to_bytes(32, "big"), small, words),
    st.builds(lambda byte, size: bytes((byte,)) * size, st.sampled_from((0, 1)), st.sampled_from((1_000, 50_000))),
)
gas_limits = st.sampled_from(
    (21_000, 20_999, 21_016, 53_000, 60_000, 100_000, 300_000, 1_000_000, 1 << 24, (1 << 24) + 1, 31_000_000)
)
values = st.sampled_from((0, 0, 1, ETHER, 1 << 255))
prices = st.sampled_from((2 * GWEI, 2 * GWEI, 2 * GWEI, GWEI, 1, 0, 1 << 250))
tips = st.sampled_from((0, 0, 1, GWEI, 3 * GWEI))
access_lists = st.lists(
    st.tuples(targets, st.lists(st.builds(lambda n: Hash32(n.to_bytes(32, "big")), words), max_size=3).map(tuple)),
    max_size=3,
).map(tuple)


@st.composite
def authorizations(draw: st.DrawFn, nonces: Mapping[Address, int]) -> Authorization:
    """Mostly one that holds."""
    key = draw(st.sampled_from(KEYS))
    nonce = nonces[address_of(key)] + draw(st.sampled_from((0, 0, 1, -1)))
    entry = Authorization.sign(
        key,
        draw(st.sampled_from((CHAIN_ID, 0, 5))),
        draw(st.sampled_from((*CONTRACTS, *SENDERS, Address(bytes(20)), Address(bytes(19) + b"\x01")))),
        draw(st.sampled_from((max(nonce, 0), (1 << 64) - 1))) if draw(st.integers(0, 9)) == 0 else max(nonce, 0),
    )
    return replace(entry, y_parity=draw(st.sampled_from((entry.y_parity, entry.y_parity, 1, 2))))


@st.composite
def signed_transactions(draw: st.DrawFn, nonces: dict[Address, int]) -> SignedTransaction:
    """One of any type; `nonces` says what the senders' next ones are likely to be, and is kept up."""
    key = draw(st.sampled_from(KEYS))
    sender = address_of(key)
    wrong = draw(st.integers(0, 19))
    nonce = nonces[sender] + (1 if wrong == 0 else -1 if wrong == 1 and nonces[sender] else 0)
    if wrong not in (0, 1):
        nonces[sender] += 1
    to = draw(st.one_of(targets, st.none()))
    data = draw(codes if to is None else calldata)
    chain_id: int = draw(st.sampled_from((CHAIN_ID,) * 9 + (1,)))
    common: dict[str, Any] = {
        "nonce": nonce,
        "gas_limit": draw(gas_limits),
        "value": draw(values),
        "data": data,
        "y_parity": 0,
        "r": 0,
        "s": 0,
    }
    kind = draw(st.sampled_from((0, 0, 1, 2, 2, 2, 4, 4, 3)))
    unsigned: SignedTransaction
    if kind == 0:
        unsigned = LegacyTransaction(
            **common, to=to, chain_id=draw(st.sampled_from((chain_id, None))), gas_price=draw(prices)
        )
    elif kind == 1:
        unsigned = AccessListTransaction(
            **common, to=to, chain_id=chain_id, gas_price=draw(prices), accesses=draw(access_lists)
        )
    else:
        fees: dict[str, Any] = {
            "max_fee": draw(prices),
            "max_priority_fee": draw(tips),
            "accesses": draw(access_lists),
            "chain_id": chain_id,
        }
        if kind == 2:
            unsigned = DynamicFeeTransaction(**common, to=to, **fees)
        elif kind == 3:
            unsigned = BlobTransaction(
                **common, to=to or EMPTY, **fees, max_fee_per_blob_gas=1, versioned_hashes=(Hash32(b"\x01" * 32),)
            )
        else:
            entries = draw(st.lists(authorizations(nonces), max_size=3))
            unsigned = SetCodeTransaction(**common, to=to or EMPTY, **fees, authorizations=tuple(entries))
    signed = sign_transaction(unsigned, key)
    if draw(st.integers(0, 19)) == 0:
        signed = replace(
            signed,
            s=draw(
                st.sampled_from(
                    (0, (1 << 256) - 1, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - signed.s)
                )
            ),
        )
    return signed


@st.composite
def deposits(draw: st.DrawFn, nonces: dict[Address, int]) -> DepositTransaction:
    """From a sender, a contract or an account that does not exist, with or without a mint."""
    sender = draw(st.one_of(st.sampled_from(SENDERS), targets))
    if sender in nonces:
        nonces[sender] += 1
    to = draw(st.one_of(targets, st.none()))
    return DepositTransaction(
        nonce=0,
        gas_limit=draw(gas_limits),
        to=to,
        value=draw(values),
        data=draw(codes if to is None else calldata),
        source_hash=Hash32(draw(st.binary(min_size=32, max_size=32))),
        sender=sender,
        mint=draw(st.sampled_from((0, 0, 1, 10 * ETHER, (1 << 128) - 1))),
        is_system_transaction=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def blocks(draw: st.DrawFn, nonces: dict[Address, int]) -> list[bytes]:
    """Raw transactions of one block, deposits first; now and then one is cut or has a byte changed."""
    transactions: list[Transaction] = draw(st.lists(deposits(nonces), max_size=2))
    transactions += draw(st.lists(signed_transactions(nonces), max_size=6))
    return [
        draw(_damage(transaction.raw)) if draw(st.integers(0, 29)) == 0 else transaction.raw
        for transaction in transactions
    ]


def _damage(raw: bytes) -> st.SearchStrategy[bytes]:
    def changed(at: int, byte: int) -> bytes:
        return raw[:at] + bytes((byte,)) + raw[at + 1 :]

    places = st.integers(0, len(raw) - 1)
    return st.one_of(places.map(lambda size: raw[:size]), st.builds(changed, places, st.integers(0, 255)))

"""Frontier to London: blocks of made-up transactions against stock py-evm, and the rules that those cannot show."""

from dataclasses import dataclass
from typing import Any

import pytest
from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.vm.forks.arrow_glacier import ArrowGlacierVM
from eth.vm.forks.berlin import BerlinVM
from eth.vm.forks.byzantium import ByzantiumVM
from eth.vm.forks.constantinople import ConstantinopleVM
from eth.vm.forks.frontier import FrontierVM
from eth.vm.forks.gray_glacier import GrayGlacierVM
from eth.vm.forks.homestead import HomesteadVM
from eth.vm.forks.istanbul import IstanbulVM
from eth.vm.forks.london import LondonVM
from eth.vm.forks.muir_glacier import MuirGlacierVM
from eth.vm.forks.petersburg import PetersburgVM
from eth.vm.forks.spurious_dragon import SpuriousDragonVM
from eth.vm.forks.tangerine_whistle import TangerineWhistleVM
from hypothesis import given, settings
from hypothesis import strategies as st

from config.forks import EthFork
from config.genesis import Alloc, GenesisAccount
from config.types import Address, Hash32, Wei, to_hex
from evm.difficulty import ParentWork, next_difficulty
from evm.forks import fork_rules
from evm.forks.names import FORKS_BY_NAME
from evm.transition_tool import Transition, transition
from evm.types import AccessListTransaction, LegacyTransaction, SignedTransaction, keccak256
from evm.types.signature import SECP256K1_ORDER, address_of
from evm.types.transaction import sign_transaction
from evm.validity import InvalidReason, InvalidTransaction, intrinsic_gas, validate_stateless
from tests.evm.nested_calls import calls_may_nest

PEERS: dict[str, type[Any]] = {
    "Frontier": FrontierVM,
    "Homestead": HomesteadVM.configure(support_dao_fork=False),
    "EIP150": TangerineWhistleVM,
    "EIP158": SpuriousDragonVM,
    "Byzantium": ByzantiumVM,
    "Constantinople": ConstantinopleVM,
    "ConstantinopleFix": PetersburgVM,
    "Istanbul": IstanbulVM,
    "MuirGlacier": MuirGlacierVM,
    "Berlin": BerlinVM,
    "London": LondonVM,
    "ArrowGlacier": ArrowGlacierVM,
    "GrayGlacier": GrayGlacierVM,
}
KEY = keccak256(b"sender")
SENDER = address_of(KEY)
CONTRACT, CALLEE, EMPTY, NOBODY = (Address(bytes((byte,)) * 20) for byte in (0xC0, 0xCE, 0xE0, 0xF0))
COINBASE = Address(b"\x42" * 20)
CHAIN_ID = 1
GAS_LIMIT = 4_000_000
GWEI = 10**9
DIFFICULTY = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """What must be equal: roots, gas, difficulty."""

    state_root: str
    receipts_root: str
    transactions_root: str
    gas_used: int
    difficulty: int


def word(value: int) -> Hash32:
    return Hash32(value.to_bytes(32, "big"))


def alloc_with(code: bytes, callee: bytes) -> Alloc:
    return {
        SENDER: GenesisAccount(balance=Wei(10**20)),
        CONTRACT: GenesisAccount(
            balance=Wei(9), nonce=1, code=code, storage={word(0): word(5), word(1): word(1 << 255), word(7): word(3)}
        ),
        CALLEE: GenesisAccount(nonce=1, code=callee, storage={word(1): word(1)}),
        EMPTY: GenesisAccount(),
    }


def legacy(nonce: int = 0, **changes: Any) -> SignedTransaction:
    fields: dict[str, Any] = {
        "nonce": nonce,
        "gas_limit": 400_000,
        "to": CONTRACT,
        "value": 1,
        "data": b"",
        "chain_id": None,
        "y_parity": 0,
        "r": 0,
        "s": 0,
        "gas_price": 10 * GWEI,
    }
    return sign_transaction(LegacyTransaction(**{**fields, **changes}), KEY)


def stock(name: str, alloc: Alloc, transactions: list[SignedTransaction]) -> tuple[Outcome, Any, Any]:
    """py-evm's block on this state, with its header and the genesis'."""
    vm = PEERS[name].configure(consensus_class=NoProofConsensus)
    chain_class: Any = MiningChain.configure(__name__="Peer", vm_configuration=((0, vm),), chain_id=CHAIN_ID)
    parameters: dict[str, Any] = {"difficulty": DIFFICULTY, "gas_limit": GAS_LIMIT, "timestamp": 1_700_000_000}
    if FORKS_BY_NAME[name].rules >= EthFork.LONDON:
        parameters["base_fee_per_gas"] = GWEI
    accounts = {
        address: {
            "balance": int(account.balance),
            "nonce": account.nonce,
            "code": account.code,
            "storage": {int.from_bytes(k, "big"): int.from_bytes(v, "big") for k, v in account.storage.items()},
        }
        for address, account in alloc.items()
    }
    chain = chain_class.from_genesis(AtomicDB(), parameters, accounts)
    genesis = chain.get_canonical_block_header_by_number(0)
    builder = chain.get_vm().get_transaction_builder()
    decoded = [builder.decode(transaction.raw) for transaction in transactions]
    header = chain.mine_all(decoded, coinbase=COINBASE)[0].imported_block.header
    outcome = Outcome(
        to_hex(header.state_root),
        to_hex(header.receipt_root),
        to_hex(header.transaction_root),
        header.gas_used,
        header.difficulty,
    )
    return outcome, header, genesis


def ours(name: str, alloc: Alloc, transactions: list[SignedTransaction], header: Any, genesis: Any) -> Transition:
    environment = {
        "currentCoinbase": to_hex(COINBASE),
        "currentGasLimit": hex(header.gas_limit),
        "currentNumber": "0x1",
        "currentTimestamp": hex(header.timestamp),
        "parentTimestamp": hex(genesis.timestamp),
        "parentDifficulty": hex(genesis.difficulty),
        "parentUncleHash": to_hex(genesis.uncles_hash),
        "blockHashes": {"0x0": to_hex(genesis.hash)},
    }
    if FORKS_BY_NAME[name].rules >= EthFork.LONDON:
        environment["currentBaseFee"] = hex(header.base_fee_per_gas)
    return transition(alloc, environment, transactions, name, CHAIN_ID, int(PEERS[name].get_block_reward()))


def both(name: str, alloc: Alloc, transactions: list[SignedTransaction]) -> Transition:
    with calls_may_nest():
        theirs, header, genesis = stock(name, alloc, transactions)
        transit = ours(name, alloc, transactions, header, genesis)
    result = transit.result_json()
    assert "rejected" not in result
    assert theirs == Outcome(
        result["stateRoot"],
        result["receiptsRoot"],
        result["txRoot"],
        int(result["gasUsed"], 16),
        int(result["currentDifficulty"], 16),
    )
    return transit


def push(value: int) -> bytes:
    size = max(1, (value.bit_length() + 7) // 8)
    return bytes((0x5F + size,)) + value.to_bytes(size, "big")


TARGETS = st.sampled_from(
    [CONTRACT, CALLEE, EMPTY, NOBODY, COINBASE, SENDER, *(Address(bytes(19) + bytes((n,))) for n in range(1, 10))]
)
SMALL = st.integers(0, 40).map(push)
OPCODES = st.sampled_from(
    [
        *range(0x0C),
        *range(0x10, 0x1E),
        0x20,
        *range(0x30, 0x49),
        *range(0x50, 0x5C),
        *range(0x80, 0x88),
        *range(0x90, 0x98),
        *(0xA0, 0xA1, 0xF3, 0xFD, 0xFE),
    ]
).map(lambda opcode: bytes((opcode,)))
STORES = st.tuples(st.sampled_from([0, 1, 3, 1 << 255]), st.sampled_from([0, 1, 2, 7])).map(
    lambda pair: push(pair[0]) + push(pair[1]) + b"\x55"
)
CALLS = st.tuples(
    st.sampled_from([0xF1, 0xF2, 0xF4, 0xFA]),
    TARGETS,
    st.sampled_from([0, 1]),
    st.sampled_from([0, 2300, 30_000, 1 << 60]),
).map(
    lambda call: (
        b"\x60\x20\x60\x00\x60\x20\x60\x00"
        + (push(call[2]) if call[0] in (0xF1, 0xF2) else b"")
        + push(int.from_bytes(call[1], "big"))
        + push(call[3])
        + bytes((call[0],))
    )
)
CREATIONS = st.sampled_from(
    ["600080808080", "60016000f3", "60206000f3", "33ff", "fe", "6001600055", "61600060006000f3"]
).flatmap(
    lambda initcode: st.sampled_from([0xF0, 0xF5]).map(
        lambda opcode: (
            push(int.from_bytes(bytes.fromhex(initcode).ljust(32, b"\x00"), "big"))
            + b"\x60\x00\x52"
            + (b"\x60\x07" if opcode == 0xF5 else b"")
            + push(len(initcode) // 2)
            + b"\x60\x00\x60\x01"
            + bytes((opcode,))
        )
    )
)
ENDS = st.one_of(st.just(b""), TARGETS.map(lambda target: push(int.from_bytes(target, "big")) + b"\xff"))
CODE = st.tuples(st.lists(st.one_of(SMALL, OPCODES, STORES, CALLS, CREATIONS), max_size=14).map(b"".join), ENDS).map(
    b"".join
)


@pytest.mark.parametrize("name", list(PEERS))
@settings(max_examples=8, deadline=None)
@given(code=CODE, callee=CODE, data=st.binary(max_size=40), gas=st.integers(150_000, 900_000), creates=st.booleans())
def test_blocks_of_made_up_transactions_agree_with_py_evm(
    name: str, code: bytes, callee: bytes, data: bytes, gas: int, creates: bool
) -> None:
    alloc = alloc_with(b"\x60\x02\x60\x03" + code, b"\x60\x02" + callee)
    second = legacy(1, to=None, data=code, gas_limit=gas) if creates else legacy(1, to=CALLEE, value=0, gas_limit=gas)
    both(name, alloc, [legacy(data=data, gas_limit=gas), second, legacy(2, to=NOBODY, value=0)])


@pytest.mark.parametrize("name", [name for name in PEERS if FORKS_BY_NAME[name].rules >= EthFork.SPURIOUS_DRAGON])
def test_replay_protected_transactions_agree(name: str) -> None:
    both(name, alloc_with(b"\x00", b""), [legacy(chain_id=CHAIN_ID)])


@pytest.mark.parametrize("name", ["Berlin", "London"])
def test_access_lists_agree(name: str) -> None:
    unsigned = AccessListTransaction(
        nonce=0, gas_limit=100_000, to=CONTRACT, value=0, data=b"", chain_id=CHAIN_ID, y_parity=0, r=0, s=0,
        gas_price=10 * GWEI, accesses=((CONTRACT, (word(0),)), (CALLEE, ())),
    )  # fmt: skip
    both(name, alloc_with(bytes.fromhex("60005450600154503100"), b""), [sign_transaction(unsigned, KEY)])


def test_a_receipt_before_byzantium_holds_the_root_in_between() -> None:
    alloc = alloc_with(b"\xfe", b"")
    one = both("EIP158", alloc, [legacy()])
    first, second = both("EIP158", alloc, [legacy(), legacy(1, to=NOBODY)]).result_json()["receipts"]
    assert first["root"] == one.result_json()["receipts"][0]["root"]
    assert len(first["root"]) == len(second["root"]) == 66
    assert (first["status"], second["status"]) == ("0x0", "0x1")
    assert both("Byzantium", alloc, [legacy()]).result_json()["receipts"][0]["root"] == "0x"


def test_an_account_made_empty_stays_until_spurious_dragon() -> None:
    for name, stays in (("Frontier", True), ("EIP150", True), ("EIP158", False)):
        after = both(name, alloc_with(b"", b""), [legacy(to=NOBODY, value=0)]).alloc
        assert (NOBODY in after) == stays


def test_a_creation_that_cannot_pay_for_its_code_is_a_success_on_frontier_only() -> None:
    # Returns 100 bytes, for which 20,000 gas are due.
    initcode = bytes.fromhex("60646000f3")
    for name, succeeds in (("Frontier", True), ("Homestead", False)):
        rules = fork_rules(FORKS_BY_NAME[name].rules)
        create = legacy(to=None, data=initcode, value=0)
        gas = intrinsic_gas(create, rules) + 5_000
        transit = both(name, alloc_with(b"", b""), [legacy(to=None, data=initcode, value=0, gas_limit=gas)])
        created = Address(bytes.fromhex(transit.result_json()["receipts"][0]["contractAddress"][2:]))
        assert (created in transit.alloc) == succeeds
        assert not succeeds or not transit.alloc[created].code


@pytest.mark.parametrize(
    ("name", "data_gas", "creation_gas"),
    [("Frontier", 68, 0), ("Homestead", 68, 32_000), ("ConstantinopleFix", 68, 32_000), ("Istanbul", 16, 32_000)],
)
def test_what_data_and_creation_cost_changed_with_forks(name: str, data_gas: int, creation_gas: int) -> None:
    rules = fork_rules(FORKS_BY_NAME[name].rules)
    assert intrinsic_gas(legacy(to=None, data=b"\x00\x01"), rules) == 21_000 + 4 + data_gas + creation_gas


def test_a_high_s_is_valid_on_frontier_only() -> None:
    low = legacy()
    high = LegacyTransaction(**{**low.__dict__, "s": SECP256K1_ORDER - low.s, "y_parity": 1 - low.y_parity})
    assert validate_stateless(high, fork_rules(EthFork.FRONTIER), CHAIN_ID) == SENDER
    fresh = LegacyTransaction(**{key: value for key, value in high.__dict__.items() if key not in ("raw", "sender")})
    with pytest.raises(InvalidTransaction) as caught:
        validate_stateless(fresh, fork_rules(EthFork.HOMESTEAD), CHAIN_ID)
    assert caught.value.reason == InvalidReason.INVALID_SIGNATURE


def test_replay_protection_and_types_come_with_their_forks() -> None:
    with pytest.raises(InvalidTransaction) as caught:
        validate_stateless(legacy(chain_id=CHAIN_ID), fork_rules(EthFork.TANGERINE_WHISTLE), CHAIN_ID)
    assert caught.value.reason == InvalidReason.INVALID_SIGNATURE
    unsigned = AccessListTransaction(
        nonce=0, gas_limit=100_000, to=CONTRACT, value=0, data=b"", chain_id=CHAIN_ID, y_parity=0, r=0, s=0, gas_price=1
    )
    with pytest.raises(InvalidTransaction) as caught:
        validate_stateless(sign_transaction(unsigned, KEY), fork_rules(EthFork.ISTANBUL), CHAIN_ID)
    assert caught.value.reason == InvalidReason.TYPE_NOT_SUPPORTED


def test_ommers_and_those_who_mention_them_are_paid() -> None:
    ommer = Address(b"\x99" * 20)
    environment = {
        "currentCoinbase": to_hex(COINBASE),
        "currentGasLimit": "0x1000000",
        "currentNumber": "0x5",
        "currentTimestamp": "0x10",
        "currentDifficulty": "0x20000",
        "ommers": [{"delta": 1, "address": to_hex(ommer)}, {"delta": 2, "address": to_hex(ommer)}],
    }
    after = transition({}, environment, [], "Byzantium", CHAIN_ID, 3 * 10**18).alloc
    assert after[ommer].balance == 3 * 10**18 * 7 // 8 + 3 * 10**18 * 6 // 8
    assert after[COINBASE].balance == 3 * 10**18 + 2 * (3 * 10**18 // 32)
    assert transition({}, environment, [], "Byzantium", CHAIN_ID, -1).alloc == {}
    assert COINBASE in transition({}, environment, [], "EIP150", CHAIN_ID, 0).alloc


@pytest.mark.parametrize("name", list(PEERS))
@settings(max_examples=50, deadline=None)
@given(
    difficulty=st.integers(131_072, 1 << 80),
    number=st.integers(1, 20_000_000),
    seconds=st.integers(1, 2_000),
    uncles=st.booleans(),
)
def test_difficulties_agree_with_py_evm(name: str, difficulty: int, number: int, seconds: int, uncles: bool) -> None:
    @dataclass
    class Parent:
        timestamp: int
        difficulty: int
        block_number: int
        uncles_hash: bytes

    empty = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
    parent = Parent(1000, difficulty, number - 1, bytes(32) if uncles else empty)
    theirs = PEERS[name].compute_difficulty(parent, 1000 + seconds)
    assert next_difficulty(FORKS_BY_NAME[name], ParentWork(difficulty, 1000, uncles), number, 1000 + seconds) == theirs

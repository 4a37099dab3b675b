"""The prestateTracer: what a transaction finds, and what it changes."""

from typing import Any

import pytest

from config.constants import (
    BASE_FEE_VAULT,
    L1_BLOCK,
    L1_FEE_VAULT,
    OPERATOR_FEE_VAULT,
    SEQUENCER_FEE_VAULT,
)
from config.forks import EthFork, Fork
from evm.engine.message import contract_address
from evm.tracing.trace import trace_block
from evm.tracing.tracer import InvalidTracerConfig
from evm.tracing.tracers import make_tracer
from evm.types import keccak256, to_hex
from evm.types.transaction import Authorization
from tests.evm.engine_kit import (
    ALICE,
    BOB,
    BOB_KEY,
    CHAIN_ID,
    CONTRACT,
    ETHER,
    GWEI,
    Bench,
    Funded,
    deposit,
    l1,
    l2,
    transaction,
)
from tests.evm.tracing_kit import (
    ADDITION,
    GAS,
    INNER,
    MISSING,
    STOP,
    block_of,
    call,
    create,
    delegating,
    push,
    trace,
    world,
)


def slot(number: int) -> str:
    return f"0x{number:064x}"


def coded(code: bytes) -> dict[str, str]:
    return {"code": to_hex(code), "codeHash": to_hex(keccak256(code))}


def prestate(bench: Bench, **config: Any) -> dict[str, Any]:
    return dict(trace(bench, "prestateTracer", config))


def fees_charged(fork: Fork = Fork.ISTHMUS) -> Bench:
    """A chain whose L1Block holds fee parameters, so that every vault earns."""
    scalars = (1_368 << 32 * 3) | (810_949 << 32 * 4)
    return l2(
        {
            L1_BLOCK: Funded(nonce=1, storage={1: 10 * GWEI, 3: scalars, 7: 5 * GWEI, 8: (1_000_000 << 64) | 777}),
            CONTRACT: Funded(nonce=1, code=ADDITION),
        },
        fork,
    )


def test_accounts_are_shown_as_the_transaction_found_them() -> None:
    bench = l2({CONTRACT: Funded(nonce=1, balance=7, code=bytes.fromhex("600354506001600455"), storage={3: 9})})
    assert prestate(bench) == {
        to_hex(ALICE): {"balance": hex(100 * ETHER)},
        to_hex(CONTRACT): {
            "balance": "0x7",
            "nonce": 1,
            **coded(bytes.fromhex("600354506001600455")),
            "storage": {slot(3): slot(9), slot(4): slot(0)},
        },
    }


def test_earlier_transactions_of_the_block_count() -> None:
    found = trace(l2(), "prestateTracer", None, transaction(value=5), transaction(nonce=1, value=6))
    assert found[to_hex(BOB)]["balance"] == hex(100 * ETHER + 5) and found[to_hex(ALICE)]["nonce"] == 1


@pytest.mark.parametrize("opcode", ["31", "3b", "3f", "ff"])
def test_accounts_that_instructions_name_are_shown(opcode: str) -> None:
    bench = world(b"\x73" + INNER + bytes.fromhex(opcode), ADDITION)
    assert prestate(bench)[to_hex(INNER)] == {"balance": "0x0", "nonce": 1, **coded(ADDITION)}


@pytest.mark.parametrize("opcode", [0xF1, 0xF2, 0xF4, 0xFA])
def test_accounts_that_are_called_are_shown(opcode: int) -> None:
    assert to_hex(INNER) in prestate(world(call(INNER, opcode=opcode), ADDITION))


def test_what_could_not_be_paid_for_is_not_shown() -> None:
    bench = world(b"\x73" + INNER + b"\x31" + push(1) + push(5) + b"\x55", ADDITION)
    poor = trace(bench, "prestateTracer", None, transaction(to=CONTRACT, gas_limit=22_000, value=0))
    assert to_hex(INNER) not in poor
    broke = trace(bench, "prestateTracer", None, transaction(to=CONTRACT, gas_limit=24_000, value=0))
    assert to_hex(INNER) in broke and "storage" not in broke[to_hex(CONTRACT)]


def test_code_and_storage_can_be_left_out_and_empty_accounts_asked_for() -> None:
    bench = world(push(1) + push(0) + b"\x55" + call(MISSING))
    plain = prestate(bench, disableCode=True, disableStorage=True)
    code_hash = coded(push(1) + push(0) + b"\x55" + call(MISSING))["codeHash"]
    assert plain[to_hex(CONTRACT)] == {"balance": "0x0", "nonce": 1, "codeHash": code_hash}
    assert to_hex(MISSING) not in plain
    assert prestate(bench, includeEmpty=True)[to_hex(MISSING)] == {"balance": "0x0"}
    with pytest.raises(InvalidTracerConfig, match="cannot use diffMode with includeEmpty"):
        prestate(bench, includeEmpty=True, diffMode=True)


def test_delegates_are_shown() -> None:
    bench = l2({BOB: Funded(1, code=b"\xef\x01\x00" + INNER), INNER: Funded(nonce=1, code=ADDITION)})
    assert to_hex(INNER) in trace(bench, "prestateTracer", None, transaction(gas_limit=GAS))
    signer = l2({INNER: Funded(nonce=1, code=STOP)})
    authorization = Authorization.sign(BOB_KEY, CHAIN_ID, INNER, 0)
    found = trace(signer, "prestateTracer", {"diffMode": True}, delegating(authorization))
    assert found["post"][to_hex(BOB)] == {"nonce": 1, **coded(b"\xef\x01\x00" + INNER)}


def test_a_diff_shows_only_what_changed_before_and_after() -> None:
    code = push(1) + push(4) + b"\x55" + push(0) + push(3) + b"\x55" + push(5) + b"\x54\x50" + call(INNER) + STOP
    bench = l2({CONTRACT: Funded(nonce=1, code=code, storage={3: 9, 5: 5}), INNER: Funded(nonce=1, code=ADDITION)})
    found = prestate(bench, diffMode=True)
    assert found["pre"][to_hex(CONTRACT)] == {
        "balance": "0x0",
        "nonce": 1,
        **coded(code),
        "storage": {slot(3): slot(9)},
    }
    assert found["post"][to_hex(CONTRACT)] == {"storage": {slot(4): slot(1)}}
    assert to_hex(INNER) not in found["pre"] and to_hex(INNER) not in found["post"]
    assert found["post"][to_hex(ALICE)]["nonce"] == 1


def test_a_reverted_transaction_changes_only_nonce_and_balances() -> None:
    found = prestate(world(push(1) + push(4) + b"\x55\x5f\x5f\xfd"), diffMode=True)
    assert set(found["post"]) == {to_hex(ALICE), to_hex(BASE_FEE_VAULT)}


def test_created_contracts_are_only_in_the_state_after() -> None:
    bench = world(create(bytes.fromhex("60015f5360015ff3")))
    created = to_hex(contract_address(CONTRACT, 1))
    found = prestate(bench, diffMode=True)
    assert found["post"][created] == {"nonce": 1, **coded(b"\x01")} and created not in found["pre"]
    top = trace(l2(), "prestateTracer", {"diffMode": True}, transaction(to=None, gas_limit=GAS, value=3))
    assert top["post"][to_hex(contract_address(ALICE, 0))] == {"balance": "0x3", "nonce": 1}


def test_destroyed_contracts_are_only_in_the_state_before() -> None:
    # Before EIP-6780 a contract that destroys itself is gone with its storage.
    bench = l2({CONTRACT: Funded(5, 1, b"\x60\x01\x54\x50\x33\xff", {1: 2})}, Fork.CANYON)
    found = trace(bench, "prestateTracer", {"diffMode": True}, deposit(to=CONTRACT, gas_limit=GAS))
    assert found["pre"][to_hex(CONTRACT)]["storage"] == {slot(1): slot(2)}
    assert to_hex(CONTRACT) not in found["post"]
    # Since then it keeps everything but its money.
    kept = l2({CONTRACT: Funded(5, 1, b"\x33\xff")})
    found = trace(kept, "prestateTracer", {"diffMode": True}, deposit(to=CONTRACT, gas_limit=GAS))
    assert found["post"][to_hex(CONTRACT)] == {"balance": "0x0"}


def test_fees_of_the_rollup_appear_in_the_diff() -> None:
    bench = fees_charged()
    block = block_of(bench, [transaction(to=CONTRACT, gas_limit=GAS, value=0, max_priority_fee=3, max_fee=2 * GWEI)])
    (found,) = trace_block(bench.engine, bench.head, block, lambda: make_tracer("prestateTracer", {"diffMode": True}))
    executed = bench.engine.import_block(bench.head, block)
    pre, post = found.result["pre"], found.result["post"]
    bench.accept(executed)
    for address in (BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT, SEQUENCER_FEE_VAULT, ALICE):
        assert int(post[to_hex(address)]["balance"], 16) == bench.balance(address) != 0
    paid = int(pre[to_hex(ALICE)]["balance"], 16) - bench.balance(ALICE)
    vaults = (BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT, SEQUENCER_FEE_VAULT)
    assert paid == sum(bench.balance(vault) for vault in vaults)


def test_vaults_are_no_business_of_l1() -> None:
    found = trace(l1(fork=EthFork.CANCUN), "prestateTracer", {"includeEmpty": True}, transaction())
    assert set(found) == {to_hex(ALICE), to_hex(BOB), to_hex(SEQUENCER_FEE_VAULT)}


def test_a_mint_is_part_of_the_change() -> None:
    found = trace(l2(), "prestateTracer", {"diffMode": True}, deposit(mint=9, value=4))
    assert found["post"] == {
        to_hex(ALICE): {"balance": hex(100 * ETHER + 5), "nonce": 1},
        to_hex(BOB): {"balance": hex(100 * ETHER + 4)},
    }
    failed = trace(l2(), "prestateTracer", {"diffMode": True}, deposit(mint=9, value=10**40))
    assert failed["post"] == {to_hex(ALICE): {"balance": hex(100 * ETHER + 9), "nonce": 1}}


def test_diffs_of_all_transactions_add_up_to_the_state_after_the_block() -> None:
    bench = l2(
        {
            CONTRACT: Funded(
                3, 1, push(0) + push(1) + b"\x55\x34" + push(2) + b"\x55" + create(STOP) + call(INNER, value=1), {1: 8}
            ),
            INNER: Funded(nonce=1, code=b"\x34\x47\x55"),
            L1_BLOCK: Funded(nonce=1, storage={1: GWEI}),
        }
    )
    made = [
        deposit(mint=ETHER, value=5, to=MISSING),
        transaction(nonce=1, to=CONTRACT, gas_limit=GAS, value=2, max_priority_fee=1),
        transaction(nonce=2, to=CONTRACT, gas_limit=30_000, value=2),
        transaction(key=BOB_KEY, nonce=0, to=CONTRACT, gas_limit=GAS, value=4),
        deposit(to=CONTRACT, gas_limit=GAS, sender=BOB),
    ]
    block = block_of(bench, made)
    accounts: dict[str, dict[str, Any]] = {}
    for found in trace_block(
        bench.engine, bench.head, block, lambda: make_tracer("prestateTracer", {"diffMode": True})
    ):
        for address, changes in found.result["post"].items():
            known = accounts.setdefault(address, {"storage": {}})
            cleared = dict.fromkeys(found.result["pre"].get(address, {}).get("storage", {}), slot(0))
            known["storage"].update({**cleared, **changes.pop("storage", {})})
            known.update(changes)
    builder = bench.start()
    for transaction_made in made:
        builder.add(transaction_made)
    diff = builder.state.diff()
    assert set(accounts) == {to_hex(address) for address in diff.accounts}
    for address, account in diff.accounts.items():
        changes = accounts[to_hex(address)]
        before = bench.reader().account(address)
        assert account is not None
        assert int(changes.get("balance", hex(before.balance if before else 0)), 16) == account.balance
        assert changes.get("nonce", before.nonce if before else 0) == account.nonce
        assert changes.get("code") == (
            to_hex(diff.codes[account.code_hash]) if account.code_hash in diff.codes else None
        )
        slots = {int(name, 16): int(value, 16) for name, value in changes["storage"].items()}
        lasting = {name: value for name, value in slots.items() if value != bench.reader().storage(address, name)}
        assert lasting == diff.storage.get(address, {})

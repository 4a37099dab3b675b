"""The runner of public test suites: it passes what is right, fails what is wrong, and loses nothing in silence."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from config.forks import EthFork
from config.types import to_hex
from evm.genesis import genesis_state
from evm.statetest import Document, Verdict, find_documents, run_document, run_suite
from evm.statetest.state_case import state_cases
from evm.statetest.state_runner import logs_hash
from evm.types.transaction import DynamicFeeTransaction, sign_transaction
from tests.evm.engine_kit import ALICE, ALICE_KEY, BOB, ETHER

COINBASE = "0x2adc25665018aa1fe0e6bc666dac8fc2697ff9ba"
NO_LOGS = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"


def signed(gas_limit: int = 21_000, nonce: int = 0) -> str:
    unsigned = DynamicFeeTransaction(
        nonce=nonce,
        gas_limit=gas_limit,
        to=BOB,
        value=1,
        data=b"",
        chain_id=1,
        y_parity=0,
        r=0,
        s=0,
        max_priority_fee=0,
        max_fee=10,
    )
    return to_hex(sign_transaction(unsigned, ALICE_KEY).raw)


def state_test(post: dict[str, Any], fork: str = "Cancun", raw: str = "") -> dict[str, Any]:
    """A state test of a transfer of 1 wei from Alice to Bob at 10 wei per gas."""
    return {
        "env": {
            "currentCoinbase": COINBASE,
            "currentNumber": "0x01",
            "currentTimestamp": "0x03e8",
            "currentGasLimit": "0x05f5e100",
            "currentBaseFee": "0x0a",
            "currentRandom": "0x00",
            "currentExcessBlobGas": "0x00",
        },
        "pre": {to_hex(ALICE): {"balance": hex(ETHER), "nonce": "0x00", "code": "0x", "storage": {}}},
        "transaction": {},
        "post": {
            fork: [
                {"txbytes": raw or signed(), "logs": NO_LOGS, "indexes": {"data": 0, "gas": 0, "value": 0}, **post},
            ]
        },
    }


def root_with(*, alice: int, nonce: int, bob: int, coinbase: int | None = None) -> str:
    accounts = {to_hex(ALICE): {"balance": hex(alice), "nonce": hex(nonce)}}
    if coinbase is not None:
        accounts[COINBASE] = {"balance": hex(coinbase), "nonce": "0x0"}
    if bob:
        accounts[to_hex(BOB)] = {"balance": hex(bob), "nonce": "0x0"}
    from config.genesis.alloc_file import alloc_from_json

    return to_hex(genesis_state(alloc_from_json(accounts)).root)


AFTER = root_with(alice=ETHER - 210_001, nonce=1, bob=1)
BEFORE = root_with(alice=ETHER, nonce=0, bob=0)


def verdicts(*bodies: dict[str, Any], only: EthFork | None = None) -> list[tuple[Verdict, str]]:
    document = Document("test.json", json.dumps({str(index): body for index, body in enumerate(bodies)}).encode())
    return [(outcome.verdict, outcome.reason) for outcome in run_document(document, only)]


def test_a_transfer_with_the_right_root_and_logs_passes() -> None:
    assert verdicts(state_test({"hash": AFTER})) == [(Verdict.PASSED, "")]


def test_a_wrong_root_and_wrong_logs_fail_with_both_values_named() -> None:
    ((verdict, reason),) = verdicts(state_test({"hash": BEFORE}))
    assert verdict == Verdict.FAILED
    assert AFTER in reason
    assert BEFORE in reason
    ((verdict, reason),) = verdicts(state_test({"hash": AFTER, "logs": AFTER}))
    assert (verdict, NO_LOGS in reason) == (Verdict.FAILED, True)


def test_a_transaction_that_must_be_refused_is_and_leaves_the_state_alone() -> None:
    body = state_test(
        {"hash": BEFORE, "expectException": "TransactionException.INTRINSIC_GAS_TOO_LOW"}, raw=signed(20_999)
    )
    assert verdicts(body) == [(Verdict.PASSED, "")]


def test_one_of_several_exceptions_is_enough_but_another_is_not() -> None:
    either = "TransactionException.INTRINSIC_GAS_TOO_LOW|TransactionException.INSUFFICIENT_ACCOUNT_FUNDS"
    assert verdicts(state_test({"hash": BEFORE, "expectException": either}, raw=signed(20_999)))[0][0] == Verdict.PASSED
    other = "TransactionException.SENDER_NOT_EOA"
    ((verdict, reason),) = verdicts(state_test({"hash": BEFORE, "expectException": other}, raw=signed(20_999)))
    assert verdict == Verdict.FAILED
    assert reason.startswith("refused for another reason than SENDER_NOT_EOA: intrinsic gas too low")


def test_a_valid_transaction_that_should_be_refused_fails_and_so_does_the_reverse() -> None:
    exception = "TransactionException.INSUFFICIENT_ACCOUNT_FUNDS"
    ((verdict, reason),) = verdicts(state_test({"hash": AFTER, "expectException": exception}))
    assert (verdict, reason) == (
        Verdict.FAILED,
        "executed, but should have been refused: INSUFFICIENT_ACCOUNT_FUNDS",
    )
    ((verdict, reason),) = verdicts(state_test({"hash": AFTER}, raw=signed(nonce=3)))
    assert verdict == Verdict.FAILED
    assert "nonce too high" in reason


def test_bytes_that_are_no_transaction_count_as_refused() -> None:
    body = state_test({"hash": BEFORE, "expectException": "TransactionException.RLP_INVALID_VALUE"}, raw="0x02c0")
    assert verdicts(body) == [(Verdict.PASSED, "")]


def test_one_fork_can_be_asked_for_and_forks_without_rules_are_skipped_otherwise() -> None:
    bodies = (state_test({"hash": AFTER}), state_test({"hash": AFTER}, fork="Atlantis"))
    assert [verdict for verdict, _ in verdicts(*bodies)] == [Verdict.PASSED, Verdict.SKIPPED]
    assert verdicts(*bodies, only=EthFork.PRAGUE) == []
    assert [verdict for verdict, _ in verdicts(*bodies, only=EthFork.CANCUN)] == [Verdict.PASSED]


def test_the_blob_schedule_of_the_file_sets_fees_and_limit() -> None:
    body = state_test({"hash": AFTER}, fork="Osaka")
    body["config"] = {
        "chainid": "0x05",
        "blobSchedule": {"Osaka": {"target": "0x06", "max": "0x0c", "baseFeeUpdateFraction": "0x7f"}},
    }
    (case,) = state_cases("name", body, None)
    assert (case.environment.chain_id, case.environment.max_blobs, case.environment.blob_update_fraction) == (
        5,
        12,
        127,
    )
    (plain,) = state_cases("name", state_test({"hash": AFTER}, fork="Osaka"), None)
    assert (plain.environment.chain_id, plain.environment.max_blobs) == (1, 9)


@pytest.mark.parametrize(
    ("content", "verdict", "what"),
    [
        (b"{", Verdict.FAILED, "not JSON"),
        (b"[]", Verdict.SKIPPED, "no object"),
        (b'{"a": 1}', Verdict.SKIPPED, "no object"),
        (b'{"a": {"in": ["cat"], "tests": []}}', Verdict.SKIPPED, "no counterpart"),
        (b'{"a": {"env": {}, "pre": {}, "transaction": {}, "post": {"Cancun": []}}}', Verdict.FAILED, "cannot be run"),
    ],
)
def test_a_malformed_file_is_a_failed_case_and_an_unknown_kind_a_skipped_one(
    content: bytes, verdict: Verdict, what: str
) -> None:
    (outcome,) = run_document(Document("x.json", content))
    assert outcome.verdict == verdict
    assert what in outcome.reason


def test_rlp_tests_check_both_directions() -> None:
    assert (
        verdicts({"in": "dog", "out": "0x83646f67"}, {"in": ["#15", 3], "out": "0xc20f03"})
        == [(Verdict.PASSED, "")] * 2
    )
    assert verdicts({"in": "INVALID", "out": "0x8100"}, {"in": "VALID", "out": "0xc0"}) == [(Verdict.PASSED, "")] * 2
    failing = verdicts({"in": "cat", "out": "0x83646f67"}, {"in": "INVALID", "out": "0x01"}, {"in": 1, "out": "0x8101"})
    assert [verdict for verdict, _ in failing] == [Verdict.FAILED] * 3


def test_trie_tests_take_pairs_in_order_and_objects_and_deletions() -> None:
    dogs = "0x8aad789dff2f538bca5d8ea56e8abe10f4c7ba3a5dea95fea4cd6e7c3a1168d3"
    entries = {"doe": "reindeer", "dog": "puppy", "dogglesworth": "cat"}
    pairs = [["ether", "gone"], *map(list, entries.items()), ["ether", None]]
    assert verdicts({"in": entries, "root": dogs}, {"in": pairs, "root": dogs}) == [(Verdict.PASSED, "")] * 2
    ((verdict, _),) = verdicts({"in": {"doe": "deer"}, "root": dogs})
    assert verdict == Verdict.FAILED


def test_transaction_tests_compare_hash_sender_and_intrinsic_gas() -> None:
    raw = signed()
    good = {"hash": to_hex(hash_of(raw)), "sender": to_hex(ALICE), "intrinsicGas": "0x5208"}
    wrong = {**good, "sender": to_hex(BOB)}
    refused = {"exception": "TransactionException.TYPE_NOT_SUPPORTED", "intrinsicGas": "0x00"}
    results = [verdicts({"txbytes": raw, "result": {"Cancun": result}})[0] for result in (good, wrong, refused)]
    assert [verdict for verdict, _ in results] == [Verdict.PASSED, Verdict.FAILED, Verdict.FAILED]
    assert "sender is" in results[1][1]


def hash_of(raw: str) -> bytes:
    from config.types import from_hex
    from evm.types import keccak256

    return keccak256(from_hex(raw))


def test_the_hash_of_no_logs_is_that_of_an_empty_list() -> None:
    assert to_hex(logs_hash(())) == NO_LOGS


def test_files_are_found_in_directories_and_archives(tmp_path: Path) -> None:
    content = json.dumps({"a": state_test({"hash": AFTER})}).encode()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one.json").write_bytes(content)
    (tmp_path / "notes.txt").write_text("not a test")
    with tarfile.open(tmp_path / "suite.tar.xz", "w:xz") as archive:
        info = tarfile.TarInfo("inner/two.json")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    found = list(find_documents([tmp_path]))
    assert [Path(document.name).name for document in found] == ["one.json", "two.json"]
    assert run_suite(found).to_json() == {"passed": 2, "failed": 0, "skipped": 0}


def test_a_path_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such file"):
        list(find_documents([tmp_path / "absent"]))
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"neither a \.json file nor an archive"):
        list(find_documents([tmp_path / "notes.txt"]))
    (tmp_path / "bad.tar.xz").write_bytes(b"not an archive")
    with pytest.raises(ValueError, match=r"bad\.tar\.xz cannot be read"):
        list(find_documents([tmp_path / "bad.tar.xz"]))


def test_several_processes_count_as_one_does() -> None:
    bodies = {"good": state_test({"hash": AFTER}), "bad": state_test({"hash": BEFORE})}
    documents = [Document(f"{name}.json", json.dumps({name: body}).encode()) for name, body in bodies.items()]
    reported: list[str] = []
    summary = run_suite(documents, jobs=2, report=lambda name, outcomes: reported.append(name))
    assert summary.to_json() == {"passed": 1, "failed": 1, "skipped": 0}
    assert sorted(reported) == ["bad.json", "good.json"]


def test_a_case_that_takes_too_long_has_failed() -> None:
    body = state_test({"hash": AFTER})
    body["pre"][to_hex(BOB)] = {"balance": "0x0", "nonce": "0x1", "code": "0x5b600056", "storage": {}}
    body["post"]["Cancun"][0]["txbytes"] = signed(gas_limit=10_000_000)
    document = Document("slow.json", json.dumps({"slow": body}).encode())
    (outcome,) = run_document(document, None, case_seconds=0.0)
    assert (outcome.verdict, outcome.reason) == (Verdict.FAILED, "it did not end within 0 seconds")


@pytest.mark.parametrize(
    ("fork", "gas_limit", "after"),
    [
        ("Byzantium", "0x5208", root_with(alice=ETHER - 210_001, nonce=1, bob=1, coinbase=210_000)),
        ("Byzantium", "0x5207", root_with(alice=ETHER, nonce=0, bob=0)),
        ("EIP150", "0x5207", root_with(alice=ETHER, nonce=0, bob=0, coinbase=0)),
    ],
)
def test_old_files_give_a_key_and_do_not_say_what_is_refused(fork: str, gas_limit: str, after: str) -> None:
    """A refused transaction leaves the state alone, but for the coinbase, which was paid nothing."""
    body = state_test({"hash": after}, fork=fork)
    del body["post"][fork][0]["txbytes"]
    body["transaction"] = {
        "data": ["0x"],
        "gasLimit": [gas_limit],
        "gasPrice": "0x0a",
        "nonce": "0x00",
        "secretKey": to_hex(ALICE_KEY),
        "to": to_hex(BOB),
        "value": ["0x01"],
    }
    assert verdicts(body) == [(Verdict.PASSED, "")]

"""`lamina decode-payload`: any form of a gossiped payload, and what is none."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.forks import Fork
from config.types import Hash32, to_hex
from evm.execution_payload import ExecutionPayload
from evm.payload_message import SignedPayload
from evm.payload_ssz import PayloadVersion
from node.unsafe.inspection import find_payload, inspection_to_json
from tests.evm.engine_kit import ALICE, ALICE_KEY, CHAIN_ID, ETHER, Funded, deposit, l2, rollup, transaction
from tests.node.test_cli_behaviour import lamina

FORKS = {Fork.REGOLITH: 1, Fork.CANYON: 2, Fork.ECOTONE: 3, Fork.ISTHMUS: 4}


def made(fork: Fork) -> ExecutionPayload:
    builder = l2({ALICE: Funded(ETHER)}, fork).start()
    builder.add(deposit())
    builder.add(transaction(nonce=1))
    return ExecutionPayload.of(builder.seal().block)


def inspected(data: bytes, version: PayloadVersion | None = None) -> dict[str, Any]:
    return inspection_to_json(find_payload(data, version), CHAIN_ID)


@pytest.mark.parametrize("fork", FORKS)
def test_version_compression_and_signature_are_found_out(fork: Fork) -> None:
    payload = made(fork)
    signed = SignedPayload.sign(payload, ALICE_KEY, CHAIN_ID)
    for data, compressed, signer in (
        (signed.message(), True, to_hex(ALICE)),
        (signed.signature + signed.encoded, False, to_hex(ALICE)),
        (signed.encoded, False, None),
    ):
        shown = inspected(data)
        assert (shown["version"], shown["compressed"], shown["signer"]) == (FORKS[fork], compressed, signer)
        assert shown["executionPayload"] == payload.to_json()
        assert shown["blockHash"] == to_hex(payload.block_hash) and shown["blockHashMatches"]
        assert shown["errors"] == []
        assert inspected(data, PayloadVersion(FORKS[fork])) == shown


def test_a_block_hash_that_is_another_and_a_signature_of_nobody_are_told() -> None:
    payload = made(Fork.ISTHMUS)
    lying = ExecutionPayload(**{**payload.__dict__, "block_hash": Hash32(b"\x01" * 32)})
    signed = SignedPayload.sign(lying, ALICE_KEY, CHAIN_ID)
    shown = inspected(signed.signature[:64] + b"\x1b" + signed.encoded)
    assert shown["blockHash"] == to_hex(payload.block_hash) and not shown["blockHashMatches"]
    assert shown["signer"] is None and "nobody can have signed this" in shown["errors"][0]
    broken = ExecutionPayload(**{**payload.__dict__, "transactions": (b"\x02\x01",)})
    shown = inspected(SignedPayload.sign(broken, ALICE_KEY, CHAIN_ID).encoded)
    assert shown["blockHash"] is None and "makes no block" in shown["errors"][0]


@given(st.binary(max_size=1000), st.sampled_from([None, *PayloadVersion]))
def test_garbage_is_named_as_such(data: bytes, version: PayloadVersion | None) -> None:
    with pytest.raises(ValueError, match=f"these {len(data)} bytes are not a payload of"):
        find_payload(data, version)


def test_the_command_reads_binary_and_hex_and_takes_the_chain_from_a_file(tmp_path: Path) -> None:
    message = SignedPayload.sign(made(Fork.ISTHMUS), ALICE_KEY, CHAIN_ID).message()
    rollup(Fork.ISTHMUS).save(tmp_path / "rollup.json")
    (tmp_path / "block.bin").write_bytes(message)
    (tmp_path / "block.hex").write_text(to_hex(message) + "\n")
    (tmp_path / "garbage").write_bytes(b"\x00\x01" * 50)
    binary = lamina("decode-payload", "block.bin", "--rollup.config", "rollup.json", cwd=tmp_path)
    assert binary.returncode == 0, binary.stderr
    assert json.loads(binary.stdout) == inspected(message)
    unknown = lamina("decode-payload", "block.hex", cwd=tmp_path)
    assert json.loads(unknown.stdout)["signer"] is None and "--chain-id" in json.loads(unknown.stdout)["errors"][0]
    garbage = lamina("decode-payload", "garbage", cwd=tmp_path)
    assert garbage.returncode == 1 and garbage.stdout == ""
    assert (
        garbage.stderr.startswith("lamina: garbage: these 100 bytes are not a payload")
        and garbage.stderr.count("\n") == 1
    )
    contradiction = lamina(
        "decode-payload", "block.hex", "--chain-id", "5", "--rollup.config", "rollup.json", cwd=tmp_path
    )
    assert contradiction.returncode != 0 and "is of chain 901" in contradiction.stderr

"""Properties: whatever an endpoint answers, the clients take what holds and refuse the rest with their own errors."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import TemporaryError
from config.types import to_address, to_hash32
from evm.types import BlobTransaction, Header
from evm.types.json_codec import header_from_json
from evm.types.transaction import sign_transaction
from l1.kzg_core import commitment_of
from l1.retry import NO_RETRY
from l1.sidecar import (
    BlobSidecar,
    SidecarError,
    SidecarVersion,
    decode_network_transaction,
    encode_network_transaction,
)
from l1.source import L1Client
from tests.l1.conftest import ANVIL_KEY, make_blob

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["0x", "0x0", "0x1", "0x" + "ab" * 32]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class Parrot:
    """Answers everything with the same."""

    endpoint = "http://parrot"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        return self.answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return [self.answer for _ in calls]


def real_block(vectors: Path) -> dict[str, Any]:
    path = vectors / "l1" / "rpc-blocks" / "blocks" / "post-shanghai-success_data.json"
    block: dict[str, Any] = json.loads(path.read_text())
    return block


@given(JSON)
def test_no_answer_to_a_header_request_gets_through_or_crashes(answer: Any) -> None:
    with pytest.raises(TemporaryError):
        asyncio.run(L1Client(Parrot(answer), retry=NO_RETRY).header_by_number(1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(data=st.data())
def test_an_altered_block_gives_the_true_block_or_a_refusal(vectors: Path, data: st.DataObject) -> None:
    block = real_block(vectors)
    wanted = to_hash32(block["hash"])
    where: Any = block
    if data.draw(st.booleans()):
        where = data.draw(st.sampled_from(block["transactions"] + block["withdrawals"]))
    where[data.draw(st.sampled_from(sorted(where)))] = data.draw(JSON)
    source = L1Client(Parrot(block), retry=NO_RETRY)
    try:
        result = asyncio.run(source.block_by_hash(wanted))
    except TemporaryError:
        return
    # What was altered was nothing that a block consists of.
    assert result.hash == wanted
    assert [tx.raw for tx in result.transactions] == [
        tx.raw for tx in asyncio.run(L1Client(Parrot(real_block(vectors))).block_by_hash(wanted)).transactions
    ]


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_altered_receipts_are_refused(data: st.DataObject) -> None:
    receipt: dict[str, Any] = {"type": "0x2", "status": "0x1", "cumulativeGasUsed": "0x5208", "logs": []}
    receipt[data.draw(st.sampled_from(sorted(receipt)))] = data.draw(
        JSON | st.sampled_from(["0x100", "-0x1", "0x" + "ff" * 40, "0x80", "0xc0"])
    )
    with pytest.raises(TemporaryError):
        asyncio.run(L1Client(Parrot([receipt]), retry=NO_RETRY).receipts(SOME_HEADER))


@given(JSON)
def test_no_receipts_but_the_true_ones_get_through(answer: Any) -> None:
    source = L1Client(Parrot(answer), retry=NO_RETRY)
    with pytest.raises(TemporaryError):
        asyncio.run(source.receipts(SOME_HEADER))


SOME_HEADER: Header = header_from_json(
    {
        "parentHash": "0x" + "01" * 32,
        "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
        "miner": "0x" + "00" * 20,
        "stateRoot": "0x" + "02" * 32,
        "transactionsRoot": "0x" + "03" * 32,
        "receiptsRoot": "0x" + "04" * 32,
        "logsBloom": "0x" + "00" * 256,
        "difficulty": "0x0",
        "number": "0x1",
        "gasLimit": "0x1",
        "gasUsed": "0x0",
        "timestamp": "0x1",
        "extraData": "0x",
        "mixHash": "0x" + "00" * 32,
        "nonce": "0x0000000000000000",
        "baseFeePerGas": "0x1",
    }
)


@pytest.fixture(scope="module")
def network_form() -> bytes:
    """A blob transaction with a sidecar whose proofs are made up: decoding does not look at them."""
    blob = make_blob(1)
    sidecar = BlobSidecar((blob,), (commitment_of(blob),), (bytes(48),), SidecarVersion.BLOB_PROOFS)
    transaction = sign_transaction(
        BlobTransaction(
            nonce=0,
            gas_limit=21_000,
            to=to_address("0x" + "11" * 20),
            value=0,
            data=b"",
            chain_id=1,
            y_parity=0,
            r=0,
            s=0,
            max_priority_fee=1,
            max_fee=1,
            max_fee_per_blob_gas=1,
            versioned_hashes=sidecar.versioned_hashes,
        ),
        ANVIL_KEY,
    )
    assert isinstance(transaction, BlobTransaction)
    return encode_network_transaction(transaction, sidecar)


@given(data=st.data())
def test_altered_network_forms_decode_or_are_refused_by_name(network_form: bytes, data: st.DataObject) -> None:
    raw = bytearray(network_form)
    near_the_structure = st.integers(0, 300) | st.integers(len(raw) - 120, len(raw) - 1)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(near_the_structure)] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 3))
    try:
        transaction, sidecar = decode_network_transaction(bytes(raw[: len(raw) - cut]))
    except SidecarError:
        return
    assert sidecar.versioned_hashes == transaction.versioned_hashes


@given(st.binary(max_size=200))
def test_random_bytes_are_never_a_network_form(raw: bytes) -> None:
    with pytest.raises(SidecarError):
        decode_network_transaction(b"\x03" + raw)

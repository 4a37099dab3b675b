"""Blob sidecars and the network form of type-3 transactions."""

from dataclasses import replace

import pytest

from config.forks import EthFork
from config.types import to_address
from evm.types import BlobTransaction
from evm.types.rlp import RlpInput, decode_list, encode
from evm.types.transaction import sign_transaction
from l1.kzg import (
    BlobSidecar,
    KzgWorker,
    SidecarError,
    SidecarVersion,
    decode_network_transaction,
    encode_network_transaction,
    is_network_form,
)
from tests.l1.conftest import ANVIL_KEY, make_blob

BOTH = [SidecarVersion.BLOB_PROOFS, SidecarVersion.CELL_PROOFS]


def transaction_for(sidecar: BlobSidecar) -> BlobTransaction:
    transaction = sign_transaction(
        BlobTransaction(
            nonce=3,
            gas_limit=21_000,
            to=to_address("0x" + "11" * 20),
            value=0,
            data=b"",
            chain_id=900,
            y_parity=0,
            r=0,
            s=0,
            max_priority_fee=1,
            max_fee=2,
            max_fee_per_blob_gas=3,
            versioned_hashes=sidecar.versioned_hashes,
        ),
        ANVIL_KEY,
    )
    assert isinstance(transaction, BlobTransaction)
    return transaction


@pytest.mark.parametrize("version", BOTH)
async def test_the_network_form_decodes_to_what_was_encoded_and_its_proofs_hold(
    version: SidecarVersion, kzg: KzgWorker
) -> None:
    sidecar = await kzg.build_sidecar([make_blob(1), make_blob(2)], version)
    transaction = transaction_for(sidecar)
    raw = encode_network_transaction(transaction, sidecar)
    assert is_network_form(raw) and not is_network_form(transaction.raw)
    decoded, its_sidecar = decode_network_transaction(raw)
    assert (decoded, its_sidecar) == (transaction, sidecar)
    assert decoded.hash == transaction.hash
    assert len(decode_list(raw[1:], "wrapper")) == (4 if version is SidecarVersion.BLOB_PROOFS else 5)
    await kzg.verify_sidecar(decoded, its_sidecar)


@pytest.mark.parametrize("version", BOTH)
async def test_proofs_in_the_wrong_order_are_refused(version: SidecarVersion, kzg: KzgWorker) -> None:
    sidecar = await kzg.build_sidecar([make_blob(1), make_blob(2)], version)
    swapped = replace(sidecar, proofs=sidecar.proofs[::-1])
    with pytest.raises(SidecarError, match="does not fit"):
        await kzg.verify_sidecar(transaction_for(sidecar), swapped)


async def test_a_blob_that_was_altered_after_committing_is_refused(kzg: KzgWorker) -> None:
    sidecar = await kzg.build_sidecar([make_blob(1)], SidecarVersion.BLOB_PROOFS)
    altered = replace(sidecar, blobs=(make_blob(9),))
    with pytest.raises(SidecarError, match="does not fit"):
        await kzg.verify_sidecar(transaction_for(sidecar), altered)


async def test_a_sidecar_of_another_transaction_is_refused(kzg: KzgWorker) -> None:
    mine = await kzg.build_sidecar([make_blob(1)], SidecarVersion.BLOB_PROOFS)
    other = await kzg.build_sidecar([make_blob(2)], SidecarVersion.BLOB_PROOFS)
    with pytest.raises(SidecarError, match="the transaction names"):
        encode_network_transaction(transaction_for(other), mine)


async def test_a_transaction_without_its_sidecar_is_told_apart(kzg: KzgWorker) -> None:
    sidecar = await kzg.build_sidecar([make_blob(1)], SidecarVersion.BLOB_PROOFS)
    with pytest.raises(SidecarError, match="without its sidecar"):
        decode_network_transaction(transaction_for(sidecar).raw)


async def test_missing_and_surplus_parts_are_refused(kzg: KzgWorker) -> None:
    sidecar = await kzg.build_sidecar([make_blob(1)], SidecarVersion.BLOB_PROOFS)
    raw = encode_network_transaction(transaction_for(sidecar), sidecar)
    items: list[RlpInput] = [*decode_list(raw[1:], "wrapper")]
    cases: tuple[tuple[list[RlpInput], str], ...] = (
        ([items[0], items[1], items[2]], "4 or 5 parts, got 3"),
        ([items[0], b"\x02", *items[1:]], "version 2 is not known"),
        ([items[0], b"\x01", *items[1:]], "1 proofs; expected 1 and 128"),
        ([items[0], items[1], items[2], []], "0 proofs; expected 1 and 1"),
        ([items[0], [b"short"], items[2], items[3]], "blob 0 has 5 bytes"),
        ([items[0], [], [], []], "at least one blob"),
        ([[], *items[1:]], "expected 14 items"),
    )
    for parts, reason in cases:
        with pytest.raises(SidecarError, match=reason):
            decode_network_transaction(b"\x03" + encode(parts))


@pytest.mark.parametrize("raw", [b"", b"\x03", b"\x02\xc0", b"\x03\xc0", b"\x03\xff\xff\xff", b"\x03\xc1\xc0"])
def test_garbage_is_refused(raw: bytes) -> None:
    with pytest.raises(SidecarError):
        decode_network_transaction(raw)


def test_cell_proofs_are_asked_for_from_osaka_on() -> None:
    assert SidecarVersion.at(EthFork.PRAGUE) is SidecarVersion.BLOB_PROOFS
    assert SidecarVersion.at(EthFork.OSAKA) is SidecarVersion.CELL_PROOFS

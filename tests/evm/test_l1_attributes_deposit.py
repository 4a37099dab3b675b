"""The L1 attributes deposit: every fork's encoding, and the real ones of OP Sepolia."""

import gzip
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from config.constants import L1_ATTRIBUTES_DEPOSITOR, L1_BLOCK
from config.forks import Fork, ForkSchedule
from config.types import Hash32, Timestamp, from_hex
from evm.l1_attributes import (
    L1AttributesError,
    L1BlockInfo,
    l1_attributes_deposit,
    l1_attributes_fork,
    l1_attributes_source_hash,
    l1_block_info,
    upgrade_source_hash,
    user_deposit_source_hash,
)
from evm.types import DepositTransaction, decode_transaction
from tests.evm.engine_kit import SYSTEM_CONFIG, rollup

ORIGIN_HASH = Hash32(b"\x0a" * 32)


@dataclass(frozen=True)
class Origin:
    hash: Hash32 = ORIGIN_HASH
    number: int = 1_234
    timestamp: int = 1_700_000_000
    base_fee_per_gas: int | None = 9


@pytest.mark.parametrize(
    ("fork", "length"),
    [(Fork.CANYON, 260), (Fork.ECOTONE, 164), (Fork.HOLOCENE, 164), (Fork.ISTHMUS, 176), (Fork.JOVIAN, 178)],
)
def test_what_is_encoded_is_decoded_on_every_fork(fork: Fork, length: int) -> None:
    config = replace(SYSTEM_CONFIG, operator_fee_scalar=3, operator_fee_constant=4)
    info = l1_block_info(rollup(fork), config, Origin(), 5, 1_700_000_100, 77)
    data = info.encode()
    assert len(data) == length
    assert L1BlockInfo.decode(data) == info
    assert info.sequence_number == 5
    assert info.batcher_address == config.batcher_address


def test_an_upgrade_block_still_uses_the_encoding_of_the_fork_before() -> None:
    times = dict(rollup(Fork.HOLOCENE).forks.times)
    chain = replace(rollup(), forks=ForkSchedule({**times, Fork.ISTHMUS: Timestamp(100)}))
    assert l1_attributes_fork(chain, 98) == Fork.ECOTONE
    assert l1_attributes_fork(chain, 100) == Fork.ECOTONE
    assert l1_attributes_fork(chain, 102) == Fork.ISTHMUS


def test_a_fork_active_at_genesis_is_used_at_once() -> None:
    assert l1_attributes_fork(rollup(Fork.ISTHMUS), 2) == Fork.ISTHMUS


def test_a_missing_footprint_scalar_becomes_400_since_jovian() -> None:
    info = l1_block_info(rollup(Fork.JOVIAN), SYSTEM_CONFIG, Origin(), 0, 10, 1)
    assert info.da_footprint_gas_scalar == 400


@pytest.mark.parametrize("data", [b"", b"\x01\x02\x03\x04", bytes.fromhex("440a5e20") + bytes(159)])
def test_other_calldata_is_refused(data: bytes) -> None:
    with pytest.raises(L1AttributesError):
        L1BlockInfo.decode(data)


def test_the_deposit_of_a_real_block_is_rebuilt_byte_by_byte(vectors: Path) -> None:
    with gzip.open(vectors / "exec" / "11155420-26207960-holocene.json.gz") as file:
        payload = json.load(file)["executing_payload"]
    raw = from_hex(payload["transactions"][0])
    real = decode_transaction(raw)
    assert isinstance(real, DepositTransaction)
    info = L1BlockInfo.decode(real.data)
    assert real.sender == L1_ATTRIBUTES_DEPOSITOR
    assert real.to == L1_BLOCK
    assert real.source_hash == l1_attributes_source_hash(info.hash, info.sequence_number)
    config = replace(
        SYSTEM_CONFIG,
        batcher_address=info.batcher_address,
        scalar=Hash32(
            b"\x01" + bytes(23) + info.blob_base_fee_scalar.to_bytes(4, "big") + info.base_fee_scalar.to_bytes(4, "big")
        ),
    )
    origin = Origin(info.hash, info.number, info.timestamp, info.base_fee)
    rebuilt = l1_attributes_deposit(
        rollup(Fork.HOLOCENE), config, origin, info.sequence_number, int(payload["timestamp"], 16), info.blob_base_fee
    )
    assert rebuilt.encode() == raw


def test_before_regolith_the_deposit_is_a_system_transaction_with_much_gas() -> None:
    early = l1_attributes_deposit(rollup(Fork.BEDROCK), SYSTEM_CONFIG, Origin(), 0, 10, 1)
    assert early.is_system_transaction
    assert early.gas_limit == 150_000_000
    later = l1_attributes_deposit(rollup(Fork.REGOLITH), SYSTEM_CONFIG, Origin(), 0, 10, 1)
    assert not later.is_system_transaction
    assert later.gas_limit == 1_000_000


def test_source_hashes_of_different_kinds_never_meet() -> None:
    block = Hash32(b"\x01" * 32)
    assert len({user_deposit_source_hash(block, 1), l1_attributes_source_hash(block, 1), upgrade_source_hash("x")}) == 3


def test_the_source_hash_of_a_published_upgrade_transaction(vectors: Path) -> None:
    lines = (vectors / "upgrades").glob("*isthmus*hex")
    first = sorted(lines)[0]
    transaction = decode_transaction(from_hex(first.read_text().strip()))
    assert isinstance(transaction, DepositTransaction)
    intents = (
        "Isthmus: L1 Block Deployment",
        "Isthmus: Gas Price Oracle Deployment",
        "Isthmus: Operator Fee Vault Deployment",
        "Isthmus: L1 Block Proxy Update",
        "Isthmus: Gas Price Oracle Proxy Update",
        "Isthmus: Operator Fee Vault Proxy Update",
        "Isthmus: Gas Price Oracle Set Isthmus",
        "Isthmus: EIP-2935 Contract Deployment",
    )
    assert transaction.source_hash in {upgrade_source_hash(intent) for intent in intents}

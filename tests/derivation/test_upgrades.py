"""Network upgrade transactions: the shipped bytes, and the blocks they go into."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.forks import Fork, ForkSchedule
from config.rollup import RollupConfig
from config.types import Timestamp, from_hex, to_hex
from derivation.l2_block_info import l1_block_info, system_config_of
from derivation.upgrades import UPGRADE_DIRECTORY, gas_of, transactions_of
from evm.l1_attributes import upgrade_source_hash
from evm.types import DepositTransaction, decode_transaction, keccak256
from tests.actions.chains import Batcher, FakeL1, FakeL2, make_rollup
from tests.actions.verifier import Verifier

COUNTS = {Fork.ECOTONE: 6, Fork.FJORD: 3, Fork.ISTHMUS: 8, Fork.JOVIAN: 5, Fork.KARST: 31}


def deposits(fork: Fork) -> list[DepositTransaction]:
    decoded = [decode_transaction(raw) for raw in transactions_of(fork)]
    assert all(isinstance(tx, DepositTransaction) for tx in decoded)
    return [tx for tx in decoded if isinstance(tx, DepositTransaction)]


def read(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    document: dict[str, Any] = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    return document


def test_every_shipped_file_has_a_source_and_its_bytes_have_the_stated_hash() -> None:
    paths = sorted(UPGRADE_DIRECTORY.iterdir())
    assert len(paths) == len(COUNTS)
    for path in paths:
        document = read(path)
        assert document["source"]
        joined = b"".join(from_hex(raw) for raw in document["transactions"])
        assert to_hex(keccak256(joined)) == document["keccak256"]


@pytest.mark.parametrize("fork", list(Fork))
def test_forks_have_as_many_transactions_as_their_specs_list(fork: Fork) -> None:
    assert len(deposits(fork)) == COUNTS.get(fork, 0)
    assert all(tx.mint == tx.value == 0 and not tx.is_system_transaction for tx in deposits(fork))


@pytest.mark.parametrize("fork", [Fork.ECOTONE, Fork.FJORD, Fork.ISTHMUS])
def test_the_bytes_are_those_of_the_public_vectors(fork: Fork, vectors: Path) -> None:
    for index, raw in enumerate(transactions_of(fork)):
        assert to_hex(raw) == "0x" + (
            vectors / "upgrades" / f"{fork.key}_tx_{index}.hex"
        ).read_text().strip().removeprefix("0x")


def test_jovians_deployments_carry_the_public_init_code(vectors: Path) -> None:
    l1_block, _, oracle, _, _ = deposits(Fork.JOVIAN)
    for tx, name in ((l1_block, "l1-block"), (oracle, "gas-price-oracle")):
        code = (vectors / "upgrades" / f"jovian-{name}-deployment.hex").read_text().strip().removeprefix("0x")
        assert (tx.to, tx.data.hex()) == (None, code)


def test_source_hashes_come_from_the_intents() -> None:
    jovian = (
        "Jovian: L1 Block Deployment",
        "Jovian: L1 Block Proxy Update",
        "Jovian: Gas Price Oracle Deployment",
        "Jovian: Gas Price Oracle Proxy Update",
        "Jovian: Gas Price Oracle Set Jovian",
    )
    assert [tx.source_hash for tx in deposits(Fork.JOVIAN)] == [upgrade_source_hash(intent) for intent in jovian]
    isthmus = deposits(Fork.ISTHMUS)
    assert isthmus[0].source_hash == upgrade_source_hash("Isthmus: L1 Block Deployment")


def test_karsts_transactions_are_the_bundles_with_qualified_intents(vectors: Path) -> None:
    bundle = read(vectors / "upgrades" / "karst_nut_bundle.json.gz")["transactions"]
    for index, (tx, entry) in enumerate(zip(deposits(Fork.KARST), bundle, strict=True)):
        assert tx.source_hash == upgrade_source_hash(f"Karst {index}: {entry['intent']}")
        assert (tx.data, tx.gas_limit) == (from_hex(entry["data"]), entry["gasLimit"])
        assert to_hex(tx.sender) == entry["from"].lower()


@pytest.mark.parametrize(
    ("before", "after"), [(Fork.HOLOCENE, Fork.ISTHMUS), (Fork.ISTHMUS, Fork.JOVIAN), (Fork.JOVIAN, Fork.KARST)]
)
def test_an_upgrade_in_mid_chain_puts_its_transactions_into_its_first_block_only(before: Fork, after: Fork) -> None:
    l1 = FakeL1()
    rollup = make_rollup(l1, before)
    times = {fork: Timestamp(0) for fork in Fork if Fork.BEDROCK < fork <= before}
    times[after] = Timestamp(rollup.genesis.l2_time + 13)
    rollup = replace(rollup, forks=ForkSchedule(times))
    l2 = FakeL2(rollup, l1)
    l1.mine(4)
    for number in range(1, 16):
        l2.sequence([] if number == 7 else [l2.user_transaction()])
    activation = l2.blocks[7]
    assert tuple(tx.raw for tx in activation.transactions[1:]) == transactions_of(after)
    assert l1_block_info(activation).fork <= max(before, Fork.ECOTONE)
    limits = [block.header.gas_limit for block in l2.blocks]
    extra = gas_of(after) if after is Fork.KARST else 0
    assert limits == [30_000_000] * 7 + [30_000_000 + extra] + [30_000_000] * 8
    assert system_config_of(activation, rollup).gas_limit == 30_000_000

    batcher = Batcher(l2)
    batcher.post([batcher.span(1, 15)])
    l1.mine(2)
    verifier = Verifier(rollup, l1)
    verifier.run()
    assert verifier.hashes() == l2.hashes()


def test_a_batch_with_transactions_for_jovians_first_block_is_dropped() -> None:
    l1 = FakeL1()
    rollup = make_rollup(l1, Fork.ISTHMUS)
    times = dict(rollup.forks.times) | {Fork.JOVIAN: Timestamp(rollup.genesis.l2_time + 4)}
    rollup = replace(rollup, forks=ForkSchedule(times))
    l2 = FakeL2(rollup, l1)
    l1.mine(2)
    for _ in range(3):
        l2.sequence([l2.user_transaction()])
    batcher = Batcher(l2)
    batcher.post([batcher.singular(n) for n in range(1, 4)])
    l1.mine(2)
    verifier = Verifier(rollup, l1)
    verifier.run()
    assert verifier.hashes() == l2.hashes()[:2]
    assert any("upgrade activates" in event.text for event in verifier.events)


def test_a_chain_that_keeps_karsts_upgrade_gas_has_it_in_its_gas_limit_from_then_on() -> None:
    l1 = FakeL1()
    rollup = make_rollup(l1, Fork.JOVIAN)
    times = dict(rollup.forks.times) | {Fork.KARST: Timestamp(rollup.genesis.l2_time + 4)}
    rollup = replace(rollup, forks=ForkSchedule(times), keep_karst_upgrade_gas=True)
    assert RollupConfig.from_json(rollup.to_json()) == rollup
    l2 = FakeL2(rollup, l1)
    l1.mine(2)
    for number in range(1, 5):
        l2.sequence([] if number == 2 else [l2.user_transaction()])
    kept = 30_000_000 + gas_of(Fork.KARST)
    assert [block.header.gas_limit for block in l2.blocks] == [30_000_000] * 2 + [kept] * 3

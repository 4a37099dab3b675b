"""Payload attributes: what the sequencer asks for and what must be refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.constants import CONFIG_UPDATE_EVENT_TOPIC, DEPOSIT_EVENT_TOPIC, SEQUENCER_FEE_VAULT
from config.errors import ResetError
from config.forks import Fork, ForkSchedule
from config.l1_chain import fake_exponential
from config.rollup import BlockId, RollupConfig
from config.types import ZERO_HASH, Address, Gas, Hash32, Timestamp
from derivation.attributes import blob_base_fee_of, deposits_only, prepare_payload_attributes
from derivation.deposits import decode_deposit_log
from derivation.system_config_updates import apply_system_config_updates
from derivation.types import L2BlockRef
from derivation.upgrades import forbids_user_transactions, sequencer_leaves_pool_out, upgrades_activated_in
from evm.types import Log, PayloadAttributes, Receipt
from tests.actions.chains import L1_CONFIG, PORTAL, SYSTEM_CONFIG, FakeL1, FakeL2, make_rollup


def prepare(l2: FakeL2, epoch: BlockId, parent: L2BlockRef | None = None) -> PayloadAttributes:
    return prepare_payload_attributes(l2.rollup, L1_CONFIG, l2.l1, l2, parent or l2.head, epoch)


@pytest.fixture
def l2() -> FakeL2:
    l1 = FakeL1()
    l1.mine(3)
    return FakeL2(make_rollup(l1), l1)


def test_attributes_take_their_facts_from_the_l1_origin(l2: FakeL2) -> None:
    attributes = prepare(l2, l2.l1.ref(0).id)
    header = l2.l1.blocks[0].header
    assert attributes.timestamp == l2.head.timestamp + 2
    assert attributes.prev_randao == header.prev_randao
    assert attributes.parent_beacon_block_root == header.parent_beacon_block_root
    assert attributes.suggested_fee_recipient == SEQUENCER_FEE_VAULT
    assert attributes.no_tx_pool and attributes.with_withdrawals
    assert attributes.min_base_fee is None
    assert len(attributes.transactions) == 1


def test_an_origin_without_beacon_root_gives_zeros(l2: FakeL2) -> None:
    bare = replace(l2.l1.blocks[0].header, parent_beacon_block_root=None, requests_hash=None)
    l2.l1._by_hash[l2.l1.blocks[0].hash] = replace(l2.l1.blocks[0], header=bare)
    assert prepare(l2, l2.l1.ref(0).id).parent_beacon_block_root == ZERO_HASH


@pytest.mark.parametrize(
    ("epoch", "reason"),
    [
        (BlockId(Hash32(b"\x05" * 32), 0), "not known to L1"),
        (BlockId(Hash32(b"\x05" * 32), 1), "not known to L1"),
    ],
)
def test_an_unknown_origin_is_refused(l2: FakeL2, epoch: BlockId, reason: str) -> None:
    with pytest.raises(ResetError, match=reason):
        prepare(l2, epoch)


def test_an_origin_that_skips_a_block_conflicts_or_is_later_than_the_block_is_refused(l2: FakeL2) -> None:
    with pytest.raises(ResetError, match="cannot follow"):
        prepare(l2, l2.l1.ref(2).id)
    with pytest.raises(ResetError, match="before its L1 origin"):
        prepare(l2, l2.l1.ref(1).id)
    alien = replace(l2.head, l1_origin=BlockId(Hash32(b"\x09" * 32), 0))
    with pytest.raises(ResetError, match="conflicts"):
        prepare(l2, l2.l1.ref(0).id, alien)
    with pytest.raises(ResetError, match="cannot follow"):
        prepare(l2, l2.l1.ref(1).id, alien)


def test_deposits_only_keeps_exactly_the_deposits(l2: FakeL2) -> None:
    attributes = prepare(l2, l2.l1.ref(0).id)
    filled = replace(attributes, transactions=(*attributes.transactions, b"\x02\xc0", b"\xc0"), no_tx_pool=False)
    assert deposits_only(filled) == attributes


def at(rollup: RollupConfig, **times: int) -> RollupConfig:
    schedule = {fork: Timestamp(0) for fork in Fork if Fork.BEDROCK < fork <= Fork.GRANITE}
    schedule.update({Fork[name.upper()]: Timestamp(rollup.genesis.l2_time + time) for name, time in times.items()})
    return replace(rollup, forks=ForkSchedule(schedule))


def test_holocenes_first_block_has_zero_parameters_and_later_ones_the_system_configs(l2: FakeL2) -> None:
    l2.rollup = at(l2.rollup, holocene=2)
    assert prepare(l2, l2.l1.ref(0).id).eip1559_params == bytes(8)
    l2.rollup = at(l2.rollup, holocene=0)
    assert prepare(l2, l2.l1.ref(0).id).eip1559_params == l2.rollup.genesis.system_config.eip1559_params
    l2.rollup = at(l2.rollup, holocene=4)
    assert prepare(l2, l2.l1.ref(0).id).eip1559_params is None


def test_upgrades_activate_in_the_first_block_at_or_after_their_time_and_never_at_genesis(l2: FakeL2) -> None:
    rollup = at(l2.rollup, holocene=0, isthmus=5, jovian=5)
    start = rollup.genesis.l2_time
    activated = {offset: upgrades_activated_in(rollup, start + offset) for offset in range(0, 12, 2)}
    assert activated == {0: (), 2: (), 4: (), 6: (Fork.ISTHMUS, Fork.JOVIAN), 8: (), 10: ()}
    assert forbids_user_transactions(rollup, start + 6)
    assert not forbids_user_transactions(at(l2.rollup, holocene=0, isthmus=5), start + 6)
    assert sequencer_leaves_pool_out(at(l2.rollup, holocene=0, isthmus=5), start + 6)
    assert not sequencer_leaves_pool_out(at(l2.rollup, holocene=5), start + 6)


def test_the_blob_base_fee_follows_the_l1_schedule_or_the_rollups_exception(l2: FakeL2) -> None:
    header = replace(l2.l1.blocks[0].header, excess_blob_gas=100_000_000)
    prague, cancun = fake_exponential(1, 100_000_000, 5_007_716), fake_exponential(1, 100_000_000, 3_338_477)
    assert blob_base_fee_of(header, l2.rollup, L1_CONFIG) == prague
    late = replace(l2.rollup, pectra_blob_schedule_time=Timestamp(header.timestamp + 1))
    assert blob_base_fee_of(header, late, L1_CONFIG) == cancun
    reached = replace(l2.rollup, pectra_blob_schedule_time=Timestamp(header.timestamp))
    assert blob_base_fee_of(header, reached, L1_CONFIG) == prague
    before = replace(
        header, excess_blob_gas=None, blob_gas_used=None, parent_beacon_block_root=None, requests_hash=None
    )
    assert blob_base_fee_of(before, l2.rollup, L1_CONFIG) == 1


def config_log(kind: int, data: bytes, version: int = 0, address: Address = SYSTEM_CONFIG) -> Log:
    topics = (CONFIG_UPDATE_EVENT_TOPIC, Hash32(version.to_bytes(32, "big")), Hash32(kind.to_bytes(32, "big")))
    return Log(address, topics, data)


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.mark.parametrize(
    "log",
    [
        config_log(2, word(32) + word(32)),
        config_log(2, word(64) + word(32) + word(5)),
        config_log(2, word(32) + word(31) + word(5)),
        config_log(2, word(32) + word(32) + word(5) + word(0)),
        config_log(0, word(32) + word(32) + word(1 << 160)),
        config_log(1, word(32) + word(64) + word(0) + word(2 << 248)),
        config_log(1, word(32) + word(64) + word(0) + word(1 << 248 | 1 << 64)),
        config_log(1, word(32) + word(64) + word(0) + word(1 << 32)),
        config_log(4, word(32) + word(32) + word(1 << 64)),
        config_log(7, word(32) + word(32) + word(1 << 16)),
        config_log(8, word(32) + word(32) + word(5)),
        config_log(2, word(32) + word(32) + word(5), version=1),
        Log(SYSTEM_CONFIG, (CONFIG_UPDATE_EVENT_TOPIC,), word(32) + word(32) + word(5)),
    ],
)
def test_a_system_config_update_that_cannot_be_parsed_is_skipped_and_told(log: Log, l2: FakeL2) -> None:
    before = l2.rollup.genesis.system_config
    good = config_log(2, word(32) + word(32) + word(5))
    updates = apply_system_config_updates(before, [Receipt(2, 1, 0, (log, good))], SYSTEM_CONFIG, ecotone=True)
    assert updates.config == replace(before, gas_limit=Gas(5))
    assert len(updates.skipped) == len(updates.applied) == 1


def test_updates_of_failed_transactions_and_other_contracts_do_not_count(l2: FakeL2) -> None:
    before = l2.rollup.genesis.system_config
    good = word(32) + word(32) + word(5)
    receipts = [Receipt(2, 0, 0, (config_log(2, good),)), Receipt(2, 1, 0, (config_log(2, good, address=PORTAL),))]
    assert apply_system_config_updates(before, receipts, SYSTEM_CONFIG, ecotone=True).config == before


def test_a_deposit_log_is_padded_to_whole_words_and_no_further() -> None:
    opaque = word(1) + word(2) + (21_000).to_bytes(8, "big") + b"\x00" + b"data"
    data = word(32) + word(len(opaque)) + opaque.ljust(96, b"\x00")
    log = Log(PORTAL, (DEPOSIT_EVENT_TOPIC, word(3), word(4), word(0)), data)  # type: ignore[arg-type]
    assert decode_deposit_log(log, ZERO_HASH, 0).data == b"data"
    with pytest.raises(ValueError, match="51 bytes of padding"):
        decode_deposit_log(replace(log, data=data + word(0)), ZERO_HASH, 0)


@given(st.binary(max_size=400), st.lists(st.binary(min_size=32, max_size=32).map(Hash32), max_size=4))
def test_garbage_deposit_logs_are_deposits_or_value_errors(data: bytes, topics: list[Hash32]) -> None:
    log = Log(PORTAL, (DEPOSIT_EVENT_TOPIC, *topics), data)
    try:
        decode_deposit_log(log, ZERO_HASH, 0)
    except ValueError as error:
        assert str(error)


def test_a_version_zero_scalar_keeps_only_the_base_fee_scalar(l2: FakeL2) -> None:
    log = config_log(1, word(32) + word(64) + word(9) + word(7))
    before = l2.rollup.genesis.system_config
    config = apply_system_config_updates(before, [Receipt(2, 1, 0, (log,))], SYSTEM_CONFIG, ecotone=True).config
    assert config.base_fee_scalars() == (7, 0)
    assert config.overhead == ZERO_HASH

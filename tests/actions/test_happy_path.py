"""What the batcher posts comes out again, block by block."""

from dataclasses import replace

import pytest

from config.constants import ADDRESS_ALIAS_OFFSET
from config.forks import Fork
from config.l1_chain import fake_exponential
from config.types import Address
from derivation.codec import Compression, encode_batcher_transaction, encode_blob
from derivation.l2_block_info import l1_block_info
from evm.l1_attributes import user_deposit_source_hash
from evm.types import DepositTransaction
from tests.actions.chains import PORTAL
from tests.actions.conftest import World
from tests.actions.verifier import Verifier


def test_fifty_blocks_in_one_span_batch_over_several_blobs_come_out_identical(world: World) -> None:
    """Spec: op delta span batches, "Span batch format"."""
    world.sequence(50, transactions=3)
    world.batcher.post_blobs([world.batcher.span(1, 50)], size=3000)
    assert len(world.l1._transactions[0].blob_versioned_hashes) > 2
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    assert not verifier.kinds()
    assert [derived.is_last_in_span for derived in verifier.derived] == [False] * 49 + [True]


def test_fifty_blocks_in_several_span_batches_over_many_calldata_frames_come_out_identical(world: World) -> None:
    """Spec: op derivation, "Batch Submission Wire Format"."""
    world.sequence(50, transactions=2)
    spans = [world.batcher.span(1, 20), world.batcher.span(21, 21), world.batcher.span(22, 50)]
    world.batcher.post(spans, size=700)
    assert len(world.l1._transactions) > 5
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()


@pytest.mark.parametrize("compression", list(Compression))
def test_singular_batches_come_out_with_either_compression(world: World, compression: Compression) -> None:
    """Spec: op derivation, "Channel Format"; op fjord derivation."""
    world.sequence(12)
    channel = world.batcher.channel([world.batcher.singular(n) for n in range(1, 13)], compression)
    world.l1.send_calldata(encode_batcher_transaction(world.batcher.frames(channel, 200)))
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()


def test_a_channel_may_spread_over_several_l1_blocks_and_blobs_mix_with_calldata(world: World) -> None:
    """Spec: op ecotone derivation, "Blob Retrieval"."""
    world.sequence(20)
    frames = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 20)]), 300)
    assert len(frames) > 3
    for index, frame in enumerate(frames):
        data = encode_batcher_transaction([frame])
        if index % 2:
            world.l1.send_blobs([encode_blob(data)])
        else:
            world.l1.send_calldata(data)
        if index != 1:
            world.l1.mine()
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()


def test_a_provider_that_has_to_fetch_everything_changes_nothing() -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline"."""
    eager, lazy = World.create(), World.create(lazy=True)
    results = []
    for world in (eager, lazy):
        world.sequence(30)
        world.batcher.post_blobs([world.batcher.span(1, 12)], size=500)
        world.l1.mine()
        world.batcher.post([world.batcher.singular(n) for n in range(13, 31)], size=500)
        world.l1.send_calldata(b"\x00garbage")
        world.l1.mine(40)
        verifier = world.verifier()
        verifier.run()
        results.append((verifier.derived, verifier.kinds(), verifier.hashes()))
    assert results[0] == results[1]
    assert verifier.fetches > 100
    assert results[0][2][:31] == eager.l2.hashes()


def test_the_length_of_a_step_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline"."""
    results = []
    for pulls in (512, 1, 3):
        monkeypatch.setattr("derivation.pipeline._PULLS_PER_STEP", pulls)
        world = World.create()
        world.sequence(20)
        world.batcher.post([world.batcher.singular(n) for n in range(1, 11)], size=100)
        world.l1.mine()
        world.batcher.post([world.batcher.span(5, 20), world.batcher.span(1, 3)], size=100)
        world.l1.mine(40)
        verifier = world.verifier()
        verifier.run()
        results.append((verifier.derived, verifier.kinds()))
    assert results[0] == results[1] == results[2]
    assert len(results[0][0]) > 20


def test_deriving_while_l1_grows_gives_the_same_as_deriving_at_once(world: World) -> None:
    """Spec: op derivation, "L2 Chain Derivation Pipeline"."""
    early = world.verifier()
    for first in range(1, 41, 10):
        world.sequence(10)
        world.batcher.post([world.batcher.span(first, first + 9)], size=300)
        world.l1.mine()
        early.run()
    world.l1.mine(2)
    early.run()
    late = world.verifier()
    late.run()
    assert early.hashes() == late.hashes() == world.l2.hashes()
    assert [d.derived_from for d in early.derived] == [d.derived_from for d in late.derived]


def test_a_restart_in_the_middle_of_a_span_batch_continues_after_the_safe_head(world: World) -> None:
    """Spec: op derivation, "Resetting the Pipeline"."""
    world.sequence(30)
    world.batcher.post([world.batcher.span(1, 15)])
    world.l1.mine(3)
    world.batcher.post([world.batcher.span(16, 30)])
    world.l1.mine(3)
    for stop in (1, 7, 15, 16, 29):
        verifier = world.verifier()
        verifier.run()
        verifier.reset(verifier.l2.refs()[stop])
        verifier.run()
        assert verifier.hashes() == world.l2.hashes(), f"restart at block {stop}"


def test_a_reset_reads_l1_from_a_channel_timeout_before_the_safe_heads_origin(world: World) -> None:
    """Spec: op derivation, "Finding the sync starting point"."""
    world.sequence(400)
    for first in range(1, 401, 100):
        world.batcher.post([world.batcher.span(first, first + 99)])
        world.l1.mine()
    world.l1.mine(2)
    # Origins move every sixth block; the sequencing window of 30 would drop these spans, so make it wide.
    rollup = replace(world.rollup, seq_window_size=1000)
    verifier = Verifier(rollup, world.l1)
    verifier.run()
    assert len(verifier.hashes()) == 401
    safe = verifier.l2.refs()[360]
    verifier.reset(safe)
    assert verifier.pipeline.origin.number == safe.l1_origin.number - 50
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()


def test_user_deposits_stand_at_the_start_of_their_epoch_with_the_right_source_hash(world: World) -> None:
    """Spec: op derivation, "Deriving the Transaction List"; op deposits, "Source hash computation"."""
    contract = Address(((int.from_bytes(b"\x33" * 20, "big") + ADDRESS_ALIAS_OFFSET) % (1 << 160)).to_bytes(20, "big"))
    world.sequence(7)
    world.l1.update_system_config(2, (40_000_000).to_bytes(32, "big"))
    world.l1.deposit(Address(b"\x22" * 20), Address(b"\x23" * 20), 10**18, 10**17, 100_000, b"hello")
    world.l1.deposit(contract, None, 0, 0, 200_000, b"\x60\x00")
    origin = world.l1.mine()
    world.sequence(15)
    world.batcher.post([world.batcher.span(1, 22)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    first = next(block for block in verifier.l2.blocks[1:] if l1_block_info(block).number == origin.number)
    _, user, creation, *rest = first.transactions
    assert isinstance(user, DepositTransaction) and isinstance(creation, DepositTransaction)
    assert (user.mint, user.value, user.gas_limit, user.data) == (10**18, 10**17, 100_000, b"hello")
    assert user.source_hash == user_deposit_source_hash(origin.hash, 1)
    assert (creation.to, creation.sender, creation.mint) == (None, contract, 0)
    assert creation.source_hash == user_deposit_source_hash(origin.hash, 2)
    assert not any(tx.is_deposit for tx in rest)
    assert first.header.gas_limit == 40_000_000
    assert sum(len([tx for tx in block.transactions if tx.is_deposit]) > 1 for block in verifier.l2.blocks) == 1


def test_logs_of_other_contracts_and_topics_are_no_deposits(world: World) -> None:
    """Spec: op deposits, "Deposit Contract"."""
    assert world.rollup.deposit_contract_address == PORTAL
    rollup = replace(world.rollup, deposit_contract_address=Address(b"\x0e" * 20))
    world.l1.deposit(Address(b"\x22" * 20), None, 0, 0, 21_000)
    world.l1.mine()
    world.l1.mine(40)
    verifier = Verifier(rollup, world.l1)
    verifier.run()
    assert all(len(block.transactions) == 1 for block in verifier.l2.blocks[1:])


def test_every_kind_of_system_config_update_reaches_the_blocks_of_its_epoch() -> None:
    """Spec: op system-config, "System Config Updates"."""
    world = World.create(fork=Fork.JOVIAN)
    world.sequence(7)
    update = world.l1.update_system_config
    update(1, bytes(32) + b"\x01" + bytes(23) + (11).to_bytes(4, "big") + (13).to_bytes(4, "big"))
    update(2, (50_000_000).to_bytes(32, "big"))
    update(3, bytes(12) + b"\x99" * 20)
    update(4, bytes(24) + (100).to_bytes(4, "big") + (3).to_bytes(4, "big"))
    update(5, bytes(20) + (17).to_bytes(4, "big") + (19).to_bytes(8, "big"))
    update(6, (1_000).to_bytes(32, "big"))
    update(7, (600).to_bytes(32, "big"))
    update(2, (2**64).to_bytes(32, "big"))
    update(9, bytes(32))
    update(2, (1).to_bytes(32, "big"), version=1)
    world.l1.mine()
    world.sequence(15)
    world.batcher.post([world.batcher.span(1, 22)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    info = l1_block_info(verifier.l2.blocks[-1])
    assert (info.base_fee_scalar, info.blob_base_fee_scalar) == (13, 11)
    assert (info.operator_fee_scalar, info.operator_fee_constant, info.da_footprint_gas_scalar) == (17, 19, 600)
    last = verifier.derived[-1].attributes
    assert last.gas_limit == 50_000_000
    assert last.eip1559_params == (100).to_bytes(4, "big") + (3).to_bytes(4, "big")
    assert last.min_base_fee == 1_000
    kinds = [kind.value for kind in verifier.kinds()]
    assert kinds.count("system_config_updated") == 6
    assert kinds.count("system_config_update_skipped") == 3


def test_the_blob_base_fee_on_l2_is_the_origins(world: World) -> None:
    """Spec: op ecotone l1-attributes."""
    world.l1.mine(1, excess_blob_gas=200_000_000)
    world.l1.mine(2)
    world.sequence(8)
    world.batcher.post([world.batcher.span(1, 8)])
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    fees = {info.number: info.blob_base_fee for info in map(l1_block_info, verifier.l2.blocks[1:])}
    assert fees == {0: 1, 1: fake_exponential(1, 200_000_000, 5_007_716)}
    assert fees[1] > 10**17

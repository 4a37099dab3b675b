"""SystemConfig updates of every kind: from which block on they count, what they do not touch, and which logs are none."""

from dataclasses import replace

import pytest

from config.constants import CONFIG_UPDATE_EVENT_TOPIC
from config.forks import Fork
from config.system_config import SystemConfig
from config.types import Address, Hash32
from derivation.codec import encode_batcher_transaction
from derivation.events import EventKind
from derivation.l2_block_info import l1_block_info, system_config_of
from evm.types import Log
from evm.types.signature import address_of
from tests.actions.chains import BATCHER_KEY, OTHER_BATCHER_KEY, SYSTEM_CONFIG, fork_times
from tests.actions.conftest import World
from tests.actions.verifier import Verifier

UPDATED_IN = 2
"""The L1 block with the update."""


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def scalars(base: int, blob: int) -> bytes:
    return b"\x01" + bytes(23) + blob.to_bytes(4, "big") + base.to_bytes(4, "big")


KINDS: dict[str, tuple[int, bytes, dict[str, object]]] = {
    "the batcher": (
        0,
        bytes(12) + address_of(OTHER_BATCHER_KEY),
        {"batcher_address": Address(address_of(OTHER_BATCHER_KEY))},
    ),
    "the fee scalars": (1, word(0) + scalars(11, 13), {"scalar": Hash32(scalars(11, 13))}),
    "the gas limit": (2, word(50_000_000), {"gas_limit": 50_000_000}),
    "the signer of unsafe blocks": (3, bytes(12) + b"\x99" * 20, {}),
    "the EIP-1559 parameters": (
        4,
        word(100 << 32 | 3),
        {"eip1559_params": (100).to_bytes(4, "big") + (3).to_bytes(4, "big")},
    ),
    "the operator fee": (
        5,
        bytes(20) + (17).to_bytes(4, "big") + (19).to_bytes(8, "big"),
        {"operator_fee_scalar": 17, "operator_fee_constant": 19},
    ),
    "the minimum base fee": (6, word(1_000), {"min_base_fee": 1_000}),
    "the scalar of the DA footprint": (7, word(600), {"da_footprint_gas_scalar": 600}),
}


def updated_world(kind: int, payload: bytes, fork: Fork = Fork.JOVIAN, version: int = 0) -> World:
    """A world with the update in L1 block 2 and 30 L2 blocks around it."""
    world = World.create(fork=fork)
    world.l1.mine(UPDATED_IN - 1)
    world.l1.update_system_config(kind, payload, version)
    world.l1.mine()
    world.sequence(30)
    return world


def derive(world: World, key: bytes = BATCHER_KEY) -> Verifier:
    last = world.l2.head.number
    world.batcher.post([world.batcher.singular(number) for number in range(1, last + 1)], key=key)
    world.l1.mine(2)
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    return verifier


def configs(verifier: Verifier) -> list[tuple[int, SystemConfig]]:
    """L1 origin and configuration of each block."""
    rollup = verifier.l2.rollup
    return [(l1_block_info(block).number, system_config_of(block, rollup)) for block in verifier.l2.blocks[2:]]


@pytest.mark.parametrize("name", KINDS)
def test_an_update_counts_from_the_first_block_of_its_epoch_on(name: str) -> None:
    """Spec: op system-config, "System Config Updates"; op derivation, "Deriving Payload Attributes"."""
    kind, payload, changes = KINDS[name]
    verifier = derive(updated_world(kind, payload), OTHER_BATCHER_KEY if kind == 0 else BATCHER_KEY)
    before = configs(verifier)[0][1]
    after = replace(before, **changes)  # type: ignore[arg-type]
    assert (after != before) is bool(changes)
    assert [config for _, config in configs(verifier)] == [
        after if origin >= UPDATED_IN else before for origin, _ in configs(verifier)
    ]
    for derived, (_, config) in zip(verifier.derived[1:], configs(verifier), strict=True):
        attributes = derived.attributes
        assert attributes.gas_limit == config.gas_limit
        assert attributes.eip1559_params == config.eip1559_params
        assert attributes.min_base_fee == config.min_base_fee
    assert (EventKind.SYSTEM_CONFIG_UPDATED in verifier.kinds()) is bool(changes)


@pytest.mark.parametrize("name", KINDS)
def test_a_restart_reads_the_configuration_from_the_safe_chain(name: str) -> None:
    """Spec: op derivation, "Resetting derivation stages" (the system configuration as of the base)."""
    kind, payload, _ = KINDS[name]
    world = updated_world(kind, payload)
    verifier = derive(world, OTHER_BATCHER_KEY if kind == 0 else BATCHER_KEY)
    expected = list(verifier.derived)
    for safe in verifier.l2.refs()[::6]:
        verifier.reset(safe)
        verifier.run_alone()
        assert verifier.derived == expected


MALFORMED: dict[str, tuple[int, bytes, int]] = {
    "a version to come": (2, word(50_000_000), 1),
    "a kind to come": (8, word(1), 0),
    "a gas limit of more than 64 bits": (2, word(1 << 64), 0),
    "a payload that is too long": (2, word(50_000_000) + word(0), 0),
    "a payload that is too short": (1, word(5), 0),
    "an empty payload": (2, b"", 0),
    "an address with more than 160 bits": (0, b"\x01" + bytes(11) + b"\x99" * 20, 0),
    "EIP-1559 parameters of more than 64 bits": (4, word(1 << 64), 0),
    "a minimum base fee of more than 64 bits": (6, word(1 << 64), 0),
    "a DA footprint scalar of more than 16 bits": (7, word(1 << 16), 0),
    "fee scalars of a version to come": (1, word(0) + b"\x02" + bytes(31), 0),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_an_update_that_cannot_be_read_is_skipped_and_told(name: str) -> None:
    """Derivation goes on without it. Spec: op system-config, "System Config Updates"."""
    kind, payload, version = MALFORMED[name]
    verifier = derive(updated_world(kind, payload, version=version))
    assert len({config for _, config in configs(verifier)}) == 1
    assert verifier.kinds() == [EventKind.SYSTEM_CONFIG_UPDATE_SKIPPED]


@pytest.mark.parametrize("flaw", ["another contract", "no topics", "too few topics", "another event"])
def test_logs_that_look_like_updates_are_none(flaw: str) -> None:
    """Spec: op system-config, "System Config Updates"."""
    world = World.create(fork=Fork.JOVIAN)
    data = word(32) + word(32) + word(50_000_000)
    topics = (CONFIG_UPDATE_EVENT_TOPIC, Hash32(word(0)), Hash32(word(2)))
    world.l1._logs.append(
        {
            "another contract": Log(Address(b"\x06" * 20), topics, data),
            "no topics": Log(SYSTEM_CONFIG, (), data),
            "too few topics": Log(SYSTEM_CONFIG, topics[:2], data),
            "another event": Log(SYSTEM_CONFIG, (Hash32(b"\x77" * 32), *topics[1:]), data),
        }[flaw]
    )
    world.l1.mine()
    world.sequence(20)
    verifier = derive(world)
    assert {derived.attributes.gas_limit for derived in verifier.derived} == {30_000_000}


def test_of_two_updates_in_one_block_the_later_log_counts() -> None:
    """Spec: op system-config, "System Config Updates" (in log order)."""
    world = World.create(fork=Fork.JOVIAN)
    world.l1.update_system_config(2, word(40_000_000))
    world.l1.update_system_config(2, word(45_000_000))
    world.l1.mine()
    world.sequence(20)
    verifier = derive(world)
    assert verifier.derived[-1].attributes.gas_limit == 45_000_000


@pytest.mark.parametrize("fork", [Fork.BEDROCK, Fork.GRANITE, Fork.HOLOCENE])
def test_a_new_batcher_counts_within_the_very_l1_block_that_names_it(fork: Fork) -> None:
    """Whatever the order of transactions in it. Spec: op derivation, "L1 Traversal"; "L1 Retrieval"."""
    world = World.create(fork=fork)
    world.sequence(12)
    new, old = ([world.batcher.singular(n) for n in range(1, last + 1)] for last in (12, 6))
    world.batcher.post(old)
    world.batcher.post(new, key=OTHER_BATCHER_KEY)
    world.l1.update_system_config(0, bytes(12) + address_of(OTHER_BATCHER_KEY))
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.SYSTEM_CONFIG_UPDATED]


@pytest.mark.parametrize("fork", [Fork.BEDROCK, Fork.GRANITE, Fork.HOLOCENE])
def test_a_channel_that_two_batchers_wrote_counts(fork: Fork) -> None:
    """Frames belong to a channel, not to a key. Spec: op derivation, "Channel Bank"."""
    world = World.create(fork=fork)
    world.sequence(12)
    channel = world.batcher.channel([world.batcher.singular(n) for n in range(1, 13)])
    frames = world.batcher.frames(channel, 200)
    world.l1.send_calldata(encode_batcher_transaction(frames[:2]))
    world.l1.mine()
    world.l1.update_system_config(0, bytes(12) + address_of(OTHER_BATCHER_KEY))
    world.l1.mine()
    world.l1.send_calldata(encode_batcher_transaction(frames[2:]))
    world.l1.send_calldata(encode_batcher_transaction(frames[2:]), OTHER_BATCHER_KEY)
    world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.SYSTEM_CONFIG_UPDATED]


def test_a_batcher_that_is_called_back_counts_again() -> None:
    """Spec: op system-config, "System Config Updates"."""
    world = World.create()
    world.sequence(12)
    for first, key in ((1, OTHER_BATCHER_KEY), (5, BATCHER_KEY), (9, OTHER_BATCHER_KEY)):
        world.l1.update_system_config(0, bytes(12) + address_of(key))
        world.batcher.post([world.batcher.span(first, first + 3)], key=key)
        world.l1.mine()
        # Too late for the one before, too early for the next.
        world.batcher.post([world.batcher.span(first + 4, 12)] if first < 9 else [], key=b"\x01" * 32)
        world.l1.mine()
    verifier = world.verifier()
    verifier.run()
    assert verifier.hashes() == world.l2.hashes()
    assert verifier.kinds() == [EventKind.SYSTEM_CONFIG_UPDATED] * 3


@pytest.mark.parametrize("scalar", [1 << 32, 1 << 64, (1 << 248) - 1])
def test_a_scalar_from_before_ecotone_that_32_bits_do_not_hold_counts_as_the_largest_since(scalar: int) -> None:
    """Spec: op system-config, "Post-Ecotone Scalar Encoding" (padding of version 0)."""
    world = World.create(forks=fork_times(1_700_000_000 + 12 * 3, Fork.DELTA, Fork.ECOTONE, 0))
    world.l1.update_system_config(1, word(188) + word(scalar))
    world.l1.mine()
    world.sequence(24)
    verifier = derive(world)
    infos = [l1_block_info(block) for block in verifier.l2.blocks[1:]]
    assert {info.scalar for info in infos if info.fork < Fork.ECOTONE and info.number >= 1} == {scalar}
    assert {(info.base_fee_scalar, info.blob_base_fee_scalar) for info in infos if info.fork >= Fork.ECOTONE} == {
        ((1 << 32) - 1, 0)
    }


def test_the_same_log_means_overhead_and_scalar_before_ecotone_and_versioned_scalars_since() -> None:
    """By the time of the L1 block with the log. Spec: op system-config, "System Config Updates"; op ecotone."""
    step = 12 * 3
    world = World.create(forks=fork_times(1_700_000_000 + step, Fork.DELTA, Fork.ECOTONE, 0))
    payload = word(188) + scalars(11, 13)
    for _ in range(5):
        world.l1.update_system_config(1, payload)
        world.l1.mine()
    world.sequence(29)
    verifier = derive(world)
    overheads = {info.number: info.overhead for info in map(l1_block_info, verifier.l2.blocks[1:])}
    # The first block of Ecotone, at the start of epoch 3, still has the older form.
    assert [overheads[number] for number in (0, 1, 2)] == [0, 188, 188]
    assert all(config.overhead == bytes(32) for origin, config in configs(verifier) if origin >= 3)
    last = l1_block_info(verifier.l2.blocks[-1])
    assert (last.base_fee_scalar, last.blob_base_fee_scalar) == (11, 13)

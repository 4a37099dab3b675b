"""What is read out of L2 blocks, and the references to blocks."""

from dataclasses import replace
from itertools import pairwise

import pytest

from config.errors import CriticalError
from config.forks import Fork
from config.types import Hash32
from derivation.l2_block_info import l2_block_ref, system_config_of
from derivation.providers import ChainL2Provider, DataKind, NotYetAvailable
from derivation.types import L1BlockRef, L2BlockRef
from evm.types import Block
from tests.actions.chains import FakeL1, FakeL2, make_rollup


def chain(fork: Fork = Fork.ISTHMUS) -> FakeL2:
    l1 = FakeL1()
    l1.mine(3)
    l2 = FakeL2(make_rollup(l1, fork), l1)
    for _ in range(14):
        l2.sequence()
    return l2


def test_references_know_origin_and_position_in_the_epoch() -> None:
    refs = chain().refs()
    assert [(ref.l1_origin.number, ref.sequence_number) for ref in refs] == [
        *((0, n) for n in range(6)),
        *((1, n) for n in range(6)),
        *((2, n) for n in range(3)),
    ]
    assert all(after.parent_hash == before.hash for before, after in pairwise(refs))


@pytest.mark.parametrize("fork", [Fork.HOLOCENE, Fork.ISTHMUS, Fork.JOVIAN])
def test_the_system_config_of_a_block_is_the_one_it_was_built_with(fork: Fork) -> None:
    l1 = FakeL1()
    rollup = make_rollup(l1, fork)
    if fork >= Fork.ISTHMUS:
        l1.update_system_config(5, bytes(20) + (17).to_bytes(4, "big") + (19).to_bytes(8, "big"))
    if fork >= Fork.JOVIAN:
        l1.update_system_config(6, (1_000).to_bytes(32, "big"))
        l1.update_system_config(7, (600).to_bytes(32, "big"))
    l1.mine(1)
    l2 = FakeL2(rollup, l1)
    for _ in range(7):
        l2.sequence()
    config = system_config_of(l2.blocks[-1], rollup)
    expected = rollup.genesis.system_config
    if fork >= Fork.ISTHMUS:
        expected = replace(expected, operator_fee_scalar=17, operator_fee_constant=19)
    if fork >= Fork.JOVIAN:
        expected = replace(expected, min_base_fee=1_000, da_footprint_gas_scalar=600)
    assert config == expected


def test_the_genesis_block_has_the_configs_origin_and_system_config() -> None:
    l2 = chain()
    assert l2_block_ref(l2.blocks[0], l2.rollup).l1_origin == l2.rollup.genesis.l1
    assert system_config_of(l2.blocks[0], l2.rollup) == l2.rollup.genesis.system_config


def test_a_block_of_another_rollup_is_refused_with_a_reason() -> None:
    l2 = chain()
    block = l2.blocks[3]
    headless = Block(block.header, (), ())
    alien_genesis = Block(replace(l2.blocks[0].header, gas_used=1), (), ())
    strange_extra = Block(replace(block.header, extra_data=b"geth"), block.transactions, ())
    unreadable = Block(block.header, (replace(block.transactions[0], data=b"\x01"),), ())
    for bad, reason in (
        (headless, "does not start with"),
        (alien_genesis, "rollup config's genesis"),
        (unreadable, "cannot be read"),
    ):
        with pytest.raises(CriticalError, match=reason):
            l2_block_ref(bad, l2.rollup)
        with pytest.raises(CriticalError, match=reason):
            system_config_of(bad, l2.rollup)
    with pytest.raises(CriticalError, match="EIP-1559 parameters"):
        system_config_of(strange_extra, l2.rollup)


def test_references_are_spelled_as_op_node_spells_them() -> None:
    l2 = chain()
    ref = l2.head
    data = ref.to_json()
    assert set(data) == {"hash", "number", "parentHash", "timestamp", "l1origin", "sequenceNumber"}
    assert set(data["l1origin"]) == {"hash", "number"}
    assert L2BlockRef.from_json(data) == ref
    origin = l2.l1.ref(2)
    assert set(origin.to_json()) == {"hash", "number", "parentHash", "timestamp"}
    assert L1BlockRef.from_json(origin.to_json()) == origin


class Blocks:
    """L2BlockSource over a FakeL2."""

    def __init__(self, l2: FakeL2) -> None:
        self._l2 = l2

    def block_by_number(self, number: int) -> Block | None:
        return self._l2.blocks[number] if number < len(self._l2.blocks) else None

    def block_by_hash(self, block_hash: Hash32) -> Block | None:
        return next((block for block in self._l2.blocks if block.hash == block_hash), None)


def test_a_provider_over_blocks_answers_or_says_what_is_missing() -> None:
    l2 = chain()
    provider = ChainL2Provider(l2.rollup, Blocks(l2))
    assert provider.block_ref_by_number(5) == l2.refs()[5]
    assert provider.block_ref_by_number(99) is None
    assert provider.system_config_by_l2_hash(l2.head.hash) == l2.rollup.genesis.system_config
    with pytest.raises(NotYetAvailable, match="L2 block 0x0101") as caught:
        provider.system_config_by_l2_hash(Hash32(b"\x01" * 32))
    assert caught.value.missing.kind is DataKind.L2_BLOCK

"""The core before Holocene, which `derivation/` does not know: the rules of the bank and the queue, by what comes out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from config.forks import Fork, ForkSchedule
from config.program import program_config
from config.types import Gas, Timestamp
from derivation.codec import Batch, Compression, encode_batcher_transaction
from derivation.types import L2BlockRef
from evm.native import derivation as native
from evm.trie import ordered_root
from evm.types import Block, PayloadAttributes, decode_transaction
from tests.actions.chains import (
    L1_BLOCK_TIME,
    L1_CONFIG,
    L1_GENESIS_TIME,
    Batcher,
    FakeL1,
    FakeL2,
    _header,
    make_rollup,
)
from tests.core.preimages import Preimages

pytestmark = pytest.mark.usefixtures("native_library")


class EarlyL2(FakeL2):
    """Blocks as they were before Holocene: nothing in their extra data."""

    def apply(self, attributes: PayloadAttributes) -> L2BlockRef:
        assert attributes.eip1559_params is None
        parent = self.blocks[-1].header
        header = _header(
            parent.hash,
            parent.number + 1,
            attributes.timestamp,
            fee_recipient=attributes.suggested_fee_recipient,
            transactions_root=ordered_root(list(attributes.transactions)),
            gas_limit=attributes.gas_limit,
            prev_randao=attributes.prev_randao,
            parent_beacon_block_root=attributes.parent_beacon_block_root,
        )
        block = Block(header, tuple(decode_transaction(raw) for raw in attributes.transactions), ())
        self.blocks.append(block)
        self._by_hash[block.hash] = block
        return self.head


class EarlyWorld:
    """Both chains on the rules of `fork`."""

    def __init__(self, fork: Fork = Fork.GRANITE, **changes: object) -> None:
        self.l1 = FakeL1()
        self.rollup = make_rollup(self.l1, fork, **changes)
        self.l2 = EarlyL2(self.rollup, self.l1)
        self.batcher = Batcher(self.l2)

    def sequence(self, count: int, transactions: int = 1) -> None:
        for _ in range(count):
            while self.l1.head.header.timestamp < self.l2.head.timestamp + self.rollup.block_time:
                self.l1.mine()
            self.l2.sequence([self.l2.user_transaction() for _ in range(transactions)])

    def post(self, batches: Sequence[Batch], order: Sequence[int] | None = None, size: int = 200) -> None:
        """One channel, a frame per transaction, in the order given."""
        frames = self.batcher.frames(self.batcher.channel(batches), size)
        for index in range(len(frames)) if order is None else order:
            self.l1.send_calldata(encode_batcher_transaction([frames[index]]))

    def derive(self, refused: int | None = None) -> list[bytes]:
        """Hashes of the chain that the core derives from genesis; it is told that block `refused` is invalid once."""
        preimages = Preimages()
        for block in self.l1.blocks:
            preimages.add_block(block, self.l1._receipts[block.hash])
        chain = EarlyL2(self.rollup, self.l1)
        preimages.add_block(chain.blocks[0])
        refusals = [refused]

        def make_block(fields: list[Any]) -> bytes | None:
            if refusals and refusals[0] == len(chain.blocks):
                refusals.clear()
                return None
            chain.apply(
                PayloadAttributes(
                    timestamp=Timestamp(int.from_bytes(fields[4], "big")),
                    prev_randao=fields[5],
                    suggested_fee_recipient=fields[6],
                    transactions=tuple(fields[7]),
                    gas_limit=Gas(int.from_bytes(fields[8], "big")),
                    parent_beacon_block_root=fields[10] or None,
                    no_tx_pool=True,
                )
            )
            return chain.blocks[-1].header.encode()

        config = program_config(self.rollup, L1_CONFIG)
        native.derive(config, chain.blocks[0].hash, self.l1.head.hash, preimages, make_block)
        return list(chain.hashes())


@pytest.mark.parametrize("fork", [Fork.ECOTONE, Fork.FJORD, Fork.GRANITE])
def test_a_channel_whose_frames_come_in_any_order_is_read(fork: Fork) -> None:
    world = EarlyWorld(fork)
    world.sequence(10, transactions=2)
    batches = [world.batcher.span(1, 4), *(world.batcher.singular(number) for number in range(5, 11))]
    if fork < Fork.FJORD:
        frames = world.batcher.frames(world.batcher.channel(batches, Compression.ZLIB), 200)
        for frame in reversed(frames):
            world.l1.send_calldata(encode_batcher_transaction([frame]))
    else:
        count = len(world.batcher.frames(world.batcher.channel(batches), 200))
        assert count > 3
        world.post(batches, order=list(reversed(range(count))))
    world.l1.mine(2)
    assert world.derive() == world.l2.hashes()


def test_a_batch_that_comes_too_early_waits_for_the_one_before() -> None:
    world = EarlyWorld()
    world.sequence(9)
    world.post([world.batcher.span(7, 9)])
    world.l1.mine()
    world.post([world.batcher.singular(number) for number in range(4, 7)])
    world.l1.mine()
    world.post([world.batcher.span(1, 3)])
    world.l1.mine(2)
    assert world.derive() == world.l2.hashes()


def test_a_span_that_overlaps_what_is_safe_must_repeat_it() -> None:
    world = EarlyWorld()
    world.sequence(8)
    world.post([world.batcher.span(1, 5)])
    world.l1.mine()
    world.post([world.batcher.span(3, 8)])
    world.l1.mine(2)
    assert world.derive() == world.l2.hashes()

    other = EarlyWorld()
    other.sequence(8)
    other.post([other.batcher.span(1, 5)])
    other.l1.mine()
    span = other.batcher.span(3, 8)
    blocks = (replace(span.blocks[0], transactions=()), *span.blocks[1:])  # type: ignore[union-attr]
    other.post([replace(span, blocks=blocks)])  # type: ignore[arg-type]
    other.l1.mine(2)
    assert other.derive() == other.l2.hashes()[:6]


def test_silence_for_a_window_gives_empty_blocks() -> None:
    world = EarlyWorld(seq_window_size=5)
    world.l1.mine(12)
    derived = world.derive()
    assert len(derived) > 20


def test_attributes_that_make_no_block_give_way_to_another_batch() -> None:
    world = EarlyWorld()
    world.sequence(4)
    world.post([world.batcher.singular(number) for number in range(1, 5)])
    world.l1.mine()
    world.post([world.batcher.singular(number) for number in range(3, 5)])
    world.l1.mine(2)
    # The first batch of block 3 makes none; the one posted again does.
    assert world.derive(refused=3) == world.l2.hashes()


def test_at_holocenes_activation_what_is_unfinished_is_dropped() -> None:
    early = {fork: Timestamp(0) for fork in Fork if Fork.BEDROCK < fork <= Fork.GRANITE}
    activation = Timestamp(L1_GENESIS_TIME + 5 * L1_BLOCK_TIME)
    world = EarlyWorld(forks=ForkSchedule({**early, Fork.HOLOCENE: activation}))
    world.sequence(4, transactions=3)
    assert world.l2.head.timestamp < activation
    frames = world.batcher.frames(world.batcher.channel([world.batcher.span(1, 4)]), 200)
    assert len(frames) > 2
    for frame in frames[:-1]:
        world.l1.send_calldata(encode_batcher_transaction([frame]))
    while world.l1.head.header.timestamp < activation:
        world.l1.mine()
    world.l1.send_calldata(encode_batcher_transaction([frames[-1]]))
    world.l1.mine(2)
    assert world.derive() == world.l2.hashes()[:1]
    world.post([world.batcher.span(1, 4)])
    world.l1.mine(2)
    assert world.derive() == world.l2.hashes()

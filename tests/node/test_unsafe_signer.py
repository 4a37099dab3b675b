"""Who signs unsafe blocks: read from SystemConfig on L1, followed, or said by the operator."""

import asyncio
import logging

import pytest

from config.errors import TemporaryError
from config.types import Address, Hash32, to_hex
from evm.payload_message import SignedPayload
from evm.types import Header
from node.unsafe.sealed import SealedPayloads
from node.unsafe.signer import UNSAFE_BLOCK_SIGNER_SLOT, UnsafeBlockSigner
from tests.evm.engine_kit import ALICE, ALICE_KEY, BOB
from tests.node.rollup_world import RollupWorld, until

SYSTEM_CONFIG = Address(b"\x5c" * 20)


class Storage:
    """What L1 says is in the slot."""

    def __init__(self) -> None:
        self.signer = ALICE
        self.down = False
        self.asked: list[int] = []

    async def storage(self, header: Header, address: Address, slot: Hash32) -> Hash32:
        assert (address, slot) == (SYSTEM_CONFIG, UNSAFE_BLOCK_SIGNER_SLOT)
        self.asked.append(header.number)
        if self.down:
            raise TemporaryError("L1 is silent")
        return Hash32(bytes(12) + self.signer)


async def test_the_signer_is_read_at_each_l1_head_and_changes_with_it() -> None:
    world, storage = RollupWorld(), Storage()
    signer = UnsafeBlockSigner(storage, world.heads, SYSTEM_CONFIG)
    assert signer.address is None and not signer.known.is_set()
    task = asyncio.create_task(signer.run())
    await world.heads.refresh()
    await until(lambda: signer.address == ALICE)
    assert signer.known.is_set()
    storage.signer = BOB
    world.l1.mine()
    await world.heads.refresh()
    await until(lambda: signer.address == BOB)
    # While L1 does not answer, the last one known holds.
    storage.down = True
    world.l1.mine()
    await world.heads.refresh()
    await until(lambda: signer.error == "L1 is silent")
    assert signer.address == BOB
    storage.down, storage.signer = False, Address(bytes(20))
    world.l1.mine()
    await world.heads.refresh()
    await until(lambda: signer.error is None)
    assert signer.address is None
    assert storage.asked == [0, 1, 2, 3]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_operators_word_stands_above_l1s() -> None:
    signer = UnsafeBlockSigner(Storage(), RollupWorld().heads, SYSTEM_CONFIG, BOB)
    assert signer.is_fixed and signer.address == BOB and signer.known.is_set()


async def test_what_the_sequencer_seals_is_signed_and_a_key_that_nobody_believes_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = RollupWorld()
    sequencer = world.sequencer()
    signer = UnsafeBlockSigner(Storage(), world.heads, SYSTEM_CONFIG, BOB)
    sealed = SealedPayloads(world.rollup, ALICE_KEY, sequencer, signer)
    told: list[SignedPayload] = []
    sealed.on_signed(told.append)
    caplog.set_level(logging.WARNING, "lamina.unsafe")
    blocks = await world.sequence(2, sequencer)
    assert [payload.payload.block() for payload in told[:2]] == blocks
    assert {payload.signer(world.rollup.l2_chain_id) for payload in told} == {ALICE}
    assert caplog.text.count("setUnsafeBlockSigner") == 1 and to_hex(BOB) in caplog.text

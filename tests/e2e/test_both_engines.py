"""A devnet whose sequencer and verifier execute every block with both engines, under random load: they never differ.

`LAMINA_BOTH_BLOCKS` sets how many blocks there are; `make adversary` makes a thousand, and without it the test is skipped.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from config.engine_mode import EngineMode
from config.types import Address
from evm.native.library import NativeLibraryMissing, load_library
from evm.types.transaction import TransactionType
from l1.rpc import RpcError
from tests.e2e import acts
from tests.e2e.parts import Parts, devnet_in_parts, eventually, hashes, number_of
from tests.e2e.play import Play, newcomer
from tests.e2e.precompile_calls import precompile_calls
from tests.e2e.traffic import LOOPS, RELAY, REVERTS, Sender, init_code, relayed

pytestmark = [pytest.mark.slow]

BLOCKS = int(os.environ.get("LAMINA_BOTH_BLOCKS", "0"))
KINDS = (TransactionType.LEGACY, TransactionType.ACCESS_LIST, TransactionType.DYNAMIC_FEE)
PAUSE_SECONDS = 0.2


async def test_both_engines_make_the_same_blocks_under_random_load(tmp_path: Path) -> None:
    if not BLOCKS:
        pytest.skip("LAMINA_BOTH_BLOCKS is not set: `make adversary` runs this")
    try:
        load_library()
    except NativeLibraryMissing as error:
        pytest.skip(str(error))
    settings = {"block_time": 1, "l1_slot_seconds": 2, "accounts": 4, "engine": EngineMode.BOTH}
    async with devnet_in_parts(tmp_path, log_level="warning", **settings) as parts:
        play = Play(parts)
        generator = Random(BLOCKS)
        senders = [play.on_l2(wallet.key) for wallet in parts.wallets[:3]]
        depositor = play.on_l1(parts.wallets[3].key)
        relay = await senders[0].deploy("relay", RELAY)
        reverter, looper = await senders[1].deploy("reverter", REVERTS), await senders[1].deploy("looper", LOOPS)
        await play.settle()
        play.sent.clear()
        first = await number_of(parts.sequencer, "latest")
        done = asyncio.Event()
        load = [
            asyncio.create_task(_act_at_random(sender, Random(generator.random()), (relay, reverter, looper), done))
            for sender in senders
        ]
        load.append(asyncio.create_task(_deposit_at_random(play, depositor, reverter, looper, done)))
        try:
            await _wait_for(parts, first + BLOCKS)
        finally:
            done.set()
            outcomes = await asyncio.gather(*load, return_exceptions=True)
        assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
        last = await number_of(parts.sequencer, "latest")

        async def all_safe() -> bool:
            return await number_of(parts.verifier, "safe") >= last

        await eventually(f"the verifier has derived block {last} with both engines", all_safe)
        assert await hashes(parts.sequencer, range(last + 1)) == await hashes(parts.verifier, range(last + 1))
        await play.settle()
        sent = len(play.sent)
    assert list(tmp_path.rglob("disagreements/*")) == []
    print(f"{last - first} blocks and {sent} transactions of random load: no difference")
    assert sent > BLOCKS


async def _wait_for(parts: Parts, number: int) -> None:
    """Wait for a block; a sequencer that stops, as it does when the engines differ, fails the test."""
    head = await number_of(parts.sequencer, "latest")
    while head < number:
        before = head

        async def moved(than: int = before) -> bool:
            return await number_of(parts.sequencer, "latest") > than

        await eventually(f"a block follows number {before}", moved)
        head = await number_of(parts.sequencer, "latest")


async def _act_at_random(
    sender: Sender, generator: Random, contracts: tuple[Address, Address, Address], done: asyncio.Event
) -> None:
    """Send one thing after another until told to stop; each account keeps few waiting, so that none is refused."""
    relay, reverter, looper = contracts
    calls = [(Address(number.to_bytes(20, "big")), data) for number, data, _ in precompile_calls()]

    async def transfer() -> None:
        target = newcomer(str(generator.randrange(200)))
        await sender.send(
            "transfer", target, value=generator.randrange(10**15), gas=30_000, kind=generator.choice(KINDS)
        )

    async def call_precompile() -> None:
        address, data = generator.choice(calls)
        cut = data[: generator.randrange(len(data) + 1)] if generator.random() < 0.3 else data
        await sender.send("precompile", relay, data=relayed(address, cut), gas=1_500_000)

    async def fail() -> None:
        await sender.send("failing call", generator.choice((reverter, looper)), gas=60_000, succeeds=False)

    async def create() -> None:
        await sender.send(
            "creation", None, data=init_code(generator.randbytes(40).replace(b"\xef", b"\x00")), gas=300_000
        )

    async def run_noise() -> None:
        """Init code of random bytes: most stop or fail soon, so nothing is said about how they end."""
        raw = sender.sign(None, data=generator.randbytes(generator.randrange(1, 200)), gas=400_000)
        await sender.node.call("eth_sendRawTransaction", ["0x" + raw.hex()])

    acts_of: list[Callable[[], Awaitable[None]]] = [transfer, transfer, call_precompile, fail, create, run_noise]
    while not done.is_set():
        try:
            await generator.choice(acts_of)()
        except RpcError as error:
            # The pool takes no more of this account until blocks have made room.
            assert "account" in error.message or "pool" in error.message, error.message
            await asyncio.sleep(1)
            await sender.catch_up()
        await asyncio.sleep(2 * PAUSE_SECONDS * generator.random())


async def _deposit_at_random(
    play: Play, depositor: Sender, reverter: Address, looper: Address, done: asyncio.Event
) -> None:
    await acts.deposits(play, depositor, reverter, looper)
    await done.wait()

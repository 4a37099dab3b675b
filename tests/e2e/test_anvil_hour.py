"""An hour of L1 time on anvil in foul weather: reorgs, missed slots, lost blobs, one call in ten failing.

L1's time moves as fast as the roles come along: a block is mined with the next slot's timestamp whenever the sequencer
has caught up with the one before. `make test` runs a few minutes of L1 time, `make adversary` the hour.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from config.forks import EthFork
from l1.rpc import JsonRpcClient
from node.devl1.genesis import DEV_L1_CHAIN_ID, DEV_L1_GAS_LIMIT, dev_l1_chain_config
from node.devnet.accounts import role_accounts
from tests.conftest import ROOT
from tests.e2e.faulty_l1 import FaultyL1
from tests.e2e.parts import Load, Parts, devnet_in_parts, eventually, hashes, number_of, wei_of
from tests.e2e.test_anvil_l1 import L1_GENESIS
from tests.e2e.weather import receipts, sync_status, traffic
from tests.l1.conftest import ANVIL_KEY, Served, start_anvil

__all__ = ["start_anvil"]

CHAIN_SECONDS = int(os.environ.get("LAMINA_ANVIL_SECONDS", "150"))
SEED = int(os.environ.get("LAMINA_ANVIL_SEED", "7"))
LOG_LEVEL = os.environ.get("LAMINA_ANVIL_LOG", "warning")
SLOT = 12
BLOCK_TIME = 4
EPOCH = 8
"""anvil's `safe` is one epoch of blocks behind its head, `finalized` two."""
BUDGET_ETHER = 1.0
PATIENCE = 180.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 2 * CHAIN_SECONDS)]


@dataclass
class Weather:
    """Makes L1's blocks, and what befalls them. All chance comes from `dice`."""

    l1: JsonRpcClient
    proxy: FaultyL1
    dice: random.Random
    mined: int = 0
    reorgs: list[int] = field(default_factory=list)
    missed_slots: int = 0
    lost_blobs: int = 0

    async def block(self, slots: int = 1) -> None:
        """One more L1 block, `slots` slots after the one before."""
        head = await self.l1.call("eth_getBlockByNumber", ["latest", False])
        await self.l1.call("evm_setNextBlockTimestamp", [int(head["timestamp"], 16) + slots * SLOT])
        await self.l1.call("evm_mine")
        self.mined += 1

    async def turn(self) -> None:
        """The next block, or a reorg (the first as soon as there can be one), or missed slots.

        Blobs of the new block may be lost until a later turn.
        """
        fate = self.dice.random()
        if self.mined > EPOCH and (fate < 0.08 or not self.reorgs):
            depth = self.dice.randint(1, EPOCH - 1)
            self.reorgs.append(depth)
            await self.l1.call("anvil_rollback", [depth])
            await self.block(2)  # another time than the dropped block had, so that it is another block
            for _ in range(depth):
                await self.block()
        elif fate < 0.2:
            missed = self.dice.randint(1, 3)
            self.missed_slots += missed
            await self.block(1 + missed)
        else:
            await self.block()
        self.find_blobs()
        if self.dice.random() < 0.15:
            self.proxy.lost.add(await number_of(self.l1, "latest"))
            self.lost_blobs += 1

    def find_blobs(self) -> None:
        """Some of the lost blobs are there again."""
        self.proxy.lost = {number for number in self.proxy.lost if self.dice.random() < 0.7}


@asynccontextmanager
async def devnet_on_anvil(
    directory: Path, start: Callable[..., Awaitable[Served]], dice: random.Random
) -> AsyncIterator[tuple[Parts, Weather]]:
    """A devnet whose roles all reach anvil through a faulty proxy; the proxy is honest and anvil mines until it is up."""
    fork = EthFork.PRAGUE
    config = dev_l1_chain_config(fork).to_json()
    # Of the price of blobs anvil's receipts tell what it was under Cancun's update fraction: all are the same at no excess.
    genesis = L1_GENESIS | {"config": config, "timestamp": hex(int(time.time())), "excessBlobGas": "0x0"}
    document = directory / "l1-genesis.json"
    document.write_text(json.dumps(genesis))
    served = await start(
        *("--init", str(document)),
        *("--chain-id", str(DEV_L1_CHAIN_ID)),
        *("--gas-limit", str(DEV_L1_GAS_LIMIT)),
        *("--hardfork", fork.name.lower()),
        *("--block-time", "1"),
        *("--slots-in-an-epoch", str(EPOCH)),
    )
    proxy = FaultyL1(served.url, dice)
    await proxy.start()
    try:
        async with (
            JsonRpcClient(served.url) as l1,
            devnet_in_parts(
                directory / "devnet",
                l1=proxy.url,
                l1_beacon=proxy.url,
                l1_funding_key=ANVIL_KEY,
                block_time=BLOCK_TIME,
                challenger=False,
                log_level=LOG_LEVEL,
            ) as parts,
        ):
            await l1.call("evm_setIntervalMining", [0])
            yield parts, Weather(l1, proxy, dice)
    finally:
        await proxy.stop()


async def test_the_safe_head_is_right_and_spending_within_budget_after_foul_weather_on_anvil(
    tmp_path: Path, start_anvil: Callable[..., Awaitable[Served]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMINA_BATCHER_BUDGET", str(BUDGET_ETHER))
    monkeypatch.setenv("LAMINA_PROPOSER_BUDGET", str(BUDGET_ETHER))
    dice = random.Random(SEED)
    async with devnet_on_anvil(tmp_path, start_anvil, dice) as (parts, weather):
        payers = {"batcher": role_accounts().batcher.address, "proposer": role_accounts().proposer.address}
        funds = {name: await wei_of(weather.l1, address) for name, address in payers.items()}
        started = await l1_time(weather)
        weather.proxy.is_faulty = True
        async with traffic(parts, parts.wallets[0]) as load:
            while await l1_time(weather) < started + CHAIN_SECONDS:
                await weather.turn()
                await sequenced_up_to_l1(parts, weather)
                await not_far_behind(parts, weather)
        weather.proxy.is_faulty = False
        weather.proxy.lost.clear()
        await all_included(parts, weather, load)
        last = await number_of(parts.sequencer, "latest")
        await safe_on_both(parts, weather, last)
        tell(weather, last, await parts.batcher.call("admin_getBatcherStatus"))

        assert await hashes(parts.sequencer, range(last + 1)) == await hashes(parts.verifier, range(last + 1))
        assert load.accepted
        found = await receipts(parts.verifier, load.accepted)
        lost = [tx_hash for tx_hash, receipt in zip(load.accepted, found, strict=True) if receipt is None]
        assert not lost, f"{lost} of {len(found)} transactions were accepted and lost"
        # A third party that knows nothing but anvil, without the proxy, comes to the same chain.
        rebuilt = await reconstructed(parts, weather)
        assert rebuilt["number"] >= last
        (known,) = await hashes(parts.verifier, range(rebuilt["number"], rebuilt["number"] + 1))
        assert rebuilt["hash"] == known
        spent = {name: funds[name] - await wei_of(weather.l1, address) for name, address in payers.items()}
        assert all(wei <= BUDGET_ETHER * 10**18 for wei in spent.values()), spent
        assert spent["batcher"] > 0
        # The proposer waits for finality, which a few minutes do not bring.
        assert spent["proposer"] > 0 or CHAIN_SECONDS < 600
        assert weather.proxy.failures.total() > weather.proxy.requests // 20, "the weather was too fair"
        assert weather.reorgs


async def l1_time(weather: Weather) -> int:
    """The timestamp of L1's head."""
    return int((await weather.l1.call("eth_getBlockByNumber", ["latest", False]))["timestamp"], 16)


async def sequenced_up_to_l1(parts: Parts, weather: Weather) -> None:
    """Wait until the sequencer has come to L1's time: else an hour on L1 would be no hour on L2."""

    async def caught_up() -> bool:
        head = await parts.sequencer.call("eth_getBlockByNumber", ["latest", False])
        return int(head["timestamp"], 16) + 2 * BLOCK_TIME >= await l1_time(weather)

    await eventually("the sequencer has caught up with L1's time", caught_up, PATIENCE)


async def not_far_behind(parts: Parts, weather: Weather) -> None:
    """Wait, as long as it takes and mining as L1 goes on, until the safe head is less than five minutes behind."""
    for _ in range(100):
        status = await sync_status(parts.sequencer)
        if status["unsafe_l2"]["timestamp"] - status["safe_l2"]["timestamp"] < 300:
            return
        print(
            f"safe head {status['safe_l2']['number']} of {status['unsafe_l2']['number']}, blobs lost in {weather.proxy.lost}"
        )
        weather.find_blobs()  # no turn comes that would: the node may wait for just these
        await weather.block()
        await sequenced_up_to_l1(parts, weather)
        await asyncio.sleep(0.5)  # the batcher lives by the wall clock
    raise AssertionError(f"the safe head stays behind: {await parts.batcher.call('admin_getBatcherStatus')}")


async def all_included(parts: Parts, weather: Weather, load: Load) -> None:
    """Mine in fair weather until every accepted transaction is in a block: some may have come in just now."""

    async def there() -> bool:
        if None not in await receipts(parts.sequencer, load.accepted):
            return True
        await weather.block()
        await asyncio.sleep(0.5)
        return False

    await eventually("every accepted transaction is in a block", there, PATIENCE)


async def safe_on_both(parts: Parts, weather: Weather, last: int) -> None:
    """Mine in fair weather until both nodes call block `last` safe."""

    async def passed() -> bool:
        if min([await number_of(node, "safe") for node in (parts.sequencer, parts.verifier)]) >= last:
            return True
        await weather.block()
        await asyncio.sleep(0.5)
        return False

    await eventually(f"L2 block {last} is safe on both nodes", passed, PATIENCE)


async def reconstructed(parts: Parts, weather: Weather) -> dict[str, Any]:
    """What `lamina reconstruct` makes of anvil's blocks alone."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "node.cli.main", "reconstruct", "--json"),
        *("--l1", weather.l1.endpoint, "--l1.beacon", weather.l1.endpoint),
        *("--rollup.config", parts.info["rollupConfig"], "--genesis", parts.info["genesis"]),
        *("--l1.chain-config", parts.info["l1"]["chainConfig"]),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    facts: dict[str, Any] = json.loads(output)
    return facts


def tell(weather: Weather, last: int, batcher: dict[str, Any]) -> None:
    """What the weather was, for whoever runs this with -s."""
    facts = {
        "l1Blocks": weather.mined,
        "reorgs": weather.reorgs,
        "missedSlots": weather.missed_slots,
        "lostBlobs": weather.lost_blobs,
        "requests": weather.proxy.requests,
        "failures": dict(weather.proxy.failures),
        "l2Blocks": last,
        "spentWei": batcher.get("spentWei"),
        "seed": SEED,
    }
    print(json.dumps(facts))

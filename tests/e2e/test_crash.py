"""Kill -9 at random moments: what was announced stays, what was derived is derived alike, what is to be posted is posted."""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, WSMsgType

from config.types import to_hex
from tests.conftest import ROOT
from tests.e2e.conftest import QUICK
from tests.e2e.forked import run_forked
from tests.e2e.parts import Load, Parts, devnet_in_parts, eventually, hashes, number_of
from tests.e2e.running_devnet import FREE_PORT_FLAGS, lamina, launch, log_tail, stop, wait_until

pytestmark = [pytest.mark.slow]

KILLS = 20
SEED = 20_260_101


class Announcements:
    """Subscribes to newHeads, again after every crash, and remembers each head that was announced."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.heads: dict[int, str] = {}
        self.subscriptions = 0
        self.conflicts: list[str] = []

    @property
    def highest(self) -> int:
        """The highest announced number; 0 before any."""
        return max(self.heads, default=0)

    async def run(self) -> None:
        """Listen until cancelled."""
        async with ClientSession() as http:
            while True:
                try:
                    await self._listen(http)
                except (ClientError, OSError):
                    # The sequencer was killed or is not up yet.
                    await asyncio.sleep(0.05)

    async def _listen(self, http: ClientSession) -> None:
        async with http.ws_connect(self._url) as socket:
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    return
                document = json.loads(message.data)
                if "params" not in document:
                    self.subscriptions += 1
                    continue
                head = document["params"]["result"]
                self._note(int(head["number"], 16), head["hash"])

    def _note(self, number: int, block_hash: str) -> None:
        known = self.heads.setdefault(number, block_hash)
        if known != block_hash:
            self.conflicts.append(f"block {number} was announced as {known} and as {block_hash}")


async def _announced_is_canonical(parts: Parts, announced: dict[int, str]) -> None:
    numbers = sorted(announced)
    assert numbers, "no head was announced before the kill"
    assert await number_of(parts.sequencer, "latest") >= numbers[-1]
    found = await hashes(parts.sequencer, range(numbers[0], numbers[-1] + 1))
    canonical = dict(zip(range(numbers[0], numbers[-1] + 1), found, strict=True))
    assert {number: canonical[number] for number in numbers} == announced


@pytest.mark.timeout(900)
async def test_every_announced_block_survives_twenty_kills_of_the_sequencer_under_load(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    async with devnet_in_parts(tmp_path, block_time=1) as parts:
        announcements = Announcements(parts.info["l2"]["ws"])
        load = Load(parts, parts.wallets[0])
        background = [asyncio.create_task(announcements.run()), asyncio.create_task(load.run())]
        try:
            for round_number in range(KILLS):
                before = announcements.highest

                async def has_announced(before: int = before) -> bool:
                    return announcements.highest > before

                await eventually(f"a head is announced in round {round_number}", has_announced)
                await asyncio.sleep(moments.uniform(0.0, 2.5))
                await parts.supervisor.end("sequencer", signal.SIGKILL)
                announced = dict(announcements.heads)
                await parts.supervisor.restart("sequencer")
                await _announced_is_canonical(parts, announced)
        finally:
            for task in background:
                task.cancel()
            ended = await asyncio.gather(*background, return_exceptions=True)
        assert [error for error in ended if not isinstance(error, asyncio.CancelledError)] == []
        assert announcements.conflicts == []
        assert announcements.subscriptions >= KILLS

        await _executed(parts, load)
        await _the_verifier_derives_the_same(parts, announcements.highest)


async def _the_verifier_derives_the_same(parts: Parts, up_to: int) -> None:
    async def derived() -> bool:
        return await number_of(parts.verifier, "safe") >= up_to

    await eventually(f"the verifier derives block {up_to}", derived)
    assert await hashes(parts.verifier, range(up_to + 1)) == await hashes(parts.sequencer, range(up_to + 1))


@pytest.mark.timeout(600)
async def test_a_verifier_and_a_batcher_killed_at_work_go_on_where_they_were(tmp_path: Path) -> None:
    moments = random.Random(SEED + 1)
    async with devnet_in_parts(tmp_path, block_time=1) as parts:
        load = Load(parts, parts.wallets[0])
        sending = asyncio.create_task(load.run())
        try:
            safe_before = 0
            for round_number in range(5):

                async def advanced(above: int = safe_before) -> bool:
                    return await number_of(parts.verifier, "safe") > above

                await eventually(f"the verifier's safe head advances in round {round_number}", advanced)
                await asyncio.sleep(moments.uniform(0.0, 3.0))
                finalized = await number_of(parts.verifier, "finalized")
                derived = await hashes(parts.verifier, range(await number_of(parts.verifier, "safe") + 1))
                await parts.supervisor.end("verifier", signal.SIGKILL)
                await parts.supervisor.end("batcher", signal.SIGKILL)
                await parts.supervisor.restart("verifier")
                assert await number_of(parts.verifier, "finalized") >= finalized

                async def derived_again(count: int = len(derived)) -> bool:
                    return await number_of(parts.verifier, "latest") + 1 >= count

                await eventually("the verifier is where it was", derived_again)
                assert await hashes(parts.verifier, range(len(derived))) == derived
                await parts.supervisor.restart("batcher")
                safe_before = len(derived) - 1
        finally:
            sending.cancel()
            ended = await asyncio.gather(sending, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError), ended[0]
        total = await number_of(parts.sequencer, "latest")
        await _the_verifier_derives_the_same(parts, total)
        await _killed_while_catching_up(parts, tmp_path / "verifier", total)


@pytest.mark.timeout(600)
async def test_everything_killed_at_once_comes_back_with_both_chains_whole(tmp_path: Path) -> None:
    roles = ("l1", "sequencer", "verifier", "batcher", "proposer")
    moments = random.Random(SEED + 2)
    async with devnet_in_parts(tmp_path, block_time=1, l1_slot_seconds=2) as parts:
        announcements = Announcements(parts.info["l2"]["ws"])
        load = Load(parts, parts.wallets[0])
        background = [asyncio.create_task(announcements.run()), asyncio.create_task(load.run())]
        try:
            for round_number in range(3):
                before = announcements.highest

                async def has_announced(before: int = before) -> bool:
                    return announcements.highest > before + 5

                await eventually(f"heads are announced in round {round_number}", has_announced)
                await asyncio.sleep(moments.uniform(0.0, 4.0))
                l1_chain = await hashes(parts.l1, range(await number_of(parts.l1, "latest") + 1))
                processes = parts.supervisor.process_ids()
                for role in roles:
                    os.kill(processes[role], signal.SIGKILL)
                announced = dict(announcements.heads)
                for role in roles:
                    await parts.supervisor.wait_ended(role)
                for role in roles:
                    await parts.supervisor.restart(role)
                assert await hashes(parts.l1, range(len(l1_chain))) == l1_chain
                await _announced_is_canonical(parts, announced)
        finally:
            for task in background:
                task.cancel()
            ended = await asyncio.gather(*background, return_exceptions=True)
        assert [error for error in ended if not isinstance(error, asyncio.CancelledError)] == []
        assert announcements.conflicts == []
        await _executed(parts, load)
        await _the_verifier_derives_the_same(parts, await number_of(parts.sequencer, "latest"))


async def _executed(parts: Parts, load: Load) -> None:
    """No transaction that was accepted is lost: all of them are executed in the end."""

    async def counted() -> bool:
        count = await parts.sequencer.call("eth_getTransactionCount", [to_hex(parts.wallets[0].address), "latest"])
        return int(count, 16) >= len(load.accepted)

    await eventually("every accepted transaction is executed", counted)
    receipts = await parts.sequencer.batch([("eth_getTransactionReceipt", [each]) for each in load.accepted])
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * len(load.accepted)


async def _killed_while_catching_up(parts: Parts, datadir: Path, total: int) -> None:
    """The verifier derives the whole chain anew and is killed four times on the way, once per fifth of it."""
    await parts.supervisor.end("verifier")
    shutil.rmtree(datadir)
    genesis, rollup = parts.info["genesis"], parts.info["rollupConfig"]
    arguments = ("init", "--genesis", genesis, "--rollup.config", rollup, "--datadir", str(datadir))
    assert await run_forked(datadir.parent / "init.log", arguments) == 0
    await parts.supervisor.restart("verifier")
    for fifth in range(1, 5):
        while await number_of(parts.verifier, "latest") < fifth * total // 5:
            await asyncio.sleep(0.005)
        await parts.supervisor.end("verifier", signal.SIGKILL)
        await parts.supervisor.restart("verifier")
    await _the_verifier_derives_the_same(parts, total)


@pytest.mark.timeout(300)
def test_a_killed_devnet_command_takes_its_roles_along_and_starts_again_where_it_was(tmp_path: Path) -> None:
    first = launch(tmp_path, *QUICK)
    second = None
    try:
        wait_until("some blocks are made", lambda: int(first.l2("eth_blockNumber"), 16) >= 5)
        known = [first.l2("eth_getBlockByNumber", hex(number), False)["hash"] for number in range(6)]
        first.process.kill()
        first.process.wait()
        for role, process in first.info["processes"].items():
            wait_until(f"the {role} ends", partial(_has_ended, process), 30)
        second = launch(tmp_path, *QUICK)
        head = int(second.l2("eth_blockNumber"), 16)
        assert [second.l2("eth_getBlockByNumber", hex(number), False)["hash"] for number in range(6)] == known
        wait_until("blocks are made again", lambda: int(second.l2("eth_blockNumber"), 16) > head)
    finally:
        for devnet in (first, second):
            if devnet is not None:
                stop(devnet.process)


def _has_ended(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


@pytest.mark.timeout(300)
def test_a_devnet_killed_while_it_is_made_is_made_anew(tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "first.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            lamina("devnet", "--datadir", str(data), *FREE_PORT_FLAGS, *QUICK), cwd=ROOT, stdout=output, stderr=output
        )

    def begun() -> bool:
        assert process.poll() is None, log_tail(log)
        return (data / "l1").exists()

    try:
        wait_until("the making has begun", begun)
    finally:
        process.kill()
        process.wait()
    devnet = launch(tmp_path, *QUICK)
    try:
        assert int(devnet.l2("eth_blockNumber"), 16) > 0
    finally:
        stop(devnet.process)

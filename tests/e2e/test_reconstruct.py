"""The rollup's promise: whatever a node loses, L1 alone gives the chain back."""

import asyncio
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from config.types import Address, to_hex
from tests.conftest import ROOT
from tests.e2e.parts import Parts, devnet_in_parts, eventually, hashes, number_of, receipt_of, signed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TRANSFERS = 30
REVERTING_INIT_CODE = bytes.fromhex("5f5ffd")


async def _traffic(parts: Parts) -> int:
    """Transfers and a failing deployment; answers the number of the block that holds the last of them."""
    wallet = parts.wallets[0]
    last = ""
    for nonce in range(TRANSFERS):
        to = Address((0xC0FFEE + nonce).to_bytes(20, "big"))
        raw = signed(wallet, parts.l2_chain_id, nonce, to=to, value=10**15)
        last = await parts.sequencer.call("eth_sendRawTransaction", [raw])
    raw = signed(wallet, parts.l2_chain_id, TRANSFERS, to=None, data=REVERTING_INIT_CODE, gas=100_000)
    failed = await receipt_of(parts.sequencer, await parts.sequencer.call("eth_sendRawTransaction", [raw]))
    assert failed["status"] == "0x0"
    assert (await receipt_of(parts.sequencer, last))["status"] == "0x1"
    return int(failed["blockNumber"], 16)


async def _reconstruct(parts: Parts, *flags: str) -> tuple[int, str, str]:
    """Run the command; answers its exit code and what it wrote to stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "node.cli.main", "reconstruct"),
        *("--l1", parts.info["l1"]["http"]),
        *("--l1.beacon", parts.info["l1"]["beacon"]),
        *("--l1.chain-config", parts.info["l1"]["chainConfig"]),
        *("--rollup.config", parts.info["rollupConfig"]),
        *flags,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def test_the_chain_is_rebuilt_from_l1_after_a_nodes_data_is_gone(tmp_path: Path) -> None:
    async with devnet_in_parts(tmp_path, block_time=1, l1_slot_seconds=2) as parts:
        needed = await _traffic(parts)

        async def on_l1() -> bool:
            return await number_of(parts.verifier, "safe") >= needed

        await eventually("L1 holds the traffic", on_l1)
        await parts.supervisor.end("verifier", signal.SIGKILL)
        data = tmp_path / "verifier"
        shutil.rmtree(data)

        code, output, errors = await _reconstruct(parts, "--datadir", str(data), "--json")
        assert code == 0, errors
        rebuilt: dict[str, Any] = json.loads(output)
        number = int(rebuilt["number"])
        assert number >= needed

        block = await parts.sequencer.call("eth_getBlockByNumber", [hex(number), False])
        assert rebuilt["hash"] == block["hash"]
        assert rebuilt["stateRoot"] == block["stateRoot"]
        at_sequencer = await parts.sequencer.call("optimism_outputAtBlock", [hex(number)])
        assert rebuilt["outputRoot"] == at_sequencer["outputRoot"]
        l1_block = await parts.l1.call("eth_getBlockByNumber", [hex(rebuilt["l1"]["number"]), False])
        assert rebuilt["l1"]["hash"] == l1_block["hash"]

        await parts.supervisor.restart("verifier")
        assert await hashes(parts.verifier, range(number + 1)) == await hashes(parts.sequencer, range(number + 1))

        async def goes_on() -> bool:
            return await number_of(parts.verifier, "safe") > number

        await eventually("the verifier goes on from the rebuilt chain", goes_on)

        code, output, errors = await _reconstruct(parts, "--to-l1-block", str(rebuilt["l1"]["number"]))
        assert code == 0, errors
        for fact in (rebuilt["hash"], rebuilt["stateRoot"], rebuilt["outputRoot"]):
            assert fact in output

        code, output, errors = await _reconstruct(parts, "--to-l1-block", "1000000")
        assert (code, output) == (1, "")
        assert "is not there yet" in errors and "Traceback" not in errors

        genesis = json.loads(Path(parts.info["genesis"]).read_text())
        stranger = to_hex(Address(b"\x77" * 20))[2:]
        genesis["alloc"][stranger] = {"balance": "0x1"}
        other = tmp_path / "other-genesis.json"
        other.write_text(json.dumps(genesis))
        code, output, errors = await _reconstruct(parts, "--genesis", str(other))
        assert (code, output) == (1, "")
        assert "belong to different chains" in errors

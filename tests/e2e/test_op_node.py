"""A real op-node drives a Lamina node: as verifier and as sequencer of a devnet's chain.

Runs where LAMINA_OP_NODE names an op-node binary.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.errors import TemporaryError
from config.types import Address, to_hex
from l1.rpc import JsonRpcClient
from node.devnet.accounts import role_accounts
from tests.conftest import ROOT
from tests.e2e.parts import Parts, devnet_in_parts, eventually, hashes, number_of, receipt_of, signed
from tests.e2e.running_devnet import log_tail

OP_NODE = os.environ.get("LAMINA_OP_NODE", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not OP_NODE, reason="LAMINA_OP_NODE names no op-node binary"),
]


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def process(log: Path, *command: str, **environment: str) -> AsyncIterator[None]:
    """A process for the time of the block, which must not end before; it writes to `log`."""
    with log.open("ab") as output:
        running = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=output
        )
    try:
        yield
        assert running.returncode is None, f"{command[0]} has ended:\n{log_tail(log)}"
    except BaseException:
        print(f"--- {log.name}\n{log_tail(log)}")
        raise
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


async def answers(rpc: JsonRpcClient, method: str) -> bool:
    """Whether a server is up."""
    try:
        await rpc.call(method)
    except TemporaryError:
        return False
    return True


@dataclass(frozen=True)
class Pair:
    """A driven Lamina node, and what is needed to put an op-node above it."""

    parts: Parts
    directory: Path
    http: JsonRpcClient
    auth_port: int

    @asynccontextmanager
    async def op_node(self, *flags: str) -> AsyncIterator[JsonRpcClient]:
        """An op-node above the node for the time of the block."""
        info, port = self.parts.info, free_port()
        command = (
            OP_NODE,
            *("--l1", info["l1"]["http"], "--l1.beacon", info["l1"]["beacon"]),
            *("--l1.http-poll-interval", "500ms", "--l1.epoch-poll-interval", "2s"),
            *("--l2", f"http://127.0.0.1:{self.auth_port}", "--l2.jwt-secret", str(self.directory / "jwt.hex")),
            *("--rollup.config", info["rollupConfig"], "--rollup.l1-chain-config", info["l1"]["chainConfig"]),
            *("--rpc.addr", "127.0.0.1", "--rpc.port", str(port), "--p2p.disable", "--metrics.enabled=false"),
            *flags,
        )
        async with process(self.directory / "op-node.log", *command), JsonRpcClient(f"http://127.0.0.1:{port}") as rpc:
            await eventually("op-node serves", lambda: answers(rpc, "optimism_syncStatus"))
            yield rpc


@asynccontextmanager
async def driven_node(parts: Parts, directory: Path) -> AsyncIterator[Pair]:
    """A driven node beside a devnet, on its genesis block."""
    rollup, data = parts.info["rollupConfig"], str(directory / "driven")
    lamina = (sys.executable, "-m", "node.cli.main")
    common = ("--rollup.config", rollup, "--datadir", data)
    init = await asyncio.create_subprocess_exec(
        *lamina, "init", "--genesis", parts.info["genesis"], *common, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    assert await init.wait() == 0
    auth, http = free_port(), free_port()
    node = (
        *(*lamina, "node", *common, "--authrpc.port", str(auth), "--authrpc.jwtsecret", str(directory / "jwt.hex")),
        *("--http.port", str(http), "--http.api", "eth,net,web3,txpool,debug,miner,lamina", "--ws.port", "-1"),
    )
    async with process(directory / "driven.log", *node), JsonRpcClient(f"http://127.0.0.1:{http}") as rpc:
        await eventually("the driven node serves", lambda: answers(rpc, "eth_chainId"))
        yield Pair(parts, directory, rpc, auth)


async def same_chain(first: JsonRpcClient, second: JsonRpcClient, last: int) -> bool:
    """Whether two nodes have the same blocks up to a number."""
    return await hashes(first, range(last + 1)) == await hashes(second, range(last + 1))


async def test_op_node_derives_and_then_sequences_the_chain_on_lamina(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(devnet_in_parts(tmp_path / "devnet", block_time=1, l1_slot_seconds=2))
        pair = await stack.enter_async_context(driven_node(parts, tmp_path))
        driven, wallet = pair.http, parts.wallets[0]

        async def transfer(nonce: int, node: JsonRpcClient) -> int:
            """Send a transfer; the number of the block that has it."""
            raw = signed(wallet, parts.l2_chain_id, nonce, to=Address(b"\x77" * 20), value=1)
            receipt = await receipt_of(node, await node.call("eth_sendRawTransaction", [raw]))
            return int(receipt["blockNumber"], 16)

        async def has_safe(node: JsonRpcClient, number: int) -> bool:
            return await number_of(node, "safe") >= number

        async with pair.op_node() as op_node:
            number = await transfer(0, parts.sequencer)
            await eventually("the driven node's safe head has the transfer", lambda: has_safe(driven, number))
            await eventually("the verifier's, too", lambda: has_safe(parts.verifier, number))
            assert await same_chain(driven, parts.verifier, number)
            outputs = [
                (await node.call("optimism_outputAtBlock", [hex(number)]))["outputRoot"]
                for node in (op_node, parts.verifier)
            ]
            assert outputs[0] == outputs[1]
            await parts.sequencer.call("admin_stopSequencer")
            last = await number_of(parts.sequencer, "latest")
            await eventually("all blocks of Lamina's sequencer are safe", lambda: has_safe(driven, last))

        batcher = (
            *(sys.executable, "-m", "node.cli.main", "batcher", "--rollup.config", parts.info["rollupConfig"]),
            *("--l1.chain-config", parts.info["l1"]["chainConfig"], "--l1-eth-rpc", parts.info["l1"]["http"]),
            *("--l2-eth-rpc", driven.endpoint, "--max-channel-duration", "1", "--rpc.port", "0"),
        )
        async with pair.op_node("--sequencer.enabled", "--sequencer.l1-confs", "0") as op_node:
            key = to_hex(role_accounts().batcher.private_key)
            log, places = tmp_path / "batcher.log", ("--rollup-rpc", op_node.endpoint)
            async with process(log, *batcher, *places, LAMINA_BATCHER_KEY=key):
                number = await transfer(1, driven)
                assert number > last
                await eventually("the verifier derives op-node's blocks", lambda: has_safe(parts.verifier, number))
                assert await same_chain(driven, parts.verifier, number)
                await eventually("op-node calls them safe", lambda: has_safe(driven, number))

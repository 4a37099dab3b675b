"""What tests of bad weather share: looking at L1 and the heads, traffic meanwhile, and the check that nothing was lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession

from l1.rpc import JsonRpcClient
from tests.e2e.parts import Load, Parts, Wallet, eventually, hashes, number_of

Block = dict[str, Any]


@asynccontextmanager
async def traffic(parts: Parts, wallet: Wallet) -> AsyncIterator[Load]:
    """Transfers from `wallet`, until the block ends."""
    load = Load(parts, wallet, per_second=5)
    running = asyncio.create_task(load.run())
    try:
        yield load
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def nothing_is_lost(parts: Parts, load: Load) -> None:
    """Every accepted transaction is in a block, and the verifier has derived the sequencer's chain up to there."""

    async def all_included() -> bool:
        return None not in await receipts(parts.sequencer, load.accepted)

    await eventually("every accepted transaction is in a block", all_included)
    last = await number_of(parts.sequencer, "latest")

    async def derived() -> bool:
        return await number_of(parts.verifier, "safe") >= last

    await eventually(f"the verifier has derived block {last}", derived)
    assert await hashes(parts.sequencer, range(last + 1)) == await hashes(parts.verifier, range(last + 1))
    found = await receipts(parts.verifier, load.accepted)
    assert load.accepted
    assert all(receipt is not None and int(receipt["blockNumber"], 16) <= last for receipt in found)


async def receipts(node: JsonRpcClient, transactions: list[str]) -> list[dict[str, Any] | None]:
    """The receipts, None where there is none."""
    return await node.batch([("eth_getTransactionReceipt", [each]) for each in transactions])


async def l1_block(parts: Parts, number: int | str) -> Block:
    """An L1 block with its transactions."""
    block: Block = await parts.l1.call(
        "eth_getBlockByNumber", [hex(number) if isinstance(number, int) else number, True]
    )
    return block


async def newest_with_blobs(parts: Parts) -> tuple[int, str]:
    """Number and transaction hash of the newest L1 block that holds batcher data which the verifier has derived."""
    found: list[tuple[int, str]] = []

    async def there() -> bool:
        head = (await sync_status(parts.verifier))["current_l1"]["number"]
        for transaction in (await l1_block(parts, head))["transactions"] if head else ():
            if transaction["type"] == "0x3":
                found.append((head, transaction["hash"]))
                return True
        return False

    await eventually("the verifier has derived from a block with blobs", there)
    return found[0]


async def drop_l1_from(parts: Parts, number: int) -> list[Block]:
    """Replace the L1 blocks from `number` on by empty ones; answers those that were dropped."""
    head = await number_of(parts.l1, "latest")
    dropped = [await l1_block(parts, each) for each in range(number, head + 1)]
    await parts.l1.call("anvil_reorg", [head - number + 1, []])
    assert (await l1_block(parts, number))["hash"] != dropped[0]["hash"]
    return dropped


async def sync_status(node: JsonRpcClient) -> dict[str, Any]:
    """All heads of a node."""
    status: dict[str, Any] = await node.call("optimism_syncStatus")
    return status


async def health(url: str) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the facts of a role's health check."""
    async with ClientSession() as http, http.get(f"{url}/healthz") as answer:
        return answer.status, await answer.json()


async def safe_head_passes(parts: Parts, number: int) -> None:
    """Wait until both nodes call a block of at least this number safe."""

    async def passed() -> bool:
        sequencer, verifier = await number_of(parts.sequencer, "safe"), await number_of(parts.verifier, "safe")
        return min(sequencer, verifier) >= number

    await eventually(f"L2 block {number} is safe on both nodes", passed)


async def l1_passes(parts: Parts, number: int) -> None:
    """Wait until L1 has a block of this number."""

    async def passed() -> bool:
        return await number_of(parts.l1, "latest") >= number

    await eventually(f"L1 has block {number}", passed)


async def l2_passes(parts: Parts, number: int) -> None:
    """Wait until the sequencer has a block of this number."""

    async def passed() -> bool:
        return await number_of(parts.sequencer, "latest") >= number

    await eventually(f"the sequencer has block {number}", passed)

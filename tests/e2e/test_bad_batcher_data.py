"""Garbage and worse from the batcher's own key: dropped by rule, told in the log, and the chain goes on."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config.l1_chain import L1ChainConfig
from config.rollup import BlockId, RollupConfig
from config.types import Hash32, to_hash32
from derivation.codec import (
    Compression,
    Frame,
    SpanBatch,
    batches_to_rlp,
    compress_channel,
    encode_batch,
    encode_batcher_transaction,
    encode_blob,
    make_span_batch,
)
from l1.kzg import KzgWorker
from l1.txmgr import TxCandidate, TxManager, TxPolicy
from node.devnet.accounts import role_accounts
from tests.e2e.parts import Parts, devnet_in_parts, eventually, number_of
from tests.e2e.traffic import Sender
from tests.e2e.weather import health, l1_passes, nothing_is_lost, safe_head_passes, sync_status, traffic

pytestmark = [pytest.mark.slow]

NOISE = random.Random(4844)
SETTINGS: dict[str, Any] = {"block_time": 1, "l1_slot_seconds": 2, "accounts": 3}


class RogueBatcher:
    """Posts what it likes with the batcher's key."""

    def __init__(self, parts: Parts, sender: TxManager, rollup: RollupConfig) -> None:
        self._parts = parts
        self._sender = sender
        self.rollup = rollup

    async def post(self, data: bytes = b"", blobs: Sequence[bytes] = ()) -> int:
        """Send a batcher transaction; answers the L1 block that holds it."""
        receipt = await self._sender.send(TxCandidate(self.rollup.batch_inbox_address, data, blobs=tuple(blobs)))
        assert receipt.succeeded
        return receipt.block_number

    async def post_channel(self, compressed: bytes, closed: bool = True) -> int:
        """Send a channel in one frame."""
        return await self.post(encode_batcher_transaction([Frame(NOISE.randbytes(16), 0, compressed, closed)]))

    def channel(self, batch: SpanBatch) -> bytes:
        """A compressed channel that holds one batch."""
        encoded = batches_to_rlp([encode_batch(batch, self.rollup.l2_chain_id)])
        return compress_channel(encoded, Compression.BROTLI, level=5)

    async def next_batch(self, *transactions: bytes, parent: Hash32 | None = None) -> SpanBatch:
        """A batch for the block after the safe head and the two after that one; the first holds `transactions`."""
        safe = (await sync_status(self._parts.verifier))["safe_l2"]
        origin = BlockId(to_hash32(safe["l1origin"]["hash"]), safe["l1origin"]["number"])
        times = [safe["timestamp"] + step * self.rollup.block_time for step in (1, 2, 3)]
        blocks = [(times[0], origin, transactions), (times[1], origin, ()), (times[2], origin, ())]
        return make_span_batch(self.rollup, parent or to_hash32(safe["hash"]), origin.number, blocks)


@asynccontextmanager
async def rogue_batcher(parts: Parts) -> AsyncIterator[RogueBatcher]:
    """Stop the batcher, and hand its key to a rogue while the block lasts; then start the batcher again."""
    await safe_head_passes(parts, 1)
    await parts.batcher.call("admin_stopBatcher")
    await l1_passes(parts, await number_of(parts.l1, "latest") + 2)  # what was under way has landed
    rollup = RollupConfig.load(Path(parts.info["rollupConfig"]))
    async with KzgWorker() as kzg:
        sender = TxManager(
            parts.l1,
            role_accounts().batcher.private_key,
            rollup.l1_chain_id,
            kzg=kzg,
            l1_chain=L1ChainConfig.load(Path(parts.info["l1"]["chainConfig"])),
            policy=TxPolicy(poll_interval=0.2),
        )
        yield RogueBatcher(parts, sender, rollup)
        await sender.close()
    await parts.batcher.call("admin_startBatcher")


class Log:
    """What the roles have written so far."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self._text = ""

    def events(self, role: str) -> set[str]:
        """The kinds of derivation events that a role has logged."""
        self._text += self._capture.readouterr().err
        lines = [line for line in self._text.splitlines() if f"] {role} derivation: " in line]
        return {word.removeprefix("event=") for line in lines for word in line.split() if word.startswith("event=")}


async def test_garbage_from_the_batchers_key_is_dropped_and_what_follows_counts(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = Log(capfd)
    async with devnet_in_parts(tmp_path, **SETTINGS) as parts:
        async with traffic(parts, parts.wallets[0]) as load:
            async with rogue_batcher(parts) as rogue:
                safe = await number_of(parts.verifier, "safe")
                noise = b"".join(b"\x00" + NOISE.randbytes(31) for _ in range(4096))
                await rogue.post(blobs=[noise, encode_blob(b"\x00garbage"), encode_blob(b"")])
                await rogue.post(NOISE.randbytes(300))
                await rogue.post(b"\x00" + NOISE.randbytes(300))
                await rogue.post_channel(NOISE.randbytes(500))
                await rogue.post_channel(rogue.channel(await rogue.next_batch(parent=Hash32(bytes(32)))))
                whole = rogue.channel(await rogue.next_batch())
                landed = await rogue.post_channel(whole[: len(whole) // 2], closed=False)
                await l1_passes(parts, landed + 2)
                assert await number_of(parts.verifier, "safe") == safe
            await safe_head_passes(parts, await number_of(parts.sequencer, "latest"))
        await nothing_is_lost(parts, load)
        expected = {"blob_invalid", "frames_invalid", "channel_invalid", "batch_dropped", "channel_replaced"}
        for role in ("sequencer", "verifier"):
            assert expected <= log.events(role)
        for node in ("l2", "verifier"):
            status, facts = await health(parts.info[node]["rollup"])
            assert status == 200 and facts["haltedBy"] is None


async def test_a_batch_with_an_impossible_transaction_becomes_a_block_of_deposits_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = Log(capfd)
    async with devnet_in_parts(tmp_path, **SETTINGS) as parts:
        async with traffic(parts, parts.wallets[0]) as load:
            async with rogue_batcher(parts) as rogue:
                stranger = Sender(parts.sequencer, parts.l2_chain_id, parts.wallets[1].key)
                stranger.nonce = 1_000_000
                impossible = stranger.sign(parts.wallets[2].address, value=1)
                safe = await number_of(parts.verifier, "safe")
                replaced = await parts.sequencer.call("eth_getBlockByNumber", [hex(safe + 1), False])
                await rogue.post_channel(rogue.channel(await rogue.next_batch(impossible)))

                async def moved() -> bool:
                    return await number_of(parts.verifier, "safe") == safe + 1

                await eventually("the block of deposits is safe, and nothing of the batch after it", moved)
                block = await parts.verifier.call("eth_getBlockByNumber", [hex(safe + 1), True])
                assert block["hash"] != replaced["hash"]
                assert {transaction["type"] for transaction in block["transactions"]} == {"0x7e"}
            await safe_head_passes(parts, safe + 8)
        await nothing_is_lost(parts, load)
        for role in ("sequencer", "verifier"):
            assert {"deposits_only", "channel_flushed"} <= log.events(role)

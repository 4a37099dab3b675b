"""Transactions per second from `eth_sendRawTransaction` to the sealed block, over HTTP, on a whole devnet.

The sender offers a steady rate for `seconds`; sustained means that the last transaction is in a block within two block
times of being sent. Everything of the devnet (L1, verifier, batcher, proposer) runs on the same cores.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.report import Figure, report
from benchmarks.running_devnet import running_devnet
from config.types import Address, from_hex, to_address, to_hex
from evm.types import DynamicFeeTransaction, keccak256
from evm.types.transaction import sign_transaction
from l1.rpc import JsonRpcClient

GWEI = 10**9
_BATCH = 25



def transfer(key: bytes, chain_id: int, nonce: int, to: Address, data: bytes = b"", gas: int = 21_000) -> bytes:
    """A signed transaction in canonical bytes; a bare transfer of 1 wei without `data`."""
    unsigned = DynamicFeeTransaction(
        nonce=nonce,
        gas_limit=gas,
        to=to,
        value=0 if data else 1,
        data=data,
        chain_id=chain_id,
        y_parity=0,
        r=0,
        s=0,
        max_priority_fee=GWEI,
        max_fee=20 * GWEI,
    )
    return sign_transaction(unsigned, key).raw


async def _offer(url: str, raws: Sequence[bytes], rate: float) -> tuple[float, list[str]]:
    """Send at `rate` per second in small batches; answers the seconds it took and the errors."""
    clients = [JsonRpcClient(url) for _ in range(4)]
    errors: list[str] = []
    started = time.monotonic()
    in_flight: set[asyncio.Task[Any]] = set()
    for index in range(0, len(raws), _BATCH):
        wait = started + index / rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        calls = [("eth_sendRawTransaction", [to_hex(raw)]) for raw in raws[index : index + _BATCH]]
        task = asyncio.create_task(clients[index // _BATCH % 4].batch(calls))
        in_flight.add(task)
        if len(in_flight) >= 8:
            done, in_flight = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
            for finished in done:
                errors.extend(str(item) for item in finished.result() if isinstance(item, Exception))
    for finished in (await asyncio.wait(in_flight))[0] if in_flight else ():
        errors.extend(str(item) for item in finished.result() if isinstance(item, Exception))
    seconds = time.monotonic() - started
    for client in clients:
        await client.close()
    return seconds, errors


async def _included(client: JsonRpcClient, first_block: int, wanted: int, timeout: float) -> tuple[int, float, int]:
    """Wait until `wanted` user transactions are in blocks; answers how many are, when, and the last block."""
    deadline = time.monotonic() + timeout
    counted, number = 0, first_block
    while counted < wanted and time.monotonic() < deadline:
        count = await client.call("eth_getBlockTransactionCountByNumber", [hex(number + 1)])
        if count is None:
            await asyncio.sleep(0.02)
            continue
        number += 1
        counted += int(count, 16) - 1
    return counted, time.monotonic(), number


async def _measure(info: dict[str, Any], raws: Sequence[bytes], rate: float) -> tuple[float, int, list[str]]:
    client = JsonRpcClient(info["l2"]["http"])
    head = int(await client.call("eth_blockNumber"), 16)
    started = time.monotonic()
    counting = asyncio.create_task(_included(client, head, len(raws), 120))
    _, errors = await _offer(info["l2"]["http"], raws, rate)
    counted, ended, _ = await counting
    await client.close()
    return counted / (ended - started), counted, errors


def _accounts(info: dict[str, Any]) -> list[tuple[Address, bytes]]:
    return [(to_address(item["address"]), from_hex(item["privateKey"])) for item in info["accounts"]]


async def _run(rate: float, seconds: int) -> None:
    with running_devnet("--block-time", "1", "--accounts", "100") as (info, start_seconds):
        report(Figure("time_to_first_block", start_seconds, "s"))
        accounts = _accounts(info)
        chain_id = info["l2"]["chainId"]
        per_account = int(rate * seconds) // len(accounts)
        raws = [
            transfer(key, chain_id, nonce, Address(keccak256(address + nonce.to_bytes(4, "big"))[12:]))
            for nonce in range(per_account)
            for address, key in accounts
        ]
        speed, counted, errors = await _measure(info, raws, rate)
        report(
            Figure(
                "transfers_per_second",
                speed,
                "tx/s",
                detail={"offered": rate, "sent": len(raws), "included": counted, "errors": len(errors), "first": errors[:1]},
            )
        )


def main(rate: float = 320.0, seconds: int = 20) -> None:
    """Run the benchmark."""
    asyncio.run(_run(rate, seconds))


if __name__ == "__main__":
    import sys

    main(*(float(value) if index == 0 else int(value) for index, value in enumerate(sys.argv[1:])))

"""Time from starting `lamina devnet` to its first sequenced block, the environment being installed.

Everything is up by then: contracts deployed on L1, sequencer, verifier, batcher and proposer answering.
"""

import asyncio
import statistics
import sys
import time
from typing import Any

from benchmarks.report import Figure, report
from benchmarks.running_devnet import running_devnet
from l1.rpc import JsonRpcClient


async def _seconds_to_first_block(info: dict[str, Any]) -> float:
    started = time.monotonic()
    async with JsonRpcClient(info["l2"]["http"]) as client:
        while int(await client.call("eth_blockNumber"), 16) < 1:
            if time.monotonic() - started > 60:
                raise RuntimeError("the devnet is up, but has sequenced no block in a minute")
            await asyncio.sleep(0.01)
    return time.monotonic() - started


def main(runs: int = 3) -> None:
    """Run the benchmark."""
    times = []
    for _ in range(runs):
        with running_devnet() as devnet:
            times.append(devnet.start_seconds + asyncio.run(_seconds_to_first_block(devnet.info)))
    detail = {"runs": [round(seconds, 2) for seconds in times], "target": 10}
    report(Figure("devnet_seconds_to_first_block", statistics.median(times), "s", detail=detail))


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))

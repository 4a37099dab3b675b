"""Asks peers for blocks that gossip has not brought: those between the head and the first block that waits for its parent.

From the highest down, each by the hash that the one above names as its parent: so nobody's word is needed but the signature of
the one that waits. Spec: op rollup-node-p2p, "payload_by_number".
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from config.errors import TemporaryError
from config.rollup import RollupConfig
from config.types import short
from node.chain import Chain
from node.p2p.payload_answer import PayloadAnswer, read_answer
from node.unsafe.intake import UnsafeIntake
from node.unsafe.validation import UnsafeBlock

log = logging.getLogger("lamina.p2p")

LARGEST_GAP = 1024
"""Blocks; what is further behind comes from L1 before peers could have given it."""
PAUSE = 0.25
"""Seconds between requests to a peer: op-node serves one peer four a second."""
LOOK_EVERY = 1.0


class CatchUp:
    """`asked` and `found` count blocks; `error` is why the last request did not bring one."""

    def __init__(
        self,
        rollup: RollupConfig,
        chain: Chain,
        intake: UnsafeIntake,
        peers: Callable[[], Sequence[str]],
        ask: Callable[[str, int], Awaitable[PayloadAnswer]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`ask(peer, number)` raises TemporaryError when the peer does not answer."""
        self._rollup = rollup
        self._chain = chain
        self._intake = intake
        self._peers = peers
        self._ask = ask
        self._sleep = sleep
        self._next_peer = 0
        self.asked = 0
        self.found = 0
        self.error: str | None = None

    async def run(self) -> None:
        """Look for gaps and close them, until cancelled."""
        while True:
            await self._sleep(PAUSE if await self.step() else LOOK_EVERY)

    async def step(self) -> bool:
        """Ask for one block, if one is missing. Whether it came."""
        above, peers = self._intake.first_queued, self._peers()
        if above is None or not peers or self._intake.is_ignoring:
            return False
        if not 0 < above.number - self._chain.head.number - 1 <= LARGEST_GAP:
            return False
        number, wanted = above.number - 1, above.header.parent_hash
        peer = peers[self._next_peer % len(peers)]
        self.asked += 1
        try:
            block = self._block(read_answer(await self._ask(peer, number), number, self._rollup), wanted)
        except (TemporaryError, ValueError) as error:
            self._next_peer += 1
            self.error = f"peer {peer}: {error}"
            log.debug("block %d could not be had of peer %s: %s", number, peer, error)
            return False
        self.error = None
        self.found += 1
        return self._intake.offer(block, f"peer {peer}")

    @staticmethod
    def _block(block: UnsafeBlock | None, wanted: bytes) -> UnsafeBlock:
        if block is None:
            raise ValueError("it does not have the block")
        if block.block.hash != wanted:
            raise ValueError(f"it has another block there, {short(block.block.hash)}")
        return block
